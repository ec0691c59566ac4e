package invoke

import (
	"context"
	"net"
	"sync"
	"time"
)

const (
	// dialTimeout is for one connection. A copy is on the local network: it accepts at once unless its backlog is full.
	dialTimeout = 3 * time.Second

	// idleMax is how long a connection is kept without use. Flush checks.
	idleMax = 30 * time.Second

	// keepLeast is the shortest time for which it is of use to keep a connection.
	keepLeast = 5 * time.Millisecond

	// learntFor is how long it is remembered that a copy closes connections early.
	learntFor = 10 * time.Minute

	readBuffer = 8 << 10 // holds an answer's headers

	// deadlineSlack is the part of a time-out by which it may come late, so that a deadline serves several invocations: to set one costs
	// as much as a system call.
	deadlineSlack = 64
)

// upstream is the pool of connections to one address. The newest idle one is used first, so that few stay warm.
type upstream struct {
	address string
	prefix  []byte // of every request's head

	mu     sync.Mutex // guards the fields below
	idle   []*conn    // the longest idle first
	closed bool
	keep   time.Duration // how long a connection may have been idle to be used again
	learnt time.Time     // when keep was set to less than idleMax
}

func newUpstream(address string) *upstream {
	return &upstream{address: address, keep: idleMax, prefix: []byte("POST /invocations HTTP/1.1\r\nHost: " + address + "\r\n")}
}

// take returns an idle connection, nil where there is none that may be used again.
func (u *upstream) take(now time.Time) *conn {
	u.mu.Lock()
	n := len(u.idle)
	if n == 0 {
		u.mu.Unlock()
		return nil
	}
	c := u.idle[n-1]
	if c.idle = now.Sub(c.since); c.idle > u.keep { // and the others have been idle for longer
		old := u.idle
		u.idle = nil
		u.mu.Unlock()
		for _, c := range old {
			c.discard()
		}
		return nil
	}
	defer u.mu.Unlock()
	u.idle[n-1] = nil
	u.idle = u.idle[:n-1]
	return c
}

// connect returns a connection for an exchange that may take so long: an idle one, which its copy may have closed, or a new one.
func (u *upstream) connect(now time.Time, timeout time.Duration) (*conn, error) {
	for c := u.take(now); c != nil; c = u.take(now) {
		if c.before(now, timeout) == nil {
			return c, nil
		}
		c.discard()
	}
	// An accepted invocation is finished even while the server in front shuts down, so the request's context is of no use.
	ctx, cancel := context.WithDeadline(context.Background(), now.Add(timeout))
	defer cancel()
	d := net.Dialer{Timeout: dialTimeout}
	nc, err := d.DialContext(ctx, "tcp", u.address)
	if err != nil {
		return nil, err
	}
	c := newConn(nc, u)
	if err := c.before(now, timeout); err != nil {
		c.discard()
		return nil, err
	}
	return c, nil
}

// put gives a connection back for another invocation.
func (u *upstream) put(c *conn, now time.Time) {
	c.since, c.fresh = now, false
	u.mu.Lock()
	kept := !u.closed && u.keep >= keepLeast
	if kept {
		u.idle = append(u.idle, c)
	}
	u.mu.Unlock()
	if !kept {
		c.discard()
	}
}

// closedAfter notes that the copy closed a connection, without having announced it, while it was idle for so long or less. A request that
// such a close overtakes may be lost, so that connections are used again only within half of that time from now on: a copy that closes each
// connection after its answer gets a new one for each request, and one that closes idle connections after some seconds none that is near that
// age. It is forgotten after some minutes, since it may have been a worker of the copy that was replaced.
func (u *upstream) closedAfter(idle time.Duration) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if keep := idle / 2; keep < u.keep {
		u.keep, u.learnt = keep, time.Now()
	}
}

// close ends idle connections now, and those in use when they are given back.
func (u *upstream) close() {
	u.mu.Lock()
	idle := u.idle
	u.idle, u.closed = nil, true
	u.mu.Unlock()
	for _, c := range idle {
		c.discard()
	}
}

// prune ends connections that have been idle for too long.
func (u *upstream) prune(now time.Time) {
	u.mu.Lock()
	if u.keep < idleMax && now.Sub(u.learnt) > learntFor {
		u.keep = idleMax
	}
	n := 0
	for n < len(u.idle) && now.Sub(u.idle[n].since) > u.keep {
		n++
	}
	old := append([]*conn(nil), u.idle[:n]...)
	u.idle = append(u.idle[:0], u.idle[n:]...)
	clear(u.idle[len(u.idle):cap(u.idle)])
	u.mu.Unlock()
	for _, c := range old {
		c.discard()
	}
}
