package invoke

import (
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/valyala/fasthttp"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
)

func TestVariantsGetTheirShare(t *testing.T) {
	g := New(Options{})
	g.Apply([]engine.Route{{Key: chat, Serving: true, Variants: []engine.VariantRoute{
		{Name: "a", Weight: 1}, {Name: "b", Weight: 3}, {Name: "c", Weight: 0}, {Name: "d", Weight: 0.5},
	}}})
	x := (*g.routes.Load())[chat]
	const n = 90_000
	got := map[string]float64{}
	for range n {
		got[x.weighted().name]++
	}
	for name, share := range map[string]float64{"a": 1 / 4.5, "b": 3 / 4.5, "c": 0, "d": 0.5 / 4.5} {
		if off := math.Abs(got[name]/n - share); off > 0.01 {
			t.Errorf("variant %s got %.3f of the invocations, want %.3f", name, got[name]/n, share)
		}
	}
}

func idle(l *lane, n int) []*modelCopy {
	var all []*modelCopy
	for i := range n {
		all = append(all, &modelCopy{id: hosting.CopyID(fmt.Sprint(i)), lane: l})
	}
	return all
}

func TestRandomIsUniformAndAvoidsWhatFailed(t *testing.T) {
	l := newLane(engine.VariantKey{})
	f := fleet{strategy: engine.RouteRandom, lane: l, copies: idle(l, 5)}
	const n = 50_000
	got := map[*modelCopy]float64{}
	for range n {
		got[f.pick(nil)]++
	}
	for _, i := range f.copies {
		if math.Abs(got[i]/n-0.2) > 0.01 {
			t.Errorf("instance %s got %.3f", i.id, got[i]/n)
		}
	}
	clear(got)
	for range n {
		got[f.pick(f.copies[2])]++
	}
	if len(got) != 4 || got[f.copies[2]] != 0 || math.Abs(got[f.copies[3]]/n-0.25) > 0.01 {
		t.Errorf("avoiding 2: %v", got)
	}
	f.copies = f.copies[:1]
	if f.pick(f.copies[0]) != f.copies[0] {
		t.Error("the only instance must be tried again")
	}
}

func TestLeastOutstandingTakesTheIdlestWithRandomTies(t *testing.T) {
	l := newLane(engine.VariantKey{})
	f := fleet{strategy: engine.RouteLeastOutstanding, lane: l, copies: idle(l, 4)}
	for n, i := range f.copies {
		i.inFlight.Store([]int64{2, 1, 5, 1}[n])
	}
	got := map[hosting.CopyID]int{}
	for range 10_000 {
		got[f.pick(nil).id]++
	}
	if len(got) != 2 || got["1"] < 4500 || got["3"] < 4500 {
		t.Errorf("picked %v", got)
	}
	if i := f.pick(f.copies[1]); i.id != "3" {
		t.Errorf("avoiding 1 gave %s", i.id)
	}
}

func TestTargetVariantOverridesWeights(t *testing.T) {
	r := blue(serve(t, echo))
	r.Variants = append(r.Variants, engine.VariantRoute{Name: "canary", Weight: 0, Fleets: []engine.FleetRoute{{Weight: 1, Copies: []engine.CopyRoute{
		{ID: "i-canary", Instance: "i-canary", Address: serve(t, func(ctx *fasthttp.RequestCtx) { ctx.SetBodyString("canary") })},
	}}}})
	g, url := start(t, Options{})
	g.Apply([]engine.Route{r})
	for range 20 {
		if answer, body := post(t, url+"/endpoints/chat/invocations", "x"); body != "x" || answer.Header.Get("x-Amzn-Invoked-Production-Variant") != "blue" {
			t.Fatalf("%q %v", body, answer.Header)
		}
	}
	answer, body := post(t, url+"/endpoints/chat/invocations", "x", "X-Amzn-SageMaker-Target-Variant", "canary")
	if body != "canary" || answer.Header.Get("x-Amzn-Invoked-Production-Variant") != "canary" {
		t.Errorf("%q %v", body, answer.Header)
	}
}

// The first try may meet a refused connection; the second never does, since only one of the two instances is gone.
func TestRefusedConnectionsAreTriedElsewhere(t *testing.T) {
	for _, strategy := range []engine.RoutingStrategy{engine.RouteRandom, engine.RouteLeastOutstanding} {
		r := blue(refusing(t), serve(t, echo))
		r.Variants[0].Fleets[0].Strategy = strategy
		g, url := start(t, Options{})
		g.Apply([]engine.Route{r})
		for range 50 {
			if answer, body := post(t, url+"/endpoints/chat/invocations", "x"); answer.StatusCode != http.StatusOK || body != "x" {
				t.Fatalf("%v: %d %s", strategy, answer.StatusCode, body)
			}
		}
		o := g.Flush()[0]
		if o.Invocations != 50 || o.Answered != 50 || o.Errors5XX != 0 || o.ModelLatency.Count != 50 || o.InvocationsPerInstance != 25 {
			t.Errorf("%v: %+v", strategy, o)
		}
	}
}

