package queue

import (
	"context"
	"slices"
	"sync"
)

// Options are how a Queue works.
type Options[K comparable, T any] struct {
	Workers int // how many items are worked on at once; 0: 1
	Max     int // how many keys may wait; 0: no limit

	// Work works on an item. It is called on a goroutine of the queue; its context ends with Run's.
	Work func(ctx context.Context, key K, item T)
}

// Queue is a queue of items by key, and what works on them. The zero value is not ready; use New.
type Queue[K comparable, T any] struct {
	o    Options[K, T]
	wake chan struct{} // holds one signal

	mu      sync.Mutex // guards the fields below
	waiting map[K]T
	order   []K        // of waiting, oldest first
	busy    map[K]bool // being worked on
}

// New returns a queue; Run makes it work.
func New[K comparable, T any](o Options[K, T]) *Queue[K, T] {
	o.Workers = max(o.Workers, 1)
	return &Queue[K, T]{o: o, wake: make(chan struct{}, 1), waiting: map[K]T{}, busy: map[K]bool{}}
}

// Outcome is what Put did.
type Outcome int

// Outcomes of Put.
const (
	Added    Outcome = iota + 1
	Replaced         // the key was waiting; its earlier item is dropped
	Refused          // as many keys wait as may
)

// String returns the outcome's name.
func (o Outcome) String() string {
	switch o {
	case Added:
		return "added"
	case Replaced:
		return "replaced"
	case Refused:
		return "refused"
	default:
		return "invalid"
	}
}

// Put queues an item. It never blocks. A key that is being worked on waits for its turn again.
func (q *Queue[K, T]) Put(key K, item T) Outcome {
	q.mu.Lock()
	defer q.mu.Unlock()
	if _, waits := q.waiting[key]; waits {
		q.waiting[key] = item
		return Replaced
	}
	if q.o.Max > 0 && len(q.waiting) >= q.o.Max {
		return Refused
	}
	q.waiting[key] = item
	q.order = append(q.order, key)
	q.signal()
	return Added
}

// Len returns how many keys wait; those being worked on are not counted.
func (q *Queue[K, T]) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting)
}

// Run works until ctx ends, and returns when the work in progress has ended. What waits then stays in the queue.
func (q *Queue[K, T]) Run(ctx context.Context) {
	var work sync.WaitGroup
	defer work.Wait()
	for {
		for ctx.Err() == nil {
			key, item, ok := q.begin()
			if !ok {
				break
			}
			work.Go(func() {
				defer q.end(key)
				q.o.Work(ctx, key, item)
			})
		}
		select {
		case <-ctx.Done():
			return
		case <-q.wake:
		}
	}
}

// begin takes the key that waits longest among those that are not being worked on; ok is false where there is none, or no worker is free.
func (q *Queue[K, T]) begin() (key K, item T, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.busy) >= q.o.Workers {
		return key, item, false
	}
	i := slices.IndexFunc(q.order, func(k K) bool { return !q.busy[k] })
	if i < 0 {
		return key, item, false
	}
	key = q.order[i]
	item = q.waiting[key]
	q.order = slices.Delete(q.order, i, i+1)
	delete(q.waiting, key)
	q.busy[key] = true
	return key, item, true
}

func (q *Queue[K, T]) end(key K) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.busy, key)
	q.signal()
}

func (q *Queue[K, T]) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}
