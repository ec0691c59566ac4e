package process

import (
	"errors"

	"golang.org/x/sys/unix"
)

// signalProcessGroup is PIDFD_SIGNAL_PROCESS_GROUP (Linux 6.9): the signal goes to the process group that the process leads.
const signalProcessGroup = 1 << 2

// signal sends a signal to a process unless its number belongs to another process by now. Where the kernel has process descriptors (pidfd,
// Linux 5.3), exactly the process that was checked gets the signal; elsewhere the number could be reused between the check and the signal.
// A process that has ended gets nothing, and that is no error.
func (who identity) signal(s unix.Signal) {
	fd, err := unix.PidfdOpen(who.pid, 0)
	if err == nil {
		defer unix.Close(fd) //nolint:errcheck // it holds nothing
	}
	if st, ok := readStat(who.pid); !ok || st.born != who.born {
		return
	}
	if err == nil {
		_ = unix.PidfdSendSignal(fd, s, nil, 0)
	} else {
		_ = unix.Kill(who.pid, s)
	}
}

// signal sends a signal to the process group that the process leads, unless its number belongs to another process by now. Where the leader
// has ended, the rest of its group gets the signal: the number of a group that has members is not reused. Process descriptors reach groups
// since Linux 6.9.
func (p *process) signal(s unix.Signal) {
	fd, err := unix.PidfdOpen(p.pid, 0)
	if err == nil {
		defer unix.Close(fd) //nolint:errcheck // it holds nothing
	}
	if st, ok := readStat(p.pid); ok && st.born != p.born {
		return
	}
	if err == nil {
		err = unix.PidfdSendSignal(fd, s, nil, signalProcessGroup)
		if err == nil || errors.Is(err, unix.ESRCH) {
			return
		}
	}
	_ = unix.Kill(-p.pid, s)
}
