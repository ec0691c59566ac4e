//go:build !race

package socket

import (
	"syscall"
	"unsafe"
)

const supported = true

// read reads from a non-blocking socket; EAGAIN if nothing has arrived.
func read(fd uintptr, p []byte) (int, syscall.Errno) { return try(syscall.SYS_READ, fd, p) }

// write writes to a non-blocking socket; EAGAIN if it accepts nothing now.
func write(fd uintptr, p []byte) (int, syscall.Errno) { return try(syscall.SYS_WRITE, fd, p) }

func try(trap, fd uintptr, p []byte) (int, syscall.Errno) {
	for {
		n, _, err := syscall.RawSyscall(trap, fd, uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
		switch err {
		case syscall.EINTR:
		case 0:
			return int(n), 0
		default:
			return 0, err
		}
	}
}
