package port

import (
	"slices"
	"sync"
	"time"

	"bellows.dev/bellows/internal/socket"
)

// room is the set of open connections. It closes some if there are too many.
type room struct {
	max int

	mu    sync.Mutex
	conns map[*conn]struct{}
}

// enter adds a connection; ok is false if the limit is reached and no connection can be closed.
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

// len returns the number of connections.
func (r *room) len() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.conns)
}

// unverifiedFor is the minimum age of an unverified request before it may be closed to make room.
const unverifiedFor = time.Second

// makeRoom closes some connections and returns how many: first idle ones that never had a verified request, then those with an unverified
// request in progress, then other idle ones, each the longest waiting first. It closes several at once, since each search takes time in
// proportion to the number of connections. The lock must be held.
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
			delete(r.conns, x.c) // its goroutine removes itself later
		}
	}
	return closed
}

// quietLooks is how many times in a row closeIdle finds a connection without a request before it closes it: one may be on its way.
const quietLooks = 3

// closeIdle closes idle connections on which no request arrives. It is called again and again.
func (r *room) closeIdle() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for c := range r.conns {
		if c.phase.Load() != phaseIdle || socket.Peek(c.Conn) == socket.Data || c.reads.Load() { // in this order
			c.quiet = 0
			continue
		}
		if c.quiet++; c.quiet >= quietLooks {
			c.leave(phaseIdle)
		}
	}
}

// closeAll closes every connection.
func (r *room) closeAll() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for c := range r.conns {
		c.abort()
	}
}