// An instance that closes its idle connections gets every invocation over a new one: none is lost, none is sent twice.
func TestConnectionsClosedWhileIdleAreNotUsed(t *testing.T) {
	l := listen(t)
	var seen atomic.Int64
	closed := make(chan struct{}, 100)
	s := &fasthttp.Server{
		Handler: func(ctx *fasthttp.RequestCtx) { seen.Add(1) }, IdleTimeout: time.Millisecond, Logger: silent{},
		ConnState: func(_ net.Conn, state fasthttp.ConnState) {
			if state == fasthttp.StateClosed {
				closed <- struct{}{}
			}
		},
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Serve(l) }()
	t.Cleanup(func() { l.Close(); <-done })
	g, url := start(t, Options{})
	g.Apply([]engine.Route{blue(l.Addr().String())})
	for n := range 10 {
		if answer, body := post(t, url+"/endpoints/chat/invocations", "x"); answer.StatusCode != http.StatusOK {
			t.Errorf("%d: %d %s", n, answer.StatusCode, body)
		}
		<-closed
	}
	if seen.Load() != 10 {
		t.Errorf("the instance saw %d invocations of 10", seen.Load())
	}
}

// What reached an instance is not sent again, even if the instance dies over it.
func TestWhatWasSentIsNotSentAgain(t *testing.T) {
	var seen atomic.Int64
	dying := serve(t, func(ctx *fasthttp.RequestCtx) {
		seen.Add(1)
		ctx.HijackSetNoResponse(true)
		ctx.Hijack(func(c net.Conn) { c.Close() })
	})
	g, url := start(t, Options{})
	g.Apply([]engine.Route{blue(dying, dying)})
	answer, body := post(t, url+"/endpoints/chat/invocations", "x")
	if answer.StatusCode != http.StatusFailedDependency || !strings.Contains(body, "closed the connection before it had answered") || seen.Load() != 1 {
		t.Errorf("%d %s, sent %d times", answer.StatusCode, body, seen.Load())
	}
}

func TestConnectionsAreKept(t *testing.T) {
	var connections atomic.Int64
	l := listen(t)
	s := &http.Server{
		Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}),
		ConnState: func(_ net.Conn, state http.ConnState) {
			if state == http.StateNew {
				connections.Add(1)
			}
		},
	}
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() { s.Close() })
	g, url := start(t, Options{})
	g.Apply([]engine.Route{blue(l.Addr().String())})
	for range 20 {
		post(t, url+"/endpoints/chat/invocations", "x")
	}
	if connections.Load() != 1 {
		t.Errorf("%d connections for 20 invocations in a row", connections.Load())
	}
	u := g.copies["i-0"].upstream.Load()
	u.prune(time.Now().Add(idleMax / 2))
	post(t, url+"/endpoints/chat/invocations", "x")
	u.prune(time.Now().Add(2 * idleMax))
	post(t, url+"/endpoints/chat/invocations", "x")
	if connections.Load() != 2 {
		t.Errorf("%d connections after one was idle for too long", connections.Load())
	}
}

