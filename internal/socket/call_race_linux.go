//go:build linux && race

package socket

import (
	"errors"
	"syscall"
)

const supported = true

// The race detector treats a write on one side of a connection as happening before the read on the other side. It sees only announced
// calls.

func read(fd uintptr, p []byte) (int, syscall.Errno) { return result(syscall.Read(int(fd), p)) }

func write(fd uintptr, p []byte) (int, syscall.Errno) { return result(syscall.Write(int(fd), p)) }

func result(n int, err error) (int, syscall.Errno) {
	var e syscall.Errno
	if errors.As(err, &e) {
		return 0, e
	}
	return n, 0
}
