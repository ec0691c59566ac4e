package process

import (
	"os"

	"golang.org/x/sys/unix"
)

// exits tells when a process ends, without looking again and again: the kernel makes its descriptor readable, which the runtime's poller
// hears of.
type exits struct {
	c    chan struct{} // closed when the process has ended, or when it is not known any more
	file *os.File
}

// watchExit begins to watch. It returns nil where this kernel cannot; then it is for the caller to look.
func watchExit(p *process) *exits {
	fd, err := unix.PidfdOpen(p.pid, unix.PIDFD_NONBLOCK)
	if err != nil {
		return nil
	}
	e := &exits{c: make(chan struct{}), file: os.NewFile(uintptr(fd), "pidfd")}
	raw, err := e.file.SyscallConn()
	if err != nil {
		_ = e.file.Close() // it was never used
		return nil
	}
	go func() { // ends with the process, or with close
		defer close(e.c)
		_ = raw.Read(func(fd uintptr) bool { // a failure is as good as the end: the caller looks then
			n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
			return err != nil || n > 0
		})
	}()
	return e
}

// ended is closed when the process has ended, or when this way cannot tell; a nil channel for nil.
func (e *exits) ended() <-chan struct{} {
	if e == nil {
		return nil
	}
	return e.c
}

// close stops watching and waits until nothing watches.
func (e *exits) close() {
	if e == nil {
		return
	}
	_ = e.file.Close() // it was only looked at
	<-e.c
}
