package socket

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// hungUp reports whether the other side has closed its sending side, whatever is still to be read. It does not wait.
func hungUp(fd uintptr) bool {
	p := unix.PollFd{Fd: int32(fd), Events: unix.POLLRDHUP} //nolint:gosec // descriptors are small
	var at unix.Timespec
	n, _, err := syscall.RawSyscall6(unix.SYS_PPOLL, uintptr(unsafe.Pointer(&p)), 1, uintptr(unsafe.Pointer(&at)), 0, 0, 0)
	return err == 0 && n == 1 && p.Revents&(unix.POLLRDHUP|unix.POLLHUP|unix.POLLERR) != 0
}
