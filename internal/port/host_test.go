package port

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"
)

// An invalid Host gets 400 for every path, before any handler.
func TestHosts(t *testing.T) {
	_, address := serveFor(t, Options{Handle: func(ctx *fasthttp.RequestCtx, _ *Body) { ctx.SetBodyString("served") }})
	for host, ok := range map[string]bool{
		"": false, "h": true, "h:80": true, "h:": true, "a-b.example_c.Com.": true, "127.0.0.1:4580": true, "[::1]": true, "[::1]:4580": true, "[::ffff:127.0.0.1]:1": true,
		"a b": false, "a\tb": false, "a/b": false, "a?b": false, "a#b": false, "u@h": false, "a\\b": false, "<h>": false, "h\"": false, "h'": false, "a,b": false, "%00": false, "h%20": false,
		"h:x": false, "h:80:90": false, "h:123456": false, "h:-1": false, "::1": false, "[::1": false, "[]": false, "[::1]80": false, "[g::1]": false, "[::1]:x": false,
		"é": false, "\xff": false, strings.Repeat("a", hostMax+1): false, "*": false, "h;x": false, "h|x": false,
	} {
		for _, path := range []string{"/", "/health", "/endpoints/e/invocations"} {
			status, got := exchange(t, dial(t, address), fmt.Sprintf("GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", path, host))
			if ok && status != http.StatusOK || !ok && (status != http.StatusBadRequest || !strings.Contains(got, "MalformedHttpRequestException")) {
				t.Errorf("Host %q at %s: %d %q", host, path, status, got)
			}
		}
		if host != "" && !strings.ContainsAny(host, " \t/?#") { // these would end the host in a target
			status, got := exchange(t, dial(t, address), fmt.Sprintf("GET http://%s/health HTTP/1.1\r\nHost: h\r\n\r\n", host))
			if ok != (status == http.StatusOK) || !ok && status != http.StatusBadRequest {
				t.Errorf("target of host %q: %d %q", host, status, got)
			}
		}
	}
}

// Control characters in a path, plain or escaped, get 400, and neither message nor log contains them unescaped.
func TestControlCharactersInPaths(t *testing.T) {
	var seen string
	_, address := serveFor(t, Options{
		Handle: func(ctx *fasthttp.RequestCtx, _ *Body) { ctx.SetBodyString("served") },
		Refuse: func(ctx *fasthttp.RequestCtx, h Head, r *Refusal) {
			seen = h.Method + h.Target + h.ContentType + r.Message
			ctx.Error(r.Error(), r.Status)
		},
	})
	for path, ok := range map[string]bool{
		"/a%20b": true, "/%7e": true, "/%7E": true, "/%e9": true, "/a?b=%00%0a": true, "/%2f": true,
		"/%00": false, "/a%0d%0aX-Injected:%20yes": false, "/%1b[2J": false, "/%7f": false, "/%7F": false, "/%1F": false, "/%09": false,
		"/\x00": false, "/\x1b[2J": false, "/\x7f": false, "/a\x08": false, "/a?\x00": false, "/\xff\xfe\x01": false,
	} {
		seen = ""
		status, got := exchange(t, dial(t, address), "GET "+path+" HTTP/1.1\r\nHost: h\r\n\r\n")
		if ok && status != http.StatusOK || !ok && status != http.StatusBadRequest {
			t.Errorf("%q: %d %q", path, status, got)
		}
		for _, text := range []string{got, seen} {
			if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f || r == 0xfffd }) {
				t.Errorf("%q: %q has unescaped characters", path, text)
			}
		}
	}
}

// A request has at most 512 header lines. With one more the connection is closed with 431 before the handler is called.
func TestHeaderLinesAreLimited(t *testing.T) {
	served := make(chan struct{}, 2)
	_, address := serveFor(t, Options{Handle: func(ctx *fasthttp.RequestCtx, _ *Body) {
		served <- struct{}{}
		n := 0
		for range ctx.Request.Header.All() {
			n++
		}
		ctx.SetBodyString(strconv.Itoa(n))
	}})
	request := func(lines int) string {
		return "GET / HTTP/1.1\r\nHost: h\r\n" + strings.Repeat("A: b\r\n", lines-1) + "\r\n"
	}
	if status, got := exchange(t, dial(t, address), request(512)); status != http.StatusOK || got != "512" {
		t.Errorf("512 lines: %d %q", status, got)
	}
	c := dial(t, address)
	status, got := exchange(t, c, request(513))
	if status != http.StatusRequestHeaderFieldsTooLarge || !strings.Contains(got, "more than 512 header lines") {
		t.Errorf("513 lines: %d %q", status, got)
	}
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("after the refusal the connection returns %v, want its end", err)
	}
	if n := len(served); n != 1 {
		t.Errorf("the handler was called %d times", n)
	}
}
