//go:build race

package socket

import (
	"errors"
	"syscall"
)

const supported = true

// The race detector takes what one side of a connection does before a write to have happened before what the other does after the read.
// It learns of both in the announced calls only.

func read(fd uintptr, p []byte) (int, syscall.Errno) { return result(syscall.Read(int(fd), p)) }

func write(fd uintptr, p []byte) (int, syscall.Errno) { return result(syscall.Write(int(fd), p)) }

func result(n int, err error) (int, syscall.Errno) {
	var e syscall.Errno
	if errors.As(err, &e) {
		return 0, e
	}
	return n, 0
}
