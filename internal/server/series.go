package server

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/awsapi"
)

// seriesLimit refuses new metrics of an account that has reached the limit: each takes one or two kilobytes of memory for two weeks. It is outside
// the engine, so that a journal replays to the same state whatever the limit is.
type seriesLimit struct {
	most int // series of an account, in all its regions
	view func(ctx context.Context, f func(now time.Time, e *engine.Engine)) error
	step func(ctx context.Context, in engine.Input) (engine.Result, error)

	refused atomic.Uint64 // datapoints

	mu     sync.Mutex
	atMost map[string]int // by account, an upper bound of its series: those of the last count, and every datapoint since
}

// Step takes an input into the engine. It refuses a call with datapoints of new series beyond the limit as a whole, with an *awsapi.Error.
func (l *seriesLimit) Step(ctx context.Context, in engine.Input) (engine.Result, error) {
	if put, ok := in.(engine.PutMetricData); ok {
		if err := l.admit(ctx, put); err != nil {
			return nil, err
		}
	}
	return l.step(ctx, in)
}

// admit refuses datapoints of new series beyond the limit. It counts the series only where the upper bound exceeds the limit.
func (l *seriesLimit) admit(ctx context.Context, put engine.PutMetricData) error {
	if l.note(put.Scope.Account, len(put.Data)) {
		return nil
	}
	there, fresh := 0, map[string]bool{}
	if err := l.view(ctx, func(_ time.Time, e *engine.Engine) {
		for _, r := range e.Regions() {
			if r.Scope.Account == put.Scope.Account {
				there += r.Metrics.Len()
			}
		}
		own := e.Region(put.Scope)
		for i := range put.Data {
			if id := put.Data[i].ID; own == nil || own.Metrics.Find(id) == nil {
				fresh[id.Key()] = true
			}
		}
	}); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.atMost[put.Scope.Account] = there + len(fresh)
	if len(fresh) == 0 || there+len(fresh) <= l.most {
		return nil
	}
	l.atMost[put.Scope.Account] = there
	l.refused.Add(uint64(len(put.Data)))
	return &awsapi.Error{
		Code: "LimitExceededFault", Query: "LimitExceeded", Status: http.StatusBadRequest,
		Message: fmt.Sprintf("The account has %d metrics and this call would add %d; at most %d are kept (series_max in bellows.yaml). "+
			"Metrics without datapoints for two weeks go by themselves.", there, len(fresh), l.most),
	}
}

// note raises an account's upper bound by n, and reports whether it is within the limit even so.
func (l *seriesLimit) note(account string, n int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.atMost == nil {
		l.atMost = map[string]int{}
	}
	before, counted := l.atMost[account]
	l.atMost[account] = before + n
	return counted && before+n <= l.most
}
