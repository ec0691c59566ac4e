package port

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"time"

	"bellows.dev/bellows/internal/socket"
)

// newConn makes a connection of one that was accepted. With TLS, requests are read by waiting reads, since a record has to be complete before
// anything of it can be read; writes below TLS have the limits of plain ones, as a write that TLS sees time out ends the connection.
func (s *Server) newConn(nc net.Conn, now time.Time) *conn {
	raw := socket.New(nc)
	if s.o.TLS == nil {
		return newConn(s, raw, now)
	}
	below := &record{stalls: stalls{s: s, Conn: raw}}
	secured := tls.Server(below, s.o.TLS)
	c := newConn(s, secured, now)
	c.raw, c.tls, below.c = raw, secured, c
	return c
}

// record is a connection below TLS.
type record struct {
	stalls
	c *conn
}

// Read implements net.Conn. What has arrived is noted: it may be a part of a record, of which the connection's phase shows nothing.
func (r *record) Read(p []byte) (int, error) {
	n, err := r.stalls.Read(p)
	if n > 0 {
		r.c.reads.Store(true)
	}
	return n, err
}

// SetWriteDeadline implements net.Conn: Write sets its own. TLS sets one when it closes.
func (r *record) SetWriteDeadline(t time.Time) error {
	r.until = t
	return r.Conn.SetWriteDeadline(t)
}

// plainRefusal is sent to clients that speak plain HTTP to a port with TLS.
const plainRefusal = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 57\r\nConnection: close\r\n\r\n" +
	"This port speaks TLS: use a URL that begins with https://\n"

// handshake makes the connection secure, within the time for a head; false if it cannot.
func (c *conn) handshake() bool {
	if c.tls == nil {
		return true
	}
	err := c.tls.Handshake() //nolint:noctx // the deadlines of the connection limit it
	var plain tls.RecordHeaderError
	if errors.As(err, &plain) && plain.Conn != nil && isMethod(plain.RecordHeader) {
		_, _ = plain.Conn.Write([]byte(plainRefusal)) // the client may be gone
		_ = c.raw.CloseWrite()                        // it is not used any more
	}
	c.reads.Store(false)
	return err == nil
}

// isMethod reports whether a connection begins as a request in plain HTTP does.
func isMethod(first [5]byte) bool {
	for _, m := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodHead, http.MethodOptions} {
		if head := (m + " /")[:min(5, len(m)+2)]; string(first[:len(head)]) == head {
			return true
		}
	}
	return false
}

// connectionState returns how a connection is secured; nil without TLS.
func (c *conn) connectionState() *tls.ConnectionState {
	if c.tls == nil {
		return nil
	}
	state := c.tls.ConnectionState()
	return &state
}

// NetConn returns the underlying connection.
func (w *stalls) NetConn() net.Conn { return w.Conn }
