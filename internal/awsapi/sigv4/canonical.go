package sigv4

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"sync"
)

// buffers hold canonical requests while they are hashed.
var buffers = sync.Pool{New: func() any { b := make([]byte, 0, 2048); return &b }}

// bufferMax is the largest buffer that is kept for another request.
const bufferMax = 64 << 10

// signature returns the expected signature of the request in hexadecimal digits.
func (a *authorization) signature(r *Request, body [32]byte, k *derived) [64]byte {
	p := buffers.Get().(*[]byte)
	b := a.appendCanonical((*p)[:0], r, body)
	hash := sha256.Sum256(b)
	b = append(b[:0], algorithm+"\n"...)
	b = append(append(b, a.stamp...), '\n')
	b = append(append(b, a.date...), '/')
	b = append(append(b, a.region...), '/')
	b = append(append(b, a.service...), "/aws4_request\n"...)
	b = hex.AppendEncode(b, hash[:])
	mac := k.sign(b)
	if cap(b) <= bufferMax {
		*p = b
		buffers.Put(p)
	}
	var out [64]byte
	hex.Encode(out[:], mac[:])
	return out
}

// appendCanonical appends the canonical request.
func (a *authorization) appendCanonical(b []byte, r *Request, body [32]byte) []byte {
	b = append(append(b, r.Method...), '\n')
	b = append(appendPath(b, r.Path), '\n')
	b = append(appendQuery(b, r.Query), '\n')
	for rest := a.headers; rest != ""; {
		var name string
		name, rest = cut(rest, ';')
		b = append(append(b, name...), ':')
		if name == "host" {
			b = appendValue(b, r.Host)
		} else {
			b = appendValues(b, r, name)
		}
		b = append(b, '\n')
	}
	b = append(b, '\n')
	b = append(append(b, a.headers...), '\n')
	return hex.AppendEncode(b, body[:])
}

// appendValues joins the values of a header in the order in which they were received. So "a,b" in one field and "a" and "b" in two fields
// have the same signature, and code that reads such a header must treat them equally. AWS: IAM user guide, canonical headers.
func appendValues(b []byte, r *Request, name string) []byte {
	first := true
	for i := range r.Header {
		if !equalFold(r.Header[i].Name, name) {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = appendValue(b, r.Header[i].Value)
	}
	return b
}

// appendValue trims white space from both ends of a value and replaces several spaces by one. AWS: IAM user guide, Trimall.
func appendValue(b []byte, v string) []byte {
	v = strings.Trim(v, " \t")
	for i := range len(v) {
		if v[i] != ' ' || v[i-1] != ' ' {
			b = append(b, v[i])
		}
	}
	return b
}

// appendPath normalises the path and encodes the encoded path once more, as every service except S3 does.
func appendPath(b []byte, path string) []byte {
	start := len(b)
	for rest := path; rest != ""; {
		var segment string
		segment, rest = cut(rest, '/')
		switch segment {
		case "", ".":
		case "..":
			b = b[:start+max(bytes.LastIndexByte(b[start:], '/'), 0)]
		default:
			b = appendEncoded(append(b, '/'), segment)
		}
	}
	if len(b) == start || strings.HasSuffix(path, "/") {
		b = append(b, '/')
	}
	return b
}

// appendQuery sorts the parameters and re-encodes each. A plus sign stands for a space, as for all code here that reads queries:
// a signature over %2B is not valid for a "+".
func appendQuery(b []byte, query string) []byte {
	if query == "" {
		return b
	}
	var pairs []string
	for rest := query; rest != ""; {
		var p string
		p, rest = cut(rest, '&')
		name, value, _ := strings.Cut(p, "=")
		if name == "" || name == "X-Amz-Signature" {
			continue
		}
		pair := append(appendEncoded(nil, decode(name)), '=')
		pairs = append(pairs, string(appendEncoded(pair, decode(value))))
	}
	slices.SortFunc(pairs, func(x, y string) int { // by name, then by value: "=" sorts after some characters of names
		xn, xv, _ := strings.Cut(x, "=")
		yn, yv, _ := strings.Cut(y, "=")
		if c := strings.Compare(xn, yn); c != 0 {
			return c
		}
		return strings.Compare(xv, yv)
	})
	for i, p := range pairs {
		if i > 0 {
			b = append(b, '&')
		}
		b = append(b, p...)
	}
	return b
}

// plain contains the unreserved characters of RFC 3986.
var plain = func() (t [256]bool) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~") {
		t[c] = true
	}
	return t
}()

// appendEncoded percent-encodes every byte that is not an unreserved character of RFC 3986.
func appendEncoded(b []byte, s string) []byte {
	const digits = "0123456789ABCDEF"
	for i := range len(s) {
		if c := s[i]; plain[c] {
			b = append(b, c)
		} else {
			b = append(b, '%', digits[c>>4], digits[c&15])
		}
	}
	return b
}

// decode decodes a query parameter; invalid escapes are left unchanged.
func decode(s string) string {
	if strings.IndexByte(s, '%') < 0 && strings.IndexByte(s, '+') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '+':
			b = append(b, ' ')
		case s[i] == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]):
			b = append(b, unhex(s[i+1])<<4|unhex(s[i+2]))
			i += 2
		default:
			b = append(b, s[i])
		}
	}
	return string(b)
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f'
}

func unhex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}

// cut splits at the first separator; rest is "" if there is none.
func cut(s string, separator byte) (before, rest string) {
	if i := strings.IndexByte(s, separator); i >= 0 {
		return s[:i], s[i+1:]
	}
	return s, ""
}

// equalFold compares ASCII strings case-insensitively.
func equalFold(a, b string) bool {
	return len(a) == len(b) && strings.EqualFold(a, b)
}

func lower(s string) string { return strings.ToLower(s) }
