package e2e

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Without a terminal the demo prints lines, ends by itself, fails unless it scaled out and in, and leaves nothing behind.
func TestDemo(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	ctx, cancel := context.WithTimeout(t.Context(), 3*patience)
	defer cancel()
	out, err := runBinary(ctx, "demo", "--clock-speed", "60")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{
		"4 instances serve", "triggered policy Invocations-ScalingPolicy", "Setting desired instance count to 1.", "2 instances by hand",
		"policy OverheadLatency-ScalingPolicy (StepScaling), alarms: 1", "decision   desired 1 -> ", "AlarmHigh in ALARM, 3 of 3: ", "AlarmLow in ALARM, 15 of 15: ",
		", 0 failed", "Clean-up",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("the demo did not print %q\n%s", want, out)
		}
	}
	left, err := filepath.Glob(filepath.Join(os.Getenv("TMPDIR"), "bellows-demo-*"))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	environs, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range environs {
		if env, err := os.ReadFile(f); err == nil && strings.Contains(string(env), os.Getenv("TMPDIR")+"/bellows-demo-") {
			t.Errorf("a process is left: %s", f)
		}
	}
}

// The simulation of README.md.
func TestSimulate(t *testing.T) {
	out, err := runBinary(t.Context(), "simulate", "../scenarios/target-tracking-out-and-in.txt")
	if err != nil || !strings.Contains(out, "decision desired 4 -> 8") {
		t.Errorf("%v\n%s", err, out)
	}
}
