package history

import (
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"

	"bellows.dev/bellows/metric"
)

// decoder decodes the samples of one series after another and reuses its memory.
type decoder struct {
	it        chunkenc.Iterator
	histogram histogram.FloatHistogram
	buckets   metric.Distribution // referenced by values, as are
	dists     []dist
}

// lend is the number of values for which a decoder allocates memory at once.
const lend = 256

func (d *decoder) begin(s storage.Series) { d.it = s.Iterator(d.it) }

// next returns the next sample and its time in milliseconds; ok is false at the end or if the iterator has an error.
func (d *decoder) next() (at int64, v value, ok bool) {
	switch d.it.Next() {
	case chunkenc.ValNone:
		return 0, value{}, false
	case chunkenc.ValFloat:
		at, v.v = d.it.At()
		return at, v, true
	default:
	}
	at, h := d.it.AtFloatHistogram(&d.histogram)
	if need := len(h.PositiveBuckets) + 1; cap(d.buckets)-len(d.buckets) < need {
		d.buckets = make(metric.Distribution, 0, max(need, 8*lend))
	}
	if len(d.dists) == cap(d.dists) {
		d.dists = make([]dist, 0, lend)
	}
	from := len(d.buckets)
	d.buckets = appendBuckets(d.buckets, h)
	d.dists = append(d.dists, dist{h.Count, h.Sum, d.buckets[from:len(d.buckets):len(d.buckets)]})
	return at, value{dist: &d.dists[len(d.dists)-1]}, true
}
