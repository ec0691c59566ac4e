package awsapi

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"
)

// Share is a part of something, such as memory, that requests take turns at. Its methods may be called by any number of goroutines.
type Share struct {
	total    int64
	room     *semaphore.Weighted
	waiting  atomic.Int64
	most     int64
	patience time.Duration
}

// NewShare returns a share of so much, for which at most so many requests wait, and none longer than patience.
func NewShare(total int64, waiting int, patience time.Duration) *Share {
	return &Share{total: total, room: semaphore.NewWeighted(total), most: int64(waiting), patience: patience}
}

// Enter takes n of the share, all of it where n is more, and returns what gives it back. It fails with a ThrottlingException, which SDKs
// answer by sending the request again later.
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
