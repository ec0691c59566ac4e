package socket

import (
	"errors"
	"io"
	"net"
	"syscall"
)

// large is the size above which the standard library's calls are used: copying so much takes long enough to be announced.
const large = 64 << 10

// ErrStale is the error of a connection that was not idle: the peer has closed it or has sent unexpected data.
var ErrStale = errors.New("the connection was closed by its peer or is out of step")

// ErrAgain is the error of a non-waiting read without data.
var ErrAgain = errors.New("nothing has arrived")

// Conn is a connection that at most one goroutine reads and one writes at a time. Close and the deadline methods may be called by others.
type Conn struct {
	net.Conn

	raw   syscall.RawConn // nil: not a system socket
	read  call
	write call
	ask   ask
	wait  wait
	now   inside
}

// inside is a non-waiting read: the goroutine is within a call of the poller, which waits when the function returns false.
type inside struct {
	on      bool
	fd      uintptr
	drained bool // the last read returned all data that had arrived
	blocked bool // the last read found nothing, not even the end
}

// New wraps a connection. One that is not a socket works as before.
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

// call is a read or a write. Its method value is allocated once, so that calls do not allocate.
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

// Read implements net.Conn. Within the functions called by Ask and Attend it does not wait but returns ErrAgain.
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
	c.now.blocked = err == syscall.EAGAIN
	switch {
	case c.now.blocked:
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

// Attend calls f whenever data may have arrived, the first time at once, until f returns false or the read deadline passes.
// In the former case it returns nil. Reads within f do not wait. f returns true when it has read all available data, or to be called
// again for the rest.
//
// The poller clears its state of a connection at the start of each call, but not within one call: data that arrives between a read
// and the wait is noticed. So a sequence of requests on a connection costs one read each, without a second one that returns nothing.
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
		// The end of the connection may have arrived in the same event as the data: then no further event follows.
		if c.now.drained && (c.now.blocked || !hungUp(fd)) {
			return false
		}
	}
	return true
}

// ask is a request being written, and the wait for its response.
type ask struct {
	try      func(fd uintptr) bool
	p        []byte
	n        int
	err      syscall.Errno
	answered func() bool
	stale    bool
	waiting  bool // the request is written
	scratch  [1]byte
}

// proceed probes the connection and writes when it is first called. It is called again when there is data to read. The poller clears its state
// before the first call, which saves a read after the write that would return nothing.
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

// Ask writes a request and waits for its response: it calls answered whenever data has arrived, until that returns true or the
// read deadline passes. Reads within answered do not wait. If the request could not be written at once, or the connection is not a socket,
// it returns after writing without calling answered. It returns the number of bytes written; 0 and ErrStale if the connection was
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
	default: // the socket accepted a part
		rest, err := c.Write(p[a.n:])
		return a.n + rest, err
	}
}

// Idle reports whether the connection is open on both sides, with nothing to read, as far as this machine knows. On systems without
// support it returns true.
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

// CloseWrite closes the sending side if the connection supports it.
func (c *Conn) CloseWrite() error {
	if x, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return x.CloseWrite()
	}
	return errors.ErrUnsupported
}

// Abort makes current and future reads and writes fail. Close must still be called: it waits for the function called by
// Attend or Ask, which may take as long as a request; Abort does not.
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

// NetConn returns the underlying connection.
func (c *Conn) NetConn() net.Conn { return c.Conn }

func (c *Conn) failed(op string, e syscall.Errno) error {
	return &net.OpError{Op: op, Net: c.LocalAddr().Network(), Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: e}
}
