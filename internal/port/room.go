package port

import (
	"slices"
	"sync"
	"time"
)

// room is the connections that there are. It closes some where there are too many.
type room struct {
	max int

	mu    sync.Mutex
	conns map[*conn]struct{}
}

// enter adds a connection; ok is false where there is no room for it and none can be made.
func (r *room) enter(c *conn, now time.Time) (ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.conns) >= r.max && r.makeRoom(now) == 0 {
		return false
	}
	r.conns[c] = struct{}{}
	return true
}

func (r *room) leave(c *conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.conns, c)
}

// len returns how many connections there are.
func (r *room) len() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.conns)
}

// unverifiedFor is how long a request that is not yet verified is left alone where room is wanted.
const unverifiedFor = time.Second

// makeRoom closes a part of the connections that may be closed, and returns how many: first those that wait without ever having brought a
// verified request, then those amid a request that is not verified, then those that wait. The longest waiting go first. Of several at
// once, since each look costs time in proportion to all. The lock is held.
func (r *room) makeRoom(now time.Time) int {
	type candidate struct {
		c     *conn
		rank  int
		since int64
	}
	var all []candidate
	for c := range r.conns {
		x := candidate{c: c, since: c.since.Load()}
		switch c.phase.Load() {
		case phaseIdle:
			if c.trusted.Load() {
				x.rank = 2
			}
		case phaseReading:
			if x.rank = 1; now.UnixNano()-x.since < int64(unverifiedFor) {
				continue
			}
		default:
			continue
		}
		all = append(all, x)
	}
	slices.SortFunc(all, func(a, b candidate) int {
		if a.rank != b.rank {
			return a.rank - b.rank
		}
		return int(max(-1, min(1, a.since-b.since)))
	})
	closed := 0
	for _, x := range all {
		if closed > len(r.conns)/64 {
			break
		}
		if x.c.evict() {
			closed++
			delete(r.conns, x.c) // its goroutine leaves later
		}
	}
	return closed
}

// closeIdle closes the connections that wait for a request.
func (r *room) closeIdle() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for c := range r.conns {
		if c.phase.Load() == phaseIdle {
			c.evict()
		}
	}
}

// closeAll closes every connection, whatever it does.
func (r *room) closeAll() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for c := range r.conns {
		c.abort()
	}
}
