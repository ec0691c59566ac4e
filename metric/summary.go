package metric

// StatisticSet summarises the samples of one interval. The zero value has no samples.
type StatisticSet struct {
	Count float64 // samples; may be fractional, as CloudWatch's Counts
	Sum   float64
	Min   float64 // meaningless while Count is 0
	Max   float64
}

// Add puts n samples of value v into the set.
func (s *StatisticSet) Add(v, n float64) {
	if s.Count == 0 || v < s.Min {
		s.Min = v
	}
	if s.Count == 0 || v > s.Max {
		s.Max = v
	}
	s.Count += n
	s.Sum += v * n
}

// Merge adds the samples of another set.
func (s *StatisticSet) Merge(o StatisticSet) {
	if o.Count == 0 {
		return
	}
	if s.Count == 0 {
		*s = o
		return
	}
	s.Min, s.Max = min(s.Min, o.Min), max(s.Max, o.Max)
	s.Count += o.Count
	s.Sum += o.Sum
}

// Summary is a statistic set and, where percentiles are wanted, the distribution of its samples.
type Summary struct {
	StatisticSet
	Distribution Distribution `json:",omitempty"` // empty where the samples are not known one by one
}

// Add puts n samples of value v into the summary and its distribution.
func (s *Summary) Add(v, n float64) {
	s.StatisticSet.Add(v, n)
	s.Distribution.Add(v, n)
}

// Merge adds the samples of another summary.
func (s *Summary) Merge(o Summary) {
	s.StatisticSet.Merge(o.StatisticSet)
	s.Distribution.Merge(o.Distribution)
}
