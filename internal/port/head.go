package port

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/valyala/fasthttp"
)

// Head contains the readable parts of a request's head, which determine the sender's protocol.
type Head struct {
	Method, Target string // of the request line; Target is unchanged
	AmzTarget      string // X-Amz-Target
	ContentType    string
	Accept         string
	Authorization  string
}

// HeadOf returns the head of a parsed request.
func HeadOf(ctx *fasthttp.RequestCtx) Head {
	h := &ctx.Request.Header
	return Head{
		Method: string(h.Method()), Target: string(h.RequestURI()), AmzTarget: string(h.Peek("X-Amz-Target")),
		ContentType: string(h.ContentType()), Accept: string(h.Peek("Accept")), Authorization: string(h.Peek("Authorization")),
	}
}

// guess reads the readable parts of a malformed head.
func guess(raw []byte) Head {
	var h Head
	line, rest, _ := bytes.Cut(raw, []byte("\n"))
	words := bytes.Fields(line)
	if len(words) > 0 {
		h.Method = shorten(words[0])
	}
	if len(words) > 1 {
		h.Target = shorten(words[1])
	}
	for len(rest) > 0 {
		line, rest, _ = bytes.Cut(rest, []byte("\n"))
		name, value, _ := bytes.Cut(line, []byte(":"))
		var into *string
		switch strings.ToLower(string(name[:min(len(name), 16)])) {
		case "x-amz-target":
			into = &h.AmzTarget
		case "content-type":
			into = &h.ContentType
		case "accept":
			into = &h.Accept
		case "authorization":
			into = &h.Authorization
		default:
			continue
		}
		*into = shorten(bytes.TrimSpace(value))
	}
	return h
}

// shorten returns a part of a malformed head for logs and messages: of limited length and without control characters.
func shorten(b []byte) string {
	b = b[:min(len(b), 1024)]
	if !bytes.ContainsFunc(b, func(r rune) bool { return !strconv.IsPrint(r) }) {
		return string(b)
	}
	q := strconv.QuoteToASCII(string(b))
	return q[1 : len(q)-1]
}

// lines is the result of scanning the lines of a head.
type lines struct {
	at    int // position of the scan, always at the start of a line
	count int
	done  bool

	lengths, encodings int // Content-Length, Transfer-Encoding
	length             int // body length according to the last Content-Length; too large for a buffer if that is not a number
	expects, upgrades  bool
}

// look scans the lines that have arrived. It finds errors that fasthttp tolerates: line ends without a carriage return, folded lines, both
// ways of specifying the end of the body. With each of them a proxy in front could see other requests than this server.
func (l *lines) look(b []byte) *Refusal {
	for {
		n := bytes.IndexByte(b[l.at:], '\n')
		if n < 0 {
			return nil
		}
		line := b[l.at : l.at+n]
		l.at += n + 1
		if len(line) == 0 || line[len(line)-1] != '\r' {
			return malformed("A line of the request's head ends with a line feed without a carriage return.")
		}
		line = line[:len(line)-1]
		if bytes.IndexByte(line, '\r') >= 0 {
			return malformed("A line of the request's head has a carriage return that ends no line.")
		}
		l.count++
		switch {
		case l.count == 1:
			if r := requestLine(line); r != nil {
				return r
			}
		case len(line) == 0:
			l.done = true
			return nil
		case l.count > headersMax+1:
			return tooLong("The request has more than %d header lines.", headersMax)
		case line[0] == ' ' || line[0] == '\t':
			return malformed("A header of the request is folded over several lines.")
		default:
			l.note(line)
		}
	}
}

// note counts the headers that determine the framing of the request.
func (l *lines) note(line []byte) {
	switch line[0] | 0x20 {
	case 'c':
		if is(line, "content-length:") {
			l.lengths++
			l.length = number(line[len("content-length:"):])
		}
	case 't':
		if is(line, "transfer-encoding:") {
			l.encodings++
		}
	case 'e':
		l.expects = l.expects || is(line, "expect:")
	case 'u':
		l.upgrades = l.upgrades || is(line, "upgrade:")
	}
}

