package invoke

import (
	"math"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
)

// twoFleets is a route of a variant whose invocations two generations share.
func twoFleets(t *testing.T, oldWeight, newWeight float64) engine.Route {
	t.Helper()
	answer := func(text string) string {
		return serve(t, func(ctx *fasthttp.RequestCtx) { ctx.SetBodyString(text) })
	}
	r := blue(answer("old"), answer("old"))
	r.Variants[0].Fleets[0].Weight = oldWeight
	r.Variants[0].Fleets = append(r.Variants[0].Fleets, engine.FleetRoute{
		Generation: 2, Weight: newWeight, Strategy: engine.RouteLeastOutstanding,
		Copies: []engine.CopyRoute{{ID: "i-new", Instance: "i-new", Address: answer("new")}},
	})
	return r
}

func TestGenerationsShareAVariantByTheirWeights(t *testing.T) {
	for _, c := range []struct{ old, new, share float64 }{{9, 1, 0.1}, {0.5, 0.5, 0.5}, {1, 0, 0}, {0, 1, 1}} {
		g := New(Options{})
		g.Apply([]engine.Route{twoFleets(t, c.old, c.new)})
		v := &(*g.routes.Load())[chat].variants[0]
		const n = 50_000
		got := 0.0
		for range n {
			if v.share(nil).generation == 2 {
				got++
			}
		}
		if math.Abs(got/n-c.share) > 0.01 {
			t.Errorf("with weights %v and %v the new generation got %.3f", c.old, c.new, got/n)
		}
	}
}

// The shares that the engine gives the two fleets of an endpoint that is updated reach the gateway, and the gateway keeps to them.
func TestTheEnginesSharesAreKept(t *testing.T) {
	now := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	variants := func(config string) engine.CreateEndpointConfig {
		return engine.CreateEndpointConfig{Scope: scope, Config: hosting.EndpointConfig{Name: config, Variants: []hosting.VariantConfig{
			{Name: "blue", Model: "m", InitialCount: 2, InitialWeight: 1, InstanceType: "ml.m5.large"},
		}}}
	}
	e := engine.New(engine.Config{Seed: 1})
	step := func(in engine.Input) {
		t.Helper()
		if _, err := e.Step(now, in); err != nil {
			t.Fatal(err)
		}
	}
	ready := func(v *hosting.Variant, n int) {
		for _, i := range v.Instances[:n] {
			step(engine.Reported{Report: hosting.InstanceReport{ID: i.ID, State: hosting.FleetReady, Address: "192.0.2.1:1"}})
		}
	}
	step(engine.CreateModel{Scope: scope, Model: hosting.Model{Name: "m"}})
	step(variants("old"))
	step(variants("new"))
	step(engine.CreateEndpoint{Key: chat, Config: "old"})
	x := e.Region(scope).Hosting.Endpoints[chat.Endpoint]
	ready(x.Variants[0], 2)
	step(engine.UpdateEndpoint{Scope: scope, Update: hosting.Update{Endpoint: chat.Endpoint, Config: "new"}})
	ready(x.Deployment.Variants[0], 1)

	g := New(Options{})
	share := func() float64 {
		g.Apply(e.Level().Routes)
		const n = 20_000
		got := 0.0
		for range n {
			if (*g.routes.Load())[chat].variants[0].share(nil).generation == 2 {
				got++
			}
		}
		return got / n
	}
	if got := share(); got != 0 {
		t.Errorf("before traffic moves the new fleet got %.3f", got)
	}
	state := e.State()
	state.Regions[0].Hosting.Endpoints[chat.Endpoint].Deployment.Share = 0.2
	var err error
	if e, err = engine.FromState(state); err != nil {
		t.Fatal(err)
	}
	if got := share(); math.Abs(got-0.2) > 0.015 {
		t.Errorf("with a fifth the new fleet got %.3f", got)
	}
	ready(x.Deployment.Variants[0], 2)
	if got := share(); got != 1 {
		t.Errorf("once traffic has moved the new fleet got %.3f", got)
	}
}

