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
	s, secured := system(nc)
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
			if secured && hungUp(fd) {
				found = End // what is there ends with the notice of the close
			}
		case err == nil, !errors.Is(err, syscall.EAGAIN) && !errors.Is(err, syscall.EINTR):
			found = End
		}
	})
	if err != nil {
		return End
	}
	return found
}

// system returns the socket below what wraps it, nil where there is none, and whether TLS is in between.
func system(c net.Conn) (s syscall.Conn, secured bool) {
	for {
		if s, ok := c.(syscall.Conn); ok {
			return s, secured
		}
		if _, ok := c.(interface{ VerifyHostname(string) error }); ok { // *tls.Conn
			secured = true
		}
		wrapped, ok := c.(interface{ NetConn() net.Conn })
		if !ok {
			return nil, false
		}
		c = wrapped.NetConn()
	}
}
