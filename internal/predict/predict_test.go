package predict

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/metric/expr"
	"bellows.dev/bellows/scaling"
)

var (
	scope = engine.Scope{Account: "123456789012", Region: "us-east-1"}
	key   = scaling.VariantTarget("chat", "blue")
	noon  = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	calls = metric.NewID("App", "Calls")
)

func wanted(policy string) engine.HistoryWanted {
	stat := metric.MetricStat{Metric: calls, Statistic: metric.Statistic{Kind: metric.Sum}, Period: 5 * time.Minute}
	return engine.HistoryWanted{
		Scope: scope, Target: key, Policy: policy, Until: noon,
		Queries: scaling.HistoryQueries{Load: []metric.DataQuery{{ID: "load", Stat: &stat}}},
	}
}

// The history that is asked for is read, hour by hour, and stepped into the engine; one that cannot be read is logged and not stepped.
func TestHistoriesAreReadAndSteppedInOrder(t *testing.T) {
	window := metric.NewWindow(15 * 24 * time.Hour)
	for minute := range 120 { // 10:00 until 12:00: a call a minute
		var s metric.Summary
		s.Add(1, 1)
		window.Series(calls).Record(noon.Add(-2*time.Hour+time.Duration(minute)*time.Minute), time.Minute, "None", &s)
	}
	var text bytes.Buffer
	steps := make(chan engine.Input, 10)
	broken := errors.New("the disk is gone")
	f := New(Options{
		Metrics: func(_ context.Context, s engine.Scope, use func(time.Time, expr.Source)) error {
			if s != scope {
				t.Errorf("asked for %v", s)
			}
			if broken != nil {
				err := broken
				broken = nil
				return err
			}
			use(noon, window)
			return nil
		},
		Step: func(_ context.Context, in engine.Input) (engine.Result, error) {
			steps <- in
			return nil, nil
		},
		Log: slog.New(slog.NewTextHandler(&text, nil)),
	})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		f.Run(ctx)
		close(ended)
	}()
	f.Take(wanted("unlucky"))
	f.Take(wanted("ahead"))
	got := (<-steps).(engine.LoadHistory)
	cancel()
	<-ended
	if got.Policy != "ahead" || got.Target != key || got.Scope != scope || !got.Past.Until.Equal(noon) {
		t.Errorf("stepped %+v", got)
	}
	if want := []scaling.HourValue{{Ago: 0, Value: 60}, {Ago: 1, Value: 60}}; len(got.Past.Load) != 2 || got.Past.Load[0] != want[0] || got.Past.Load[1] != want[1] {
		t.Errorf("load %v, want %v", got.Past.Load, want)
	}
	if !strings.Contains(text.String(), "the disk is gone") {
		t.Errorf("the error is not in the log: %s", &text)
	}
}

func TestTheQueueIsBounded(t *testing.T) {
	var text bytes.Buffer
	f := New(Options{Log: slog.New(slog.NewTextHandler(&text, nil))})
	for n := range waitingMax {
		f.Take(wanted(fmt.Sprint("ahead", n)))
		f.Take(wanted("ahead0")) // it waits already
	}
	if text.Len() > 0 {
		t.Fatalf("refused too early: %s", &text)
	}
	f.Take(wanted("late"))
	if !strings.Contains(text.String(), "policy=late") {
		t.Errorf("the refusal is not in the log: %s", &text)
	}
}
