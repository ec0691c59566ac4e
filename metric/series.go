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

// Series holds the samples of one metric in memory, in buckets of its resolution. The newest buckets can be added to cheaply; older ones
// are packed, to about three bytes for a count and twice that for a measured value. Its zero value is empty.
type Series struct {
	id      ID
	blocks  []block  // older buckets, sorted
	recent  []bucket // the newest, sorted; all begin after the blocks' last
	last    int64    // time of the newest sample in Unix nanoseconds; 0 where there is none
	keep    time.Duration
	foreign *[]string // units that CloudWatch does not have
}

// recentMax is the most buckets that stay unpacked where samples come out of order; usually there are two.
const recentMax = 4

// roomyFor bounds the memory for blocks, as a multiple of those that there are.
const roomyFor = 8

// plainMax is the most buckets of a distribution that is not packed at once.
const plainMax = 4

// ID returns the metric's identity.
func (s *Series) ID() ID { return s.id }

// Last returns the time of the newest sample; zero where there is none.
func (s *Series) Last() time.Time {
	if s.last == 0 {
		return time.Time{}
	}
	return time.Unix(0, s.last).UTC()
}

// Keep has samples kept for at least a duration: an alarm that looks back far needs them.
func (s *Series) Keep(d time.Duration) { s.keep = max(s.keep, d) }

// Record adds samples at a time, in a unit ("None" if the metric has none). resolution is HighResolution or StandardResolution. Late
// samples go into the bucket they belong to.
func (s *Series) Record(at time.Time, resolution time.Duration, unit string, sum *Summary) {
	if sum.Empty() {
		return
	}
	s.last = max(s.last, at.UnixNano())
	start, fine := floor(at.Unix(), int64(resolution/time.Second)), resolution < StandardResolution
	code := uint16(0)
	if unit != units[0] {
		code = s.unitCode(unit)
	}
	if n := len(s.recent); n > 0 {
		if b := &s.recent[n-1]; b.start == start && b.unit == code && b.fine == fine {
			b.add(sum)
			return
		}
	}
	s.add(&bucket{start: start, unit: code, fine: fine}, sum)
}

// add merges as Summary.Merge does, without copies where both have a distribution or neither has: gateways' counts come here each second.
func (b *bucket) add(sum *Summary) {
	if known := len(sum.Distribution) > 0; known == (len(b.dist) > 0) {
		b.set.merge(&sum.StatisticSet)
		if known {
			b.dist.Merge(sum.Distribution)
		}
		return
	}
	x := Summary{b.set, b.dist}
	x.Merge(*sum)
	b.set, b.dist = x.StatisticSet, x.Distribution
}

// add adds samples to the bucket with the start, unit and resolution of b, creating it where there is none.
func (s *Series) add(b *bucket, sum *Summary) {
	if s.isLate(b.start) {
		s.addLate(b, sum)
		return
	}
	if n := len(s.recent); n > 0 && b.start > s.recent[n-1].start {
		b.dist = s.seal()
	} else if n >= recentMax && b.start > s.recent[0].start {
		s.pack(s.firstGroup())
		s.add(b, sum)
		return
	}
	var x *bucket
	if s.recent, x = insert(s.recent, b); x != nil {
		x.add(sum)
	}
}

// isLate reports whether a time is within the packed blocks.
func (s *Series) isLate(start int64) bool {
	if len(s.recent) > 0 {
		return start < s.recent[0].start
	}
	n := len(s.blocks)
	return n > 0 && start <= s.blocks[n-1].last
}

// firstGroup returns how many recent buckets begin with the first.
func (s *Series) firstGroup() int {
	n := 1
	for n < len(s.recent) && s.recent[n].start == s.recent[0].start {
		n++
	}
	return n
}

