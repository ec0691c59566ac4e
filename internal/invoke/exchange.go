package invoke

import (
	"bufio"
	"errors"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"

	"bellows.dev/bellows/internal/socket"
)

// smallBody is copied behind the head, so that one write sends both; larger ones are written from where they are.
const smallBody = 16 << 10

// overhead is how much more than its body an answer may take on the wire: the chunks of a body may have a byte each. Beyond it, the
// extensions of chunks and the fields after the last chunk are a flood without an end.
const overhead = 8

var errFlood = errors.New("the answer is a flood without an end")

// Ends of an exchange.
const (
	exchangeAnswered exchangeEnd = iota + 1 // the answer is in conn.answer
	exchangeUnsent                          // no byte reached the copy: safe to send again
	exchangeStale                           // likewise: the copy had closed a connection that was kept, and another one may work
	exchangeNotTaken                        // likewise: the copy accepted no connection in time, since its backlog is full
	exchangeTimedOut                        // no whole answer in time
	exchangeTooLarge                        // an answer beyond the limit
	exchangeBroken                          // the copy closed the connection or spoke no HTTP
	exchangeStatus                          // its status is not one of HTTP's
)

type exchangeEnd int

// conn is one connection to a copy, with buffers that its exchanges reuse.
type conn struct {
	*socket.Conn

	home    *upstream
	arrived func() bool // see begun
	fresh   bool        // it has served no exchange yet
	reader  *bufio.Reader
	answer  fasthttp.Response
	head    []byte
	vectors [2][]byte
	since   time.Time // idle since
	until   time.Time // the deadline that is set
	readErr error     // of the last read: fasthttp's own errors do not always wrap it

	written  uint64        // bytes, by all exchanges
	received int           // bytes, by the current exchange
	most     int           // limit of received
	idle     time.Duration // before the current exchange
}

func newConn(nc net.Conn, home *upstream) *conn {
	c := &conn{Conn: socket.New(nc), home: home, fresh: true}
	c.reader = bufio.NewReaderSize(c, readBuffer)
	c.arrived = c.begun
	return c
}

// begun reports whether a part of an answer has arrived, or none will.
func (c *conn) begun() bool {
	_, err := c.reader.Peek(1)
	return !errors.Is(err, socket.ErrAgain)
}

// Read reads from the socket and keeps its error.
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.received += n; c.received > c.most && err == nil {
		err = errFlood
	}
	c.readErr = err
	return n, err
}

// before sets the deadline of an exchange that begins now, where the one that is set is too early or much too late.
func (c *conn) before(now time.Time, timeout time.Duration) error {
	slack := timeout / deadlineSlack
	if left := c.until.Sub(now); left >= timeout && left <= timeout+slack {
		return nil
	}
	c.until = now.Add(timeout + slack)
	return c.SetDeadline(c.until)
}

// discard closes the connection. An error of closing would change nothing.
func (c *conn) discard() { _ = c.Close() }

// exchange sends a request and reads the answer, up to limit bytes of it. Unless it was answered, the connection is of no
// further use.
func (c *conn) exchange(q *request, limit int) exchangeEnd {
	before := c.written
	c.received, c.most = 0, overhead*limit+readBuffer
	n, err := c.send(q)
	c.written += uint64(n)
	switch {
	case err == nil:
	case timedOut(err):
		return exchangeTimedOut
	case n == 0 && !c.fresh:
		c.home.closedAfter(c.idle)
		return exchangeStale
	case n == 0:
		return exchangeUnsent
	default:
		// The copy may have answered before it had read everything, as servers do where a payload is too large for them.
	}
	c.answer.Header.SetNoDefaultContentType(true) // forgotten at each Reset
	end, err := c.interim()
	if end == 0 && err == nil {
		err = c.answer.ReadLimitBody(c.reader, limit)
	}
	switch {
	case end != 0:
		return end
	case err == nil:
		return exchangeAnswered
	case timedOut(c.readErr):
		return exchangeTimedOut
	case errors.Is(err, fasthttp.ErrBodyTooLarge), errors.Is(c.readErr, errFlood):
		return exchangeTooLarge
	case !c.fresh && c.received == 0:
		return c.closed(before)
	default:
		return exchangeBroken
	}
}

// closed is the end of an exchange on a kept connection that the copy closed without a byte of an answer. before is how many bytes earlier
// exchanges had written. Only where the copy cannot have read the request it may be sent again.
func (c *conn) closed(before uint64) exchangeEnd {
	c.home.closedAfter(c.idle)
	if c.Untaken(before, c.readErr) {
		return exchangeStale
	}
	return exchangeBroken
}

// send writes the request and returns how many bytes the connection took.
func (c *conn) send(q *request) (int64, error) {
	c.head = q.appendHead(append(c.head[:0], c.home.prefix...))
	if len(q.body) <= smallBody {
		c.head = append(c.head, q.body...)
		n, err := c.Ask(c.head, c.arrived)
		return int64(n), err
	}
	if !c.Idle() {
		return 0, socket.ErrStale
	}
	c.vectors = [2][]byte{c.head, q.body}
	buffers := net.Buffers(c.vectors[:])
	n, err := buffers.WriteTo(c.NetConn())
	c.vectors = [2][]byte{}
	return n, err
}

// reusable reports whether the connection is ready for another exchange after an answered one. It is not where more data may follow: after 101 it
// carries another protocol, and a body may follow a status that forbids one.
func (c *conn) reusable() bool {
	if c.answer.ConnectionClose() || c.reader.Buffered() > 0 {
		return false
	}
	switch c.answer.StatusCode() {
	case fasthttp.StatusSwitchingProtocols:
		return false
	case fasthttp.StatusNoContent, fasthttp.StatusNotModified:
		h := &c.answer.Header
		return h.ContentLength() == 0 || h.ContentLength() == noLength
	default:
		return true
	}
}

// noLength is fasthttp's ContentLength of a head that announces no body.
const noLength = -2

func timedOut(err error) bool {
	if err == nil { // nearly always: e is allocated
		return false
	}
	var e net.Error
	return errors.Is(err, os.ErrDeadlineExceeded) || (errors.As(err, &e) && e.Timeout())
}

// appendHead adds the headers that containers get, and nothing else of the client's.
func (q *request) appendHead(b []byte) []byte {
	for _, m := range forwarded {
		if value := q.header[m]; len(value) > 0 {
			b = append(b, rules[m].header...)
			b = append(b, ": "...)
			b = append(b, value...)
			b = append(b, "\r\n"...)
		}
	}
	b = append(b, "Content-Length: "...)
	b = strconv.AppendInt(b, int64(len(q.body)), 10)
	return append(b, "\r\n\r\n"...)
}
