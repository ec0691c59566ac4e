package port

import (
	"bufio"
	"net"
	"time"
)

// piece is the number of bytes written between two checks of the time.
const piece = 256 << 10

// stalls writes to a connection. A client that reads nothing for StallTimeout is disconnected, or for a second if the unread responses exceed
// backlogMax.
type stalls struct {
	net.Conn

	s     *Server
	until time.Time // the current deadline of writes
}

// Write implements net.Conn. With TLS, the limits are those of the connection below.
func (c *conn) Write(p []byte) (int, error) {
	if c.tls != nil {
		return c.tls.Write(p)
	}
	return c.out.Write(p)
}

// Write implements net.Conn.
func (w *stalls) Write(p []byte) (int, error) {
	now := time.Now()
	if len(p) <= headSmall {
		if w.until.Before(now.Add(w.s.o.StallTimeout / 2)) {
			w.before(now.Add(w.s.o.StallTimeout))
		}
		return w.Conn.Write(p)
	}
	size := int64(len(p))
	w.s.backlog.Add(size)
	defer func() { w.s.backlog.Add(-size) }()
	written, progress := 0, now
	for written < len(p) {
		w.before(now.Add(min(time.Second, w.s.o.StallTimeout)))
		n, err := w.Conn.Write(p[written:min(len(p), written+piece)])
		written += n
		now = time.Now()
		if n > 0 {
			progress = now
		}
		if err == nil {
			continue
		}
		if !timedOut(err) || now.Sub(progress) >= w.s.o.StallTimeout || n == 0 && w.s.backlog.Load() > backlogMax {
			return written, err
		}
	}
	return written, nil
}

func (w *stalls) before(t time.Time) {
	w.until = t
	_ = w.SetWriteDeadline(t) // a closed connection fails at the write
}

func (c *conn) writer() {
	if c.bw == nil {
		c.bw = c.s.writers.Get().(*bufio.Writer)
		c.bw.Reset(c)
	}
}

// answer writes the response and sends it at once. Waiting for the responses of later pipelined requests could take long: they may have
// arrived only in part, or take a minute.
func (c *conn) answer(keep bool) bool {
	c.writer()
	r := &c.ctx.Response
	r.SkipBody = r.SkipBody || c.ctx.Request.Header.IsHead()
	if keep && !c.ctx.Request.Header.IsHTTP11() {
		r.Header.Set("Connection", "keep-alive")
	}
	return r.Write(c.bw) == nil && c.bw.Flush() == nil
}