// number parses a length; math.MaxInt if it is invalid or too large.
func number(b []byte) int {
	n := 0
	b = bytes.Trim(b, " \t")
	for _, c := range b {
		if c < '0' || c > '9' || n > 1<<30 {
			return math.MaxInt
		}
		n = 10*n + int(c-'0')
	}
	if len(b) == 0 {
		return math.MaxInt
	}
	return n
}

func is(line []byte, name string) bool {
	return len(line) >= len(name) && strings.EqualFold(string(line[:len(name)]), name)
}

// requestLine refuses anything that is not a request line of HTTP/1.
func requestLine(line []byte) *Refusal {
	method, rest, _ := bytes.Cut(line, []byte(" "))
	target, version, found := bytes.Cut(rest, []byte(" "))
	switch {
	case !token(method):
		return malformed("The request does not begin with an HTTP method.")
	case !found || len(target) == 0:
		return malformed("The request line must be a method, a target and a version.")
	case string(version) == "HTTP/1.1" || string(version) == "HTTP/1.0":
		return nil
	case bytes.HasPrefix(version, []byte("HTTP/")):
		return &Refusal{fasthttp.StatusHTTPVersionNotSupported, "HTTPVersionNotSupported", "This server speaks HTTP/1.1."}
	default:
		return malformed("The request line ends with no version of HTTP.")
	}
}

