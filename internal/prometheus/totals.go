package prometheus

import (
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/metric"
)

// total is the cumulative value of a series since its start: a sum or a histogram.
type total struct {
	at    time.Time
	start pcommon.Timestamp // 0: unknown
	sum   float64

	// Of a histogram.
	count  float64
	bounds []float64
	counts []uint64
}

// fell reports whether a total is less than an earlier one, or not comparable with it, which indicates a restart.
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

// less returns the difference from an earlier total.
func (t total) less(last *total) total {
	t.sum -= last.sum
	t.count -= last.count
	t.counts = slices.Clone(t.counts)
	for i := range t.counts {
		t.counts[i] -= last.counts[i]
	}
	return t
}

// totals stores the last total of each series. It is lost with the process; then one datapoint of each series only serves as the reference
// for the next.
type totals struct {
	began time.Time // totals with an earlier start include values from before the server's start

	mu   sync.Mutex
	last map[totalKey]*total
}

type totalKey struct {
	scope  engine.Scope
	series string
}

// Limits of the stored totals.
const (
	totalsMax = 100_000
	totalsFor = time.Hour // after the last one of the series, if space is needed
)

func newTotals(now time.Time) *totals { return &totals{began: now, last: map[totalKey]*total{}} }

// since stores a total and returns the difference from the previous one; ok is false if it is unknown. full reports that there is
// no space to store it.
func (x *totals) since(s engine.Scope, id metric.ID, t total) (since total, ok, full bool) {
	key := totalKey{s, id.Key()}
	x.mu.Lock()
	defer x.mu.Unlock()
	last, known := x.last[key]
	if known && !t.at.After(last.at) {
		return total{}, false, false // a repetition, or out of order
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
