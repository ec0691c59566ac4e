package fleettest

import (
	"context"
	"fmt"
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

// Harness makes fleets over one set of machines, and observes these from outside. A fleet that cannot do what an optional member needs
// leaves it out; the tests of that are skipped.
type Harness struct {
	// Open returns a fleet over what earlier ones left. It reports to report and asks drain before it stops a copy.
	Open func(t *testing.T, report func(hosting.InstanceReport), drain func(context.Context, hosting.CopyID) error) fleet.Fleet

	// Running returns how many model servers run, whether or not a fleet knows of them.
	Running func() int

	// Kill ends a copy's model server from outside, as a crash does. Optional.
	Kill func(hosting.CopyID)

	// Image is a model server's. Broken is one that nothing runs; optional.
	Image, Broken string

	// Settings of the image's environment, KEY=VALUE, that make a faulty model server: one that ignores SIGTERM, that exits
	// before it listens, whose /ping always answers 503, and whose /ping does from the fourth time on. Optional.
	IgnoresTerm, ExitsAtStart, NeverHealthy, FallsIll string

	// Says is a part of the first line that the image's model server writes. Optional: without it logs are not tested.
	Says string

	// Ephemeral: copies end with the fleet that started them, and none is adopted.
	Ephemeral bool

	// Unmetered: the fleet cannot tell what instances use.
	Unmetered bool
}

// watcher is a fleet and what it has reported.
type watcher struct {
	fleet.Fleet
	t *testing.T

	mu     sync.Mutex
	last   map[hosting.CopyID]hosting.InstanceReport
	failed map[hosting.CopyID]string         // reason of the last failure
	stages map[hosting.CopyID]hosting.Stages // the newest that were reported

	starting map[hosting.CopyID]string // the last reason for not being healthy yet
	drained  []hosting.CopyID
	hold     map[hosting.CopyID]bool // invocations in flight
}

func (h Harness) open(t *testing.T) *watcher {
	t.Helper()
	w := &watcher{
		t: t, last: map[hosting.CopyID]hosting.InstanceReport{}, failed: map[hosting.CopyID]string{}, hold: map[hosting.CopyID]bool{},
		stages: map[hosting.CopyID]hosting.Stages{}, starting: map[hosting.CopyID]string{},
	}
	w.Fleet = h.Open(t, w.report, w.drain)
	return w
}

func (w *watcher) report(r hosting.InstanceReport) {
	w.mu.Lock()
	defer w.mu.Unlock()
	id := r.CopyID()
	w.last[id] = r
	if r.Stages != (hosting.Stages{}) {
		w.stages[id] = r.Stages
	}
	if r.State == hosting.FleetStarting && r.Reason != "" {
		w.starting[id] = r.Reason
	}
	if r.State == hosting.FleetFailed {
		w.failed[id] = r.Reason
	}
}

// reported returns the newest report of a copy.
func (w *watcher) reported(id hosting.CopyID) hosting.InstanceReport {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.last[id]
}

func (w *watcher) drain(ctx context.Context, id hosting.CopyID) error {
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

func (w *watcher) state(id hosting.CopyID, s hosting.FleetState) {
	w.t.Helper()
	w.until(fmt.Sprintf("%s %v", id, s), func() bool { return w.last[id].State == s })
}

func (w *watcher) failure(id hosting.CopyID, text string) {
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

// copy is a copy of the demo model, with settings of its environment.
func (h Harness) copy(id string, settings ...string) hosting.CopySpec {
	env := map[string]string{}
	for _, s := range settings {
		k, v, _ := strings.Cut(s, "=")
		env[k] = v
	}
	return hosting.CopySpec{ID: hosting.CopyID(id), Model: "m", Image: h.Image, Environment: env, StartupTimeout: time.Minute}
}

// instance is an instance with copies.
func instance(id string, copies ...hosting.CopySpec) hosting.InstanceSpec {
	return hosting.InstanceSpec{
		ID: hosting.InstanceID(id), Account: "123456789012", Region: "us-east-1", Endpoint: "e", Variant: "v", Generation: 1,
		InstanceType: "ml.m5.large", Copies: copies,
	}
}

// spec is an instance with one copy of its variant's model, with settings of its environment.
func (h Harness) spec(id string, settings ...string) hosting.InstanceSpec {
	return instance(id, h.copy(id, settings...))
}

func level(specs ...hosting.InstanceSpec) []fleet.Level {
	return []fleet.Level{{Group: "g", Instances: specs}}
}

// test is one part of the suite.
type test struct {
	name  string
	run   func(*testing.T, Harness)
	needs func(Harness) bool // nil: nothing optional
}

var suite = []test{
	{"starts and stops", startsAndStops, nil},
	{"drains before it stops", drains, nil},
	{"replaces levels", replaces, nil},
	{"runs several copies of an instance", severalCopies, nil},
	{"keeps generations apart", generations, nil},
	{"reports the stages of a start", stages, nil},
	{"repeats itself for what is gone", repeats, nil},
	{"says why an instance does not start", saysWhy, func(h Harness) bool { return h.Broken != "" && h.ExitsAtStart != "" && h.NeverHealthy != "" }},
	{"kills what ignores SIGTERM", kills, func(h Harness) bool { return h.IgnoresTerm != "" }},
	{"brings an ill instance back", revives, func(h Harness) bool { return h.FallsIll != "" }},
	{"drains an ill instance before it ends it", drainsIll, func(h Harness) bool { return h.FallsIll != "" }},
	{"brings a crashed instance back", crashes, func(h Harness) bool { return h.Kill != nil }},
	{"leaves what drains to the next server", leaves, func(h Harness) bool { return !h.Ephemeral }},
	{"adopts what an earlier server left", adopts, func(h Harness) bool { return !h.Ephemeral }},
	{"keeps logs", logs, func(h Harness) bool { return h.Says != "" }},
	{"measures what is used", uses, func(h Harness) bool { return !h.Unmetered }},
}

// Run runs the suite, but for the tests that need more than the harness has.
func Run(t *testing.T, open func(t *testing.T) Harness) {
	for _, x := range suite {
		t.Run(x.name, func(t *testing.T) {
			h := open(t)
			if x.needs != nil && !x.needs(h) {
				t.Skip("the harness does not have what it needs")
			}
			x.run(t, h)
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
	id := s.Copies[0].ID
	w.Apply(level(s))
	w.state(id, hosting.FleetReady)
	w.mu.Lock()
	w.hold[id] = true
	w.mu.Unlock()
	s.Draining = true
	w.Apply(level(s))
	w.until("asked to drain", func() bool { return slices.Contains(w.drained, id) })
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
	nothing.Copies[0].Image = h.Broken
	data := h.spec("i-5")
	data.Copies[0].ModelData = hosting.ModelData{URI: "s3://bucket/model.tar.gz", Archive: true}
	slow := h.spec("i-6", h.NeverHealthy)
	slow.Copies[0].StartupTimeout = 300 * time.Millisecond
	w.Apply(level(h.spec("i-3", h.ExitsAtStart), nothing, data, slow))
	w.failure("i-3", "It exited with code")
	w.failure("i-4", h.Broken)
	w.failure("i-5", "s3://bucket/model.tar.gz")
	w.failure("i-6", "did not become healthy within 300ms")
	w.until("i-6 says what it answers before it fails", func() bool { return strings.HasPrefix(w.starting["i-6"], "/ping") })
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
	if r := w.reported("i-9"); r.State != hosting.FleetReady {
		t.Errorf("the other group: %v", r)
	}
	w.end()
}

// severalCopies: each copy of an instance has a model server of its own, and one may go while the others stay.
func severalCopies(t *testing.T, h Harness) {
	w := h.open(t)
	one, two := h.copy("i-1.1"), h.copy("i-1.2")
	one.Component, two.Component = "a", "b"
	w.Apply(level(instance("i-1", one, two)))
	w.state("i-1.1", hosting.FleetReady)
	w.state("i-1.2", hosting.FleetReady)
	if a, b := w.reported("i-1.1"), w.reported("i-1.2"); a.ID != "i-1" || b.ID != "i-1" || a.Address == b.Address {
		t.Errorf("reported %+v and %+v", a, b)
	}
	two.Draining = true
	w.Apply(level(instance("i-1", one, two)))
	w.state("i-1.2", hosting.FleetGone)
	if n := h.Running(); n != 1 || w.reported("i-1.1").State != hosting.FleetReady {
		t.Errorf("%d run, and the other copy is %v", n, w.reported("i-1.1").State)
	}
	w.Apply(level(instance("i-1", one, h.copy("i-1.3"))))
	w.state("i-1.3", hosting.FleetReady)
	w.Apply(level())
	w.state("i-1.1", hosting.FleetGone)
	w.state("i-1.3", hosting.FleetGone)
	w.end()
}

// generations: two fleets of one variant are two groups, and the level of one does not end the other's instances.
func generations(t *testing.T, h Harness) {
	w := h.open(t)
	next := h.spec("i-2")
	next.Generation = 2
	old := fleet.Level{Group: "v/1", Instances: []hosting.InstanceSpec{h.spec("i-1")}}
	w.Apply([]fleet.Level{old, {Group: "v/2", Instances: []hosting.InstanceSpec{next}}})
	w.state("i-1", hosting.FleetReady)
	w.state("i-2", hosting.FleetReady)
	w.Apply([]fleet.Level{{Group: "v/1"}})
	w.state("i-1", hosting.FleetGone)
	if n := h.Running(); n != 1 || w.reported("i-2").State != hosting.FleetReady {
		t.Errorf("%d run, and the new generation's instance is %v", n, w.reported("i-2").State)
	}
	w.end()
}

// stages: by the time that a copy is ready, its fleet has reported when it was asked for, had room, was started and was healthy, in this order.
func stages(t *testing.T, h Harness) {
	w := h.open(t)
	w.Apply(level(h.spec("i-1")))
	w.state("i-1", hosting.FleetReady)
	w.mu.Lock()
	s := w.stages["i-1"]
	w.mu.Unlock()
	before := s.Asked
	for name, at := range map[string]time.Time{"asked for": s.Asked, "scheduled": s.Scheduled, "started": s.Started, "healthy": s.Healthy} {
		if at.IsZero() {
			t.Errorf("no report says when it was %s", name)
		}
	}
	for _, at := range []time.Time{s.Scheduled, s.Started, s.Healthy} {
		if at.Before(before) {
			t.Errorf("the stages are out of order: %+v", s)
		}
		before = at
	}
	if !s.DataReady.IsZero() {
		t.Errorf("it has no model data, and its model data was ready at %v", s.DataReady)
	}
	w.end()
}

func adopts(t *testing.T, h Harness) {
	first := h.open(t)
	first.Apply(level(h.spec("i-1"), h.spec("i-2")))
	first.state("i-1", hosting.FleetReady)
	first.state("i-2", hosting.FleetReady)
	address := first.reported("i-1").Address
	first.Close()
	if n := h.Running(); n != 2 {
		t.Fatalf("%d run after a close", n)
	}
	second := h.open(t)
	if got := second.Adopted(); !slices.Equal(got, []hosting.CopyID{"i-1", "i-2"}) {
		t.Errorf("adopted %v", got)
	}
	second.Apply(level(h.spec("i-1")))
	second.Reap()
	second.state("i-1", hosting.FleetReady)
	second.state("i-2", hosting.FleetGone)
	if got := second.reported("i-1").Address; got != address {
		t.Errorf("adopted at %s, was at %s", got, address)
	}
	second.end()
	if second.reported("i-1").State == 0 {
		t.Error("nothing was reported of i-1")
	}
}

// repeats: a level may name a draining instance that ended before the fleet was opened.
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
