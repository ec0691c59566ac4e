package process

import (
	"os"

	"golang.org/x/sys/unix"
)

// exits signals the end of a process without polling: the kernel makes its descriptor readable, which the runtime's network poller
// reports.
type exits struct {
	c    chan struct{} // closed when the process has ended, or when that cannot be observed any more
	file *os.File
}

// watchExit begins to watch. It returns nil where this kernel has no process descriptors; then the caller must poll.
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
		_ = raw.Read(func(fd uintptr) bool { // a failure counts as the end: the caller checks then
			n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
			return err != nil || n > 0
		})
	}()
	return e
}

// ended returns a channel that is closed when the process has ended, or that cannot be observed; nil for nil.
func (e *exits) ended() <-chan struct{} {
	if e == nil {
		return nil
	}
	return e.c
}

// close stops watching and waits for the watcher to return.
func (e *exits) close() {
	if e == nil {
		return
	}
	_ = e.file.Close() // it was only polled
	<-e.c
}
