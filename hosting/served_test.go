package hosting_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"bellows.dev/bellows/hosting"
)

// shared is an endpoint whose variant blue has a fleet of old instances in use and, in a deployment, one of new ones.
func shared(old, next int) *hosting.Endpoint {
	fleet := func(g hosting.Generation, n int) *hosting.Variant {
		v := &hosting.Variant{Config: hosting.VariantConfig{Name: "blue"}, Generation: g, Desired: n}
		for i := range n {
			id := hosting.InstanceID(fmt.Sprintf("i-%d.%d", g, i))
			v.Instances = append(v.Instances, &hosting.Instance{ID: id, State: hosting.InstanceStarting, Copies: []*hosting.Copy{{ID: hosting.CopyID(id)}}})
		}
		return v
	}
	return &hosting.Endpoint{
		Name: "e", Status: hosting.Updating, Newest: 2, Variants: []*hosting.Variant{fleet(1, old)},
		Deployment: &hosting.Deployment{Variants: []*hosting.Variant{fleet(2, next)}},
	}
}

func TestServing(t *testing.T) {
	for _, x := range []struct {
		share     float64
		old, next int // in service
		want      int
	}{
		{0, 4, 2, 4}, {0.1, 4, 2, 6}, {0.9, 4, 2, 6}, {0.5, 4, 0, 4}, {0.5, 0, 2, 2}, {1, 4, 2, 2}, {1, 4, 0, 0},
	} {
		e := shared(5, 5)
		e.Deployment.Share = x.share
		for n, v := range []*hosting.Variant{e.Variants[0], e.Deployment.Variants[0]} {
			for _, i := range v.Instances[:[]int{x.old, x.next}[n]] {
				e.Report(start, hosting.InstanceReport{ID: i.ID, State: hosting.FleetReady, Address: "192.0.2.1:1"})
			}
		}
		if got := e.Serving(e.Variants[0]); got != x.want {
			t.Errorf("of %d old and %d new instances with a share of %g %d serve, want %d", x.old, x.next, x.share, got, x.want)
		}
		r := hosting.Registry{Endpoints: map[string]*hosting.Endpoint{"e": e}}
		if _, used := r.VariantOf("e", "i-2.0"); used != (x.share > 0) {
			t.Errorf("with a share of %g the usage of a new instance counts: %v", x.share, used)
		}
		if name, used := r.VariantOf("e", "i-1.0"); name != "blue" || !used {
			t.Error("the usage of an old instance does not count")
		}
	}
	e := shared(1, 1)
	e.Deployment.Share = 0.5
	if fresh := e.Deployment.Variants[0]; len(e.Shares(fresh)) != 1 {
		t.Error("a new fleet shares with itself")
	}
}

// Whatever becomes ready, fails or gets which part of the invocations, what is remembered to have served is what did: the instances of the fleets with
// a part, at each moment.
func TestServedCountsAllFleetsThatShare(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := shared(rapid.IntRange(1, 4).Draw(t, "old"), rapid.IntRange(1, 4).Draw(t, "new"))
		old, next := e.Variants[0], e.Deployment.Variants[0]
		type moment struct {
			at time.Time
			n  int
		}
		now, past := start, []moment(nil)
		for range rapid.IntRange(1, 30).Draw(t, "steps") { // more than 32 changes are remembered in less detail
			now = now.Add(time.Duration(rapid.IntRange(1, 100).Draw(t, "seconds")) * time.Second)
			switch fleet := rapid.SampledFrom([]*hosting.Variant{old, next}).Draw(t, "fleet"); rapid.IntRange(0, 2).Draw(t, "what") {
			case 0:
				e.Deployment.Share = rapid.SampledFrom([]float64{0, 0.1, 0.5, 1}).Draw(t, "share")
			case 1:
				e.Report(now, hosting.InstanceReport{ID: rapid.SampledFrom(fleet.Instances).Draw(t, "instance").ID, State: hosting.FleetReady, Address: "192.0.2.1:1"})
			default:
				e.Report(now, hosting.InstanceReport{ID: rapid.SampledFrom(fleet.Instances).Draw(t, "instance").ID, State: hosting.FleetFailed, Reason: "It exited."})
			}
			e.NoteServed(now)
			serving := 0
			if e.Deployment.Share < 1 {
				serving += old.Current()
			}
			if e.Deployment.Share > 0 {
				serving += next.Current()
			}
			past = append(past, moment{now, serving})
		}
		if got, want := e.Serving(old), past[len(past)-1].n; got != want {
			t.Fatalf("%d serve, want %d", got, want)
		}
		changed := past[0].at
		for i, m := range past[1:] {
			if m.n != past[i].n {
				changed = m.at
			}
		}
		if !old.ServedSince().Equal(changed) {
			t.Fatalf("since %v, want %v", old.ServedSince(), changed)
		}
		from := rapid.SampledFrom(past).Draw(t, "from").at.Add(time.Duration(rapid.IntRange(0, 50).Draw(t, "later")) * time.Second)
		least := past[len(past)-1].n
		for i, m := range past {
			if until := now; m.n < least {
				if i+1 < len(past) {
					until = past[i+1].at
				}
				if until.After(from) {
					least = m.n
				}
			}
		}
		if got := e.LeastServed(old, from); got != least {
			t.Fatalf("at least %d since %v, want %d of %v", got, from, least, past)
		}
	})
}
