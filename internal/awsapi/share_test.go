package awsapi

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"time"
)

// A share is not exceeded; waiting requests are served in turn; those that wait too long or behind too many others are throttled.
func TestShare(t *testing.T) {
	throttledBy := func(err error) bool {
		var e *Error
		return errors.As(err, &e) && e.Code == "ThrottlingException" && e.query() == "Throttling"
	}
	s := NewShare(10, 1, time.Minute)
	first, err := s.Enter(t.Context(), 100) // more than the size: all of it
	if err != nil {
		t.Fatal(err)
	}
	gone, cancel := context.WithCancel(t.Context())
	var waiting sync.WaitGroup
	waiting.Go(func() {
		if _, err := s.Enter(gone, 1); !throttledBy(err) {
			t.Errorf("a cancelled request: %v", err)
		}
	})
	for s.waiting.Load() == 0 {
		runtime.Gosched()
	}
	if _, err := s.Enter(t.Context(), 1); !throttledBy(err) {
		t.Errorf("a request beyond the limit of waiting ones: %v", err)
	}
	cancel()
	waiting.Wait()
	waiting.Go(func() {
		leave, err := s.Enter(t.Context(), 10)
		if err != nil {
			t.Error(err)
		}
		leave()
	})
	first()
	waiting.Wait()
	impatient := NewShare(1, 1, time.Millisecond)
	if _, err := impatient.Enter(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if _, err := impatient.Enter(t.Context(), 1); !throttledBy(err) {
		t.Errorf("a request that waited its turn: %v", err)
	}
}
