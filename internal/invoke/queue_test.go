package invoke

import (
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"bellows.dev/bellows/engine"
)

// narrow is a route of one variant whose instances work on so many invocations at a time.
func narrow(limit int, addresses ...string) engine.Route {
	r := blue(addresses...)
	r.Variants[0].Concurrency, r.Variants[0].Fleets[0].Strategy = limit, engine.RouteLeastOutstanding
	return r
}

// zero is a route of one variant that is scaled to zero.
func zero(held bool) engine.Route {
	r := blue()
	r.Variants[0].AtZero, r.Variants[0].Held = true, held
	return r
}

// crowded is a model that notes how many requests it works on at most.
type crowded struct {
	now, most atomic.Int64
	work      func()
}

func (m *crowded) handle(*fasthttp.RequestCtx) {
	n := m.now.Add(1)
	for most := m.most.Load(); n > most && !m.most.CompareAndSwap(most, n); most = m.most.Load() {
	}
	m.work()
	m.now.Add(-1)
}

func (g *Gateway) waiting() int32 {
	g.mu.Lock()
	defer g.mu.Unlock()
	var n int32
	for _, l := range g.lanes {
		n += l.queue.waiting.Load()
	}
	return n
}

func TestNoInstanceWorksOnMoreThanItMay(t *testing.T) {
	models := []*crowded{{}, {}, {}}
	var addresses []string
	for _, m := range models {
		m.work = func() { time.Sleep(time.Millisecond) } // the work of the model
		addresses = append(addresses, serve(t, m.handle))
	}
	for _, strategy := range []engine.RoutingStrategy{engine.RouteRandom, engine.RouteLeastOutstanding} {
		g, url := start(t, Options{})
		r := narrow(2, addresses...)
		r.Variants[0].Fleets[0].Strategy = strategy
		g.Apply([]engine.Route{r})
		var clients sync.WaitGroup
		var served atomic.Int64
		for range 15 {
			clients.Go(func() {
				for range 10 {
					if answer, _ := post(t, url+"/endpoints/chat/invocations", "x"); answer.StatusCode == http.StatusOK {
						served.Add(1)
					}
				}
			})
		}
		clients.Wait()
		if served.Load() != 150 {
			t.Errorf("%v: %d of 150 were served", strategy, served.Load())
		}
		for n, m := range models {
			if most := m.most.Load(); most != 2 {
				t.Errorf("%v: instance %d worked on %d at a time, want 2", strategy, n, most)
			}
		}
		o := g.Flush()[0]
		if o.Invocations != 150 || o.Answered != 150 || math.Abs(o.InvocationsPerInstance-50) > 1e-9 {
			t.Errorf("%v: %+v", strategy, o)
		}
	}
}

func TestRequestsThatWaitAreBoundedAndCountAsConcurrent(t *testing.T) {
	release := make(chan struct{})
	m := &crowded{work: func() { <-release }}
	g, url := start(t, Options{Queue: Queue{Max: 3}})
	address := serve(t, m.handle)
	g.Apply([]engine.Route{narrow(1, address, serve(t, m.handle))})
	var clients sync.WaitGroup
	for n := range 5 {
		clients.Go(func() {
			if answer, body := post(t, url+"/endpoints/chat/invocations", "x"); answer.StatusCode != http.StatusOK {
				t.Errorf("%d %s", answer.StatusCode, body)
			}
		})
		eventually(t, "the request is taken", func() bool { return int(g.waiting())+int(m.now.Load()) == n+1 })
	}
	answer, body := post(t, url+"/endpoints/chat/invocations", "x")
	if answer.StatusCode != http.StatusServiceUnavailable || answer.Header.Get("Retry-After") != "1" ||
		answer.Header.Get("X-Amzn-ErrorType") != "ServiceUnavailable" || !strings.Contains(body, "are busy") {
		t.Errorf("a request too many: %d %v %s", answer.StatusCode, answer.Header, body)
	}
	o := g.Flush()[0]
	// AWS: in flight at the model and in its queue: 2 and 3, of two instances.
	if o.Invocations != 6 || o.InvocationsPerInstance != 3 || o.Concurrency.Count != 2 || o.Concurrency.Sum != 5 || o.Errors5XX != 1 || o.Answered != 1 || o.ModelErrors != 0 {
		t.Errorf("%+v", o)
	}
	close(release)
	clients.Wait()
	if m.most.Load() != 2 || g.held.Load() != 0 || g.waiting() != 0 {
		t.Errorf("at most %d at a time; %d bytes still held, %d waiting", m.most.Load(), g.held.Load(), g.waiting())
	}
}

