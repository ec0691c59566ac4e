package control

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/scaling"
	"bellows.dev/bellows/scaling/policy"
	"bellows.dev/bellows/scaling/policy/example"
)

// The windows of a policy that reads metrics itself are restored with its decisions: from the archive, which has their readings and no metrics, from
// the journal, and from a snapshot by the next server.
func TestWindowsAreRestored(t *testing.T) {
	w := newWeeksOf(t, t.TempDir(), 9, append(policy.Types(), example.Type{}))
	w.steady, w.load = true, 12
	w.pass(5*time.Minute, time.Hour)
	one, nine := 1, 9
	w.must(engine.RegisterScalableTarget{Scope: scope, Registration: scaling.Registration{Key: key, Min: &one, Max: &nine}})
	w.must(engine.PutScalingPolicy{Scope: scope, Input: scaling.PolicyInput{
		Key: key, Name: "queue", Type: example.Type{}, Configs: []scaling.Config{&example.Rule{Each: 5}},
	}})
	type moment struct {
		at         time.Time
		considered string // every number of what the policies propose
		length     string
	}
	considered := func(e *engine.Engine, at time.Time) string {
		t.Helper()
		d, _, ok := e.Region(scope).Consider(at, key)
		text, err := json.Marshal(d)
		if !ok || err != nil {
			t.Fatal(ok, err)
		}
		return string(text)
	}
	var moments []moment
	for _, x := range []struct {
		load   float64
		length string
	}{{12, `"Value":12`}, {31, `"Value":31`}, {3, `"Value":3}`}} {
		w.load = x.load
		w.pass(10*time.Minute, 2*time.Minute)
		moments = append(moments, moment{w.world.Now, considered(w.world.Engine, w.world.Now), x.length})
	}
	check := func(when string) {
		t.Helper()
		for _, m := range moments {
			p, err := PastAt(t.Context(), w.store, w.types, m.at)
			if err != nil || !p.Differs.IsZero() {
				t.Fatalf("%s: %v, differs at %v", when, err, p.Differs)
			}
			if diff := cmp.Diff(m.considered, considered(p.Engine, m.at)); diff != "" || !strings.Contains(m.considered, m.length) {
				t.Errorf("%s, at %s (-live +restored):\n%s\nwant %s in it", when, m.at, diff, m.length)
			}
		}
	}
	w.pass(time.Hour, 5*time.Minute) // beyond what the engine keeps of the metric
	check("from the archive")
	w.kill() // the next server fails the test where it decides otherwise
	if got, want := considered(w.server.engine, w.world.Now), considered(w.world.Engine, w.world.Now); got != want {
		t.Errorf("the next server considers\n%s\nwant\n%s", got, want)
	}
	w.load = 22
	for range 3 {
		w.minute()
	}
	w.commit()
	moments = []moment{{w.world.Now, considered(w.world.Engine, w.world.Now), `"Value":22`}}
	check("from the journal, which alone has it")
	if err := w.store.Close(); err != nil {
		t.Error(err)
	}
}
