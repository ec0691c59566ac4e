package port

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
)

func post(body string) string {
	return fmt.Sprintf("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

// The responses do not depend on how the client's data is split into pieces.
func TestRequestsInPieces(t *testing.T) {
	_, address := serveFor(t, Options{Handle: echo})
	bodies := []string{"one", "", strings.Repeat("two", 3000), "three"}
	stream := "\r\n" // an empty line before a request is ignored
	for _, b := range bodies {
		stream += post(b)
	}
	stream += "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk("four") + "0\r\n\r\n"
	bodies = append(bodies, "four")
	for size := 1; size <= len(stream); size = size*3/2 + 1 {
		c := dial(t, address)
		answers := bufio.NewReader(c)
		go func() { // ends with the connection at the latest
			for rest := stream; rest != ""; {
				n := min(size, len(rest))
				if _, err := io.WriteString(c, rest[:n]); err != nil {
					return
				}
				rest = rest[n:]
			}
		}()
		for i, want := range bodies {
			if status, got := receive(t, answers); status != 200 || got != want {
				t.Fatalf("in pieces of %d bytes, answer %d: %d and %d bytes, want 200 and %d", size, i+1, status, len(got), len(want))
			}
		}
		c.Close()
	}
}

// A client may wait for the response to one request before it sends the rest of the next.
func TestAnswersComeBeforeTheRestOfTheNextRequest(t *testing.T) {
	_, address := serveFor(t, Options{Handle: echo})
	for name, x := range map[string]struct{ begun, rest string }{
		"an empty line":      {"\r\n", post("second")},
		"a part of the head": {"POST / HT", post("second")[len("POST / HT"):]},
		"a part of the body": {strings.TrimSuffix(post("second"), "cond"), "cond"},
	} {
		t.Run(name, func(t *testing.T) {
			c := dial(t, address)
			answers := bufio.NewReader(c)
			if _, err := io.WriteString(c, post("first")+x.begun); err != nil {
				t.Fatal(err)
			}
			if status, body := receive(t, answers); status != 200 || body != "first" {
				t.Fatalf("answer to the first: %d %q", status, body)
			}
			if _, err := io.WriteString(c, x.rest); err != nil {
				t.Fatal(err)
			}
			if status, body := receive(t, answers); status != 200 || body != "second" {
				t.Errorf("answer to the second: %d %q", status, body)
			}
		})
	}
}

// A response does not wait for that of the next request, which may take a minute.
func TestAnswersComeBeforeTheNextIsServed(t *testing.T) {
	release := make(chan struct{})
	_, address := serveFor(t, Options{Handle: func(ctx *fasthttp.RequestCtx, body *Body) {
		if string(ctx.Path()) == "/slow" {
			<-release
		}
		echo(ctx, body)
	}})
	c := dial(t, address)
	answers := bufio.NewReader(c)
	if _, err := io.WriteString(c, post("first")+strings.Replace(post("second"), " / ", " /slow ", 1)); err != nil {
		t.Fatal(err)
	}
	if status, body := receive(t, answers); status != 200 || body != "first" {
		t.Errorf("answer to the first: %d %q", status, body)
	}
	close(release)
	if status, body := receive(t, answers); status != 200 || body != "second" {
		t.Errorf("answer to the second: %d %q", status, body)
	}
}

// An earlier response is sent before 100 Continue.
func TestContinueAfterAnEarlierAnswer(t *testing.T) {
	_, address := serveFor(t, Options{Handle: echo})
	c := dial(t, address)
	answers := bufio.NewReader(c)
	if _, err := io.WriteString(c, post("first")+"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\nExpect: 100-continue\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if status, body := receive(t, answers); status != 200 || body != "first" {
		t.Fatalf("answer to the first: %d %q", status, body)
	}
	if line, err := answers.ReadString('\n'); err != nil || line != "HTTP/1.1 100 Continue\r\n" {
		t.Fatalf("%q, %v, want 100 Continue", line, err)
	}
	if _, err := answers.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, "second"); err != nil {
		t.Fatal(err)
	}
	if status, body := receive(t, answers); status != 200 || body != "second" {
		t.Errorf("answer to the second: %d %q", status, body)
	}
}

// The discarded rest of a body is not taken for a request, and a client that is still sending gets its response.
func TestClientThatIsStillSendingGetsItsAnswer(t *testing.T) {
	_, address := serveFor(t, Options{Handle: echo})
	c := dial(t, address)
	if err := c.(*net.TCPConn).SetWriteBuffer(1 << 20); err != nil {
		t.Fatal(err)
	}
	head := "POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 5\r\n\r\nfirst"
	if _, err := io.WriteString(c, head+strings.Repeat("z", 256<<10)); err != nil {
		t.Fatal(err)
	}
	if status, body := receive(t, bufio.NewReader(c)); status != 200 || body != "first" {
		t.Errorf("answer: %d %q", status, body)
	}
}

// The time limit of a body does not apply to the request.
func TestConnectionOutlivesTheDeadlineOfABody(t *testing.T) {
	const stall = 300 * time.Millisecond
	_, address := serveFor(t, Options{StallTimeout: stall, BodyTimeout: stall, Handle: func(ctx *fasthttp.RequestCtx, body *Body) {
		echo(ctx, body)
		<-time.After(stall + stall/4) // a slow model
	}})
	c := dial(t, address)
	answers := bufio.NewReader(c)
	large := strings.Repeat("x", 3*headSmall) // larger than the buffer: its rest is waited for
	for range 2 {
		if _, err := io.WriteString(c, post(large)); err != nil {
			t.Fatal(err)
		}
		if status, body := receive(t, answers); status != 200 || body != large {
			t.Fatalf("answer: %d and %d bytes", status, len(body))
		}
	}
}

func TestNumber(t *testing.T) {
	for text, want := range map[string]int{"0": 0, " 12 ": 12, "\t7": 7, "1073741824": 1 << 30} {
		if got := number([]byte(text)); got != want {
			t.Errorf("number(%q) = %d, want %d", text, got, want)
		}
	}
	for _, text := range []string{"", " ", "-1", "+1", "1x", "0x1", "99999999999999999999999"} {
		if got := number([]byte(text)); got < 1<<30 {
			t.Errorf("number(%q) = %d, want what fits no buffer", text, got)
		}
	}
}
