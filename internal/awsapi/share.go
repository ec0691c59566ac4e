package awsapi

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"
)

// Share is a weighted semaphore for a resource such as memory. Its methods may be called by any number of goroutines.
type Share struct {
	total    int64
	room     *semaphore.Weighted
	waiting  atomic.Int64
	most     int64
	patience time.Duration
}

// NewShare returns a share of the given size, for which at most waiting requests wait, none longer than patience.
func NewShare(total int64, waiting int, patience time.Duration) *Share {
	return &Share{total: total, room: semaphore.NewWeighted(total), most: int64(waiting), patience: patience}
}

// Enter acquires n of the share, or all of it if n is more, and returns a function that releases it. It returns a ThrottlingException, which
// SDKs retry later, if the share is not available in time.
func (s *Share) Enter(ctx context.Context, n int64) (leave func(), err error) {
	n = min(n, s.total)
	leave = func() { s.room.Release(n) }
	if s.room.TryAcquire(n) {
		return leave, nil
	}
	defer s.waiting.Add(-1)
	if s.waiting.Add(1) > s.most {
		return func() {}, throttled()
	}
	ctx, cancel := context.WithTimeout(ctx, s.patience)
	defer cancel()
	if s.room.Acquire(ctx, n) != nil {
		return func() {}, throttled()
	}
	return leave, nil
}

func throttled() error {
	return &Error{Code: "ThrottlingException", Query: "Throttling", Status: http.StatusBadRequest, Message: "Rate exceeded", Lower: true}
}