// token reports whether a text may be a method. RFC 9110, section 5.6.2; all known methods consist of capital letters.
func token(b []byte) bool {
	if len(b) == 0 || len(b) > 32 {
		return false
	}
	for _, c := range b {
		if (c < 'A' || c > 'Z') && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

// head reads and checks the head of a request. ok is false if the client disconnected.
func (c *conn) head() (h Head, r *Refusal, ok bool) {
	l := c.lines
	if c.lines = (lines{}); !l.done {
		if r, ok = c.collect(&l); !ok {
			return h, nil, false
		}
	}
	if r != nil {
		raw, _ := c.br.Peek(c.br.Buffered())
		return guess(raw), r, true
	}
	raw, _ := c.br.Peek(l.at)
	if err := c.ctx.Request.Header.Read(c.br); err != nil {
		return guess(raw), unread(err), true
	}
	if r := c.check(&l); r != nil {
		return HeadOf(&c.ctx), r, true
	}
	c.body.begin(&c.ctx.Request.Header, l.expects)
	return h, nil, true
}

// collect waits until a complete head is buffered.
func (c *conn) collect(l *lines) (r *Refusal, ok bool) {
	for first := true; ; first = false {
		b, _ := c.br.Peek(c.br.Buffered()) // buffered bytes are always available
		if l.count == 0 && len(b) > 0 && !token(b[:1]) {
			return malformed("The request does not begin with an HTTP method."), true // a TLS handshake, for example
		}
		if r := l.look(b); r != nil || l.done {
			return r, true
		}
		if len(b) == c.br.Size() {
			if r := c.grow(b); r != nil {
				return r, true
			}
		}
		if first && !c.readUntil.Before(time.Now().Add(c.s.o.HeadTimeout)) {
			c.readBefore(time.Now().Add(c.s.o.HeadTimeout))
		}
		switch _, err := c.br.Peek(len(b) + 1); {
		case timedOut(err):
			return late("its head"), true
		case err != nil:
			return nil, false //nolint:nilerr // the client disconnected; there is no error to report
		}
	}
}

// grow gives a long head a larger buffer, charged to the memory of unverified data, twice, since the head is stored unparsed and parsed.
func (c *conn) grow(b []byte) *Refusal {
	if c.big {
		return tooLong("The request's head is longer than %d bytes.", HeadMax)
	}
	if !c.s.o.Memory.take(2 * HeadMax) {
		return busy("Too many requests that are not yet verified are being read. Try again.")
	}
	c.held = 2 * HeadMax
	big := bufio.NewReaderSize(&prefixed{append([]byte(nil), b...), c.Conn}, HeadMax)
	_, _ = big.Peek(len(b)) // fills it
	c.br.Reset(nil)
	c.s.small.Put(c.br)
	c.br, c.big = big, true
	return nil
}

// unread converts an error of fasthttp's parser to a refusal. The error's text is not used, as it contains the head, which may contain keys.
func unread(err error) *Refusal {
	switch {
	case errors.Is(err, fasthttp.ErrDuplicateContentLength):
		return malformed("The request has two Content-Length headers.")
	case errors.Is(err, fasthttp.ErrUnsupportedTransferEncoding), strings.Contains(err.Error(), "transfer-encoding"):
		return &Refusal{fasthttp.StatusNotImplemented, "NotImplemented", "The only Transfer-Encoding that this server takes is chunked, in HTTP/1.1."}
	case strings.Contains(err.Error(), "host"):
		return malformed("A request of HTTP/1.1 has exactly one Host header.")
	case errors.Is(err, fasthttp.ErrorInvalidURI), strings.Contains(err.Error(), "request uri"):
		return malformed("The request's target is no path that begins with a slash.")
	case errors.Is(err, io.EOF):
		return malformed("The request's head is incomplete.")
	default:
		return malformed("The request's head is not well-formed.")
	}
}

// check refuses well-formed requests that are not supported.
func (c *conn) check(l *lines) *Refusal {
	h := &c.ctx.Request.Header
	if l.lengths > 0 && l.encodings > 0 {
		return malformed("The request has both a Content-Length and a Transfer-Encoding.")
	}
	if l.encodings > 0 && h.ContentLength() != -1 {
		return &Refusal{fasthttp.StatusNotImplemented, "NotImplemented", "The only Transfer-Encoding that this server takes is chunked, in HTTP/1.1."}
	}
	if string(h.Method()) == fasthttp.MethodConnect {
		return &Refusal{fasthttp.StatusMethodNotAllowed, "MethodNotAllowed", "This server is no proxy: it does not serve CONNECT."}
	}
	if uri := h.RequestURI(); uri[0] != '/' && !bytes.HasPrefix(uri, []byte("http://")) && !bytes.HasPrefix(uri, []byte("https://")) {
		return malformed("The request's target is no path that begins with a slash.")
	} else if r := escapes(uri); r != nil {
		return r
	}
	if !authority(h.Host()) || !authority(authorityOf(h.RequestURI())) {
		return malformed("The request's Host is no name or address of a host, with or without a port.")
	}
	if l.expects && !strings.EqualFold(string(h.Peek("Expect")), "100-continue") {
		return &Refusal{fasthttp.StatusExpectationFailed, "ExpectationFailed", "The only Expect that this server meets is 100-continue."}
	}
	// An upgrade may be ignored (RFC 9110, section 7.8); clients that offer HTTP/2 continue without it. An upgrade to another
	// protocol is refused, since its client needs it.
	if l.upgrades && !strings.EqualFold(string(h.Peek("Upgrade")), "h2c") {
		return &Refusal{fasthttp.StatusNotImplemented, "NotImplemented", "This server does not serve upgrades to another protocol."}
	}
	return nil
}

// escapes refuses a percent sign that does not begin an escape, since such paths are interpreted differently.
func escapes(uri []byte) *Refusal {
	for i := bytes.IndexByte(uri, '%'); i >= 0 && i < len(uri); i++ {
		if uri[i] == '%' && (i+2 >= len(uri) || !isHex(uri[i+1]) || !isHex(uri[i+2])) {
			return malformed("The request's target has a percent sign that is not followed by two hexadecimal digits.")
		}
	}
	path, _, _ := bytes.Cut(uri, []byte("?"))
	for i, c := range path {
		if control(c) || c == '%' && (path[i+1] < '2' || path[i+1] == '7' && path[i+2]|0x20 == 'f') {
			return malformed("The request's path has a control character.") // no valid name has one, and terminals interpret some
		}
	}
	return nil
}

func control(c byte) bool { return c < ' ' || c == 0x7f }

func isHex(c byte) bool { return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f' }
