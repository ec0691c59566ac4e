package invoke

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"bellows.dev/bellows/engine"
)

// host is a stateful model server: it opens, continues and closes sessions by the container's headers.
func host(t *testing.T, n int, expires func() time.Time) (address string) {
	return serve(t, func(ctx *fasthttp.RequestCtx) {
		const header = "X-Amzn-SageMaker-Session-Id"
		id := string(ctx.Request.Header.Peek(header))
		switch {
		case id == "NEW_SESSION":
			ctx.Response.Header.Set(header, fmt.Sprintf("s-%d-%s; Expires=%s", n, ctx.PostBody(), expires().UTC().Format(time.RFC3339)))
		case string(ctx.PostBody()) == "bye":
			ctx.Response.Header.Set("X-Amzn-SageMaker-Closed-Session-Id", id)
		}
		ctx.SetBodyString(fmt.Sprint(n))
	})
}

func TestSessionsStayAtTheirInstance(t *testing.T) {
	var now atomic.Int64
	now.Store(1_900_000_000)
	clock := func() time.Time { return time.Unix(now.Load(), 0) }
	expires := func() time.Time { return clock().Add(time.Minute) }
	g, url := start(t, Options{Now: clock})
	r := blue(host(t, 0, expires), host(t, 1, expires), host(t, 2, expires), host(t, 3, expires))
	g.Apply([]engine.Route{r})
	url += "/endpoints/chat/invocations"
	const header = "X-Amzn-SageMaker-Session-Id"
	ids := map[string]string{} // instance by session
	for n := range 8 {
		answer, at := post(t, url, fmt.Sprint(n), header, "NEW_SESSION")
		opened := answer.Header.Get("X-Amzn-SageMaker-New-Session-Id")
		id, rest, _ := strings.Cut(opened, ";")
		if id != fmt.Sprintf("s-%s-%d", at, n) || rest != " Expires=2030-03-17T17:47:40Z" || answer.Header.Get(header) != "" {
			t.Fatalf("opened %q at %s: %v", opened, at, answer.Header)
		}
		ids[id] = at
	}
	for id, want := range ids {
		for range 5 {
			if answer, at := post(t, url, "x", header, id); at != want || answer.Header.Get("X-Amzn-SageMaker-New-Session-Id") != "" {
				t.Fatalf("session %s of %s was at %s", id, want, at)
			}
		}
	}
	var id string
	for id = range ids {
		break
	}
	gone := func(what string) {
		t.Helper()
		answer, body := post(t, url, "x", header, id)
		if want := `{"Message":"Session ` + id + ` of endpoint chat does not exist or has ended."}`; answer.StatusCode != http.StatusBadRequest || body != want {
			t.Errorf("%s: %d %s", what, answer.StatusCode, body)
		}
	}
	if answer, _ := post(t, url, "bye", header, id); answer.Header.Get("X-Amzn-SageMaker-Closed-Session-Id") != id {
		t.Errorf("closing: %v", answer.Header)
	}
	gone("a closed session")
	delete(ids, id)
	for id = range ids {
		break
	}
	answer, body := post(t, url, "x", header, id, "X-Amzn-SageMaker-Target-Variant", "green")
	if answer.StatusCode != http.StatusBadRequest || body != `{"Message":"Session `+id+` of endpoint chat is at variant blue, not at green."}` {
		t.Errorf("%d %s", answer.StatusCode, body)
	}
	r.Variants[0].Fleets[0].Copies = nil
	g.Apply([]engine.Route{r})
	gone("a session whose instance left")
	g.Flush()
	if n := len(g.pins.pinned); n != 7 {
		t.Errorf("%d sessions", n)
	}
	now.Add(60)
	gone("an expired session")
	g.Flush()
	if n := len(g.pins.pinned); n != 0 {
		t.Errorf("%d sessions after they expired", n)
	}
}

func TestContainersDescribeTheirSessions(t *testing.T) {
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	for header, want := range map[string]time.Time{
		"a; Expires=2030-01-01T00:10:00Z": now.Add(10 * time.Minute),
		"a;expires=2030-01-01T00:10:00Z":  now.Add(10 * time.Minute),
		"a":                               now.Add(sessionMax),
		"a; Expires=soon":                 now.Add(sessionMax),
		"a; Expires=2040-01-01T00:10:00Z": now.Add(sessionMax),
	} {
		s := sessions{pinned: map[sessionKey]pin{}}
		if !s.open(chat, []byte(header), pin{}, now) || !s.pinned[sessionKey{chat, "a"}].expires.Equal(want) {
			t.Errorf("%q: %v", header, s.pinned)
		}
	}
	s := sessions{pinned: map[sessionKey]pin{}}
	for _, header := range []string{"", ";", "NEW_SESSION", strings.Repeat("a", 257)} {
		if s.open(chat, []byte(header), pin{}, now) {
			t.Errorf("%q is no session", header)
		}
	}
}

func TestSessionsAreBounded(t *testing.T) {
	g, url := start(t, Options{})
	g.Apply([]engine.Route{blue(serve(t, echo))})
	for n := range sessionsMax {
		g.pins.open(chat, fmt.Append(nil, n), pin{}, time.Now())
	}
	answer, body := post(t, url+"/endpoints/chat/invocations", "x", "X-Amzn-SageMaker-Session-Id", "NEW_SESSION")
	if answer.StatusCode != http.StatusServiceUnavailable || body != `{"Message":"This server has 100000 open sessions and takes no more."}` {
		t.Errorf("%d %s", answer.StatusCode, body)
	}
}
