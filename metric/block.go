package metric

import "slices"

// span is what a block may cover: blocks begin and end within one, counted from the epoch, so that what is forgotten and when does not
// depend on how samples came to be in which block.
const span = 15 * 60

// blockMax is how many entries a block may have: a reader goes through it from its start.
const blockMax = 32

// roomAhead is for how many entries more a block takes memory when it needs some.
const roomAhead = 3

// block is a stretch of a series' older buckets, packed: the first entry's start is known, each other entry is said by the one before.
type block struct {
	data        []byte
	first, last int64 // starts of the first and the last entry
	count       uint8
	fine        bool // there are entries of seconds
}

// takes reports whether a bucket may join the block at its end.
func (k *block) takes(b *bucket) bool {
	return k.count < blockMax && k.last <= b.start && floor(k.first, span) == floor(b.start, span)
}

// add packs a bucket behind the block's last entry.
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

// packed makes blocks of buckets that are sorted by their start.
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

// insert puts a bucket among sorted ones, behind those of its start, or finds the one that is there already.
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
