package process

import (
	"os"
	"os/exec"
	"testing"
	"time"
)

// startSleeper starts a child that does nothing, and is reaped at the test's end.
func startSleeper(t *testing.T) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sleep", "600")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return cmd
}

func watchIt(t *testing.T, pid int) *exits {
	t.Helper()
	e := watchExit(&process{pid: pid})
	if e == nil {
		t.Skip("this kernel has no descriptors of processes")
	}
	return e
}

func TestExitIsDetected(t *testing.T) {
	cmd := startSleeper(t)
	e := watchIt(t, cmd.Process.Pid)
	defer e.close()
	select {
	case <-e.ended():
		t.Fatal("the end of a process that runs was told")
	default:
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-e.ended():
	case <-time.After(10 * time.Second):
		t.Fatal("the end of a process was not told")
	}
}

// One that ended before, and is not reaped yet, has ended.
func TestExitBeforeTheWatch(t *testing.T) {
	cmd := startSleeper(t)
	first := watchIt(t, cmd.Process.Pid)
	defer first.close()
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-first.ended()
	e := watchIt(t, cmd.Process.Pid)
	defer e.close()
	select {
	case <-e.ended():
	case <-time.After(10 * time.Second):
		t.Fatal("the end of a process that had ended was not told")
	}
}

func TestWatchesOfExitsLeakNothing(t *testing.T) {
	cmd := startSleeper(t)
	watchIt(t, cmd.Process.Pid).close()
	descriptors := func() int {
		all, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(all)
	}
	before := descriptors()
	for range 200 {
		watchIt(t, cmd.Process.Pid).close() // it waits for the goroutine
	}
	if after := descriptors(); after > before+5 {
		t.Errorf("%d descriptors after 200 watches, %d before", after, before)
	}
}

// A fleet without such descriptors looks again and again.
func TestNoWatch(t *testing.T) {
	var e *exits
	if e.ended() != nil {
		t.Error("a watch that there is not must never tell an end")
	}
	e.close()
}
