package history

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"

	"bellows.dev/bellows/engine"
)

// past reads the tiers at one point in time: queriers of each tier, bounded to the tier's time range.
type past struct {
	tiers   [len(resolutions)]tierPast
	kept    map[engine.Scope]int64 // Unix seconds: samples sealed later are read from memory
	seconds int64                  // Unix seconds: from here on the finest tier has 1-second samples
}

// tierPast is one tier of a past: its querier, and the range of its intervals' starts, until exclusive.
type tierPast struct {
	storage.Querier       // nil if there is nothing to read
	from, until     int64 // Unix seconds
	tier            *tier
}

// openPast opens the tiers for a range of intervals' starts in Unix seconds; until is exclusive.
func (h *History) openPast(ctx context.Context, now time.Time, kept map[engine.Scope]int64, from, until int64) (*past, error) {
	select {
	case <-h.ready:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	p := &past{kept: kept, seconds: h.o.Retention.seconds(now.Unix())}
	h.mu.RLock()
	defer h.mu.RUnlock()
	if !h.opened {
		return nil, errClosed
	}
	upper := int64(math.MaxInt64) / 2000
	for i := range h.tiers {
		lower := int64(math.MinInt64) / 2000
		switch i {
		case 0:
			lower = p.seconds
		case 1, 2:
			if r := h.state.Rolled[i]; r > 0 {
				lower = r
			}
		}
		lo := max(lower, floor(from, resolutions[i]))
		hi := min(upper, until)
		if i > 0 {
			upper = lower
		} else {
			hi = min(upper, ceil(until, 60)) // see join
		}
		if h.tiers[i].db == nil || lo >= hi {
			continue
		}
		q, err := h.tiers[i].db.Querier(lo*1000, ceil(hi, resolutions[i])*1000-1)
		if err != nil {
			return nil, fmt.Errorf("reading the history: %w", cmp.Or(p.close(), err))
		}
		p.tiers[i] = tierPast{q, lo, hi, h.tiers[i]}
	}
	return p, nil
}

func (p *past) close() error {
	var failed error
	for _, t := range p.tiers {
		if t.Querier != nil {
			failed = cmp.Or(failed, t.Close())
		}
	}
	return failed
}

// interval is the value of a series in one interval.
type interval struct {
	start      int64 // Unix seconds
	resolution int64
	value      value
}

// series contains the intervals of one series, ordered by start, one per start.
type series struct {
	labels    labels.Labels
	kind      Kind
	intervals []interval
}

// selection describes which series and which part of them are read.
type selection struct {
	matchers    []*labels.Matcher
	from, until int64                                          // starts of intervals in Unix seconds; until is exclusive
	whole       bool                                           // minutes suffice: the finest tier is not read
	identify    func(labels.Labels) (engine.Scope, Kind, bool) // false: the series is not selected

	// space is reused memory: results are valid until the next read with it. nil: each read allocates its own.
	space *space
}

// space provides memory for reads.
type space struct {
	decoder   decoder
	decoded   []part // of the series being read
	parts     arena[part]
	intervals arena[interval]
}

// decode reads a series' parts into decoded. Memory is allocated for existing parts, not for the whole time range.
func (s *space) decode(x storage.Series) error {
	s.decoded = s.decoded[:0]
	s.decoder.begin(x)
	for at, v, ok := s.decoder.next(); ok; at, v, ok = s.decoder.next() {
		s.decoded = append(s.decoded, part{at, v})
	}
	return s.decoder.it.Err()
}

// arena provides slices until it is reset.
type arena[T any] struct{ buffer []T }

// lend returns an empty slice with capacity n.
func (a *arena[T]) lend(n int) []T {
	if cap(a.buffer)-len(a.buffer) < n {
		a.buffer = make([]T, 0, max(n, 1<<10)) // slices already provided stay valid
	}
	at := len(a.buffer)
	a.buffer = a.buffer[:at+n]
	return a.buffer[at : at : at+n]
}

// read returns the selected series, sorted by their labels.
func (p *past) read(ctx context.Context, sel selection) ([]series, error) {
	type parts struct {
		series
		meant bool
		scope engine.Scope
		raw   [len(resolutions)][]part
	}
	found := map[string]*parts{}
	if sel.space == nil {
		sel.space = &space{}
	}
	sel.space.parts.buffer, sel.space.intervals.buffer = sel.space.parts.buffer[:0], sel.space.intervals.buffer[:0]
	var key []byte
	for i := range p.tiers {
		t := &p.tiers[i]
		from, until := max(t.from, floor(sel.from, resolutions[i])), min(t.until, sel.until)
		if i == 0 {
			until = min(t.until, ceil(sel.until, 60)) // see join
		}
		if t.Querier == nil || i == 0 && sel.whole || from >= until {
			continue
		}
		// Step only indicates that chunks are read one after another.
		hints := &storage.SelectHints{Start: from * 1000, End: ceil(until, resolutions[i])*1000 - 1, Step: 1}
		set := t.Select(ctx, false, hints, sel.matchers...)
		for set.Next() {
			ls := set.At().Labels()
			key = ls.Bytes(key)
			s := found[string(key)]
			if s == nil {
				s = &parts{series: series{labels: ls.Copy()}}
				s.scope, s.kind, s.meant = sel.identify(s.labels)
				found[string(key)] = s
			}
			if !s.meant {
				continue
			}
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			if err := sel.space.decode(set.At()); err != nil {
				t.tier.suspect(err)
				return nil, fmt.Errorf("reading the history: %w", err)
			}
			raw := sel.space.parts.lend(len(s.raw[i]) + len(sel.space.decoded))
			s.raw[i] = append(append(raw, s.raw[i]...), sel.space.decoded...)
		}
		if err := set.Err(); err != nil {
			t.tier.suspect(err)
			return nil, fmt.Errorf("reading the history: %w", err)
		}
	}
	out := make([]series, 0, len(found))
	for _, s := range found {
		kept, known := p.kept[s.scope]
		if !known {
			kept = math.MaxInt64
		}
		if s.intervals = p.join(&sel, s.kind, kept, &s.raw); len(s.intervals) > 0 {
			out = append(out, s.series)
		}
	}
	slices.SortFunc(out, func(a, b series) int { return labels.Compare(a.labels, b.labels) })
	return out, nil
}

// part is a sample as stored in a tier: its time is its interval's start plus its lateness in milliseconds.
type part struct {
	at    int64 // milliseconds
	value value
}

// place splits a part's time into the start of its interval, its lateness, and the time of sealing.
func (x part) place(resolution int64) (start, late, sealed int64) {
	start = floor(floor(x.at, 1000)/1000, resolution)
	late = x.at - start*1000
	if resolution > 60 {
		return start, late, start + 60*late // 0: it was rolled up
	}
	return start, late, floor(start, 60) + 60*(late+1)
}

// join adds up the parts of each interval. 1-second samples are in two tiers: the finer one is used, for the whole of a minute, also where
// the range ends within it.
func (p *past) join(sel *selection, kind Kind, kept int64, raw *[len(resolutions)][]part) []interval {
	type minute struct{ start, late int64 }
	fine := map[minute]bool{}
	n := 0
	for _, parts := range raw {
		n += len(parts)
	}
	all := sel.space.intervals.lend(n)
	for i, parts := range raw {
		for _, x := range parts {
			start, late, sealed := x.place(resolutions[i])
			if sealed > kept {
				continue
			}
			switch {
			case i == 0:
				fine[minute{floor(start, 60), late}] = true
			case i == 1 && fine[minute{start, late}]:
				continue
			}
			if start < sel.from || start >= sel.until {
				continue
			}
			all = append(all, interval{start, resolutions[i], x.value})
		}
	}
	return joined(kind, all)
}

// joined sorts intervals and adds up those with equal starts.
func joined(kind Kind, all []interval) []interval {
	slices.SortStableFunc(all, func(a, b interval) int { return cmp.Compare(a.start, b.start) })
	out := all[:0]
	for _, x := range all {
		if n := len(out); n > 0 && out[n-1].start == x.start {
			out[n-1].value = out[n-1].value.join(kind, x.value)
			out[n-1].resolution = max(out[n-1].resolution, x.resolution)
			continue
		}
		out = append(out, x)
	}
	return out
}