func TestWaitingForRoomEnds(t *testing.T) {
	release := make(chan struct{})
	m := &crowded{work: func() { <-release }}
	g, url := start(t, Options{Queue: Queue{BusyMax: 50 * time.Millisecond}})
	g.Apply([]engine.Route{narrow(1, serve(t, m.handle))})
	done := make(chan struct{})
	go func() { defer close(done); post(t, url+"/endpoints/chat/invocations", "x") }()
	eventually(t, "the model works", func() bool { return m.now.Load() == 1 })
	answer, body := post(t, url+"/endpoints/chat/invocations", "x")
	if answer.StatusCode != http.StatusServiceUnavailable || answer.Header.Get("Retry-After") != "1" || !strings.Contains(body, "had room for the request within 50ms") {
		t.Errorf("%d %v %s", answer.StatusCode, answer.Header, body)
	}
	close(release)
	<-done
}

func TestMemoryOfRequestsThatWaitIsBounded(t *testing.T) {
	g, url := start(t, Options{Queue: Queue{Bytes: 100_000, ZeroMax: time.Minute}})
	g.Apply([]engine.Route{zero(true)})
	done := make(chan struct{})
	go func() {
		defer close(done)
		post(t, url+"/endpoints/chat/invocations", strings.Repeat("x", 50_000))
	}()
	eventually(t, "it waits", func() bool { return g.waiting() == 1 })
	answer, body := post(t, url+"/endpoints/chat/invocations", strings.Repeat("x", 50_000))
	if answer.StatusCode != http.StatusServiceUnavailable || answer.Header.Get("Retry-After") != "10" {
		t.Errorf("%d %v %s", answer.StatusCode, answer.Header, body)
	}
	g.Apply([]engine.Route{blue(serve(t, echo))})
	<-done
	if g.held.Load() != 0 {
		t.Errorf("%d bytes are still held", g.held.Load())
	}
}

func TestRequestsAtZeroAreHeldAndWake(t *testing.T) {
	var woken atomic.Int64
	g, url := start(t, Options{Wake: func(k engine.VariantKey, waiting int) {
		if k.Endpoint != "chat" || k.Variant != "blue" || waiting < 1 {
			t.Errorf("asked for %v, %d waiting", k, waiting)
		}
		woken.Add(1)
	}})
	g.Apply([]engine.Route{zero(true)})
	var clients sync.WaitGroup
	for n := range 20 {
		clients.Go(func() {
			if answer, body := post(t, url+"/endpoints/chat/invocations", fmt.Sprint(n)); answer.StatusCode != http.StatusOK || body != fmt.Sprint(n) {
				t.Errorf("%d %s", answer.StatusCode, body)
			}
		})
	}
	eventually(t, "all wait", func() bool { return g.waiting() == 20 })
	if woken.Load() != 1 {
		t.Errorf("asked %d times to be woken, want once", woken.Load())
	}
	if all := g.Flush(); len(all) != 0 {
		t.Errorf("requests that wait for a variant at zero are no news: %+v", all)
	}
	g.Apply([]engine.Route{narrow(1, serve(t, echo))}) // served one after the other
	clients.Wait()
	o := g.Flush()[0]
	if o.Invocations != 20 || o.InvocationsPerInstance != 20 || o.Answered != 20 || o.NoCapacity != 0 || o.Errors5XX != 0 || o.OverheadLatency.Count != 20 {
		t.Errorf("%+v", o)
	}
}

