package process

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"bellows.dev/bellows/hosting"
)

// endEvery is how often the end of a process is polled.
const endEvery = 5 * time.Millisecond

// process is a running model server: the leader of a process group. It need not be a child: a server that was killed leaves its
// copies to others.
type process struct {
	pid  int
	born uint64 // clock ticks between the machine's start and its own: with pid, an identity
	port int

	group cgroup // that holds it and all that it starts; the zero value where there are none

	child   bool  // of this server, which alone learns how it ended
	logFrom int64 // where its own lines begin in the copy's log
	oomFrom int64 // the machine's count of processes that ended because memory ran out, when it began
}

func (p *process) address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(p.port)) }

// alive reports whether this very process still runs: its number may have been reused.
func (p *process) alive() bool {
	st, ok := readStat(p.pid)
	return ok && st.born == p.born && st.runs()
}

// ended reports whether the process has ended, and how, as far as that is known. It reaps a child.
func (p *process) ended() (how string, ended bool) {
	if !p.child {
		st, ok := readStat(p.pid)
		switch {
		case !ok || st.born != p.born:
			return "It exited.", true
		case st.parent != os.Getpid():
			return "It exited.", !st.runs()
		}
	}
	var status unix.WaitStatus
	pid, err := unix.Wait4(p.pid, &status, unix.WNOHANG, nil)
	switch {
	case pid == p.pid && status.Signaled():
		return fmt.Sprintf("It was ended by signal %d (%v).", status.Signal(), status.Signal()), true
	case pid == p.pid:
		return fmt.Sprintf("It exited with code %d.", status.ExitStatus()), true
	case err == nil || errors.Is(err, unix.EINTR):
		return "", false
	default: // reaped before
		return "It exited.", true
	}
}

// gone reports whether nothing of the group is left.
func (p *process) gone() bool {
	if _, ended := p.ended(); !ended {
		return false
	}
	if st, ok := readStat(p.pid); ok && st.born != p.born {
		return true // the number is not reused while the group has members
	}
	return errors.Is(unix.Kill(-p.pid, 0), unix.ESRCH) || onlyZombies(p.pid)
}

// waitGone waits until nothing of the group is left, at most so long and not beyond ctx, and reports whether it came to that.
func (p *process) waitGone(ctx context.Context, most time.Duration) bool {
	return await(ctx, most, p.gone)
}

// await polls until something is so, at most so long and not beyond ctx.
func await(ctx context.Context, most time.Duration, is func() bool) bool {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	tick := time.NewTicker(endEvery)
	defer tick.Stop()
	for {
		if is() {
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
}

// killRest kills what is left of a copy beside its leader's group: what carries its mark or descends from its leader, in any
// group or session. It reports whether none is left.
func (f *Fleet) killRest(id hosting.CopyID) bool {
	// A scan reads one process after the other: one that forks and ends meanwhile may hide its child from it. Control groups are killed
	// as a whole.
	enough, empty := 2, 0
	if f.lineage == nil {
		enough = 1
	}
	return await(context.Background(), killWait, func() bool { // not the fleet's context: what was begun is finished
		empty++
		for _, m := range f.owner.marked() {
			if m.id == id {
				identity{m.pid, m.born}.signal(unix.SIGKILL)
				empty = 0
			}
		}
		for _, who := range f.lineage.of(id, true) {
			empty = 0 // even if it has ended since: it may have left a child
			if st, ok := readStat(who.pid); ok && st.born == who.born && st.runs() {
				who.signal(unix.SIGKILL)
			}
		}
		return empty >= enough
	})
}
