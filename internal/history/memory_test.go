package history

import (
	"context"
	"errors"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
)

// A read allocates memory for existing samples, not for its whole time range, and ends with its context.
func TestReadsAllocateForExistingSamples(t *testing.T) {
	const metrics = 2000
	l := newLife(t, filepath.Join(t.TempDir(), "h"), Options{})
	defer func() { l.h.close() }()
	l.many(metrics)
	l.pass(time.Hour)
	q, err := l.h.Querier(l.now.Add(-14*24*time.Hour).UnixMilli(), l.now.UnixMilli())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = q.Close() }()
	all := labels.MustNewMatcher(labels.MatchRegexp, "__name__", ".+")

	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	found := 0
	for set := q.Select(context.Background(), true, nil, all); set.Next(); {
		found++
	}
	runtime.ReadMemStats(&after)
	if found < metrics {
		t.Fatalf("%d series", found)
	}
	if each := (after.TotalAlloc - before.TotalAlloc) / uint64(found); each > 16<<10 {
		t.Errorf("a read of one sample each took %d bytes per series", each)
	}

	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	set := q.Select(ctx, true, nil, all)
	if set.Next() || !errors.Is(set.Err(), context.Canceled) {
		t.Errorf("a read whose context had ended: %v", set.Err())
	}
}
