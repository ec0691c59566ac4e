package invoke

import (
	"math/rand/v2"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
)

// fleet is one generation of a variant's copies. Several share the variant's invocations by their weights.
type fleet struct {
	generation hosting.Generation
	weight     float64
	strategy   engine.RoutingStrategy
	limit      int64 // invocations that one copy works on at a time; 0: no limit
	copies     []*modelCopy
	lane       *lane // of the variant
}

// offers reports whether the fleet has a copy other than one.
func (f *fleet) offers(avoid *modelCopy) bool {
	return len(f.copies) > 1 || len(f.copies) == 1 && f.copies[0] != avoid
}

// fleetOf returns the fleet of a copy, nil where the variant has it no more.
func (v *variant) fleetOf(i *modelCopy) *fleet {
	for n := range v.fleets {
		if v.fleets[n].generation == i.generation {
			return &v.fleets[n]
		}
	}
	return nil
}

// share picks a fleet at random by weight among those that have copies, other than avoid where there are some; nil where none has any.
func (v *variant) share(avoid *modelCopy) *fleet {
	if len(v.fleets) == 1 && v.total > 0 {
		return &v.fleets[0]
	}
	total := 0.0
	for n := range v.fleets {
		if f := &v.fleets[n]; f.offers(avoid) {
			total += f.weight
		}
	}
	if total == 0 {
		avoid, total = nil, v.total
	}
	at := rand.Float64() * total
	var last *fleet
	for n := range v.fleets {
		f := &v.fleets[n]
		if f.weight == 0 || !f.offers(avoid) {
			continue
		}
		last = f
		if at -= f.weight; at < 0 {
			return f
		}
	}
	return last // at was rounded up to the total
}

// take acquires a copy of a fleet, another than avoid where there is one; of another fleet that gets a share of the variant's invocations
// where this one has no room: the weights divide what can be served. home, where it is set, is the only copy that will do.
func (v *variant) take(f *fleet, home, avoid *modelCopy) (*modelCopy, acquisition) {
	if home != nil {
		return home, home.acquire(f.limit)
	}
	i, a := f.take(avoid)
	if a != full || len(v.fleets) == 1 {
		return i, a
	}
	from := rand.IntN(len(v.fleets))
	for n := range v.fleets {
		x := &v.fleets[(from+n)%len(v.fleets)]
		if x == f || x.weight == 0 || !x.offers(avoid) {
			continue
		}
		if i, a := x.take(avoid); a != full {
			return i, a
		}
	}
	return nil, full
}

// take acquires a copy, another than avoid where there is one: the one that the strategy picks or, where that has no room, any that has.
func (f *fleet) take(avoid *modelCopy) (*modelCopy, acquisition) {
	i := f.pick(avoid)
	a := i.acquire(f.limit)
	if a != full {
		return i, a
	}
	from := rand.IntN(len(f.copies))
	for n := range f.copies {
		x := f.copies[(from+n)%len(f.copies)]
		if x == i || x == avoid || x.ejected.Load() != 0 {
			continue
		}
		if a := x.acquire(f.limit); a != full {
			return x, a
		}
	}
	return nil, full
}

// pick chooses a copy, another than avoid where there is one. The fleet must have copies.
func (f *fleet) pick(avoid *modelCopy) *modelCopy {
	if len(f.copies) == 1 {
		return f.copies[0]
	}
	if f.lane.ejected.Load() > 0 {
		if i := f.sound(avoid); i != nil {
			return i
		}
	}
	if f.strategy == engine.RouteLeastOutstanding {
		return f.leastOutstanding(avoid)
	}
	at := rand.IntN(len(f.copies))
	if f.copies[at] == avoid {
		at = (at + 1 + rand.IntN(len(f.copies)-1)) % len(f.copies)
	}
	return f.copies[at]
}

// leastOutstanding chooses among all copies with the fewest invocations in flight, at random.
func (f *fleet) leastOutstanding(avoid *modelCopy) *modelCopy {
	var best *modelCopy
	least, ties := int64(0), 0
	for _, i := range f.copies {
		if i == avoid {
			continue
		}
		switch n := i.inFlight.Load(); {
		case best == nil || n < least:
			best, least, ties = i, n, 1
		case n == least:
			if ties++; chance(ties) {
				best = i
			}
		}
	}
	return best
}

// chance is true once in n times.
func chance(n int) bool { return rand.IntN(n) == 0 }
