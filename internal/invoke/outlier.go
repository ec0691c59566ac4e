package invoke

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"bellows.dev/bellows/engine"
)

// Eject sets when a copy that fails is ejected, which means not routed to, and for how long. Zero members mean their defaults.
type Eject struct {
	After int           // failures in a row; default 5. Where other copies fail too, more are needed.
	First time.Duration // that a copy is ejected for; default 5 s. Each further time in a row doubles it.
	Most  time.Duration // the longest; default 60 s
}

func (o Eject) withDefaults() Eject {
	if o.After == 0 {
		o.After = 5
	}
	if o.First == 0 {
		o.First = 5 * time.Second
	}
	if o.Most == 0 {
		o.Most = time.Minute
	}
	return o
}

// ejectChance is how improbable a run of failures must be if the copy is no worse than the others. One in a million keeps
// copies that are equally bad, for example because some requests are at fault, from being ejected by chance.
const ejectChance = 1e-6

// ejectedShare is the largest share of a fleet's copies that may be ejected.
const ejectedShare = 2.0 / 3

// ejection is what a lane keeps of a copy's ejections.
type ejection struct {
	since  time.Time // zero: it is not ejected
	times  int       // ejections in a row
	ended  time.Time // of the last one
	reason string

	failed, before int // failures since the last Flush, and in the interval before it
}

// succeeded notes that a copy answered a request that was sent at a moment, and not with a failure. It costs one load where
// there were no failures.
func (g *Gateway) succeeded(i *modelCopy, sent time.Time) {
	if i.failures.Load() == 0 {
		return
	}
	i.failures.Store(0)
	if i.ejected.Load() == 0 {
		return
	}
	l := i.lane
	l.mu.Lock()
	defer l.mu.Unlock()
	if i.ejected.Load() != 0 && sent.After(i.ejection.since) { // what was sent before is no evidence of now
		g.readmit(i)
		g.options.Log.Info("an instance is routed to again", "endpoint", l.key.Endpoint, "variant", l.key.Variant, "instance", string(i.id))
		g.reportEjected(l)
	}
}

// failedFast notes that a copy failed a request that was sent at a moment, and ejects it where it stands out: it has failed
// often enough in a row, another of its fleet does better, and not too many are ejected. Where all of a fleet fail, all are routed to.
func (g *Gateway) failedFast(v *variant, i *modelCopy, sent time.Time, why string) {
	n := int(i.failures.Add(1))
	now := time.Now()
	l := i.lane
	l.mu.Lock()
	defer l.mu.Unlock()
	e := &i.ejection
	e.failed++
	if i.ejected.Load() != 0 {
		if sent.After(e.since) { // it was tried again
			g.eject(i, now, "a trial request failed too: "+why)
			g.reportEjected(l)
		}
		return
	}
	if n < g.options.Eject.After || !i.standsOut(n) {
		return
	}
	f := v.fleetOf(i)
	if f == nil {
		return // it has left the routes
	}
	ejected, sound := 1, 0
	for _, x := range f.copies {
		switch {
		case x == i || x.lane != l:
		case x.ejected.Load() != 0:
			ejected++
		case int(x.failures.Load()) < g.options.Eject.After:
			sound++
		}
	}
	switch {
	case sound == 0 && ejected > 1:
		for _, x := range f.copies {
			if x.lane == l {
				g.readmit(x)
			}
		}
		g.options.Log.Warn("all instances fail: all are routed to", "endpoint", l.key.Endpoint, "variant", l.key.Variant)
		g.reportEjected(l)
	case sound > 0 && float64(ejected) <= ejectedShare*float64(len(f.copies)):
		g.eject(i, now, fmt.Sprintf("%d failures in a row, the last: %s", n, why))
		g.reportEjected(l)
	}
}

