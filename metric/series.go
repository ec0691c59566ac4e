package metric

import (
	"slices"
	"time"
)

// Resolutions that a datapoint may have. AWS: PutMetricData, StorageResolution.
const (
	HighResolution     = time.Second
	StandardResolution = time.Minute
)

// Datapoint is one period's value of a statistic.
type Datapoint struct {
	Start   time.Time // of the period
	Value   float64
	Count   float64 // samples in the period
	Missing bool    // the period has no samples; Value and Count are 0
}

// bucket is what a series keeps: the samples of one resolution interval in one unit.
type bucket struct {
	start int64 // Unix seconds
	unit  string
	fine  bool // the interval is a second, not a minute
	sum   Summary
}

// Series is one metric's samples in memory, in buckets of its resolution, oldest first. Its zero value is empty.
type Series struct {
	id      ID
	buckets []bucket
	last    time.Time     // of the newest sample
	keep    time.Duration // how long samples are wanted, where that is longer than the window's retention
}

// ID returns the metric's identity.
func (s *Series) ID() ID { return s.id }

// Last returns the time of the newest sample.
func (s *Series) Last() time.Time { return s.last }

// Keep asks for samples to be kept for at least so long: an alarm that looks far back needs them.
func (s *Series) Keep(d time.Duration) { s.keep = max(s.keep, d) }

// Record adds samples at a moment, in a unit ("None" if the metric has none). Late samples join the bucket they belong to.
func (s *Series) Record(at time.Time, resolution time.Duration, unit string, sum *Summary) {
	if sum.Count == 0 {
		return
	}
	if at.After(s.last) {
		s.last = at
	}
	b := s.bucket(floor(at.Unix(), int64(resolution/time.Second)), unit, resolution < StandardResolution)
	b.sum.StatisticSet.Merge(sum.StatisticSet)
	b.sum.Distribution.Merge(sum.Distribution)
}

// bucket finds or makes the bucket; nearly always it is the newest.
func (s *Series) bucket(start int64, unit string, fine bool) *bucket {
	for i := len(s.buckets) - 1; i >= 0 && s.buckets[i].start >= start; i-- {
		if b := &s.buckets[i]; b.start == start && b.unit == unit && b.fine == fine {
			return &s.buckets[i]
		}
	}
	at := len(s.buckets)
	for at > 0 && s.buckets[at-1].start > start {
		at--
	}
	s.buckets = slices.Insert(s.buckets, at, bucket{start: start, unit: unit, fine: fine})
	return &s.buckets[at]
}

// Forget drops the buckets that began before a moment.
func (s *Series) Forget(before time.Time) {
	keep := 0
	for keep < len(s.buckets) && s.buckets[keep].start < before.Unix() {
		keep++
	}
	if keep > 0 {
		s.buckets = slices.Delete(s.buckets, 0, keep)
	}
}

// RollUp joins the seconds before a moment, a multiple of a minute, into minutes.
// AWS: CloudWatch user guide, concepts: data with a period under a minute is there for three hours.
func (s *Series) RollUp(before time.Time) {
	old := 0
	for old < len(s.buckets) && s.buckets[old].start < before.Unix() {
		old++
	}
	if !slices.ContainsFunc(s.buckets[:old], func(b bucket) bool { return b.fine }) {
		return
	}
	rest := slices.Clone(s.buckets[old:])
	fine := slices.Clone(s.buckets[:old])
	s.buckets = s.buckets[:0]
	for i := range fine {
		b := s.bucket(floor(fine[i].start, 60), fine[i].unit, false)
		b.sum.Merge(fine[i].sum)
	}
	s.buckets = append(s.buckets, rest...)
}

// Query asks a series for the datapoints of n periods. The first begins at From, which is a whole second and need not be a multiple of
// the period: GetMetricData begins at the start that it is given. AWS: recorded.
type Query struct {
	Statistic Statistic
	Unit      string // "": samples of every unit together, as an alarm without a unit sees them
	Period    time.Duration
	From      time.Time
	Periods   int
}

// Datapoints appends one datapoint a period to out, oldest first, those without samples marked Missing. It allocates only
// where out is too small or a period joins several buckets with distributions.
func (s *Series) Datapoints(q Query, out []Datapoint) []Datapoint {
	step := int64(q.Period / time.Second)
	first := q.From.Unix()
	at := s.search(first)
	for n := range q.Periods {
		start := first + int64(n)*step
		for at < len(s.buckets) && s.buckets[at].start < start {
			at++
		}
		end := at
		for end < len(s.buckets) && s.buckets[end].start < start+step {
			end++
		}
		out = append(out, q.datapoint(start, s.buckets[at:end]))
		at = end
	}
	return out
}

// Any reports whether there are samples in the period that begins at a moment.
func (s *Series) Any(from time.Time, period time.Duration) bool {
	at := s.search(from.Unix())
	return at < len(s.buckets) && s.buckets[at].start < from.Add(period).Unix()
}

// search returns the position of the first bucket that begins at a moment or later.
func (s *Series) search(start int64) int {
	lo, hi := 0, len(s.buckets)
	for lo < hi {
		if mid := int(uint(lo+hi) >> 1); s.buckets[mid].start < start {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// Units returns the units of the samples from a moment on until another, in the order of their first sample.
func (s *Series) Units(from, until time.Time) []string {
	var units []string
	for _, b := range s.buckets {
		if b.start >= from.Unix() && b.start < until.Unix() && !slices.Contains(units, b.unit) {
			units = append(units, b.unit)
		}
	}
	return units
}

// Range calls f with the samples of the intervals that begin from a moment on until another, both in Unix seconds, in the order of
// their starts. f must not keep or change their distributions.
func (s *Series) Range(from, until int64, f func(BucketState)) {
	for at := s.search(from); at < len(s.buckets) && s.buckets[at].start < until; at++ {
		b := &s.buckets[at]
		f(BucketState{b.start, b.unit, b.fine, b.sum})
	}
}

func (q *Query) datapoint(start int64, buckets []bucket) Datapoint {
	p := Datapoint{Start: time.Unix(start, 0).UTC(), Missing: true}
	var sum Summary
	for i := range buckets {
		if q.Unit != "" && buckets[i].unit != q.Unit {
			continue
		}
		sum.StatisticSet.Merge(buckets[i].sum.StatisticSet)
		if q.Statistic.Kind >= Percentile {
			sum.Distribution.Merge(buckets[i].sum.Distribution)
		}
	}
	if v, ok := q.Statistic.Of(&sum); ok {
		p.Value, p.Count, p.Missing = v, sum.Count, false
	}
	return p
}

// Align returns the start of the period that a moment falls into. Periods are multiples of their length since the epoch.
func Align(at time.Time, period time.Duration) time.Time {
	return time.Unix(floor(at.Unix(), int64(period/time.Second)), 0).UTC()
}

func floor(sec, step int64) int64 {
	r := sec % step
	if r < 0 {
		r += step
	}
	return sec - r
}