// A share is one of what can be served: the invocations of a fleet that has no copies, or none with room, go to another with a share.
func TestAGenerationThatCannotServeLeavesItsShare(t *testing.T) {
	r := twoFleets(t, 1, 9)
	g, url := start(t, Options{})
	bodies := func(n int) map[string]int {
		got := map[string]int{}
		for range n {
			answer, body := post(t, url+"/endpoints/chat/invocations", "x")
			if answer.StatusCode != fasthttp.StatusOK {
				t.Fatalf("%d %s", answer.StatusCode, body)
			}
			got[body]++
		}
		return got
	}
	g.Apply([]engine.Route{r})
	if got := bodies(60); got["new"] < 30 || got["new"]+got["old"] != 60 {
		t.Errorf("with 9 of 10 the new generation answered %v", got)
	}
	r.Variants[0].Fleets[1].Copies[0].Address = refusing(t) // its copy is tried, and the invocation goes to the other generation
	g.Apply([]engine.Route{r})
	if got := bodies(20); got["old"] != 20 {
		t.Errorf("with a copy that refuses connections: %v", got)
	}
	r.Variants[0].Fleets[1].Copies = nil
	g.Apply([]engine.Route{r})
	if got := bodies(20); got["old"] != 20 {
		t.Errorf("without copies: %v", got)
	}

	r = twoFleets(t, 1, 9)
	r.Variants[0].Concurrency = 1
	g.Apply([]engine.Route{r})
	busy := g.copies["i-new"]
	if busy.acquire(1) != acquired {
		t.Fatal("an idle copy has no room")
	}
	if got := bodies(20); got["old"] != 20 {
		t.Errorf("with a busy copy: %v", got)
	}
	busy.release()
}

// A generation without a share keeps its sessions and gets nothing else, also where the other one cannot serve.
func TestAGenerationWithoutAShareGetsNothing(t *testing.T) {
	r := twoFleets(t, 0, 1)
	g, url := start(t, Options{})
	g.Apply([]engine.Route{r})
	at := pin{variant: "blue", copy: "i-0"}
	if !g.pins.open(chat, []byte("s1"), at, time.Now()) {
		t.Fatal("no session")
	}
	r.Variants[0].Fleets[1].Copies = nil
	g.Apply([]engine.Route{r})
	if answer, body := post(t, url+"/endpoints/chat/invocations", "x"); answer.StatusCode != fasthttp.StatusServiceUnavailable {
		t.Errorf("%d %s", answer.StatusCode, body)
	}
	if answer, body := post(t, url+"/endpoints/chat/invocations", "x", "X-Amzn-SageMaker-Session-Id", "s1"); answer.StatusCode != fasthttp.StatusOK || body != "old" {
		t.Errorf("in its session: %d %s", answer.StatusCode, body)
	}
}

// The copies of a new generation are compared with one another: where all of them fail, the old generation must not hide it.
func TestEjectionsStayWithinAGeneration(t *testing.T) {
	g := New(Options{})
	g.Apply([]engine.Route{twoFleets(t, 1, 1)})
	v := &(*g.routes.Load())[chat].variants[0]
	for range 20 {
		g.failedFast(v, g.copies["i-new"], time.Now(), "it answered 500")
	}
	if n := v.lane.ejected.Load(); n != 0 {
		t.Errorf("%d copies of a generation of one are ejected", n)
	}
	for range 20 {
		g.failedFast(v, g.copies["i-0"], time.Now(), "it answered 500")
	}
	if g.copies["i-0"].ejected.Load() == 0 {
		t.Error("a copy that fails where another of its generation does not is not ejected")
	}
}

// An invocation is divided by the instances of all generations with a share, as hosting.Endpoint.Serving counts them; one that keeps its sessions only
// has none.
func TestInvocationsAreDividedByAllGenerationsWithAShare(t *testing.T) {
	g := New(Options{})
	for _, x := range []struct {
		old, next float64
		want      int // of two old instances and a new one
	}{{1, 9, 3}, {1, 1, 3}, {0, 1, 1}, {1, 0, 2}} {
		g.Apply([]engine.Route{twoFleets(t, x.old, x.next)})
		v := &(*g.routes.Load())[chat].variants[0]
		if v.instances != x.want {
			t.Errorf("weights %g and %g: %d instances, want %d", x.old, x.next, v.instances, x.want)
		}
	}
}

// An instance that holds several copies counts once among the instances that an invocation is divided by.
func TestInstancesAreNotCopies(t *testing.T) {
	r := blue(serve(t, echo), serve(t, echo))
	for i := range r.Variants[0].Fleets[0].Copies {
		r.Variants[0].Fleets[0].Copies[i].Instance = "i-0"
	}
	g, url := start(t, Options{})
	g.Apply([]engine.Route{r})
	for range 10 {
		post(t, url+"/endpoints/chat/invocations", "x")
	}
	if o := g.Flush()[0]; o.Invocations != 10 || o.InvocationsPerInstance != 10 {
		t.Errorf("%v invocations, %v an instance", o.Invocations, o.InvocationsPerInstance)
	}
	if len(g.copies) != 2 || g.copies["i-1"].id != hosting.CopyID("i-1") {
		t.Errorf("%d copies", len(g.copies))
	}
}
