package sim

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/metric"
)

// World is an engine with a simulated environment.
type World struct {
	Engine *engine.Engine
	Now    time.Time

	// Startup is the time until an instance is healthy, at least a second.
	Startup time.Duration

	// Stages: the fleet reports the stages that starts reach, as those of a server do (hosting.Stages). Download is how much of Startup, from its
	// beginning, it takes to fetch model data; 0: there is none.
	Stages   bool
	Download time.Duration

	// Broken makes instances that start from now on exit before they become healthy.
	Broken bool

	// OnInput is called with each input before its step, including refused ones. It may be nil.
	OnInput func(now time.Time, in engine.Input)

	// OnEvent is called with each event, in order. NewWorld sets a no-op.
	OnEvent func(now time.Time, e engine.Event)

	load    map[engine.VariantKey]float64 // invocations per minute
	copies  map[hosting.CopyID]*copyLife
	leaving []hosting.InstanceReport // reports of copies that have ended, for the next second
	trace   uint64
	past    *metric.Window // from before the start of the engine
	atZero  map[engine.VariantKey]*zeroQueue
}

// remembered is the length of the engine's in-memory window, since there is no metric history for new alarms.
const remembered = 3 * time.Hour

// NewWorld returns a world that starts at a given time.
func NewWorld(c engine.Config, now time.Time) *World {
	c.MetricRetention = cmp.Or(c.MetricRetention, remembered)
	return &World{
		Engine: engine.New(c), Now: now, Startup: 90 * time.Second, OnEvent: func(time.Time, engine.Event) {},
		load: map[engine.VariantKey]float64{}, copies: map[hosting.CopyID]*copyLife{}, trace: fnvOffset,
		past: metric.NewWindow(pastKept), atZero: map[engine.VariantKey]*zeroQueue{},
	}
}

// SetLoad sets a variant's invocations per minute from now on.
func (w *World) SetLoad(k engine.VariantKey, perMinute float64) { w.load[k] = perMinute }

// Do steps an input at the current time.
func (w *World) Do(in engine.Input) (engine.Result, error) {
	if w.OnInput != nil {
		w.OnInput(w.Now, in)
	}
	out, err := w.Engine.Step(w.Now, in)
	if err != nil {
		return nil, err
	}
	for _, e := range out.Events {
		w.note(w.Now.String() + " " + e.String() + "\n")
		w.OnEvent(w.Now, e)
	}
	w.routed(out.Effects.Routes)
	for _, level := range out.Effects.Levels {
		for _, i := range level.Instances {
			for _, c := range i.Copies {
				w.want(i.ID, c.ID, i.Draining || c.Draining)
			}
		}
	}
	return out.Result, w.remind(out.Events)
}

// FNV-1a's constants for 64 bits. (Source: Fowler, Noll and Vo; RFC 9923.)
const (
	fnvOffset uint64 = 14695981039346656037
	fnvPrime  uint64 = 1099511628211
)

func (w *World) note(text string) {
	for i := range len(text) {
		w.trace = (w.trace ^ uint64(text[i])) * fnvPrime
	}
}

// Trace returns a hash of all events so far and their times: equal runs have equal traces.
func (w *World) Trace() uint64 { return w.trace }

func (w *World) want(instance hosting.InstanceID, id hosting.CopyID, draining bool) {
	if draining {
		if gone := hosting.NewReport(instance, id, hosting.FleetGone); !slices.Contains(w.leaving, gone) {
			w.leaving = append(w.leaving, gone)
		}
		delete(w.copies, id)
		return
	}
	if w.copies[id] == nil {
		startup := max(w.Startup, time.Second)
		w.copies[id] = w.begin(instance, startup, min(w.Download, startup))
	}
}

// Run advances time: draining instances end, started ones become healthy, load arrives. Seconds in which none of this can happen and
// the engine needs no step are skipped, as in a server.
func (w *World) Run(d time.Duration) error {
	for end := w.Now.Add(d); w.Now.Before(end); {
		w.Now = w.next(end)
		if err := w.second(); err != nil {
			return err
		}
	}
	return nil
}

