// Command decision measures the cost of decisions: one decision of a target with two policies, and the tick in which many scalable targets
// have their two alarms evaluated. It runs on one core and counts CPU time, so that other programs on the machine do not affect it. It
// compares the figures with their limits; bench/cloudwatch compares alarms with those of another system.
//
//	cd bench && go run ./decision [--json]
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"syscall"
	"time"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/bench/figure"
	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/engine/dimension"
	"bellows.dev/bellows/engine/enginetest"
	"bellows.dev/bellows/scaling"
	"bellows.dev/bellows/scaling/policy"
	"bellows.dev/bellows/scaling/policy/step"
	"bellows.dev/bellows/scaling/policy/tracking"
)

// rounds is the number of measurements of a tick, of which the median is reported.
const rounds = 5

func main() {
	asJSON := flag.Bool("json", false, "print JSON")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, *asJSON)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/decision:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, asJSON bool) error {
	defer figure.OneCore()()
	all, err := measureDecision()
	if err != nil {
		return err
	}
	for _, targets := range []int{1_000, 10_000, 100_000} {
		found, err := measureTicks(ctx, targets)
		if err != nil {
			return err
		}
		all = append(all, found...)
	}
	return figure.Report(os.Stdout, all, asJSON)
}

// measureTicks measures ticks in which no alarm changes, and ticks in which every target decides but stays at its maximum capacity.
func measureTicks(ctx context.Context, targets int) ([]figure.Figure, error) {
	var out []figure.Figure
	for _, x := range []struct {
		name      string
		load      float64
		decisions int
	}{{"no alarm changes", enginetest.Rest, 0}, {"every target decides", enginetest.Rush, targets}} {
		took, err := measureTick(ctx, targets, x.load, x.decisions)
		if err != nil {
			return nil, err
		}
		name := fmt.Sprintf("a tick of %d targets and %d alarms, %s", targets, 2*targets, x.name)
		if targets == 100_000 {
			out = append(out, figure.AtMost(name, took.Seconds(), "s", 0.5))
		} else {
			out = append(out, figure.Figure{Name: name, Value: took.Seconds(), Unit: "s"})
		}
	}
	return out, nil
}

func measureTick(ctx context.Context, targets int, load float64, decisions int) (time.Duration, error) {
	c, err := enginetest.New(targets, 1, 1)
	if err != nil {
		return 0, err
	}
	if err := c.WarmUp(load); err != nil {
		return 0, err
	}
	var all []time.Duration
	for range rounds {
		if err := c.Minute(load); err != nil {
			return 0, err
		}
		runtime.GC()
		started := figure.CPUTime()
		out, err := c.Evaluate()
		took := figure.CPUTime() - started
		if err != nil {
			return 0, err
		}
		if n := decided(&out); n != decisions {
			return 0, fmt.Errorf("%d decisions, want %d", n, decisions)
		}
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		all = append(all, took)
	}
	slices.Sort(all)
	return all[len(all)/2], nil
}

// decided counts the decisions of a step.
func decided(out *engine.Output) (n int) {
	for _, e := range out.Events {
		if _, ok := e.(engine.Decided); ok {
			n++
		}
	}
	return n
}

// measureDecision measures one decision of a target at its maximum capacity, both of whose policies are invoked by their alarms.
func measureDecision() ([]figure.Figure, error) {
	target, signals, err := twoPolicies()
	if err != nil {
		return nil, err
	}
	const decisions = 1_000_000
	var d scaling.Decision
	full := scaling.Capacity{Desired: 8, Current: 8, Scalable: true}
	now := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	scaling.Decide(now, target, full, scaling.Seen{Signals: signals}, &d)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	started := figure.CPUTime()
	for range decisions {
		scaling.Decide(now, target, full, scaling.Seen{Signals: signals}, &d)
	}
	took := figure.CPUTime() - started
	runtime.ReadMemStats(&after)
	if d.Acted || len(d.Proposals) != 2 {
		return nil, fmt.Errorf("unexpected decision: %s", d.Explain(policy.Types()))
	}
	return []figure.Figure{
		figure.AtMost("a decision for a target with two policies", took.Seconds()/decisions*1e6, "µs", 2),
		figure.AtMost("  allocations, where nothing changes", float64(after.Mallocs-before.Mallocs)/decisions, "", 0.001),
	}, nil
}

func twoPolicies() (*scaling.Target, []scaling.Signal, error) {
	r := scaling.NewRegistry(policy.Types(), dimension.All())
	key, least, most, ids := scaling.VariantTarget("chat", "blue"), 1, 8, 0
	newID := func() string {
		ids++
		return fmt.Sprintf("00000000-0000-4000-8000-%012d", ids)
	}
	t, err := r.Register(time.Time{}, scaling.Registration{Key: key, Min: &least, Max: &most}, newID)
	if err != nil {
		return nil, nil, err
	}
	bound := 0.0
	for _, p := range []scaling.PolicyInput{
		{Key: key, Name: "cpu", Type: tracking.Type{}, Configs: []scaling.Config{&tracking.Config{
			TargetValue: 70, Customized: &tracking.CustomizedSpec{Namespace: "n", Name: "cpu", Statistic: tracking.Average},
		}}},
		{Key: key, Name: "up", Type: step.Type{}, Configs: []scaling.Config{&step.Config{
			AdjustmentType: step.ChangeInCapacity, Steps: []step.Adjustment{{Lower: &bound, Adjustment: 1}},
		}}},
	} {
		if _, err := r.PutPolicy(time.Time{}, p, newID); err != nil {
			return nil, nil, err
		}
	}
	cpu, up := t.Policy("cpu"), t.Policy("up")
	return t, []scaling.Signal{
		{Policy: cpu, Alarm: cpu.AlarmNames()[0], State: alarm.InAlarm, Comparison: alarm.GreaterThanThreshold, Threshold: 70, Datapoints: []float64{140, 150, 160}},
		{Policy: up, Alarm: "high", State: alarm.InAlarm, Comparison: alarm.GreaterThanThreshold, Threshold: 50, Datapoints: []float64{55, 56, 57}},
	}, nil
}
