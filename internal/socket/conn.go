package socket

import (
	"errors"
	"io"
	"net"
	"syscall"
)

// large is the size above which a call is left to the standard library: to copy so much takes long enough to be announced.
const large = 64 << 10

// ErrStale says that a connection was not idle: the peer has closed it, or has sent what nobody asked for.
var ErrStale = errors.New("the connection was closed by its peer or is out of step")

// ErrAgain says that a read which does not wait found nothing.
var ErrAgain = errors.New("nothing has arrived")

// Conn is a connection that at most one goroutine reads and one writes at a time. Its Close and deadlines may be called by others.
type Conn struct {
	net.Conn

	raw   syscall.RawConn // nil: no socket of the system's
	read  call
	write call
	ask   ask
	wait  wait
	now   inside
}

// inside is a read that does not wait: the goroutine is within a call of the poller's that waits when it is told to.
type inside struct {
	on      bool
	fd      uintptr
	drained bool // the last read took all that had arrived
}

// New wraps a connection. One that is no socket works as before.
func New(nc net.Conn) *Conn {
	c := &Conn{Conn: nc}
	s, ok := nc.(syscall.Conn)
	if !ok || !supported {
		return c
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return c
	}
	c.raw = raw
	c.read.try, c.write.try, c.ask.try, c.wait.try = c.read.receive, c.write.send, c.proceed, c.attend
	return c
}

// call is a read or a write. Its method value is made once, so that calls allocate nothing.
type call struct {
	try func(fd uintptr) bool
	p   []byte
	n   int
	err syscall.Errno
}

func (c *call) receive(fd uintptr) (done bool) {
	c.n, c.err = read(fd, c.p)
	return c.err != syscall.EAGAIN
}

func (c *call) send(fd uintptr) (done bool) {
	c.n, c.err = write(fd, c.p)
	return c.err != syscall.EAGAIN
}

// Read implements net.Conn. Within the functions that Ask and Attend call it does not wait: it fails with ErrAgain.
func (c *Conn) Read(p []byte) (int, error) {
	if c.now.on {
		return c.readNow(p)
	}
	if c.raw == nil || len(p) == 0 || len(p) > large {
		return c.Conn.Read(p)
	}
	c.read.p = p
	err := c.raw.Read(c.read.try)
	c.read.p = nil
	switch {
	case err != nil:
		return 0, err
	case c.read.err != 0:
		return 0, c.failed("read", c.read.err)
	case c.read.n == 0:
		return 0, io.EOF
	}
	return c.read.n, nil
}

func (c *Conn) readNow(p []byte) (int, error) {
	n, err := read(c.now.fd, p)
	switch {
	case err == syscall.EAGAIN:
		c.now.drained = true
		return 0, ErrAgain
	case err != 0:
		return 0, c.failed("read", err)
	case n == 0 && len(p) > 0:
		return 0, io.EOF
	}
	c.now.drained = n < len(p)
	return n, nil
}

// Write implements net.Conn.
func (c *Conn) Write(p []byte) (int, error) {
	if c.raw == nil || len(p) == 0 || len(p) > large {
		return c.Conn.Write(p)
	}
	for n := 0; ; {
		c.write.p = p[n:]
		err := c.raw.Write(c.write.try)
		c.write.p = nil
		if err == nil && c.write.err != 0 {
			err = c.failed("write", c.write.err)
		}
		if err != nil {
			return n, err
		}
		if n += c.write.n; n == len(p) {
			return n, nil
		}
	}
}

// Attend calls f whenever something may have arrived, the first time at once, until f returns false or the deadline of reads is over.
// It returns nil after the former. Reads within f do not wait. F returns true where it has read all that it could, or wants to be called
// again for what it left.
//
// The poller forgets what it knows of a connection at the start of each call. Within one call it does not: what arrives between a read
// and the wait is known. So a connection that brings one request after the other costs one read each, not a second one that finds nothing.
func (c *Conn) Attend(f func() (more bool)) error {
	c.wait.f = f
	err := c.raw.Read(c.wait.try)
	c.wait.f = nil
	return err
}

