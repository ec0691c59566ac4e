package process

import (
	"os"
	"os/exec"
	"testing"

	"golang.org/x/sys/unix"
)

func started(t *testing.T, cmd *exec.Cmd) identity {
	t.Helper()
	st, ok := readStat(cmd.Process.Pid)
	if !ok {
		t.Fatal("a process that was started is not there")
	}
	return identity{cmd.Process.Pid, st.born}
}

func endedBy(cmd *exec.Cmd) unix.Signal {
	_ = cmd.Wait()
	if status, ok := cmd.ProcessState.Sys().(interface{ Signal() unix.Signal }); ok {
		return status.Signal()
	}
	return 0
}

func TestSignalReachesOnlyTheProcessThatItIsFor(t *testing.T) {
	cmd := startSleeper(t)
	who := started(t, cmd)
	before, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	earlier := identity{who.pid, who.born - 1} // it had the number before
	for range 50 {
		earlier.signal(unix.SIGTERM)
	}
	after, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	if len(after) > len(before)+5 {
		t.Errorf("%d descriptors after 50 signals, %d before", len(after), len(before))
	}
	who.signal(unix.SIGKILL)
	if got := endedBy(cmd); got != unix.SIGKILL { // SIGTERM if the earlier ones had reached it
		t.Errorf("it ended by %v", got)
	}
	who.signal(unix.SIGKILL) // it is gone: nothing happens
}

func TestSignalReachesTheWholeGroup(t *testing.T) {
	for name, leaderFirst := range map[string]bool{"with its leader": false, "whose leader has ended": true} {
		t.Run(name, func(t *testing.T) {
			leader := exec.CommandContext(t.Context(), "sleep", "600")
			leader.SysProcAttr = &unix.SysProcAttr{Setpgid: true}
			if err := leader.Start(); err != nil {
				t.Fatal(err)
			}
			who := started(t, leader)
			member := exec.CommandContext(t.Context(), "sleep", "600")
			member.SysProcAttr = &unix.SysProcAttr{Setpgid: true, Pgid: who.pid}
			if err := member.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = leader.Process.Kill(); _ = member.Process.Kill() })
			(&process{pid: who.pid, born: who.born - 1}).signal(unix.SIGTERM) // an earlier group of the number
			if leaderFirst {
				_ = leader.Process.Kill()
				_ = leader.Wait()
			}
			(&process{pid: who.pid, born: who.born}).signal(unix.SIGKILL)
			if got := endedBy(member); got != unix.SIGKILL {
				t.Errorf("a member of the group ended by %v", got)
			}
			if got := endedBy(leader); got != unix.SIGKILL {
				t.Errorf("the leader ended by %v", got)
			}
		})
	}
}
