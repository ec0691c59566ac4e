package expr

import (
	"time"

	"bellows.dev/bellows/metric"
)

// Source is what an evaluation reads. *metric.Window is one.
type Source interface {
	// Datapoints appends a metric's datapoints to out: one a period, oldest first, those without samples marked Missing; or none at
	// all for a metric without samples. The first period begins at q.From, which need not be a multiple of the period.
	Datapoints(id metric.ID, q metric.Query, out []metric.Datapoint) []metric.Datapoint

	// Units returns the units of a metric's samples from a moment on until another.
	Units(id metric.ID, from, until time.Time) []string

	// List returns the metrics that match, in a slice that is the caller's.
	List(f metric.Filter) []metric.ID
}

// Options are the time range of an evaluation, and what may go into it.
type Options struct {
	// From and Until bound the range: From is the start of the first period, whatever the period, and the last one begins before Until.
	From, Until time.Time

	// Frame, where it is set, says instead at which moment the first period begins and how many there are.
	Frame func(period time.Duration) (from time.Time, periods int)

	// Now is the moment of the evaluation: searches find metrics that had data in the two weeks before. Zero: all.
	Now time.Time

	// Account is the one that searches for an account's metrics find.
	Account string

	// Unit picks one of several units where a query names none. nil: samples of all units together, as alarms see them.
	Unit func(units []string) string

	// Most is how many periods may be read, those without datapoints included; 0: all. Each source, that is a metric at a period, gets
	// its share, the first sources what is left. AWS: recorded from GetMetricData's MaxDatapoints.
	Most int

	// More, where it is set, is asked again and again, after so much work as takes a millisecond or so, whether to go on. Where it says no,
	// Results fails with ErrStopped. It may look at a clock, which this package has none of.
	More func() bool

	// Skip is how many periods of each source have been read before; nil: none. Newest says that reading begins at the newest.
	Skip   []int
	Newest bool
}

// Origin is where a time series comes from.
type Origin struct {
	Metric    metric.ID
	Statistic metric.Statistic
	Unit      string
	Period    time.Duration
	Query     int      // the query that names or finds the metric
	Units     []string // where the samples have more than one and Options.Unit picked
}

// Result is one time series that a query gave; an array gives several, or none.
type Result struct {
	Query   int // its position in the list
	From    time.Time
	Period  time.Duration
	Values  []float64 // one a period, NaN where there is no datapoint
	Origin  *Origin   // the one metric that the values are, or are computed from; nil where there are several
	Partial bool      // not all that the values come from was read: Options.Most
	Dropped bool      // the expression computed what is no number, or an infinite one, from datapoints that there are: it is left out
}

// At returns the start of a value's period.
func (r *Result) At(i int) time.Time { return r.From.Add(time.Duration(i) * r.Period) }

// Scratch lends an evaluation its memory. Its zero value is ready; results are good until its next use.
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

// arena lends slices until it is reset.
type arena[T any] struct {
	buffer []T
	used   int
}

func (a *arena[T]) lend(n int) []T {
	if a.used+n > len(a.buffer) {
		a.buffer, a.used = make([]T, max(n, 2*len(a.buffer), 64)), 0 // what was lent stays with its borrowers
	}
	out := a.buffer[a.used : a.used+n : a.used+n]
	a.used += n
	return out
}