// next returns the next second that needs a step, at most end.
func (w *World) next(end time.Time) time.Time {
	soon := w.Now.Add(time.Second)
	if len(w.leaving) > 0 {
		return soon
	}
	for _, load := range w.load { //tidy:unordered any will do
		if load > 0 {
			return soon
		}
	}
	at := end
	for _, c := range w.copies { //tidy:unordered the earliest
		if next := c.next(w.Now); next.After(w.Now) && next.Before(at) {
			at = next
		}
	}
	if wake := w.Engine.Wake(); !wake.IsZero() && wake.Before(at) {
		if at = wake.Truncate(time.Second); at.Before(wake) {
			at = at.Add(time.Second)
		}
	}
	if at.Before(soon) {
		return soon
	}
	return at
}

func (w *World) second() error {
	for _, r := range w.reports() {
		if _, err := w.Do(engine.Reported{Report: r}); err != nil {
			return err
		}
	}
	if _, err := w.Do(w.observed()); err != nil {
		return err
	}
	for _, in := range w.wakes() {
		if _, err := w.Do(in); err != nil {
			return err
		}
	}
	return nil
}

// Crash makes the copy on an instance in service exit; its fleet restarts it. It returns false if no instance is in service.
func (w *World) Crash(k engine.VariantKey) (bool, error) {
	v := w.variant(k)
	if v == nil {
		return false, nil
	}
	for _, i := range v.Instances {
		if i.State == hosting.InstanceInService {
			id := i.Copies[0].ID
			w.copies[id] = w.begin(i.ID, w.Startup, 0)
			_, err := w.Do(engine.Reported{Report: exited(i.ID, id)})
			return true, err
		}
	}
	return false, nil
}

// reports returns the reports of a fleet in this second.
func (w *World) reports() []hosting.InstanceReport {
	out := w.leaving
	w.leaving = nil
	for _, id := range slices.Sorted(maps.Keys(w.copies)) {
		if r, ok := w.copies[id].report(w.Now, id); ok {
			out = append(out, r)
		}
	}
	return out
}

// observed returns the measurements of a gateway in this second.
func (w *World) observed() engine.Input {
	var out engine.Observed
	for _, k := range w.loads() {
		v, n, d := w.variant(k), w.load[k]/60, w.atZero[k]
		if v == nil || n == 0 {
			continue
		}
		switch serving := w.endpoint(k).Serving(v); {
		case serving > 0:
			if d != nil {
				n += d.served()
			}
			out.Variants = append(out.Variants, engine.VariantObservation{
				Key: k, Invocations: n, InvocationsPerInstance: n / float64(serving), Answered: n,
			})
		case d != nil && d.atZero:
			if failed := d.arrive(n); failed > 0 {
				out.Variants = append(out.Variants, engine.VariantObservation{Key: k, Invocations: failed, NoCapacity: failed})
			}
		}
	}
	if len(out.Variants) == 0 {
		return engine.Tick{}
	}
	return out
}

// loads returns the variants with a load, in order.
func (w *World) loads() []engine.VariantKey {
	return slices.SortedFunc(maps.Keys(w.load), compareVariants)
}

func (w *World) variant(k engine.VariantKey) *hosting.Variant {
	if x := w.endpoint(k); x != nil {
		return x.Variant(k.Variant)
	}
	return nil
}

func (w *World) endpoint(k engine.VariantKey) *hosting.Endpoint {
	if r := w.Engine.Region(k.Scope); r != nil {
		return r.Hosting.Endpoints[k.Endpoint]
	}
	return nil
}

func compareVariants(a, b engine.VariantKey) int {
	return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Region, b.Region),
		cmp.Compare(a.Endpoint, b.Endpoint), cmp.Compare(a.Variant, b.Variant))
}
