package port

import (
	"bufio"
	"crypto/tls"
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
	phaseReading              // reads or serves an unverified request
	phaseWorking              // serves a verified request
	phaseClosed               // has been closed to make room
)

// conn is a connection and the request on it.
type conn struct {
	net.Conn

	s       *Server
	phase   atomic.Int32
	since   atomic.Int64 // start of the phase in Unix nanoseconds
	trusted atomic.Bool  // it has had a verified request

	ctx   fasthttp.RequestCtx
	body  Body
	br    *bufio.Reader
	bw    *bufio.Writer
	big   bool  // br is a large reader for long heads
	lines lines // of a head that has arrived and has not been parsed
	held  int64 // bytes charged to the server's memory, without the body's

	socket  *socket.Conn // the underlying socket, if requests are read from it directly; nil with TLS, or if there is none
	raw     *socket.Conn // the underlying socket, with TLS as well; nil if there is none
	tls     *tls.Conn    // nil without TLS
	step    func() bool  // the method value arrived, allocated once
	begun   bool         // a request has arrived
	over    bool         // no further request follows
	lingers bool         // the client may still be sending

	readUntil time.Time // the current deadline
	out       stalls

	reads atomic.Bool // it may have read a request that its phase does not show yet
	quiet int         // see closeIdle; guarded by the room
}

func newConn(s *Server, nc net.Conn, now time.Time) *conn {
	c := &conn{Conn: nc, s: s}
	if x, ok := nc.(*socket.Conn); ok {
		if c.raw = x; x.Attends() {
			c.socket, c.step = x, c.arrived
		}
	}
	c.out = stalls{s: s, Conn: nc}
	c.since.Store(now.UnixNano())
	c.body.c = c
	c.prepare()
	return c
}

// prepare prepares the context with which requests are served.
func (c *conn) prepare() {
	c.ctx.Init2(c.Conn, silent{}, true)
}

// evict closes a connection to make room; false if it serves a request meanwhile.
func (c *conn) evict() bool { return c.leave(phaseIdle) || c.leave(phaseReading) }

// leave closes a connection; false if it has left the phase meanwhile.
func (c *conn) leave(phase int32) bool {
	if !c.phase.CompareAndSwap(phase, phaseClosed) {
		return false
	}
	c.abort()
	return true
}

// serve serves requests until the connection ends.
func (c *conn) serve() {
	defer c.end()
	c.readBefore(time.Now().Add(c.s.o.HeadTimeout))
	if !c.handshake() {
		return
	}
	for c.attend() && c.await() && c.request() {
	}
	if c.lingers {
		c.linger()
	}
}

// attend serves requests that arrive complete, as nearly all do. It returns true if a request arrives in pieces, for which the caller
// waits one by one, and false if the connection has ended.
func (c *conn) attend() bool {
	if c.socket == nil || c.big {
		return true
	}
	c.reader()
	c.pause() // the current deadline may be that of an earlier body
	return c.socket.Attend(c.step) == nil && !c.over
}

// arrived serves requests that have arrived. It returns true to wait for the next request. It reads without waiting for the client.
func (c *conn) arrived() (wait bool) {
	c.reads.Store(true)
	defer c.reads.Store(false)
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
	// Requests that have arrived on other connections are served before the poller is called: model servers get several per wake-up.
	runtime.Gosched()
	return true
}

