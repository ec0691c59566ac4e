package metric

import (
	"slices"
	"time"
)

// Datapoint is one period's value of a statistic.
type Datapoint struct {
	Start   time.Time // of the period
	Value   float64
	Count   float64 // samples in the period
	Missing bool    // the period has no samples; Value and Count are 0
}

// Query is a request for the datapoints of a number of periods. The first begins at From, which is a whole second and need not be a
// multiple of the period: GetMetricData begins at the given start. AWS: recorded.
type Query struct {
	Statistic Statistic
	Unit      string // "": samples of every unit together, as an alarm without a unit sees them
	Period    time.Duration
	From      time.Time
	Periods   int

	// Space is memory for distributions that calls reuse; nil: each call allocates its own.
	Space *Distribution
}

// walk iterates over a series' buckets in order.
type walk struct {
	e      entry
	in     []byte // what is left of the block
	blocks []block
	recent []bucket
}

// from returns a walk over the buckets that begin at start or later; it may begin with earlier ones.
func (s *Series) from(start int64) walk {
	return walk{blocks: s.blocks[s.blockAt(start):], recent: s.recent}
}

// next advances to the next bucket, in e; false where there is none.
func (w *walk) next() bool {
	for len(w.in) == 0 {
		if len(w.blocks) == 0 {
			if len(w.recent) == 0 {
				return false
			}
			w.e = entry{bucket: w.recent[0]}
			w.recent = w.recent[1:]
			return true
		}
		w.e, w.in = entry{bucket: bucket{start: w.blocks[0].first}}, w.blocks[0].data
		w.blocks = w.blocks[1:]
	}
	w.in = w.e.next(w.in)
	return true
}

// Datapoints appends one datapoint per period to out, oldest first, those without samples marked Missing. It allocates only where out is
// too small, or where a statistic needs distributions and q.Space is nil or too small.
func (s *Series) Datapoints(q Query, out []Datapoint) []Datapoint {
	step := int64(q.Period / time.Second)
	first := q.From.Unix()
	unit, anyUnit, known := s.selects(q.Unit)
	w := s.from(first)
	more := known && w.next()
	for more && w.e.start < first {
		more = w.next()
	}
	var sum Summary
	if q.Space != nil {
		sum.Distribution = *q.Space
	}
	for n := range q.Periods {
		start := first + int64(n)*step
		sum.StatisticSet, sum.Distribution = StatisticSet{}, sum.Distribution[:0]
		for ; more && w.e.start < start+step; more = w.next() {
			if !anyUnit && w.e.unit != unit {
				continue
			}
			sum.StatisticSet.Merge(w.e.set)
			if q.Statistic.Kind >= Percentile {
				w.e.samplesInto(&sum.Distribution)
			}
		}
		out = q.add(out, start, &sum)
	}
	if q.Space != nil {
		*q.Space = sum.Distribution
	}
	return out
}

// add appends the datapoint of a period. It is built in place: the alarms of one step read millions.
func (q *Query) add(out []Datapoint, start int64, sum *Summary) []Datapoint {
	out = append(out, Datapoint{})
	p := &out[len(out)-1]
	p.Start = time.Unix(start, 0).UTC()
	v, ok := q.Statistic.Of(sum)
	if p.Missing = !ok; ok {
		p.Value, p.Count = v, sum.Count
	}
	return out
}

// Datapoints is Series.Datapoints for samples that are not in a series. They are sorted by their starts.
func (q Query) Datapoints(samples []BucketState, out []Datapoint) []Datapoint {
	step, start := int64(q.Period/time.Second), q.From.Unix()
	for len(samples) > 0 && samples[0].Start < start {
		samples = samples[1:]
	}
	var sum Summary
	if q.Space != nil {
		sum.Distribution = *q.Space
	}
	for range q.Periods {
		sum.StatisticSet, sum.Distribution = StatisticSet{}, sum.Distribution[:0]
		for ; len(samples) > 0 && samples[0].Start < start+step; samples = samples[1:] {
			if q.Unit != "" && samples[0].Unit != q.Unit {
				continue
			}
			sum.StatisticSet.Merge(samples[0].Summary.StatisticSet)
			if q.Statistic.Kind >= Percentile {
				samples[0].Summary.samplesInto(&sum.Distribution)
			}
		}
		out = q.add(out, start, &sum)
		start += step
	}
	if q.Space != nil {
		*q.Space = sum.Distribution
	}
	return out
}

// samplesInto merges the samples into a distribution as far as they are known one by one.
func (s *Summary) samplesInto(d *Distribution) {
	if len(s.Distribution) > 0 {
		d.Merge(s.Distribution)
		return
	}
	d.addEqual(&s.StatisticSet)
}

// Any reports whether there are samples in the period that begins at from.
func (s *Series) Any(from time.Time, period time.Duration) bool {
	start, end := from.Unix(), from.Add(period).Unix()
	if n := len(s.recent); n > 0 && s.recent[n-1].start <= start { // the usual question: nothing is newer
		return s.recent[n-1].start == start
	}
	for w := s.from(start); w.next(); {
		if w.e.start >= start {
			return w.e.start < end
		}
	}
	return false
}

// Units returns the units of the samples from a time until another, in the order of their first sample.
func (s *Series) Units(from, until time.Time) []string {
	var out []string
	for w := s.from(from.Unix()); w.next() && w.e.start < until.Unix(); {
		if unit := s.unitName(w.e.unit); w.e.start >= from.Unix() && !slices.Contains(out, unit) {
			out = append(out, unit)
		}
	}
	return out
}

// Range calls f with the samples of the intervals that begin from a time until before another, both in Unix seconds, in the order of
// their starts. f must not keep or change their distributions.
func (s *Series) Range(from, until int64, f func(BucketState)) {
	var space Distribution
	for w := s.from(from); w.next() && w.e.start < until; {
		if w.e.start < from {
			continue
		}
		space = space[:0]
		w.e.distributionInto(&space)
		f(BucketState{w.e.start, s.unitName(w.e.unit), w.e.fine, Summary{w.e.set, space}})
	}
}
