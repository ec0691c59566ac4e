package awsapi

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"time"
)

// A share is given out once; who waits gets his turn, who waits too long or behind too many others is told to come again.
func TestShare(t *testing.T) {
	throttledBy := func(err error) bool {
		var e *Error
		return errors.As(err, &e) && e.Code == "ThrottlingException" && e.query() == "Throttling"
	}
	s := NewShare(10, 1, time.Minute)
	first, err := s.Enter(t.Context(), 100) // more than there is: all of it
	if err != nil {
		t.Fatal(err)
	}
	gone, cancel := context.WithCancel(t.Context())
	var waiting sync.WaitGroup
	waiting.Go(func() {
		if _, err := s.Enter(gone, 1); !throttledBy(err) {
			t.Errorf("who went away: %v", err)
		}
	})
	for s.waiting.Load() == 0 {
		runtime.Gosched()
	}
	if _, err := s.Enter(t.Context(), 1); !throttledBy(err) {
		t.Errorf("one too many waits: %v", err)
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
		t.Errorf("who waited long enough: %v", err)
	}
}