// seal packs all recent buckets but those with the newest start, and also these where their distributions are large, since samples with a
// newer start are coming. It returns memory that a distribution can reuse.
func (s *Series) seal() (spare Distribution) {
	n := len(s.recent)
	for n > 0 && s.recent[n-1].start == s.recent[len(s.recent)-1].start && len(s.recent[n-1].dist) <= plainMax {
		n--
	}
	for n > 0 && n < len(s.recent) && s.recent[n-1].start == s.recent[n].start { // buckets with one start are packed together
		n++
	}
	if n > 0 {
		spare = s.recent[0].dist[:0]
	}
	s.pack(n)
	return spare
}

// pack packs the first n recent buckets.
func (s *Series) pack(n int) {
	for i := range n {
		b := &s.recent[i]
		if k := len(s.blocks); k == 0 || !s.blocks[k-1].takes(b) {
			s.blocks = append(s.blocks, block{})
		}
		s.blocks[len(s.blocks)-1].add(b)
	}
	s.recent = slices.Delete(s.recent, 0, n)
}

// addLate adds samples to packed blocks.
func (s *Series) addLate(b *bucket, sum *Summary) {
	from := s.blockAt(b.start)
	until := from
	for until < len(s.blocks) && s.blocks[until].first <= b.start {
		until++
	}
	if until == from { // between blocks
		if from > 0 && s.blocks[from-1].takes(b) {
			b.add(sum)
			s.blocks[from-1].add(b)
			return
		}
		if from < len(s.blocks) && floor(s.blocks[from].first, span) == floor(b.start, span) {
			until++
		}
	}
	var all []bucket
	for i := from; i < until; i++ {
		all = s.blocks[i].unpacked(all)
	}
	all, x := insert(all, b)
	x.add(sum)
	s.blocks = slices.Replace(s.blocks, from, until, packed(all)...)
}

// blockAt returns the index of the first block that ends at start or later.
func (s *Series) blockAt(start int64) int {
	lo, hi := 0, len(s.blocks)
	for lo < hi {
		if mid := int(uint(lo+hi) >> 1); s.blocks[mid].last < start {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// Forget drops the buckets that began before a time, rounded down to a quarter of an hour.
func (s *Series) Forget(before time.Time) {
	bound := floor(before.Unix(), span)
	if n := s.blockAt(bound); n > 0 {
		s.blocks = slices.Delete(s.blocks, 0, n)
		if cap(s.blocks) > roomyFor*len(s.blocks) { // an alarm that looked back far was deleted
			s.blocks = slices.Clip(slices.Clone(s.blocks))
		}
		if len(s.blocks) == 0 {
			s.blocks = nil
		}
	}
	n := 0
	for n < len(s.recent) && s.recent[n].start < bound {
		n++
	}
	s.recent = slices.Delete(s.recent, 0, n)
	if len(s.recent) == 0 {
		s.recent = nil
	}
}

// RollUp merges the seconds before a time into minutes, a quarter of an hour at a time, and packs them.
// AWS: CloudWatch user guide, concepts: data with a period under a minute is available for three hours.
func (s *Series) RollUp(before time.Time) {
	bound := floor(before.Unix(), span)
	n := 0
	for n < len(s.recent) && s.recent[n].start < bound {
		n++
	}
	s.pack(n)
	old := s.blockAt(bound)
	if !slices.ContainsFunc(s.blocks[:old], func(k block) bool { return k.fine }) {
		return
	}
	var fine, minutes []bucket
	for i := range old {
		fine = s.blocks[i].unpacked(fine)
	}
	for i := range fine {
		var x *bucket
		minutes, x = insert(minutes, &bucket{start: floor(fine[i].start, 60), unit: fine[i].unit})
		x.add(&Summary{fine[i].set, fine[i].dist})
	}
	s.blocks = slices.Replace(s.blocks, 0, old, packed(minutes)...)
}

// Align returns the start of the period that a time falls into. Periods begin at multiples of their length since the epoch.
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

// Fetch reads what a query reads first, so that the processor fetches it from memory for several series at once. The number that it returns
// means nothing: it keeps the reads from being left out.
func (s *Series) Fetch() int { return len(s.blocks) + len(s.recent) + int(s.last) }
