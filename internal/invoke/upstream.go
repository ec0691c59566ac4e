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
}

func newUpstream(address string) *upstream {
	return &upstream{address: address, prefix: []byte("POST /invocations HTTP/1.1\r\nHost: " + address + "\r\n")}
}

// take returns an idle connection, nil where there is none.
func (u *upstream) take() *conn {
	u.mu.Lock()
	defer u.mu.Unlock()
	n := len(u.idle)
	if n == 0 {
		return nil
	}
	c := u.idle[n-1]
	u.idle[n-1] = nil
	u.idle = u.idle[:n-1]
	return c
}

// connect returns a connection for an exchange that may take so long: an idle one, which its copy may have closed, or a new one.
func (u *upstream) connect(now time.Time, timeout time.Duration) (*conn, error) {
	for c := u.take(); c != nil; c = u.take() {
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
	kept := !u.closed
	if kept {
		u.idle = append(u.idle, c)
	}
	u.mu.Unlock()
	if !kept {
		c.discard()
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
	n := 0
	for n < len(u.idle) && now.Sub(u.idle[n].since) > idleMax {
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