// standsOut reports whether so many failures in a row are not by chance, given how often the lane's other answers failed lately.
func (m *modelCopy) standsOut(n int) bool {
	all := m.lane.counter.tally()
	all.answered += m.lane.recent.answered
	all.failed += m.lane.recent.failed
	own := float64(m.ejection.failed + m.ejection.before)
	others := all.answered - own
	if others <= 0 {
		return true
	}
	rate := min(max((all.failed-own)/others, 0), 1)
	return math.Pow(rate, float64(n)) < ejectChance
}

// eject stops routing to a copy. Its lane is locked.
func (g *Gateway) eject(i *modelCopy, now time.Time, why string) {
	e, o := &i.ejection, g.options.Eject
	if i.ejected.Load() == 0 {
		i.lane.ejected.Add(1)
		if !e.ended.IsZero() && now.Sub(e.ended) > o.Most {
			e.times = 0 // it has not failed for long enough
		}
	}
	e.times++
	pause := o.Most
	if e.times < 32 {
		pause = min(o.First<<(e.times-1), o.Most)
	}
	if pause <= 0 {
		pause = o.Most
	}
	e.since, e.reason = now, why
	i.pause.Store(int64(pause))
	i.ejected.Store(now.Add(pause).UnixNano())
	g.options.Log.Warn("an instance is not routed to for a while", "endpoint", i.lane.key.Endpoint, "variant", i.lane.key.Variant,
		"instance", string(i.id), "for", pause, "reason", why)
}

// readmit ends a copy's ejection. Its lane is locked.
func (g *Gateway) readmit(i *modelCopy) {
	if i.ejected.Swap(0) != 0 {
		i.lane.ejected.Add(-1)
		i.ejection.since, i.ejection.ended = time.Time{}, time.Now()
	}
}

// forgive ends the ejection of a copy that leaves the routes or is available at another address. Its lane is not locked.
func (g *Gateway) forgive(i *modelCopy) {
	l := i.lane
	l.mu.Lock()
	defer l.mu.Unlock()
	i.failures.Store(0)
	if i.ejected.Load() != 0 {
		g.readmit(i)
		g.reportEjected(l)
	}
	i.ejection = ejection{}
}

// sound picks a copy among those that are not ejected, and now and then an ejected one whose time is over: the request is its
// trial, and until that is decided no other request goes there. It returns nil where all are ejected.
func (f *fleet) sound(avoid *modelCopy) *modelCopy {
	now := time.Now().UnixNano()
	var best *modelCopy
	ties := 0
	for _, i := range f.copies {
		if i == avoid {
			continue
		}
		if until := i.ejected.Load(); until != 0 {
			// The interval begins again for all others: a trial without a result ends by itself.
			if now >= until && i.ejected.CompareAndSwap(until, now+i.pause.Load()) {
				return i
			}
			continue
		}
		best, ties = f.better(best, i, ties)
	}
	return best
}

// better returns which of two copies to take, by the fleet's strategy, and how many are equally good so far.
func (f *fleet) better(best, i *modelCopy, ties int) (*modelCopy, int) {
	if best == nil {
		return i, 1
	}
	if f.strategy == engine.RouteLeastOutstanding {
		switch cmp.Compare(i.inFlight.Load(), best.inFlight.Load()) {
		case -1:
			return i, 1
		case 1:
			return best, ties
		}
	}
	if ties++; chance(ties) {
		return i, ties
	}
	return best, ties
}

// reportEjected reports which of a lane's copies are ejected. The lane is locked.
func (g *Gateway) reportEjected(l *lane) {
	if g.options.Ejected != nil {
		g.options.Ejected(l.key, l.ejections())
	}
}

// ejections lists the lane's ejected copies by identifier. The lane is locked.
func (l *lane) ejections() []engine.Ejection {
	var out []engine.Ejection
	for i := range l.members {
		if i.ejected.Load() != 0 {
			out = append(out, engine.Ejection{ID: i.id, Since: i.ejection.since, Times: i.ejection.times, Reason: i.ejection.reason})
		}
	}
	slices.SortFunc(out, func(a, b engine.Ejection) int { return cmp.Compare(a.ID, b.ID) })
	return out
}