func TestHoldingAtZeroEnds(t *testing.T) {
	g, url := start(t, Options{Queue: Queue{ZeroMax: 30 * time.Millisecond}})
	g.Apply([]engine.Route{zero(true)})
	answer, body := post(t, url+"/endpoints/chat/invocations", "x")
	if answer.StatusCode != http.StatusServiceUnavailable || answer.Header.Get("Retry-After") != "10" || !strings.Contains(body, "had no instance in service within 30ms") {
		t.Errorf("%d %v %s", answer.StatusCode, answer.Header, body)
	}
	if o := g.Flush()[0]; o.NoCapacity != 1 || o.Invocations != 1 || o.InvocationsPerInstance != 0 || o.Answered != 0 || o.Errors5XX != 0 || o.OverheadLatency.Count != 0 {
		t.Errorf("%+v", o)
	}
}

func TestWithoutTheSwitchRequestsAtZeroFailAtOnceAndCount(t *testing.T) {
	g, url := start(t, Options{Wake: func(engine.VariantKey, int) { t.Error("nobody is to be woken") }})
	g.Apply([]engine.Route{zero(false)})
	answer, body := post(t, url+"/endpoints/chat/invocations", "x")
	if answer.StatusCode != http.StatusServiceUnavailable || !strings.Contains(body, "has no capacity to process this request") {
		t.Errorf("%d %s", answer.StatusCode, body)
	}
	if o := g.Flush()[0]; o.NoCapacity != 1 || o.Invocations != 1 || o.Answered != 0 || o.Errors4XX+o.Errors5XX+o.ModelErrors != 0 {
		t.Errorf("%+v", o)
	}
}

func TestClientsThatGoAwayLeaveTheQueue(t *testing.T) {
	g, url := start(t, Options{})
	g.Apply([]engine.Route{zero(true)})
	c, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, "POST /endpoints/chat/invocations HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it waits", func() bool { return g.waiting() == 1 })
	c.Close()
	eventually(t, "it has left", func() bool { return g.waiting() == 0 && g.held.Load() == 0 })
}

func TestAShutdownRefusesWhatWaitsAtZero(t *testing.T) {
	g, url := start(t, Options{})
	g.Apply([]engine.Route{zero(true)})
	done := make(chan struct{})
	go func() {
		defer close(done)
		if answer, body := post(t, url+"/endpoints/chat/invocations", "x"); answer.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("%d %s", answer.StatusCode, body)
		}
	}()
	eventually(t, "it waits", func() bool { return g.waiting() == 1 })
	g.Refuse()
	<-done
}

func TestWaitingForAnEndpointThatGoes(t *testing.T) {
	g, url := start(t, Options{})
	g.Apply([]engine.Route{zero(true)})
	done := make(chan struct{})
	go func() {
		defer close(done)
		if answer, body := post(t, url+"/endpoints/chat/invocations", "x"); answer.StatusCode != http.StatusBadRequest || !strings.Contains(body, "not found") {
			t.Errorf("%d %s", answer.StatusCode, body)
		}
	}()
	eventually(t, "it waits", func() bool { return g.waiting() == 1 })
	g.Apply([]engine.Route{{Key: chat}})
	<-done
}

func TestConcurrencyByImage(t *testing.T) {
	g, _ := start(t, Options{Concurrency: func(image string) int { return len(image) }})
	r := blue("127.0.0.1:1")
	r.Variants[0].Fleets[0].Image = "four"
	g.Apply([]engine.Route{r})
	if limit := (*g.routes.Load())[chat].variants[0].fleets[0].limit; limit != 4 {
		t.Errorf("the image's limit is %d", limit)
	}
	r.Variants[0].Concurrency = 7
	g.Apply([]engine.Route{r})
	if limit := (*g.routes.Load())[chat].variants[0].fleets[0].limit; limit != 7 {
		t.Errorf("the route's limit is %d", limit)
	}
}
