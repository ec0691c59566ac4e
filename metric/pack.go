package metric

import "math"

// Flags in the first byte of a block's entry. What equals the entry before is not repeated: a metric that does not change takes a byte or
// two per period.
const (
	sameStep    = 1 << iota // as far from the entry before as that is from the one before it
	sameKind                // the unit and the resolution
	sameCount               //
	sameValues              // sum (or, of equal samples, their value), minimum and maximum
	equal                   // all samples have one value
	distributed             // a distribution follows
	implied                 // the distribution is one bucket, that of the one value
)

// bucket is the samples of one resolution interval in one unit.
type bucket struct {
	start int64 // Unix seconds
	unit  uint16
	fine  bool // the interval is a second, not a minute
	set   StatisticSet
	dist  Distribution
}

// isEqual reports whether the bucket's samples are all of one value, so that sum, minimum and maximum follow from it.
func (b *bucket) isEqual() bool {
	return same(b.set.Min, b.set.Max) && same(b.set.Sum, b.set.Min*b.set.Count)
}

// isImplied reports whether the distribution follows from the statistic set.
func (b *bucket) isImplied() bool {
	return len(b.dist) == 1 && b.set.Min >= 0 && b.dist[0].Count == b.set.Count && b.dist[0].Index == BucketIndex(b.set.Min)
}

// pack appends b to a block's bytes; before is the entry before it.
func pack(out []byte, b *bucket, before *entry) []byte {
	flags := byte(0)
	set := func(bit byte, on bool) bool {
		if on {
			flags |= bit
		}
		return !on
	}
	one := b.isEqual()
	set(equal, one)
	newStep := set(sameStep, b.start-before.start == before.step)
	newKind := set(sameKind, b.unit == before.unit && b.fine == before.fine)
	newCount := set(sameCount, same(b.set.Count, before.set.Count))
	newValues := set(sameValues, same(b.set.Min, before.set.Min) && same(b.set.Max, before.set.Max) && (one || same(b.set.Sum, before.set.Sum)))
	if len(b.dist) > 0 {
		set(implied, one && b.isImplied())
		set(distributed, flags&implied == 0)
	}
	out = append(out, flags)
	if newStep {
		out = putUint(out, uint64(b.start-before.start))
	}
	if newKind {
		kind := uint64(b.unit) << 1
		if b.fine {
			kind |= 1
		}
		out = putUint(out, kind)
	}
	if newCount {
		out = putNumber(out, b.set.Count)
	}
	if newValues {
		out = putNumber(out, b.set.Min)
		if !one {
			out = putNumber(putNumber(out, b.set.Max), b.set.Sum)
		}
	}
	if flags&distributed != 0 {
		out = putDistribution(out, b.dist)
	}
	return out
}

// packedLen is an upper bound of how many bytes pack appends.
func packedLen(b *bucket, before *entry) int {
	size := 1 + uintLen(uint64(b.start-before.start)) + uintLen(uint64(b.unit)<<1) + numberLen(b.set.Count) + numberLen(b.set.Min)
	if !b.isEqual() {
		size += numberLen(b.set.Max) + numberLen(b.set.Sum)
	}
	if n := distributionLen(b.dist); n > 0 {
		size += uintLen(uint64(n)) + n
	}
	return size
}

// same compares numbers by their bits, so that -0 is kept.
func same(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) }

// entry is a bucket as it is read: its distribution, if any, is still packed.
type entry struct {
	bucket
	step    int64
	packed  []byte // the distribution
	implied bool   // the distribution follows from the statistic set
}

// next reads the entry after e from a block's bytes into e, and returns the rest.
func (e *entry) next(in []byte) []byte {
	flags := in[0]
	in = in[1:]
	var n uint64
	if flags&sameStep == 0 {
		n, in = takeUint(in)
		e.step = int64(n)
	}
	e.start += e.step
	if flags&sameKind == 0 {
		n, in = takeUint(in)
		e.unit, e.fine = uint16(n>>1), n&1 == 1
	}
	if flags&sameCount == 0 {
		e.set.Count, in = takeNumber(in)
	}
	e.set.Zero = e.set.Count == 0 // nothing empty is recorded
	if flags&sameValues == 0 {
		e.set.Min, in = takeNumber(in)
		if flags&equal == 0 {
			e.set.Max, in = takeNumber(in)
			e.set.Sum, in = takeNumber(in)
		}
	}
	if flags&equal != 0 {
		e.set.Max, e.set.Sum = e.set.Min, e.set.Min*e.set.Count
	}
	e.implied, e.packed = flags&implied != 0, nil
	if flags&distributed != 0 {
		n, in = takeUint(in)
		e.packed, in = in[:n], in[n:]
	}
	return in
}

