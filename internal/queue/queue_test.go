package queue_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"bellows.dev/bellows/internal/queue"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// running runs a queue until the test ends.
func running[K comparable, T any](t *testing.T, o queue.Options[K, T]) (q *queue.Queue[K, T], stop func()) {
	t.Helper()
	q = queue.New(o)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		q.Run(ctx)
	}()
	return q, func() {
		cancel()
		<-ended
	}
}

// One worker takes keys in the order in which they came, with the newest item of each.
func TestTheNewestItemOfAKeyCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var done []string
		q := queue.New(queue.Options[string, int]{Work: func(_ context.Context, key string, item int) { done = append(done, fmt.Sprint(key, item)) }})
		for _, c := range []struct {
			key  string
			item int
			want queue.Outcome
		}{{"a", 1, queue.Added}, {"b", 2, queue.Added}, {"a", 3, queue.Replaced}, {"c", 4, queue.Added}, {"a", 5, queue.Replaced}} {
			if got := q.Put(c.key, c.item); got != c.want {
				t.Errorf("%s %d is %v, want %v", c.key, c.item, got, c.want)
			}
		}
		if q.Len() != 3 {
			t.Errorf("%d keys wait", q.Len())
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go q.Run(ctx)
		synctest.Wait()
		if want := []string{"a5", "b2", "c4"}; !slices.Equal(done, want) || q.Len() != 0 {
			t.Errorf("%v was done, want %v; %d wait", done, want, q.Len())
		}
		q.Put("a", 6) // a key that was done is new again
		synctest.Wait()
		if done[len(done)-1] != "a6" {
			t.Errorf("%v was done", done)
		}
		cancel()
		synctest.Wait()
	})
}

// Several workers take several keys at once, and never two items of one key: the next waits until the first has ended.
func TestItemsOfOneKeyAreNotWorkedOnAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var log []string
		q, stop := running(t, queue.Options[string, time.Duration]{Workers: 2, Work: func(_ context.Context, key string, item time.Duration) {
			note := func(what string) {
				mu.Lock()
				defer mu.Unlock()
				log = append(log, what+key)
			}
			note("+")
			time.Sleep(item)
			note("-")
		}})
		q.Put("a", 10*time.Second)
		synctest.Wait()
		q.Put("a", time.Second)
		q.Put("b", 3*time.Second)
		q.Put("c", time.Second)
		synctest.Wait()
		if q.Len() != 2 {
			t.Errorf("%d keys wait: want a again, and c, since both workers are busy", q.Len())
		}
		time.Sleep(time.Minute) // of the bubble's clock
		stop()
		if want := []string{"+a", "+b", "-b", "+c", "-c", "-a", "+a", "-a"}; !slices.Equal(log, want) {
			t.Errorf("%v, want %v", log, want)
		}
	})
}

// A full queue refuses new keys and still takes newer items of those that wait.
func TestAFullQueueRefusesNewKeys(t *testing.T) {
	q := queue.New(queue.Options[int, int]{Max: 2, Work: func(context.Context, int, int) {}})
	for key, want := range []queue.Outcome{queue.Added, queue.Added, queue.Refused} {
		if got := q.Put(key, 0); got != want {
			t.Errorf("key %d is %v, want %v", key, got, want)
		}
	}
	if got := q.Put(0, 1); got != queue.Replaced || q.Len() != 2 {
		t.Errorf("a key that waits is %v; %d wait", got, q.Len())
	}
}

// At its end Run waits for the work in progress, whose context has ended, and begins nothing new.
func TestRunEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var begun, cancelled atomic.Int64
		q, stop := running(t, queue.Options[int, int]{Workers: 3, Work: func(ctx context.Context, _, _ int) {
			begun.Add(1)
			<-ctx.Done()
			time.Sleep(time.Second) // what has to be put in order
			cancelled.Add(1)
		}})
		for key := range 5 {
			q.Put(key, 0)
		}
		synctest.Wait()
		stop()
		if begun.Load() != 3 || cancelled.Load() != 3 || q.Len() != 2 {
			t.Errorf("%d were begun and %d ended; %d wait", begun.Load(), cancelled.Load(), q.Len())
		}
	})
}

// Many that put and several that work lose no key: the last item of each is worked on last. For the race detector.
func TestManyPutAtOnce(t *testing.T) {
	const keys, puts = 20, 500
	var mu sync.Mutex
	last := map[int]int{}
	finished := make(chan struct{})
	q, stop := running(t, queue.Options[int, int]{Workers: 4, Work: func(_ context.Context, key, item int) {
		mu.Lock()
		defer mu.Unlock()
		if item < last[key] {
			t.Errorf("key %d: %d after %d", key, item, last[key])
		}
		if last[key] = item; item == puts {
			if len(last) == keys && !slices.ContainsFunc(slices.Collect(values(last)), func(n int) bool { return n != puts }) {
				close(finished)
			}
		}
	}})
	var all sync.WaitGroup
	for key := range keys {
		all.Go(func() {
			for n := range puts {
				q.Put(key, n+1)
			}
		})
	}
	all.Wait()
	select {
	case <-finished:
	case <-time.After(20 * time.Second):
		t.Errorf("not all were done: %v", last)
	}
	stop()
}

func values(m map[int]int) func(func(int) bool) {
	return func(yield func(int) bool) {
		for _, v := range m {
			if !yield(v) {
				return
			}
		}
	}
}

// Pauses double up to the last, are never shorter than the call wants, and the error is the last call's.
func TestRetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var at []time.Duration
		final := errors.New("it is over")
		b := queue.Backoff{First: time.Second, Last: 3 * time.Second}
		err := b.Retry(t.Context(), func(n int) (bool, time.Duration, error) {
			at = append(at, time.Since(start))
			if n == 3 {
				return true, 10 * time.Second, errors.New("later")
			}
			return n < 6, 0, final
		})
		if want := []time.Duration{0, 1e9, 3e9, 13e9, 16e9, 19e9}; !slices.Equal(at, want) || !errors.Is(err, final) {
			t.Errorf("tries at %v, want %v; %v", at, want, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
		defer cancel()
		b = queue.Backoff{First: 40 * time.Second, Last: time.Hour, Spread: true}
		start, at = time.Now(), nil
		if err := b.Retry(ctx, func(int) (bool, time.Duration, error) {
			at = append(at, time.Since(start))
			return true, 0, final
		}); !errors.Is(err, context.DeadlineExceeded) || len(at) < 2 || at[1] < 20*time.Second || at[1] > 60*time.Second {
			t.Errorf("spread tries at %v, %v", at, err)
		}
	})
}
