//go:build unix

package invoke

import (
	"errors"
	"net"
	"syscall"
)

// probe reads one byte without waiting. An idle connection has nothing to read: an end of file means that the instance closed
// it, a byte that it is out of step.
type probe struct {
	raw    syscall.RawConn
	look   func(fd uintptr) bool // made once, so that probing allocates nothing
	buffer [1]byte
	idle   bool
}

func (p *probe) attach(socket net.Conn) {
	s, ok := socket.(syscall.Conn)
	if !ok {
		return
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return
	}
	p.raw = raw
	p.look = func(fd uintptr) bool {
		_, err := syscall.Read(int(fd), p.buffer[:])
		p.idle = errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EINTR)
		return true
	}
}

// alive reports whether the connection is still open on the instance's side, as far as this machine has heard.
func (p *probe) alive() bool {
	if p.raw == nil {
		return true
	}
	p.idle = false
	return p.raw.Read(p.look) == nil && p.idle
}
