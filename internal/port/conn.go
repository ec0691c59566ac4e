package port

import (
	"bufio"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"bellows.dev/bellows/internal/socket"
)

// Phases of a connection.
const (
	phaseIdle    int32 = iota // waits for a request
	phaseReading              // reads or serves a request that is not verified
	phaseWorking              // serves one that is
	phaseClosed               // was closed to make room
)

// conn is a connection and the request on it.
type conn struct {
	net.Conn

	s       *Server
	phase   atomic.Int32
	since   atomic.Int64 // Unix nanoseconds: when the phase began
	trusted atomic.Bool  // it brought a verified request once

	ctx   fasthttp.RequestCtx
	body  Body
	br    *bufio.Reader
	bw    *bufio.Writer
	big   bool  // br is a reader for long heads
	lines lines // of a head that has arrived and is not yet parsed
	held  int64 // bytes charged to the server's memory, besides the body's

	socket  *socket.Conn // below; nil where it is none
	step    func() bool  // arrived, made once
	begun   bool         // a request has come
	over    bool         // no other follows
	lingers bool         // the client may still be sending

	readUntil, writeUntil time.Time // the deadlines that are set
}

func newConn(s *Server, nc net.Conn, now time.Time) *conn {
	c := &conn{Conn: nc, s: s}
	if x, ok := nc.(*socket.Conn); ok && x.Attends() {
		c.socket, c.step = x, c.arrived
	}
	c.since.Store(now.UnixNano())
	c.body.c = c
	c.prepare()
	return c
}

// prepare readies the context that requests are served with.
func (c *conn) prepare() {
	c.ctx.Init2(c.Conn, silent{}, true)
}

// evict closes a connection that is in the way; false where it has just begun to be of use.
func (c *conn) evict() bool {
	for _, from := range [...]int32{phaseIdle, phaseReading} {
		if c.phase.CompareAndSwap(from, phaseClosed) {
			c.abort()
			return true
		}
	}
	return false
}

// serve serves requests until the connection ends.
func (c *conn) serve() {
	defer c.end()
	c.readBefore(time.Now().Add(c.s.o.HeadTimeout))
	for c.attend() && c.await() && c.request() {
	}
	if c.lingers {
		c.linger()
	}
}

// attend serves the requests that arrive whole, as nearly all do. It returns true where one arrives in pieces, which have to be waited for
// one by one, and false where the connection is over.
func (c *conn) attend() bool {
	if c.socket == nil || c.big {
		return true
	}
	c.reader()
	c.pause() // the deadline that is set may be of a body that has come since, and over
	return c.socket.Attend(c.step) == nil && !c.over
}

// arrived serves what has arrived. It returns true where the next request is to be waited for. It reads and never waits for the client.
func (c *conn) arrived() (wait bool) {
	if c.br.Buffered() == 0 {
		if _, err := c.br.Peek(1); err != nil {
			if c.over = !errors.Is(err, socket.ErrAgain); !c.over {
				c.pause()
			}
			return !c.over
		}
	}
	for c.br.Buffered() > 0 {
		if c.blank() {
			continue
		}
		if !c.whole() {
			return false
		}
		if !c.begin() || !c.request() {
			c.over = true
			return false
		}
	}
	c.pause()
	// The requests of others that have arrived are served before the poller is asked: model servers get several for one wake-up.
	runtime.Gosched()
	return true
}

// whole reports whether all of a request is buffered. Its lines are known then.
func (c *conn) whole() bool {
	b, _ := c.br.Peek(c.br.Buffered()) // what is buffered can be had
	c.lines = lines{}
	l := &c.lines
	if !token(b[:1]) || l.look(b) != nil || !l.done || l.encodings > 0 || l.lengths > 1 || len(b)-l.at < l.length {
		c.lines = lines{}
		return false
	}
	return true
}

func (c *conn) end() {
	if p := recover(); p != nil {
		c.s.o.Log.Error("a connection panicked", "panic", p, "stack", string(debug.Stack()))
	}
	c.close()
	c.body.release()
	c.releaseBuffers()
	c.s.room.leave(c)
}

func (c *conn) releaseBuffers() {
	if c.br != nil && !c.big {
		c.br.Reset(nil)
		c.s.small.Put(c.br)
	}
	if c.bw != nil {
		c.bw.Reset(nil)
		c.s.writers.Put(c.bw)
	}
	c.br, c.bw, c.big = nil, nil, false
	c.s.o.Memory.give(c.held)
	c.held = 0
}

// close ends the connection. Whatever it says, there is nothing else to do about it.
func (c *conn) close() { _ = c.Close() }

// abort makes the connection's goroutine end. It does not wait for that: the goroutine may serve a request.
func (c *conn) abort() {
	if c.socket == nil {
		c.close()
		return
	}
	_ = c.socket.Abort() // what fails so has ended
}

// readBefore sets the deadline of reads.
func (c *conn) readBefore(t time.Time) {
	c.readUntil = t
	_ = c.SetReadDeadline(t) // a connection that is closed fails at the read
}

func (c *conn) reader() {
	if c.br == nil {
		c.br = c.s.small.Get().(*bufio.Reader)
		c.br.Reset(c.Conn)
	}
}