// A copy that closes idle connections without announcing it gets no request on a connection that it may be about to close.
func TestConnectionsAreNotUsedNearTheAgeAtWhichACopyClosesThem(t *testing.T) {
	g, url := start(t, Options{})
	g.Apply([]engine.Route{blue(raw(t, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", false))})
	u := g.copies["i-0"].upstream.Load()
	kept := func() (n int, c *conn) {
		u.mu.Lock()
		defer u.mu.Unlock()
		if n = len(u.idle); n > 0 {
			c = u.idle[n-1]
		}
		return n, c
	}
	invoke := func() {
		t.Helper()
		if answer, body := post(t, url+"/endpoints/chat/invocations", "x"); answer.StatusCode != http.StatusOK {
			t.Errorf("%d %s", answer.StatusCode, body)
		}
	}
	invoke()
	eventually(t, "the connection is kept, and closed by the copy", func() bool {
		n, c := kept()
		return n == 1 && !c.Idle()
	})
	_, c := kept()
	c.since = c.since.Add(-8 * time.Millisecond) // as long as it was idle at least
	invoke()                                     // finds it closed
	u.mu.Lock()
	learnt := u.keep
	u.mu.Unlock()
	if learnt < 4*time.Millisecond || learnt >= idleMax {
		t.Errorf("connections are used again within %v", learnt)
	}
	u.closedAfter(time.Millisecond)
	for range 3 {
		invoke()
		if n, _ := kept(); n > 1 { // the one of the second invocation, at most
			t.Errorf("%d connections are kept", n)
		}
	}
	u.prune(time.Now().Add(learntFor + time.Second))
	invoke()
	eventually(t, "a connection is kept again after some minutes", func() bool { n, _ := kept(); return n == 1 })
}

// A request that a copy cannot have read, since it had closed the connection before, is sent again; one that it may have read is not.
func TestRequestsOnClosedConnections(t *testing.T) {
	for name, c := range map[string]struct {
		read int // bytes of the request, before the copy closes
		want exchangeEnd
	}{"not read": {0, exchangeStale}, "read": {7, exchangeBroken}, "a part read": {1, exchangeBroken}} {
		l := listen(t)
		u := newUpstream(l.Addr().String())
		own, err := u.connect(time.Now(), time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		peer, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		exchange := func(from, to net.Conn) {
			t.Helper()
			if _, err := io.WriteString(from, "hello"); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(to, make([]byte, 5)); err != nil {
				t.Fatal(err)
			}
		}
		own.most = 5
		exchange(own, peer)
		exchange(peer, own)
		if c.read == 0 {
			peer.Close()
		}
		if _, err := io.WriteString(own, "request"); err != nil {
			t.Fatal(err)
		}
		if c.read > 0 {
			if _, err := io.ReadFull(peer, make([]byte, c.read)); err != nil {
				t.Fatal(err)
			}
			peer.Close()
		}
		if _, err := own.Read(make([]byte, 1)); err == nil {
			t.Fatal("it is open")
		}
		own.idle = time.Second
		if got := own.closed(5); got != c.want || u.keep != time.Second/2 {
			t.Errorf("%s: %d, want %d; kept for %v", name, got, c.want, u.keep)
		}
		own.discard()
		l.Close()
	}
}

func TestRoutesReplaceOneAnother(t *testing.T) {
	g, url := start(t, Options{})
	status := func() int {
		answer, _ := post(t, url+"/endpoints/chat/invocations", "x")
		return answer.StatusCode
	}
	first, second := serve(t, echo), serve(t, echo)
	g.Apply([]engine.Route{blue(first)})
	g.Apply([]engine.Route{{Key: engine.EndpointKey{Scope: scope, Endpoint: "other"}, Serving: true}})
	if status() != 200 {
		t.Error("another endpoint's route must not touch this one's")
	}
	g.Apply([]engine.Route{blue(second)}) // the same ID at another address
	if got := g.copies["i-0"].upstream.Load().address; status() != 200 || got != second {
		t.Errorf("the instance is at %s", got)
	}
	g.Apply([]engine.Route{{Key: chat}})
	if status() != 400 {
		t.Error("the endpoint is not gone")
	}
	g.Apply([]engine.Route{blue(first)}) // it comes back
	if status() != 200 || len(g.copies) != 1 {
		t.Error("the endpoint did not come back")
	}
}

func TestOneInstanceInTwoVariantsDoesNotHang(t *testing.T) {
	g, url := start(t, Options{})
	r := blue(serve(t, echo))
	r.Variants = append(r.Variants, engine.VariantRoute{Name: "green", Fleets: r.Variants[0].Fleets})
	g.Apply([]engine.Route{r})
	if answer, body := post(t, url+"/endpoints/chat/invocations", "x"); answer.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("%d %s", answer.StatusCode, body)
	}
}

func TestDrainWaitsForRoutesAndInvocations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(Options{})
		g.Apply([]engine.Route{blue("127.0.0.1:1")})
		i := g.copies["i-0"]
		if i.acquire(0) != acquired {
			t.Fatal("an instance that routes name must take invocations")
		}
		ended := make(chan error, 1)
		go func() { ended <- g.Drain(t.Context(), "i-0") }()
		synctest.Wait()
		g.Apply([]engine.Route{{Key: chat}})
		synctest.Wait()
		select {
		case err := <-ended:
			t.Fatalf("drained with an invocation in flight: %v", err)
		default:
		}
		if i.acquire(0) == acquired {
			t.Error("a retired instance took an invocation")
		}
		i.release()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := g.Drain(t.Context(), "i-unknown"); err != nil {
			t.Error(err)
		}
	})
}