// Attends reports whether Attend can be used.
func (c *Conn) Attends() bool { return c.raw != nil }

type wait struct {
	try func(fd uintptr) bool
	f   func() (more bool)
}

func (c *Conn) attend(fd uintptr) (done bool) {
	c.now = inside{on: true, fd: fd}
	defer func() { c.now.on = false }()
	for c.wait.f() {
		if c.now.drained {
			return false
		}
	}
	return true
}

// ask is a request that is written, and the wait for its answer.
type ask struct {
	try      func(fd uintptr) bool
	p        []byte
	n        int
	err      syscall.Errno
	answered func() bool
	stale    bool
	waiting  bool // all is written
	scratch  [1]byte
}

// proceed probes and writes when it is first called. It is called again when there is something to read. The poller forgets what was
// readable before its first call: a read that is tried after the write, only to learn that the answer is not there yet, is saved.
func (c *Conn) proceed(fd uintptr) (done bool) {
	a := &c.ask
	if a.waiting {
		c.now = inside{on: true, fd: fd}
		defer func() { c.now.on = false }()
		return a.answered()
	}
	if _, err := read(fd, a.scratch[:]); err != syscall.EAGAIN {
		a.stale = true
		return true
	}
	a.n, a.err = write(fd, a.p)
	a.waiting = a.n == len(a.p)
	return !a.waiting
}

// Ask writes a request and waits for its answer: it calls answered whenever something has arrived, until that returns true or the
// deadline of reads is over. Reads within answered do not wait. Where not all could be written at once, or the connection is no socket,
// it returns when all is, without having called answered. It returns how many bytes were written; ErrStale and 0 where the connection was
// not idle before.
func (c *Conn) Ask(p []byte, answered func() bool) (n int, err error) {
	if c.raw == nil || len(p) > large {
		if !c.Idle() {
			return 0, ErrStale
		}
		return c.Write(p)
	}
	a := &c.ask
	a.p, a.answered, a.n, a.err, a.stale, a.waiting = p, answered, 0, 0, false, false
	err = c.raw.Read(a.try)
	a.p, a.answered = nil, nil
	switch {
	case err != nil:
		return a.n, err
	case a.stale:
		return 0, ErrStale
	case a.err != 0 && a.err != syscall.EAGAIN:
		return a.n, c.failed("write", a.err)
	case a.waiting:
		return a.n, nil
	default: // the socket took a part
		rest, err := c.Write(p[a.n:])
		return a.n + rest, err
	}
}

// Idle reports whether the connection is open on its peer's side too, with nothing to read, as far as this machine knows. Another
// system's answer is yes.
func (c *Conn) Idle() bool {
	if c.raw == nil {
		return true
	}
	idle := false
	err := c.raw.Read(func(fd uintptr) bool {
		_, errno := read(fd, c.ask.scratch[:])
		idle = errno == syscall.EAGAIN
		return true
	})
	return err == nil && idle
}

// CloseWrite ends the sending side, where the connection has one.
func (c *Conn) CloseWrite() error {
	if x, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return x.CloseWrite()
	}
	return errors.ErrUnsupported
}

// Abort makes reads and writes fail from now on, those that wait included. Close is still to be called: it waits for the function that
// Attend or Ask has called, which may take as long as a request; Abort does not.
func (c *Conn) Abort() error {
	x, ok := c.Conn.(interface {
		CloseRead() error
		CloseWrite() error
	})
	if !ok {
		return c.Close()
	}
	return errors.Join(x.CloseRead(), x.CloseWrite())
}

// NetConn returns the connection below.
func (c *Conn) NetConn() net.Conn { return c.Conn }

func (c *Conn) failed(op string, e syscall.Errno) error {
	return &net.OpError{Op: op, Net: c.LocalAddr().Network(), Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: e}
}
