package invoke

import (
	"sync"
	"sync/atomic"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/metric"
)

// lane is what a variant keeps while its routes change: its counters, the requests that wait for its copies, and which of those
// are ejected.
type lane struct {
	key     engine.VariantKey
	counter *counter
	queue   queue

	ejected atomic.Int32 // copies that are ejected now; checked first when a copy is picked

	mu      sync.Mutex          // guards the fields below and the ejections of members
	recent  tally               // of the interval before the last Flush
	members map[*modelCopy]bool // the lane's copies that routes name
}

// tally counts answers, and the failures among them.
type tally struct{ answered, failed float64 }

func newLane(key engine.VariantKey) *lane {
	return &lane{key: key, counter: newCounter(), members: map[*modelCopy]bool{}}
}

// flush starts a new interval.
func (l *lane) flush() engine.VariantObservation {
	o := l.counter.take()
	l.mu.Lock()
	l.recent = tally{o.Answered, o.Errors5XX}
	for i := range l.members {
		i.ejection.before, i.ejection.failed = i.ejection.failed, 0
	}
	l.mu.Unlock()
	return o
}

// join makes a copy one of the lane's.
func (l *lane) join(i *modelCopy) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.members[i] = true
}

// drop forgets a copy that routes no longer name.
func (l *lane) drop(i *modelCopy) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.members, i)
}

// workload is the invocations of a lane's copies at one moment.
type workload struct {
	concurrency metric.Summary // a sample a copy
	sum         float64
	waiting     int // requests that are not assigned to a copy yet
	copies      int // among which they are divided
}

// newWorkload begins with the requests that wait for the lane's copies: they are spread over these.
// AWS: ConcurrentRequestsPerModel counts the requests that a copy works on and those that wait for it.
func (l *lane) newWorkload() *workload {
	l.mu.Lock()
	defer l.mu.Unlock()
	return &workload{waiting: int(l.queue.waiting.Load()), copies: len(l.members)}
}

// add adds a copy with its invocations in flight, and its share of what waits.
func (x *workload) add(inFlight int64, retired bool) {
	n := int(inFlight)
	if !retired && x.copies > 0 {
		share := (x.waiting + x.copies - 1) / x.copies
		n += share
		x.waiting, x.copies = x.waiting-share, x.copies-1
	}
	x.concurrency.Add(float64(n), 1)
	x.sum += float64(n)
}
