package invoke

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
	"golang.org/x/sys/unix"

	"bellows.dev/bellows/engine"
)

// moody is a model that takes its time and answers well, or fails at once.
type moody struct {
	fails atomic.Bool
	calls atomic.Int64
}

func (m *moody) handle(ctx *fasthttp.RequestCtx) {
	m.calls.Add(1)
	if m.fails.Load() {
		ctx.SetStatusCode(http.StatusInternalServerError)
		return
	}
	time.Sleep(2 * time.Millisecond) // the work of the model
}

func moods(t *testing.T, n int) (all []*moody, addresses []string) {
	for range n {
		m := &moody{}
		all, addresses = append(all, m), append(addresses, serve(t, m.handle))
	}
	return all, addresses
}

// keepCalling invokes with some clients until the test says stop.
func keepCalling(t *testing.T, url string, clients int) (stop func()) {
	var wg sync.WaitGroup
	var ended atomic.Bool
	for range clients {
		wg.Go(func() {
			for !ended.Load() {
				post(t, url+"/endpoints/chat/invocations", "x")
			}
		})
	}
	return func() { ended.Store(true); wg.Wait() }
}

func sum(all []*moody) (n int64) {
	for _, m := range all {
		n += m.calls.Load()
	}
	return n
}

func TestAnInstanceThatFailsFastAttractsNoTraffic(t *testing.T) {
	for _, strategy := range []engine.RoutingStrategy{engine.RouteLeastOutstanding, engine.RouteRandom} {
		var mu sync.Mutex
		var logged [][]engine.Ejection
		g, url := start(t, Options{Eject: Eject{First: 100 * time.Millisecond}, Ejected: func(k engine.VariantKey, e []engine.Ejection) {
			mu.Lock()
			defer mu.Unlock()
			if logged = append(logged, e); k.Variant != "blue" {
				t.Errorf("told of %v", k)
			}
		}})
		all, addresses := moods(t, 3)
		r := blue(addresses...)
		r.Variants[0].Fleets[0].Strategy = strategy
		g.Apply([]engine.Route{r})
		all[1].fails.Store(true)
		stop := keepCalling(t, url, 12)
		eventually(t, "it is ejected", func() bool { mu.Lock(); defer mu.Unlock(); return len(logged) > 0 })
		before, bad := sum(all), all[1].calls.Load()
		eventually(t, "400 more calls", func() bool { return sum(all) >= before+400 })
		if share := float64(all[1].calls.Load()-bad) / float64(sum(all)-before); share > 0.05 {
			t.Errorf("%v: the failing instance got %.0f %% of the calls", strategy, 100*share)
		}
		mu.Lock()
		if e := logged[0]; len(e) != 1 || e[0].ID != "i-1" || !strings.Contains(e[0].Reason, "failures in a row, the last: it answered 500") || e[0].Since.IsZero() {
			t.Errorf("%v: logged %+v", strategy, e)
		}
		mu.Unlock()
		all[1].fails.Store(false)
		eventually(t, "it is routed to again", func() bool { mu.Lock(); defer mu.Unlock(); return len(logged[len(logged)-1]) == 0 })
		before, bad = sum(all), all[1].calls.Load()
		eventually(t, "400 more calls", func() bool { return sum(all) >= before+400 })
		if share := float64(all[1].calls.Load()-bad) / float64(sum(all)-before); share < 0.2 {
			t.Errorf("%v: the instance that recovered got %.0f %% of the calls", strategy, 100*share)
		}
		stop()
	}
}

func TestAnInstanceThatRefusesConnectionsIsEjected(t *testing.T) {
	g, url := start(t, Options{})
	_, addresses := moods(t, 1)
	r := blue(addresses[0], refusing(t))
	g.Apply([]engine.Route{r})
	stop := keepCalling(t, url, 4)
	lane := g.copies["i-1"].lane
	eventually(t, "it is ejected", func() bool { return lane.ejected.Load() == 1 })
	stop()
	lane.mu.Lock()
	defer lane.mu.Unlock()
	if e := lane.ejections(); len(e) != 1 || e[0].ID != "i-1" || !strings.Contains(e[0].Reason, "connection was refused") {
		t.Errorf("%+v", e)
	}
}

