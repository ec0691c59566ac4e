package main

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

// seriesLimit refuses metrics of an account that has as many as it may have: each takes one or two kilobytes of memory for two weeks. It
// stands in front of the engine, so that a journal is replayed alike whatever the limit is.
type seriesLimit struct {
	most int // series of an account, in all its regions
	view func(ctx context.Context, f func(now time.Time, e *engine.Engine)) error
	step func(ctx context.Context, in engine.Input) (engine.Result, error)

	refused atomic.Uint64 // datapoints

	mu     sync.Mutex
	atMost map[string]int // by account: series that were counted, and all datapoints since, which may have made more
}

// Step takes an input into the engine. Datapoints of new series are refused with an *awsapi.Error where there are too many; a call that
// holds one is refused whole.
func (l *seriesLimit) Step(ctx context.Context, in engine.Input) (engine.Result, error) {
	if put, ok := in.(engine.PutMetricData); ok {
		if err := l.admit(ctx, put); err != nil {
			return nil, err
		}
	}
	return l.step(ctx, in)
}

// admit refuses datapoints of too many new series. The engine is asked only where there may be too many.
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

// note counts datapoints as if each made a series, and reports whether there is room for them even so.
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
