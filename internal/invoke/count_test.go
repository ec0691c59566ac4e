package invoke

import (
	"math"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"bellows.dev/bellows/engine"
)

// steps is a clock that goes on by 1 ms with each look.
func steps() func() time.Time {
	var mu sync.Mutex
	now := time.Unix(1_700_000_000, 0)
	return func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		now = now.Add(time.Millisecond)
		return now
	}
}

func TestFlushHasEverythingOnce(t *testing.T) {
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	address := serve(t, func(ctx *fasthttp.RequestCtx) { ctx.SetUserValue("release", release); model(ctx) })
	g, url := start(t, Options{Now: steps()})
	r := blue(address, address, address, address)
	for _, body := range []string{"ok", "ok", "ok", "400", "400", "500", "302", "slow"} {
		if body == "slow" { // the others have all the time that they need
			r.Variants[0].Timeout = 100 * time.Millisecond
		}
		g.Apply([]engine.Route{r})
		post(t, url+"/endpoints/chat/invocations", body)
	}
	post(t, url+"/endpoints/chat/invocations", "x", "X-Amzn-SageMaker-Target-Model", "m") // not of any variant
	all := g.Flush()
	if len(all) != 1 || all[0].Key != (engine.VariantKey{Scope: scope, Endpoint: "chat", Variant: "blue"}) {
		t.Fatalf("%+v", all)
	}
	o := all[0]
	got := []float64{o.Invocations, o.InvocationsPerInstance, o.Errors4XX, o.Errors5XX, o.ModelErrors, o.Answered}
	if want := []float64{8, 2, 2, 3, 5, 8}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	// The clock is looked at when an invocation starts, when the model is asked, when it has answered, and at the end.
	if o.ModelLatency.Count != 8 || o.ModelLatency.Sum != 8000 || o.ModelLatency.Max != 1000 || o.OverheadLatency.Sum != 16000 || o.OverheadLatency.Count != 8 {
		t.Errorf("model %+v, overhead %+v", o.ModelLatency, o.OverheadLatency)
	}
	if q := o.ModelLatency.Distribution.Quantile(0.5); math.Abs(q-1000) > 10 {
		t.Errorf("the median of the model's latency is %v µs", q)
	}
	if o.Concurrency.Count != 4 || o.Concurrency.Sum != 0 {
		t.Errorf("concurrency %+v", o.Concurrency)
	}
	if again := g.Flush(); len(again) != 0 {
		t.Errorf("without news: %+v", again)
	}
}

func TestFlushKeepsCountsUntilTaken(t *testing.T) {
	g, url := start(t, Options{})
	g.Apply([]engine.Route{blue()})
	post(t, url+"/endpoints/chat/invocations", "x")
	o := g.Flush()[0]
	if o.Invocations != 1 || o.InvocationsPerInstance != 0 || o.Answered != 1 || o.Errors5XX != 1 || o.ModelErrors != 0 || o.ModelLatency.Count != 0 || o.Concurrency.Count != 0 {
		t.Errorf("nobody in service: %+v", o)
	}
	g.Apply([]engine.Route{blue(refusing(t))})
	post(t, url+"/endpoints/chat/invocations", "x")
	o = g.Flush()[0]
	if o.Invocations != 1 || o.InvocationsPerInstance != 1 || o.Answered != 1 || o.Errors5XX != 1 || o.ModelErrors != 1 || o.ModelLatency.Count != 0 || o.OverheadLatency.Count != 1 {
		t.Errorf("nobody there: %+v", o)
	}
}

func TestFlushSeesWhatIsInFlight(t *testing.T) {
	arrived, release := make(chan struct{}), make(chan struct{})
	address := serve(t, func(*fasthttp.RequestCtx) { arrived <- struct{}{}; <-release })
	g, url := start(t, Options{})
	r := blue(address, address)
	r.Variants[0].Fleets[0].Strategy = engine.RouteLeastOutstanding
	g.Apply([]engine.Route{r})
	var clients sync.WaitGroup
	for range 5 {
		clients.Go(func() { post(t, url+"/endpoints/chat/invocations", "x") })
		<-arrived
	}
	o := g.Flush()[0]
	if o.Invocations != 5 || o.Answered != 0 || o.Concurrency.Count != 2 || o.Concurrency.Sum != 5 || o.Concurrency.Min != 2 || o.Concurrency.Max != 3 {
		t.Errorf("at first %+v", o)
	}
	g.Apply([]engine.Route{{Key: chat}})
	o = g.Flush()[0] // nothing new, but invocations in flight at draining instances
	if o.Invocations != 0 || o.Concurrency.Sum != 5 {
		t.Errorf("then %+v", o)
	}
	close(release)
	clients.Wait()
	for _, id := range []string{"i-0", "i-1"} {
		if err := g.Drain(t.Context(), r.Variants[0].Fleets[0].Copies[0].ID); err != nil {
			t.Error(id, err)
		}
	}
	var last []engine.VariantObservation
	eventually(t, "the last answers are counted", func() bool { last = append(last, g.Flush()...); return len(g.lanes) == 0 })
	answered := 0.0
	for _, o := range last {
		answered += o.Answered
	}
	if answered != 5 || len(g.copies) != 0 {
		t.Errorf("at last %+v; %d instances are remembered", last, len(g.copies))
	}
}

func TestFlushIsSorted(t *testing.T) {
	g, url := start(t, Options{})
	var routes []engine.Route
	for _, name := range []string{"b", "c", "a"} {
		r := blue()
		r.Key.Endpoint = name
		r.Variants = append(r.Variants, engine.VariantRoute{Name: "azure"})
		routes = append(routes, r)
	}
	g.Apply(routes)
	for _, r := range routes {
		for _, v := range r.Variants {
			post(t, url+"/endpoints/"+r.Key.Endpoint+"/invocations", "x", "X-Amzn-SageMaker-Target-Variant", v.Name)
		}
	}
	var got []string
	for _, o := range g.Flush() {
		got = append(got, o.Key.Endpoint+o.Key.Variant)
	}
	if want := []string{"aazure", "ablue", "bazure", "bblue", "cazure", "cblue"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v", got)
	}
}

func TestTotals(t *testing.T) {
	g, url := start(t, Options{})
	g.Apply([]engine.Route{blue(serve(t, model))})
	for _, body := range []string{"ok", "400", "ok"} {
		post(t, url+"/endpoints/chat/invocations", body)
	}
	post(t, url+"/endpoints/other/invocations", "")
	if served, failed := g.Totals(); served != 2 || failed != 2 {
		t.Errorf("served %d, failed %d", served, failed)
	}
}