// oneFleet is a variant of one fleet with some copies.
func oneFleet(strategy engine.RoutingStrategy, l *lane, copies int) *variant {
	all := idle(l, copies)
	return &variant{lane: l, copies: all, fleets: []fleet{{weight: 1, strategy: strategy, lane: l, copies: all}}, total: 1, instances: copies}
}

func TestPausesDoubleAndTrialsAreSingle(t *testing.T) {
	l := newLane(engine.VariantKey{})
	v := oneFleet(engine.RouteLeastOutstanding, l, 3)
	g := New(Options{Eject: Eject{First: time.Hour, Most: 3 * time.Hour}})
	bad := v.copies[0]
	for _, i := range v.copies {
		l.join(i)
	}
	for range 5 {
		g.failedFast(v, bad, time.Now(), "it answered 500")
	}
	if l.ejected.Load() != 1 || time.Duration(bad.pause.Load()) != time.Hour {
		t.Fatalf("%d ejected for %v", l.ejected.Load(), time.Duration(bad.pause.Load()))
	}
	g.failedFast(v, bad, time.Now().Add(-time.Minute), "it answered 500") // sent before the ejection
	if bad.ejection.times != 1 {
		t.Error("what was sent before an ejection is no trial")
	}
	bad.ejected.Store(1) // long ago
	trials := 0
	for range 1000 {
		if v.fleets[0].pick(nil) == bad {
			trials++
		}
	}
	if trials != 1 {
		t.Errorf("%d trials at a time, want one", trials)
	}
	for _, want := range []time.Duration{2 * time.Hour, 3 * time.Hour, 3 * time.Hour} {
		g.failedFast(v, bad, time.Now().Add(time.Second), "it answered 500")
		if got := time.Duration(bad.pause.Load()); got != want {
			t.Errorf("paused for %v, want %v", got, want)
		}
	}
	g.succeeded(bad, time.Now().Add(time.Second))
	if l.ejected.Load() != 0 || bad.ejected.Load() != 0 {
		t.Error("a trial that succeeds ends the ejection")
	}
}

func TestNotAllAreEjected(t *testing.T) {
	g, url := start(t, Options{Eject: Eject{First: time.Hour, Most: time.Hour}})
	all, addresses := moods(t, 3)
	g.Apply([]engine.Route{blue(addresses...)})
	lane := g.copies["i-0"].lane
	stop := keepCalling(t, url, 6)
	defer stop()
	all[0].fails.Store(true)
	eventually(t, "one is ejected", func() bool { return lane.ejected.Load() == 1 })
	all[1].fails.Store(true)
	eventually(t, "two are ejected", func() bool { return lane.ejected.Load() == 2 })
	all[2].fails.Store(true)
	eventually(t, "where all fail, all are routed to", func() bool { return lane.ejected.Load() == 0 })
	before := all[0].calls.Load()
	eventually(t, "the first is called again", func() bool { return all[0].calls.Load() > before+10 })
}

func TestFailuresOfRequestsEjectNoInstance(t *testing.T) {
	g, url := start(t, Options{})
	var calls atomic.Int64
	half := func(ctx *fasthttp.RequestCtx) {
		if calls.Add(1)%2 == 0 {
			ctx.SetStatusCode(http.StatusInternalServerError)
		}
	}
	g.Apply([]engine.Route{blue(serve(t, half), serve(t, half), serve(t, half))})
	lane := g.copies["i-0"].lane
	most := int32(0)
	for range 1000 {
		post(t, url+"/endpoints/chat/invocations", "x")
		most = max(most, lane.ejected.Load())
	}
	if most != 0 {
		t.Errorf("%d instances were ejected, although all fail half of the requests", most)
	}
}

