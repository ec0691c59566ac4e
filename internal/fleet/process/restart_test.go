package process

import (
	"context"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/demomodel"
)

func TestDelay(t *testing.T) {
	type end struct {
		ready bool
		lived time.Duration
	}
	crash, killed, steady := end{}, end{true, 2 * time.Second}, end{true, time.Minute}
	times := func(n int, e end) (out []end) {
		for range n {
			out = append(out, e)
		}
		return out
	}
	for name, tt := range map[string]struct {
		ends       []end
		couldServe bool
		want       time.Duration // with the most jitter
	}{
		"served and was killed":                     {times(1, killed), false, 0},
		"and again":                                 {times(2, killed), false, 100 * time.Millisecond},
		"and again and again":                       {times(50, killed), false, time.Second},
		"after a steady time it begins anew":        {append(times(50, killed), steady), false, 0},
		"never served":                              {times(1, crash), false, 500 * time.Millisecond},
		"never served, again":                       {times(3, crash), false, 2 * time.Second},
		"never served, for long":                    {times(50, crash), false, 30 * time.Second},
		"the variant could serve, and nothing does": {times(50, crash), true, 2 * time.Second},
		"it serves at last, and is killed":          {append(times(50, crash), killed), false, 0},
		"a start fails after it served":             {append(times(5, killed), crash), false, 500 * time.Millisecond},
	} {
		var r restarts
		for _, e := range tt.ends {
			r.ended(e.ready, e.lived)
		}
		if got := r.delay(tt.couldServe, 1); got != tt.want {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
		if got := r.delay(tt.couldServe, 0); got != tt.want/2 {
			t.Errorf("%s: %v with the least jitter, want %v", name, got, tt.want/2)
		}
	}
}

// An instance that is killed as soon as it serves comes back each time within about a second.
func TestAnInstanceThatIsKilledAgainAndAgainComesBack(t *testing.T) {
	dir := t.TempDir()
	o := options(dir)
	reports := make(chan hosting.InstanceReport, 100)
	o.Report = func(r hosting.InstanceReport) { reports <- r }
	f, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second) // doubled from half a second on, the pauses alone would be 63 s
	defer cancel()
	f.Apply(levelOf(alone(hosting.CopySpec{ID: "i-1", Image: "demo"})))
	for kills := 0; kills < 7; {
		select {
		case r := <-reports:
			if pid, _, found := leaderOf(dir, "i-1"); found && r.State == hosting.FleetReady {
				kills++
				if err := unix.Kill(pid, unix.SIGKILL); err != nil {
					t.Fatal(err)
				}
			}
		case <-ctx.Done():
			t.Fatalf("it came back %d times only", kills)
		}
	}
	if err := f.StopAll(t.Context()); err != nil {
		t.Error(err)
	}
}

// Instances that cannot start wait. When one of their variant begins to serve, what kept them may be gone: they try at once.
func TestOneThatServesEndsTheOthersWait(t *testing.T) {
	v := &variant{changed: make(chan struct{})}
	k := &keeper{variant: v, restarts: restarts{startup: 50}}
	rested := make(chan bool)
	go func() { rested <- k.rest(t.Context()) }()
	for {
		v.count(1)
		select {
		case again := <-rested:
			if !again {
				t.Error("it does not start again")
			}
			return
		case <-time.After(time.Millisecond): // it had not begun to wait
			v.count(-1)
		}
	}
}

// The reason of a failure is reported at once, each time.
func TestACrashLoopIsReportedAtOnce(t *testing.T) {
	o := options(t.TempDir())
	reports := make(chan hosting.InstanceReport, 100)
	o.Report = func(r hosting.InstanceReport) { reports <- r }
	f, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	f.Apply(levelOf(alone(hosting.CopySpec{ID: "i-1", Image: "demo", Environment: map[string]string{demomodel.EnvExitAtStart: "1"}})))
	for range 2 {
		if r := next(reports); r.State != hosting.FleetFailed || !strings.Contains(r.Reason, "It exited with code") {
			t.Errorf("%+v", r)
		}
	}
	if err := f.StopAll(t.Context()); err != nil {
		t.Error(err)
	}
}
