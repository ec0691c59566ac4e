//go:build unix

package socket

import (
	"errors"
	"net"
	"syscall"
)

// Peek reports what a read of a connection would return now, as far as this machine knows. It reads nothing: what is there is read later. It
// may be called while another goroutine reads.
func Peek(nc net.Conn) Found {
	s := system(nc)
	if s == nil {
		return Nothing
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return End
	}
	found := Nothing
	err = raw.Control(func(fd uintptr) {
		var b [1]byte
		n, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		switch {
		case err == nil && n > 0:
			found = Data
		case err == nil, !errors.Is(err, syscall.EAGAIN) && !errors.Is(err, syscall.EINTR):
			found = End
		}
	})
	if err != nil {
		return End
	}
	return found
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