func TestActivity(t *testing.T) {
	arrived, release := make(chan struct{}), make(chan struct{})
	g, url := start(t, Options{})
	g.Apply([]engine.Route{blue(serve(t, func(*fasthttp.RequestCtx) { arrived <- struct{}{}; <-release }))})
	if n, at := g.Activity("i-0"); n != 0 || !at.IsZero() {
		t.Errorf("at first %d in flight, answered at %v", n, at)
	}
	began := time.Now()
	done := make(chan struct{})
	go func() { defer close(done); post(t, url+"/endpoints/chat/invocations", "x") }()
	<-arrived
	if n, at := g.Activity("i-0"); n != 1 || !at.IsZero() {
		t.Errorf("then %d in flight, answered at %v", n, at)
	}
	close(release)
	<-done
	if n, at := g.Activity("i-0"); n != 0 || at.Before(began) || at.After(time.Now()) {
		t.Errorf("at last %d in flight, answered at %v", n, at)
	}
	if n, at := g.Activity("i-unknown"); n != 0 || !at.IsZero() {
		t.Errorf("of an unknown instance %d, %v", n, at)
	}
}

// fullListener listens at an address and takes no connection: as many as may wait there do.
func fullListener(t *testing.T) string {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	if err := errors.Join(unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}), unix.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	address := fmt.Sprintf("127.0.0.1:%d", name.(*unix.SockaddrInet4).Port)
	for range 100 {
		c, err := net.DialTimeout("tcp", address, 200*time.Millisecond)
		if err != nil {
			return address
		}
		t.Cleanup(func() { _ = c.Close() })
	}
	t.Fatal("a listener with no room takes 100 connections")
	return ""
}

// An instance that is too busy to accept a connection is reported as busy, not as unreachable.
func TestAnInstanceThatTakesNoConnectionIsBusy(t *testing.T) {
	t.Parallel()
	g, url := start(t, Options{})
	g.Apply([]engine.Route{blue(fullListener(t))})
	answer, body := post(t, url+"/endpoints/chat/invocations", "x")
	if answer.StatusCode != http.StatusServiceUnavailable || answer.Header.Get("Retry-After") != "1" ||
		!strings.Contains(body, "The instances of variant blue of endpoint chat are busy: none took a connection in time.") {
		t.Errorf("answered %s, %v: %s", answer.Status, answer.Header, body)
	}
}

// The log names the instance, tells for how long it is left out and why, and tells when that ends; the reason of a trial that failed says
// that it was one.
func TestEjectionsAreLogged(t *testing.T) {
	var out bytes.Buffer
	l := newLane(engine.VariantKey{Endpoint: "chat", Variant: "blue"})
	v := oneFleet(engine.RouteRandom, l, 3)
	var logged []engine.Ejection
	g := New(Options{Log: slog.New(slog.NewTextHandler(&out, nil)), Ejected: func(_ engine.VariantKey, e []engine.Ejection) { logged = e }})
	bad := v.copies[1]
	for _, i := range v.copies {
		l.join(i)
	}
	says := func(want string) {
		t.Helper()
		if _, got, _ := strings.Cut(out.String(), "level="); got != want {
			t.Errorf("the log says %q, want %q", got, want)
		}
		out.Reset()
	}
	for range 5 {
		g.failedFast(v, bad, time.Now(), "it answered 500")
	}
	says(`WARN msg="an instance is not routed to for a while" endpoint=chat variant=blue instance=1 for=5s reason="5 failures in a row, the last: it answered 500"` + "\n")
	g.failedFast(v, bad, time.Now().Add(time.Second), "it answered 500")
	says(`WARN msg="an instance is not routed to for a while" endpoint=chat variant=blue instance=1 for=10s reason="a trial request failed too: it answered 500"` + "\n")
	if len(logged) != 1 || logged[0].ID != "1" || logged[0].Times != 2 || logged[0].Reason != "a trial request failed too: it answered 500" {
		t.Errorf("logged %+v", logged)
	}
	g.succeeded(bad, time.Now().Add(time.Second))
	says(`INFO msg="an instance is routed to again" endpoint=chat variant=blue instance=1` + "\n")
}