// samplesInto merges the entry's samples into a distribution as far as they are known one by one: equal ones are even without a
// distribution.
func (e *entry) samplesInto(d *Distribution) {
	if e.implied || len(e.packed) > 0 || len(e.dist) > 0 {
		e.distributionInto(d)
		return
	}
	d.addEqual(&e.set)
}

// distributionInto merges the entry's distribution into d.
func (e *entry) distributionInto(d *Distribution) {
	switch {
	case e.implied:
		d.addBucket(Bucket{BucketIndex(e.set.Min), e.set.Count})
	case len(e.packed) > 0:
		in := e.packed
		var b Bucket
		for first := true; len(in) > 0; first = false {
			b, in = takeBucket(in, b, first)
			d.addBucket(b)
		}
	default:
		d.Merge(e.dist)
	}
}

// putDistribution writes a distribution: its length, then for each bucket the difference of its index to the one before, and its count.
func putDistribution(out []byte, d Distribution) []byte {
	out = putUint(out, uint64(distributionLen(d)))
	for i, b := range d {
		out = putNumber(putUint(out, indexStep(d, i)), b.Count)
	}
	return out
}

func distributionLen(d Distribution) int {
	size := 0
	for i, b := range d {
		size += uintLen(indexStep(d, i)) + numberLen(b.Count)
	}
	return size
}

// indexStep is a bucket's index relative to the one before: indices rise, so that 0 can stand for ZeroBucket at the front.
func indexStep(d Distribution, i int) uint64 {
	switch {
	case d[i].Index == ZeroBucket:
		return 0
	case i == 0 || d[i-1].Index == ZeroBucket:
		return zigzag(int64(d[i].Index)) + 1
	default:
		return uint64(d[i].Index - d[i-1].Index)
	}
}

func takeBucket(in []byte, before Bucket, first bool) (Bucket, []byte) {
	n, in := takeUint(in)
	b := Bucket{}
	switch {
	case n == 0:
		b.Index = ZeroBucket
	case first || before.Index == ZeroBucket:
		b.Index = int32(unzigzag(n - 1))
	default:
		b.Index = before.Index + int32(n)
	}
	b.Count, in = takeNumber(in)
	return b, in
}

// wholeMax bounds the whole numbers that are encoded as integers.
const wholeMax = 1 << 52

// putNumber writes whole numbers as variable-length integers, others as the leading bytes of their bits that are not 0.
func putNumber(out []byte, v float64) []byte {
	if n, ok := whole(v); ok {
		return putUint(out, n<<1)
	}
	bits := math.Float64bits(v)
	size := significant(bits)
	out = append(out, byte(size<<1|1))
	for i := range size {
		out = append(out, byte(bits>>(56-8*i)))
	}
	return out
}

func numberLen(v float64) int {
	if n, ok := whole(v); ok {
		return uintLen(n << 1)
	}
	return 1 + significant(math.Float64bits(v))
}

func takeNumber(in []byte) (float64, []byte) {
	if in[0]&1 == 0 {
		n, rest := takeUint(in)
		return float64(unzigzag(n >> 1)), rest
	}
	size := int(in[0] >> 1)
	var bits uint64
	for i := range size {
		bits |= uint64(in[1+i]) << (56 - 8*i)
	}
	return math.Float64frombits(bits), in[1+size:]
}

// whole returns a whole number in zigzag form. -0 is none.
func whole(v float64) (uint64, bool) {
	if !(math.Abs(v) < wholeMax) || v != math.Trunc(v) || v == 0 && math.Signbit(v) {
		return 0, false
	}
	return zigzag(int64(v)), true
}

// significant counts the leading bytes that hold all bits that are set.
func significant(bits uint64) int {
	n := 0
	for ; bits != 0; bits <<= 8 {
		n++
	}
	return n
}

func zigzag(n int64) uint64 { return uint64(n<<1) ^ uint64(n>>63) }

func unzigzag(n uint64) int64 { return int64(n>>1) ^ -int64(n&1) }

func putUint(out []byte, n uint64) []byte {
	for n >= 0x80 {
		out = append(out, byte(n)|0x80)
		n >>= 7
	}
	return append(out, byte(n))
}

func uintLen(n uint64) int {
	size := 1
	for ; n >= 0x80; n >>= 7 {
		size++
	}
	return size
}

func takeUint(in []byte) (uint64, []byte) {
	if in[0] < 0x80 {
		return uint64(in[0]), in[1:]
	}
	var n uint64
	for i, b := range in {
		n |= uint64(b&0x7f) << (7 * i)
		if b < 0x80 {
			return n, in[i+1:]
		}
	}
	panic("metric: a packed number does not end")
}
