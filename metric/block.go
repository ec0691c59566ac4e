package metric

import "slices"

// span is how much time a block may cover: a block lies within one span, counted from the epoch, so that what is dropped and when does not
// depend on the order in which samples came.
const span = 15 * 60

// blockMax is the most entries of a block: it can only be read from its start.
const blockMax = 32

// roomAhead is for how many more entries a block allocates memory at a time.
const roomAhead = 3

// block holds consecutive older buckets of a series, packed: each entry is encoded relative to the one before.
type block struct {
	data        []byte
	first, last int64 // starts of the first and the last entry
	count       uint8
	fine        bool // there are entries of seconds
}

// takes reports whether a bucket can be appended to the block.
func (k *block) takes(b *bucket) bool {
	return k.count < blockMax && k.last <= b.start && floor(k.first, span) == floor(b.start, span)
}

// add packs a bucket and appends it to the block.
func (k *block) add(b *bucket) {
	if k.count == 0 {
		k.first = b.start
	}
	e := entry{bucket: bucket{start: k.first}}
	for in := k.data; len(in) > 0; {
		in = e.next(in)
	}
	size := packedLen(b, &e)
	if need := len(k.data) + size; need > cap(k.data) {
		room := need + size*min(roomAhead, int(blockMax-k.count)-1)
		k.data = append(make([]byte, 0, room), k.data...)
	}
	k.data = pack(k.data, b, &e)
	k.last, k.fine = b.start, k.fine || b.fine
	k.count++
}

// unpacked appends the block's buckets, with distributions of their own.
func (k *block) unpacked(out []bucket) []bucket {
	e := entry{bucket: bucket{start: k.first}}
	for in := k.data; len(in) > 0; {
		in = e.next(in)
		b := e.bucket
		b.dist = nil
		e.distributionInto(&b.dist)
		out = append(out, b)
	}
	return out
}

// packed returns blocks with buckets that are sorted by their start.
func packed(buckets []bucket) []block {
	var out []block
	for i := range buckets {
		if n := len(out); n == 0 || !out[n-1].takes(&buckets[i]) {
			out = append(out, block{})
		}
		out[len(out)-1].add(&buckets[i])
	}
	return out
}

// insert adds a bucket to sorted ones, after those of the same start, or finds the one that exists.
func insert(buckets []bucket, b *bucket) ([]bucket, *bucket) {
	at := len(buckets)
	for at > 0 && buckets[at-1].start > b.start {
		at--
	}
	for i := at - 1; i >= 0 && buckets[i].start == b.start; i-- {
		if x := &buckets[i]; x.unit == b.unit && x.fine == b.fine {
			return buckets, x
		}
	}
	buckets = slices.Insert(buckets, at, *b)
	return buckets, &buckets[at]
}
