package sim

import (
	"math"
	"slices"
	"time"

	"bellows.dev/bellows/engine"
)

// Queueing of requests to variants that are scaled to zero.
const (
	heldFor  = 60 // seconds
	askEvery = 10 // seconds between requests for a wake-up while requests wait
)

// zeroQueue is a gateway's state of a variant without instances.
type zeroQueue struct {
	atZero, held bool
	waiting      []float64 // requests that arrived in each of the last seconds, oldest first
	asked        time.Time // zero: no requests wait
}

// routed applies the routes of variants at zero.
func (w *World) routed(routes []engine.Route) {
	for _, r := range routes {
		for _, v := range r.Variants {
			k := engine.VariantKey{Scope: r.Key.Scope, Endpoint: r.Key.Endpoint, Variant: v.Name}
			d := w.atZero[k]
			if d == nil {
				if !v.AtZero {
					continue
				}
				d = &zeroQueue{}
				w.atZero[k] = d
			}
			d.atZero, d.held = v.AtZero, v.Held
		}
	}
}

// arrive adds the requests of this second to a variant without instances, and returns how many fail for lack of capacity.
func (d *zeroQueue) arrive(n float64) (failed float64) {
	if !d.held {
		failed = n + d.served()
		return failed
	}
	if d.waiting = append(d.waiting, n); len(d.waiting) > heldFor {
		failed, d.waiting = d.waiting[0], slices.Delete(d.waiting, 0, 1)
	}
	return failed
}

// served returns and removes the waiting requests.
func (d *zeroQueue) served() (n float64) {
	for _, x := range d.waiting {
		n += x
	}
	d.waiting, d.asked = nil, time.Time{}
	return n
}

// wakes returns the wake-up inputs of a gateway in this second.
func (w *World) wakes() []engine.Input {
	var out []engine.Input
	for _, k := range w.loads() {
		d := w.atZero[k]
		if d == nil || !d.held || w.load[k] == 0 || !d.asked.IsZero() && w.Now.Sub(d.asked) < askEvery*time.Second {
			continue
		}
		d.asked = w.Now
		waiting := 0.0
		for _, n := range d.waiting {
			waiting += n
		}
		out = append(out, engine.WakeRequested{Key: k, Waiting: max(1, int(math.Round(waiting)))})
	}
	return out
}
