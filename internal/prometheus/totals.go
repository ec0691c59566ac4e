package prometheus

import (
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/metric"
)

// total is what a series counted since its start: a sum, or a histogram.
type total struct {
	at    time.Time
	start pcommon.Timestamp // 0: not known
	sum   float64

	// Of a histogram.
	count  float64
	bounds []float64
	counts []uint64
}

// fell reports whether a total is less than an earlier one, or does not compare with it: the counting began anew.
func (t *total) fell(last *total) bool {
	if t.start != last.start || t.sum < last.sum && t.counts == nil && t.count == 0 || t.count < last.count || !slices.Equal(t.bounds, last.bounds) ||
		len(t.counts) != len(last.counts) {
		return true
	}
	for i := range t.counts {
		if t.counts[i] < last.counts[i] {
			return true
		}
	}
	return false
}

// less returns what came after an earlier total.
func (t total) less(last *total) total {
	t.sum -= last.sum
	t.count -= last.count
	t.counts = slices.Clone(t.counts)
	for i := range t.counts {
		t.counts[i] -= last.counts[i]
	}
	return t
}

// totals remembers the last total of each series. It is lost with the process; then one datapoint of each series only sets where the
// next is counted from.
type totals struct {
	began time.Time // no total of an earlier start can be told from what was counted before

	mu   sync.Mutex
	last map[totalKey]*total
}

type totalKey struct {
	scope  engine.Scope
	series string
}

// Limits of what is remembered.
const (
	totalsMax = 100_000
	totalsFor = time.Hour // after the series' last, when room is needed
)

func newTotals(now time.Time) *totals { return &totals{began: now, last: map[totalKey]*total{}} }

// since remembers a total and returns what it counts since the last one; ok is false where that is not known. full says that there is
// no room to remember it.
func (x *totals) since(s engine.Scope, id metric.ID, t total) (since total, ok, full bool) {
	key := totalKey{s, id.Key()}
	x.mu.Lock()
	defer x.mu.Unlock()
	last, known := x.last[key]
	if known && !t.at.After(last.at) {
		return total{}, false, false // sent again, or out of order
	}
	if !known && len(x.last) >= totalsMax {
		for k, old := range x.last {
			if t.at.Sub(old.at) > totalsFor {
				delete(x.last, k)
			}
		}
		if len(x.last) >= totalsMax {
			return total{}, false, true
		}
	}
	x.last[key] = &t
	switch {
	case !known:
		start := t.start.AsTime()
		return t, t.start != 0 && !start.Before(x.began) && start.Before(t.at), false
	case t.fell(last):
		return t, true, false
	default:
		return t.less(last), true, false
	}
}
