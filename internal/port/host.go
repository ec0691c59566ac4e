package port

import "bytes"

// hostMax is the maximum length of a Host: a DNS name has up to 253 characters, and a port six.
const hostMax = 260

// authorityOf returns the authority of a target that is an absolute URI, else nil.
func authorityOf(uri []byte) []byte {
	if len(uri) == 0 || uri[0] == '/' {
		return nil
	}
	_, rest, _ := bytes.Cut(uri, []byte("://"))
	if end := bytes.IndexAny(rest, "/?#"); end >= 0 {
		rest = rest[:end]
	}
	return rest
}

// authority reports whether a text may be a Host: a name or an address, with a port. It may be empty. RFC 3986, section 3.2; a name consists of
// letters, digits, points, hyphens and underscores, as in DNS.
func authority(host []byte) bool {
	if len(host) > hostMax {
		return false
	}
	name, port := host, []byte(nil)
	if len(host) > 0 && host[0] == '[' {
		end := bytes.IndexByte(host, ']')
		if end < 2 || !consists(host[1:end], func(c byte) bool { return isHex(c) || c == ':' || c == '.' }) {
			return false
		}
		name, port = nil, host[end+1:]
	} else if colon := bytes.IndexByte(host, ':'); colon >= 0 {
		name, port = host[:colon], host[colon:]
	}
	if !consists(name, func(c byte) bool {
		return c|0x20 >= 'a' && c|0x20 <= 'z' || isDigit(c) || c == '.' || c == '-' || c == '_'
	}) {
		return false
	}
	return len(port) == 0 || port[0] == ':' && len(port) <= len(":65535") && consists(port[1:], isDigit)
}

func consists(text []byte, of func(byte) bool) bool {
	for _, c := range text {
		if !of(c) {
			return false
		}
	}
	return true
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
