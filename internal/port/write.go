package port

import (
	"bufio"
	"time"
)

// piece is the number of bytes written between two checks of the time.
const piece = 256 << 10

// Write implements net.Conn. A client that reads nothing for StallTimeout is disconnected, or for a second if the unread responses exceed
// backlogMax.
func (c *conn) Write(p []byte) (int, error) {
	now := time.Now()
	if len(p) <= headSmall {
		if c.writeUntil.Before(now.Add(c.s.o.StallTimeout / 2)) {
			c.writeBefore(now.Add(c.s.o.StallTimeout))
		}
		return c.Conn.Write(p)
	}
	size := int64(len(p))
	c.s.backlog.Add(size)
	defer func() { c.s.backlog.Add(-size) }()
	written, progress := 0, now
	for written < len(p) {
		c.writeBefore(now.Add(min(time.Second, c.s.o.StallTimeout)))
		n, err := c.Conn.Write(p[written:min(len(p), written+piece)])
		written += n
		now = time.Now()
		if n > 0 {
			progress = now
		}
		if err == nil {
			continue
		}
		if !timedOut(err) || now.Sub(progress) >= c.s.o.StallTimeout || n == 0 && c.s.backlog.Load() > backlogMax {
			return written, err
		}
	}
	return written, nil
}

func (c *conn) writeBefore(t time.Time) {
	c.writeUntil = t
	_ = c.SetWriteDeadline(t) // a closed connection fails at the write
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
