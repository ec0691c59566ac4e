package expr

import (
	"time"

	"bellows.dev/bellows/metric"
)

// Source is what an evaluation reads from; *metric.Window implements it.
type Source interface {
	// Datapoints appends a metric's datapoints to out: one per period, oldest first, those without samples marked Missing; or none at
	// all for a metric without samples. The first period begins at q.From, which need not be a multiple of the period.
	Datapoints(id metric.ID, q metric.Query, out []metric.Datapoint) []metric.Datapoint

	// Units returns the units of a metric's samples from a time until another.
	Units(id metric.ID, from, until time.Time) []string

	// List returns the metrics that match, in a slice that the caller may change.
	List(f metric.Filter) []metric.ID
}

// Options are the time range and the limits of an evaluation.
type Options struct {
	// From and Until bound the range: From is the start of the first period, whatever the period, and the last one begins before Until.
	From, Until time.Time

	// Frame, where it is set, returns instead when the first period begins and how many there are.
	Frame func(period time.Duration) (from time.Time, periods int)

	// Now is the time of the evaluation: searches find metrics that had data in the two weeks before. Zero: all.
	Now time.Time

	// Account is the account of the metrics, for searches by account.
	Account string

	// Unit chooses one of several units where a query has none. nil: samples of all units together, as for alarms.
	Unit func(units []string) string

	// Most is the most periods to read, with those without datapoints; 0: no limit. It is divided evenly among the sources, each of which is a
	// metric at a period; the first ones get the remainder. AWS: recorded from GetMetricData's MaxDatapoints.
	Most int

	// More, where it is set, is called about once a millisecond and reports whether to continue. Where it returns false, Results fails with
	// ErrStopped. It may use a clock, which this package does not.
	More func() bool

	// Limit is the most values that the evaluation computes; 0: a hundred times what GetMetricData may return. Results fails with
	// *TooMuchError beyond it.
	Limit int

	// Skip is how many periods of each source have been read before; nil: none. Newest: the newest periods are read first.
	Skip   []int
	Newest bool
}

// Origin is the metric that a time series comes from.
type Origin struct {
	Metric    metric.ID
	Statistic metric.Statistic
	Unit      string
	Period    time.Duration
	Query     int      // the query that names or finds the metric
	Units     []string // where the samples have several units and Options.Unit chose
}

// Result is a time series that a query returned; an array returns several, or none.
type Result struct {
	Query   int // its position in the list
	From    time.Time
	Period  time.Duration
	Values  []float64 // one per period, NaN where there is no datapoint
	Origin  *Origin   // the metric that the values are, or are computed from; nil where there are several
	Partial bool      // not all data was read, because of Options.Most
	Dropped bool      // values that the expression computed were infinite or not numbers, and are left out
}

// At returns the start of a value's period.
func (r *Result) At(i int) time.Time { return r.From.Add(time.Duration(i) * r.Period) }

// Scratch is memory that evaluations reuse. Its zero value is ready; results are valid until its next use.
type Scratch struct {
	evaluation evaluation
	floats     arena[float64]
	lists      arena[series]
	members    arena[member]
	points     []metric.Datapoint
	space      metric.Distribution
	sources    []source
	results    []Result
	none       [1]series // without datapoints
}

// arena allocates slices that are valid until it is reset.
type arena[T any] struct {
	buffer []T
	used   int
}

func (a *arena[T]) lend(n int) []T {
	if a.used+n > len(a.buffer) {
		a.buffer, a.used = make([]T, max(n, 2*len(a.buffer), 64)), 0 // slices in the old buffer stay valid
	}
	out := a.buffer[a.used : a.used+n : a.used+n]
	a.used += n
	return out
}
