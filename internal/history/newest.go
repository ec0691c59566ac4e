package history

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/tsdb/index"
)

// newest returns the time of the newest sample in seconds; ok is false if there is none. Unlike bounds it reads blocks, whose bounds
// may be wider than their samples.
func (t *tier) newest() (seconds int64, ok bool, err error) {
	if t.db == nil {
		return 0, false, nil
	}
	last := int64(math.MinInt64)
	if head := t.db.Head(); head.NumSeries() > 0 {
		for _, span := range [][2]int64{{head.MinTime(), head.MaxTime()}, {head.MinOOOTime(), head.MaxOOOTime()}} {
			if span[0] <= span[1] {
				last = max(last, span[1])
			}
		}
	}
	for _, b := range t.db.Blocks() {
		if b.MaxTime() <= last {
			continue
		}
		newest, err := newestOf(b)
		if err != nil {
			return 0, false, fmt.Errorf("finding the newest sample of %d s: %w", t.resolution, err)
		}
		last = max(last, newest)
	}
	return floor(last, 1000) / 1000, last != math.MinInt64, nil
}

// newestOf returns the time of a block's newest sample in milliseconds.
func newestOf(b *tsdb.Block) (newest int64, err error) {
	newest = math.MinInt64
	ir, err := b.Index()
	if err != nil {
		return newest, err
	}
	defer func() { err = errors.Join(err, ir.Close()) }()
	name, value := index.AllPostingsKey()
	all, err := ir.Postings(context.Background(), name, value)
	if err != nil {
		return newest, err
	}
	var builder labels.ScratchBuilder
	var of []chunks.Meta
	for all.Next() {
		if err := ir.Series(all.At(), &builder, &of); err != nil {
			return newest, err
		}
		for _, c := range of {
			newest = max(newest, c.MaxTime)
		}
	}
	return newest, all.Err()
}
