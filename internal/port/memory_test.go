package port

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
)

// Unverified data is limited in total, by the bytes received and not by those announced.
func TestUnverifiedMemoryIsBounded(t *testing.T) {
	memory := NewMemory(1 << 20)
	_, address := serveFor(t, Options{Handle: echo, Memory: memory})
	var open []net.Conn
	for range 200 {
		c := dial(t, address)
		open = append(open, c)
		if _, err := io.WriteString(c, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n0123456789"); err != nil {
			t.Fatal(err)
		}
	}
	if used := memory.Used(); used > 0 {
		t.Errorf("%d bytes are charged for announced lengths", used)
	}
	part := bytes.Repeat([]byte("x"), 100_000)
	for _, c := range open {
		_, _ = c.Write(part) // some are refused meanwhile
	}
	refused := 0
	for _, c := range open {
		_ = c.SetReadDeadline(time.Now().Add(time.Second / 10))
		if a, err := http.ReadResponse(bufio.NewReader(c), nil); err == nil {
			if a.StatusCode != http.StatusServiceUnavailable {
				t.Errorf("%s", a.Status)
			}
			_ = a.Body.Close()
			if refused++; refused > 20 {
				break
			}
		}
	}
	if used := memory.Used(); refused == 0 || used > 1<<20 {
		t.Errorf("%d were refused, %d bytes are charged", refused, used)
	}
	for _, c := range open {
		_ = c.Close()
	}
	until(t, "all is given back", func() bool { return memory.Used() == 0 })
}

// Bodies of verified requests are also limited in total: they are charged to another memory than unverified ones, until the end of their
// requests.
func TestVerifiedMemoryIsBounded(t *testing.T) {
	unverified, verified := NewMemory(1<<20), NewMemory(2*int64(sizes[1]))
	working, release := make(chan struct{}), make(chan struct{})
	_, address := serveFor(t, Options{Memory: unverified, Verified: verified, Handle: func(ctx *fasthttp.RequestCtx, body *Body) {
		early := ctx.QueryArgs().Has("early") // verified by its head alone
		err := error(nil)
		if early {
			err = body.Verified()
		}
		if err == nil {
			_, _, err = body.Collect(1 << 20)
		}
		if err == nil && !early {
			err = body.Verified()
		}
		if r := (*Refusal)(nil); errors.As(err, &r) {
			ctx.Error(r.Error(), r.Status)
			return
		}
		if ctx.QueryArgs().Has("wait") {
			working <- struct{}{}
			<-release
		}
	}})
	ask := func(query string, size int) string {
		return fmt.Sprintf("POST /?%s HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s", query, size, strings.Repeat("x", size))
	}
	large := sizes[0] + 1 // the smallest charged body
	var held []net.Conn
	for _, query := range []string{"wait", "wait&early"} {
		c := dial(t, address)
		held = append(held, c)
		if _, err := io.WriteString(c, ask(query, large)); err != nil {
			t.Fatal(err)
		}
		<-working
	}
	if u, v := unverified.Used(), verified.Used(); u != 0 || v != verified.Max() {
		t.Errorf("%d unverified and %d verified bytes are charged", u, v)
	}
	for _, query := range []string{"", "early"} {
		if status, got := exchange(t, dial(t, address), ask(query, large)); status != http.StatusServiceUnavailable || !strings.Contains(got, "bodies_max") {
			t.Errorf("%q beyond the limit: %d %q", query, status, got)
		}
		if status, got := exchange(t, dial(t, address), ask(query, sizes[0])); status != http.StatusOK {
			t.Errorf("%q, a small body: %d %q", query, status, got)
		}
	}
	close(release)
	for _, c := range held {
		if status, _ := receive(t, bufio.NewReader(c)); status != http.StatusOK {
			t.Errorf("a request that was being served got %d", status)
		}
	}
	until(t, "all is given back", func() bool { return verified.Used() == 0 && unverified.Used() == 0 })
	if status, got := exchange(t, dial(t, address), ask("", 200_000)); status != http.StatusServiceUnavailable {
		t.Errorf("a body larger than the limit: %d %q", status, got)
	}
	if status, got := exchange(t, dial(t, address), ask("", large)); status != http.StatusOK || verified.Used() != 0 && unverified.Used() != 0 {
		t.Errorf("afterwards: %d %q", status, got)
	}
}

// A growing body is charged for its current buffer only, not for earlier ones.
func TestGrowingBodiesGiveBackTheirBuffers(t *testing.T) {
	memory := NewMemory(1 << 30)
	var held int64
	_, address := serveFor(t, Options{Memory: memory, Handle: func(_ *fasthttp.RequestCtx, body *Body) {
		_, _, _ = body.Collect(64 << 20)
		held = memory.Used()
	}})
	size := sizes[4] + 1
	if status, _ := exchange(t, dial(t, address), fmt.Sprintf("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s", size, strings.Repeat("x", size))); status != http.StatusOK {
		t.Error(status)
	}
	if held != int64(sizes[5]) {
		t.Errorf("a body of %d bytes holds %d, want %d", size, held, sizes[5])
	}
}
