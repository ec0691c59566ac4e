//go:build linux && !386 && !race

package socket

import (
	"syscall"
	"unsafe"
)

const supported = true

// recv and send cost a tenth of a microsecond less than read and write, which pass through the file system's layer of the kernel first.

// read reads from a non-blocking socket; EAGAIN if nothing has arrived.
func read(fd uintptr, p []byte) (int, syscall.Errno) { return try(syscall.SYS_RECVFROM, fd, p, 0) }

// write writes to a non-blocking socket; EAGAIN if it accepts nothing now.
func write(fd uintptr, p []byte) (int, syscall.Errno) {
	return try(syscall.SYS_SENDTO, fd, p, syscall.MSG_NOSIGNAL)
}

func try(trap, fd uintptr, p []byte, flags uintptr) (int, syscall.Errno) {
	for {
		n, _, err := syscall.RawSyscall6(trap, fd, uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), flags, 0, 0)
		switch err {
		case syscall.EINTR:
		case 0:
			return int(n), 0
		default:
			return 0, err
		}
	}
}
