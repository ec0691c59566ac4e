//go:build unix

package invoke

import (
	"errors"
	"net"
	"syscall"

	"github.com/valyala/fasthttp"
)

// client is the connection of a request that waits.
type client struct{ raw syscall.RawConn }

func newClient(ctx *fasthttp.RequestCtx) client {
	var c client
	if s := system(ctx.Conn()); s != nil {
		if raw, err := s.SyscallConn(); err == nil {
			c.raw = raw
		}
	}
	return c
}

// system returns the socket below what wraps it; nil where there is none.
func system(c net.Conn) syscall.Conn {
	for {
		if s, ok := c.(syscall.Conn); ok {
			return s
		}
		wrapped, ok := c.(interface{ NetConn() net.Conn })
		if !ok {
			return nil
		}
		c = wrapped.NetConn()
	}
}

// gone reports whether the client has closed its side of the connection, as far as this machine knows. It reads nothing: what
// the client sent meanwhile is its next request.
func (c client) gone() bool {
	if c.raw == nil {
		return false
	}
	gone := false
	err := c.raw.Control(func(fd uintptr) {
		var b [1]byte
		n, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		gone = err == nil && n == 0 || err != nil && !errors.Is(err, syscall.EAGAIN) && !errors.Is(err, syscall.EINTR)
	})
	return gone || err != nil
}