// await waits for the first byte of a request; false where none comes.
func (c *conn) await() bool {
	c.reader()
	for {
		if c.br.Buffered() == 0 {
			c.pause()
		}
		if _, err := c.br.Peek(1); err != nil {
			return false // it ended, or nothing came: there is nothing to answer
		}
		if !c.blank() {
			return c.begin()
		}
	}
}

// blank drops a line end before a request, which is none. RFC 9112, section 2.2.
func (c *conn) blank() bool {
	b, _ := c.br.Peek(1) // there is one
	if b[0] != '\r' && b[0] != '\n' {
		return false
	}
	_, _ = c.br.Discard(1)
	return true
}

// pause sets the end of a wait for a request.
func (c *conn) pause() {
	if !c.begun {
		return // it has been set
	}
	// A deadline is set anew when half of its time has passed: setting one costs as much as the rest of a wait.
	if now := time.Now(); c.readUntil.Before(now.Add(c.s.o.IdleTimeout/2)) || c.readUntil.After(now.Add(c.s.o.IdleTimeout)) {
		c.readBefore(now.Add(c.s.o.IdleTimeout))
	}
}

func (c *conn) begin() bool {
	if !c.phase.CompareAndSwap(phaseIdle, phaseReading) {
		return false // closed to make room
	}
	c.begun = true
	c.since.Store(time.Now().UnixNano())
	return true
}

// request serves one; false where the connection is not to be used again.
func (c *conn) request() bool {
	h, r, ok := c.head()
	if !ok {
		return false // the client broke off
	}
	keep := false
	if r != nil {
		c.body.failed = true // where the next request begins is not known
		c.refuse(h, r)
	} else {
		c.handle()
		keep = c.keeps()
	}
	if !keep {
		c.ctx.Response.SetConnectionClose()
	}
	if !c.answer(keep) {
		return false
	}
	c.body.release()
	if !keep {
		c.lingers = true
		return false
	}
	return c.rest()
}

// handle calls the handler, and answers for it where it panics.
func (c *conn) handle() {
	defer func() {
		if p := recover(); p != nil {
			c.s.o.Log.Error("a request panicked", "panic", p, "stack", string(debug.Stack()))
			c.ctx.Response.Reset()
			c.s.o.Refuse(&c.ctx, HeadOf(&c.ctx), &Refusal{
				fasthttp.StatusInternalServerError, "InternalFailure", "The request processing has failed because of an internal error.",
			})
			c.body.failed = true
		}
	}()
	c.ctx.SetUserValue(bodyKey{}, &c.body) // it is forgotten at each Reset
	c.s.o.Handle(&c.ctx, &c.body)
}

func (c *conn) refuse(h Head, r *Refusal) {
	c.ctx.Response.Reset()
	c.ctx.Response.SkipBody = h.Method == fasthttp.MethodHead
	c.s.o.Refuse(&c.ctx, h, r)
}

// keeps reports whether the connection is good for another request. What a handler left of a small body is read away.
func (c *conn) keeps() bool {
	return !c.ctx.Request.Header.ConnectionClose() && !c.ctx.Response.Header.ConnectionClose() && !c.s.stopping.Load() && c.body.drain()
}

// rest readies the connection for the next request.
func (c *conn) rest() bool {
	c.ctx.Request.Reset()
	c.ctx.Response.Reset()
	if c.big && c.br.Buffered() <= headSmall {
		c.shrink()
	}
	if c.s.stopping.Load() && c.br.Buffered() == 0 {
		return false
	}
	c.since.Store(time.Now().UnixNano())
	return c.phase.CompareAndSwap(phaseReading, phaseIdle) || c.phase.CompareAndSwap(phaseWorking, phaseIdle)
}

// shrink goes back to a small reader, and forgets the memory of a long head.
func (c *conn) shrink() {
	b, _ := c.br.Peek(c.br.Buffered()) // what is buffered can be had
	small := bufio.NewReaderSize(&prefixed{append([]byte(nil), b...), c.Conn}, headSmall)
	_, _ = small.Peek(len(b)) // fills it
	c.br, c.big = small, false
	c.ctx = fasthttp.RequestCtx{}
	c.prepare()
	c.s.o.Memory.give(c.held)
	c.held = 0
}

// prefixed reads some bytes first, then from a connection.
type prefixed struct {
	first []byte
	net.Conn
}

// Read implements io.Reader.
func (p *prefixed) Read(b []byte) (int, error) {
	if len(p.first) > 0 {
		n := copy(b, p.first)
		p.first = p.first[n:]
		return n, nil
	}
	return p.Conn.Read(b)
}

// linger gives a client that is still sending the time to read its answer: closing at once would send a reset, which may overtake it.
func (c *conn) linger() {
	if c.body.done() && c.br != nil && c.br.Buffered() == 0 {
		return
	}
	if x, ok := c.Conn.(interface{ CloseWrite() error }); !ok || x.CloseWrite() != nil {
		return
	}
	c.readBefore(time.Now().Add(lingerFor))
	_, _ = io.Copy(io.Discard, onlyReader{c.Conn}) // until the client ends too, or the time is over
}

const lingerFor = 3 * time.Second

// onlyReader hides other methods.
type onlyReader struct{ io.Reader }

// timedOut reports whether a read or write failed for its deadline.
func timedOut(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }
