package sim

import (
	"math"
	"slices"
	"time"

	"bellows.dev/bellows/engine"
)

// How a gateway holds requests for variants that are scaled to zero.
const (
	heldFor  = 60 // seconds
	askEvery = 10 // seconds: how often a wake-up is asked for while requests wait
)

// zeroQueue is what a gateway knows of a variant without instances.
type zeroQueue struct {
	atZero, held bool
	waiting      []float64 // requests that came in each of the last seconds, the oldest first
	asked        time.Time // zero: nothing waits
}

// routed takes what gateways are told of variants at zero.
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

// arrive lets requests arrive in this second at a variant without instances, and returns how many fail for want of capacity.
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

// served returns the requests that waited, and lets none wait any more.
func (d *zeroQueue) served() (n float64) {
	for _, x := range d.waiting {
		n += x
	}
	d.waiting, d.asked = nil, time.Time{}
	return n
}

// wakes are what a gateway asks for in this second: first instances for requests that wait.
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
