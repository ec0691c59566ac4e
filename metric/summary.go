package metric

import "math"

// StatisticSet summarises the samples of one interval. The zero value has no samples.
type StatisticSet struct {
	Count float64 // samples; may be fractional, as CloudWatch's Counts may
	Sum   float64
	Min   float64 // meaningless while the set is empty
	Max   float64

	// Zero: values were given, all with counts of 0. There is a datapoint then: Count and Sum are 0, Min and Max are the values'.
	// AWS: recorded.
	Zero bool `json:",omitzero"`
}

// Empty reports whether the set has neither samples nor values with counts of 0.
func (s *StatisticSet) Empty() bool { return s.Count == 0 && !s.Zero }

// equal reports whether all samples have one value, and the sum agrees with it to within rounding.
func (s *StatisticSet) equal() bool {
	want := s.Min * s.Count
	return s.Min == s.Max && math.Abs(s.Sum-want) <= rounding*math.Abs(want)
}

// rounding is the relative error that sums of the same numbers may have.
const rounding = 1e-9

// Add adds n samples of value v. n must not be negative; it may be a fraction, or 0: see Zero.
func (s *StatisticSet) Add(v, n float64) {
	empty := s.Empty()
	if empty || v < s.Min {
		s.Min = v
	}
	if empty || v > s.Max {
		s.Max = v
	}
	s.Count += n
	s.Sum += v * n
	s.Zero = s.Count == 0
}

// Merge adds the samples of another set.
func (s *StatisticSet) Merge(o StatisticSet) { s.merge(&o) }

func (s *StatisticSet) merge(o *StatisticSet) {
	if o.Empty() {
		return
	}
	if s.Empty() {
		*s = *o
		return
	}
	s.Min, s.Max = min(s.Min, o.Min), max(s.Max, o.Max)
	s.Count += o.Count
	s.Sum += o.Sum
	s.Zero = s.Count == 0
}

// Summary is a statistic set and, where percentiles are wanted, the distribution of its samples.
type Summary struct {
	StatisticSet
	Distribution Distribution `json:",omitempty"` // empty where the samples are not known one by one
}

// Add adds n samples of value v, to the distribution too. See StatisticSet.Add.
func (s *Summary) Add(v, n float64) {
	s.StatisticSet.Add(v, n)
	s.Distribution.Add(v, n)
}

// Merge adds the samples of another summary. Equal samples without a distribution are known one by one too, and are added to an existing
// distribution.
func (s *Summary) Merge(o Summary) {
	switch {
	case len(s.Distribution) > 0 && len(o.Distribution) == 0:
		s.Distribution.addEqual(&o.StatisticSet)
	case len(s.Distribution) == 0 && len(o.Distribution) > 0:
		s.Distribution.addEqual(&s.StatisticSet)
	}
	s.StatisticSet.Merge(o.StatisticSet)
	s.Distribution.Merge(o.Distribution)
}

// Summary returns the summary of samples of which only the statistic set is known. Its distribution has them where all have one value, also
// when they are merged with others. AWS: recorded.
func (s StatisticSet) Summary() Summary {
	out := Summary{StatisticSet: s}
	out.Distribution.addEqual(&s)
	return out
}

// addEqual counts the samples of a set whose samples are equal.
func (d *Distribution) addEqual(s *StatisticSet) {
	if s.Count > 0 && s.equal() {
		d.Add(s.Min, s.Count)
	}
}

// known reports whether percentiles and percentages are known: every sample is in the distribution, and there is at least one.
// AWS: recorded: a period with fewer samples than one, or with sets of unequal ones beside others, has p0 and p100 only.
func (s *Summary) known() bool {
	total := 0.0
	for _, b := range s.Distribution {
		total += b.Count
	}
	return s.Min >= 0 && s.Count >= 1-rounding && math.Abs(total-s.Count) <= rounding*s.Count
}