// whole reports whether a complete request is buffered. Its lines are known then.
func (c *conn) whole() bool {
	b, _ := c.br.Peek(c.br.Buffered()) // buffered bytes are always available
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

// close closes the connection. Its error needs no handling.
func (c *conn) close() { _ = c.Close() }

// abort makes the connection's goroutine end without waiting for it, since it may be serving a request.
func (c *conn) abort() {
	if c.raw == nil {
		c.close()
		return
	}
	_ = c.raw.Abort() // if it fails, the connection has ended
}

// readBefore sets the deadline of reads.
func (c *conn) readBefore(t time.Time) {
	c.readUntil = t
	_ = c.SetReadDeadline(t) // a closed connection fails at the read
}

func (c *conn) reader() {
	if c.br == nil {
		c.br = c.s.small.Get().(*bufio.Reader)
		c.br.Reset(c.Conn)
	}
}

// await waits for the first byte of a request; false if none arrives.
func (c *conn) await() bool {
	c.reader()
	for {
		if c.br.Buffered() == 0 {
			c.pause()
		}
		if _, err := c.br.Peek(1); err != nil {
			return false // it ended, or nothing arrived: no response is needed
		}
		if !c.blank() {
			return c.begin()
		}
	}
}

// blank skips an empty line before a request. RFC 9112, section 2.2.
func (c *conn) blank() bool {
	b, _ := c.br.Peek(1) // there is one
	if b[0] != '\r' && b[0] != '\n' {
		return false
	}
	_, _ = c.br.Discard(1)
	return true
}

// pause sets the deadline of the wait for a request.
func (c *conn) pause() {
	if !c.begun {
		return // it has been set
	}
	// A deadline is renewed when half of its time has passed, since setting one costs as much as the rest of a wait.
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

// request serves one request; false if the connection must not be reused.
func (c *conn) request() bool {
	h, r, ok := c.head()
	if !ok {
		return false // the client disconnected
	}
	keep := false
	if r != nil {
		c.body.failed = true // the start of the next request is unknown
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

// handle calls the handler and responds if it panics.
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
	c.ctx.SetUserValue(bodyKey{}, &c.body) // each Reset removes it
	c.s.o.Handle(&c.ctx, &c.body)
}

func (c *conn) refuse(h Head, r *Refusal) {
	c.ctx.Response.Reset()
	c.ctx.Response.SkipBody = h.Method == fasthttp.MethodHead
	c.s.o.Refuse(&c.ctx, h, r)
}

// keeps reports whether the connection can be reused. The rest of a small body is discarded.
func (c *conn) keeps() bool {
	return !c.ctx.Request.Header.ConnectionClose() && !c.ctx.Response.Header.ConnectionClose() && !c.s.stopping.Load() && c.body.drain()
}

// rest prepares the connection for the next request.
func (c *conn) rest() bool {
	c.ctx.Request.Reset()
	c.ctx.Response.Reset()
	if c.big && c.br.Buffered() <= headSmall {
		c.shrink()
	}
	c.since.Store(time.Now().UnixNano())
	if c.tls != nil {
		c.reads.Store(false)
	}
	return c.phase.CompareAndSwap(phaseReading, phaseIdle) || c.phase.CompareAndSwap(phaseWorking, phaseIdle)
}

// shrink returns to a small reader and releases the memory of a long head.
func (c *conn) shrink() {
	b, _ := c.br.Peek(c.br.Buffered()) // buffered bytes are always available
	small := bufio.NewReaderSize(&prefixed{append([]byte(nil), b...), c.Conn}, headSmall)
	_, _ = small.Peek(len(b)) // fills it
	c.br, c.big = small, false
	c.ctx = fasthttp.RequestCtx{}
	c.prepare()
	c.s.o.Memory.give(c.held)
	c.held = 0
}

// prefixed reads some bytes and then from a connection.
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

// linger gives a client that is still sending time to read its response: closing at once would send a reset, which may overtake it.
func (c *conn) linger() {
	if c.body.done() && c.br != nil && c.br.Buffered() == 0 {
		return
	}
	if x, ok := c.Conn.(interface{ CloseWrite() error }); !ok || x.CloseWrite() != nil {
		return
	}
	c.readBefore(time.Now().Add(lingerFor))
	_, _ = io.Copy(io.Discard, onlyReader{c.Conn}) // until the client closes, too, or the time is over
}

const lingerFor = 3 * time.Second

// onlyReader hides other methods.
type onlyReader struct{ io.Reader }

// timedOut reports whether a read or write failed because of its deadline.
func timedOut(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }
