package fleettest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/fleet"
)

// Patience is how long anything here may take.
const Patience = time.Minute

// Harness makes fleets over one set of machines, and looks at these from outside.
type Harness struct {
	// Open returns a fleet over what earlier ones left. It reports to report and asks drain before it stops an instance.
	Open func(t *testing.T, report func(hosting.InstanceReport), drain func(context.Context, hosting.InstanceID) error) fleet.Fleet

	// Running returns how many model servers run, whoever knows of them.
	Running func() int

	// Kill ends an instance's model server from outside, as a crash does.
	Kill func(hosting.InstanceID)

	// Image is a model server's; Broken is one that nothing runs.
	Image, Broken string

	// Settings of the image's environment, KEY=VALUE, that make a faulty model server: one that ignores SIGTERM, that exits
	// before it listens, whose /ping always answers 503, and whose /ping does from the fourth time on.
	IgnoresTerm, ExitsAtStart, NeverHealthy, FallsIll string
}

// watcher is a fleet and what it has reported.
type watcher struct {
	fleet.Fleet
	t *testing.T

	mu      sync.Mutex
	last    map[hosting.InstanceID]hosting.InstanceReport
	failed  map[hosting.InstanceID]string // reason of the last failure
	drained []hosting.InstanceID
	hold    map[hosting.InstanceID]bool // invocations in flight
}

func (h Harness) open(t *testing.T) *watcher {
	t.Helper()
	w := &watcher{
		t: t, last: map[hosting.InstanceID]hosting.InstanceReport{}, failed: map[hosting.InstanceID]string{}, hold: map[hosting.InstanceID]bool{},
	}
	w.Fleet = h.Open(t, w.report, w.drain)
	return w
}

func (w *watcher) report(r hosting.InstanceReport) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last[r.ID] = r
	if r.State == hosting.FleetFailed {
		w.failed[r.ID] = r.Reason
	}
}

func (w *watcher) drain(ctx context.Context, id hosting.InstanceID) error {
	w.mu.Lock()
	w.drained = append(w.drained, id)
	w.mu.Unlock()
	return poll(ctx, func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return !w.hold[id]
	})
}

func poll(ctx context.Context, is func() bool) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
	return nil
}

func (w *watcher) until(what string, is func() bool) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), Patience)
	defer cancel()
	if err := poll(ctx, func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return is()
	}); err != nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.t.Fatalf("never: %s; reports %v, failures %v", what, w.last, w.failed)
	}
}

func (w *watcher) state(id hosting.InstanceID, s hosting.FleetState) {
	w.t.Helper()
	w.until(fmt.Sprintf("%s %v", id, s), func() bool { return w.last[id].State == s })
}

func (w *watcher) failure(id hosting.InstanceID, text string) {
	w.t.Helper()
	w.until(fmt.Sprintf("%s fails with %q", id, text), func() bool { return strings.Contains(w.failed[id], text) })
}

// end stops all that the fleet runs.
func (w *watcher) end() {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	if err := w.StopAll(ctx); err != nil {
		w.t.Error(err)
	}
}

// spec is an instance of the demo model, with settings of its environment.
func (h Harness) spec(id string, settings ...string) hosting.InstanceSpec {
	env := map[string]string{}
	for _, s := range settings {
		k, v, _ := strings.Cut(s, "=")
		env[k] = v
	}
	return hosting.InstanceSpec{
		ID: hosting.InstanceID(id), Account: "123456789012", Region: "us-east-1", Endpoint: "e", Variant: "v", Model: "m", Image: h.Image,
		Environment: env, InstanceType: "ml.m5.large", StartupTimeout: time.Minute,
	}
}

func level(specs ...hosting.InstanceSpec) []fleet.Level {
	return []fleet.Level{{Group: "g", Instances: specs}}
}

// Run runs the suite.
func Run(t *testing.T, make func(t *testing.T) Harness) {
	for name, test := range map[string]func(*testing.T, Harness){
		"starts and stops": startsAndStops, "drains before it stops": drains, "kills what ignores SIGTERM": kills,
		"brings an ill instance back": revives, "drains an ill instance before it ends it": drainsIll, "brings a crashed instance back": crashes,
		"leaves what drains to the next server": leaves, "says why an instance does not start": saysWhy, "replaces levels": replaces,
		"adopts what an earlier server left": adopts, "repeats itself for what is gone": repeats, "knows what is used": uses,
	} {
		t.Run(name, func(t *testing.T) {
			h := make(t)
			test(t, h)
			if n := h.Running(); n != 0 {
				t.Errorf("%d model servers were leaked", n)
			}
		})
	}
}

func startsAndStops(t *testing.T, h Harness) {
	w := h.open(t)
	w.Apply(level(h.spec("i-1"), h.spec("i-2")))
	w.state("i-1", hosting.FleetReady)
	w.state("i-2", hosting.FleetReady)
	if n := h.Running(); n != 2 {
		t.Errorf("%d run", n)
	}
	w.end()
	w.state("i-1", hosting.FleetGone)
	w.state("i-2", hosting.FleetGone)
}

// drainBusy starts an instance that has an invocation in flight, makes it drain, and returns its spec as it drains.
func (w *watcher) drainBusy(s hosting.InstanceSpec) hosting.InstanceSpec {
	w.Apply(level(s))
	w.state(s.ID, hosting.FleetReady)
	w.mu.Lock()
	w.hold[s.ID] = true
	w.mu.Unlock()
	s.Draining = true
	w.Apply(level(s))
	w.until("asked to drain", func() bool { return slices.Contains(w.drained, s.ID) })
	return s
}

func drains(t *testing.T, h Harness) {
	w := h.open(t)
	w.drainBusy(h.spec("i-1"))
	if n := h.Running(); n != 1 {
		t.Errorf("%d run while an invocation is in flight", n)
	}
	w.mu.Lock()
	w.hold["i-1"] = false
	w.mu.Unlock()
	w.state("i-1", hosting.FleetGone)
	if n := h.Running(); n != 0 {
		t.Errorf("%d run after it is gone", n)
	}
	w.end()
}

func kills(t *testing.T, h Harness) {
	w := h.open(t)
	w.Apply(level(h.spec("i-1", h.IgnoresTerm)))
	w.state("i-1", hosting.FleetReady)
	w.Apply(level())
	w.state("i-1", hosting.FleetGone)
	w.end()
}

func revives(t *testing.T, h Harness) {
	w := h.open(t)
	w.Apply(level(h.spec("i-1", h.FallsIll)))
	w.state("i-1", hosting.FleetReady)
	w.failure("i-1", "503")
	w.until("ready again", func() bool { return w.last["i-1"].State == hosting.FleetReady && w.failed["i-1"] != "" })
	w.end()
}

// drainsIll: an unhealthy instance is reported, so that routes go elsewhere, and what it works on ends before it does.
func drainsIll(t *testing.T, h Harness) {
	w := h.open(t)
	w.hold["i-2"] = true
	w.Apply(level(h.spec("i-1"), h.spec("i-2", h.FallsIll)))
	w.state("i-1", hosting.FleetReady)
	w.failure("i-2", "503")
	w.until("asked to drain", func() bool { return slices.Contains(w.drained, "i-2") })
	if n := h.Running(); n != 2 {
		t.Errorf("%d run while an invocation is in flight", n)
	}
	w.mu.Lock()
	w.hold["i-2"] = false
	w.mu.Unlock()
	w.state("i-2", hosting.FleetReady)
	w.end()
}

func crashes(t *testing.T, h Harness) {
	w := h.open(t)
	w.Apply(level(h.spec("i-1")))
	w.state("i-1", hosting.FleetReady)
	h.Kill("i-1")
	w.failure("i-1", "signal 9")
	w.until("ready again", func() bool { return w.last["i-1"].State == hosting.FleetReady })
	if n := h.Running(); n != 1 {
		t.Errorf("%d run", n)
	}
	w.end()
}

// leaves: a fleet that closes while an instance drains neither waits for it nor stops it; the next one does.
func leaves(t *testing.T, h Harness) {
	first := h.open(t)
	s := first.drainBusy(h.spec("i-1"))
	first.Close()
	if n := h.Running(); n != 1 {
		t.Fatalf("%d run after a close", n)
	}
	second := h.open(t)
	second.Apply(level(s))
	second.state("i-1", hosting.FleetGone)
	if !slices.Contains(second.drained, "i-1") {
		t.Error("it was stopped without draining")
	}
	second.end()
}

func saysWhy(t *testing.T, h Harness) {
	w := h.open(t)
	nothing := h.spec("i-4")
	nothing.Image = h.Broken
	data := h.spec("i-5")
	data.ModelData = hosting.ModelData{URI: "s3://bucket/model.tar.gz", Archive: true}
	slow := h.spec("i-6", h.NeverHealthy)
	slow.StartupTimeout = 300 * time.Millisecond
	w.Apply(level(h.spec("i-3", h.ExitsAtStart), nothing, data, slow))
	w.failure("i-3", "It exited with code")
	w.failure("i-4", h.Broken)
	w.failure("i-5", "s3://bucket/model.tar.gz")
	w.failure("i-6", "did not become healthy within 300ms")
	w.end()
}

func replaces(t *testing.T, h Harness) {
	w := h.open(t)
	w.Apply(append(level(h.spec("i-1")), fleet.Level{Group: "other", Instances: []hosting.InstanceSpec{h.spec("i-9")}}))
	w.state("i-1", hosting.FleetReady)
	w.state("i-9", hosting.FleetReady)
	w.Apply(level(h.spec("i-2")))
	w.state("i-1", hosting.FleetGone)
	w.state("i-2", hosting.FleetReady)
	w.mu.Lock()
	if w.last["i-9"].State != hosting.FleetReady {
		t.Errorf("the other group: %v", w.last["i-9"])
	}
	w.mu.Unlock()
	w.end()
}

func adopts(t *testing.T, h Harness) {
	first := h.open(t)
	first.Apply(level(h.spec("i-1"), h.spec("i-2")))
	first.state("i-1", hosting.FleetReady)
	first.state("i-2", hosting.FleetReady)
	address := first.last["i-1"].Address
	first.Close()
	if n := h.Running(); n != 2 {
		t.Fatalf("%d run after a close", n)
	}
	second := h.open(t)
	if got := second.Adopted(); !slices.Equal(got, []hosting.InstanceID{"i-1", "i-2"}) {
		t.Errorf("adopted %v", got)
	}
	second.Apply(level(h.spec("i-1")))
	second.Reap()
	second.state("i-1", hosting.FleetReady)
	second.state("i-2", hosting.FleetGone)
	if got := second.last["i-1"].Address; got != address {
		t.Errorf("adopted at %s, was at %s", got, address)
	}
	second.end()
	if !slices.Contains(slices.Collect(maps.Keys(second.last)), "i-1") {
		t.Error("nothing was said of i-1")
	}
}

// repeats: a level may name an instance that drains and went while nobody listened.
func repeats(t *testing.T, h Harness) {
	w := h.open(t)
	s := h.spec("i-1")
	s.Draining = true
	w.Apply(level(s))
	w.state("i-1", hosting.FleetGone)
	w.end()
}

func uses(t *testing.T, h Harness) {
	w := h.open(t)
	w.Apply(level(h.spec("i-1")))
	w.state("i-1", hosting.FleetReady)
	for _, reading := range []string{"first", "second"} { // a new instance is published from its first minute on
		got := w.Usage(t.Context())
		if len(got) != 1 || got[0].ID != "i-1" || got[0].MemoryPercent <= 0 || got[0].CPUPercent < 0 || got[0].DiskPercent <= 0 {
			t.Errorf("used %+v, by the %s reading", got, reading)
		}
	}
	w.end()
}
