package history

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/metric/expr"
)

// A search matches each metric without the engine's lock, in memory and on disk, and ends with its context.
func TestSearchesDoNotHoldTheLock(t *testing.T) {
	l := newLife(t, filepath.Join(t.TempDir(), "h"), Options{})
	defer func() { l.h.close() }()
	l.many(300)
	locked := false
	view := l.h.o.View
	l.h.o.View = func(ctx context.Context, f func(time.Time, *engine.Engine)) error {
		return view(ctx, func(now time.Time, e *engine.Engine) {
			locked = true
			defer func() { locked = false }()
			f(now, e)
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	looks, stopAt := 0, 0
	search := metric.Filter{Match: func(metric.ID) bool {
		if locked {
			t.Error("a metric is matched under the lock")
		}
		if looks++; looks == stopAt {
			cancel()
		}
		return looks%2 == 0
	}}
	for name, back := range map[string]time.Duration{"in memory": time.Minute, "on disk": 48 * time.Hour} {
		looks = 0
		var found []metric.ID
		if err := l.h.Metrics(ctx, home, func(now time.Time, src expr.Source) {
			found = src.List(search)
			for _, id := range found {
				src.Datapoints(id, metric.Query{Statistic: metric.Statistic{}, Period: time.Minute, From: now.Add(-back).Truncate(time.Minute), Periods: 1}, nil)
			}
		}); err != nil || looks < 300 || len(found) != looks/2 {
			t.Errorf("%s: %d of %d found, %v", name, len(found), looks, err)
		}
	}
	looks, stopAt = 0, 10
	if err := l.h.Metrics(ctx, home, func(_ time.Time, src expr.Source) { src.List(search) }); !errors.Is(err, context.Canceled) || looks != stopAt {
		t.Errorf("after its context had ended, it looked at %d metrics: %v", looks, err)
	}
}
