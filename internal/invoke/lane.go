package invoke

import (
	"sync"
	"sync/atomic"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/metric"
)

// lane is what a variant keeps while its routes change: its counters, the requests that wait for its instances, and which of those
// are ejected.
type lane struct {
	key     engine.VariantKey
	counter *counter
	queue   queue

	ejected atomic.Int32 // instances that are ejected now; those who pick look here first

	mu      sync.Mutex         // guards the fields below and the ejections of members
	recent  tally              // of the interval before the last Flush
	members map[*instance]bool // the lane's instances that routes name
}

// tally counts answers, and the failures among them.
type tally struct{ answered, failed float64 }

func newLane(key engine.VariantKey) *lane {
	return &lane{key: key, counter: newCounter(), members: map[*instance]bool{}}
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

// join makes an instance one of the lane's.
func (l *lane) join(i *instance) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.members[i] = true
}

// drop forgets an instance that routes no longer name.
func (l *lane) drop(i *instance) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.members, i)
}

// workload is what a lane's instances have to do at one moment.
type workload struct {
	concurrency metric.Summary // a sample an instance
	sum         float64
	waiting     int // requests that no instance has been given yet
	instances   int // that are to be given some
}

// newWorkload begins with the requests that wait for the lane's instances: they are spread over these.
// AWS: ConcurrentRequestsPerModel counts the requests that an instance works on and those that wait for it.
func (l *lane) newWorkload() *workload {
	l.mu.Lock()
	defer l.mu.Unlock()
	return &workload{waiting: int(l.queue.waiting.Load()), instances: len(l.members)}
}

// add adds an instance with its invocations in flight, and its share of what waits.
func (x *workload) add(inFlight int64, retired bool) {
	n := int(inFlight)
	if !retired && x.instances > 0 {
		share := (x.waiting + x.instances - 1) / x.instances
		n += share
		x.waiting, x.instances = x.waiting-share, x.instances-1
	}
	x.concurrency.Add(float64(n), 1)
	x.sum += float64(n)
}
