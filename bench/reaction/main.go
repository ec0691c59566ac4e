// Command reaction measures the time from the first request of a load step to the decision to scale out, and to the moment when the new
// instances are in service. It prints each figure beside the minimum that the policy's own rule allows: the evaluation periods of its alarm
// and the 10 s that alarms wait for late data.
//
//	cd bench && go run ./reaction
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"text/tabwriter"
	"time"

	"golang.org/x/sync/errgroup"

	"bellows.dev/bellows/bench/target"
)

// delay is the time between the end of a period and its evaluation by an alarm. AWS: recorded.
const delay = 10 * time.Second

// slack is the time that a decision may take beyond the minimum of its rule.
const slack = time.Second

// latency is the model latency of an invocation. Concurrency is rate times latency.
const latency = 200 * time.Millisecond

// row is one load step under one policy.
type row struct {
	endpoint string
	policy   string
	step     string
	rate     float64 // requests per second after the step; 0 before
	put      func(ctx context.Context, b *bench, endpoint string) error
	period   time.Duration // of the alarm
	periods  int

	decision, served time.Duration // policy time from the step's first request
	to               string        // description of the scaling activity
}

// minimum is the time that the rule itself takes: the step begins with a period, so all datapoints since then breach.
func (r *row) minimum() time.Duration { return time.Duration(r.periods)*r.period + delay }

func main() {
	speed := flag.Float64("clock-speed", 1, "seconds of policy time per second")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, *speed)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/reaction:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, speed float64) error {
	t, err := target.Build(ctx)
	if err != nil {
		return err
	}
	defer t.Remove() //nolint:errcheck // a temporary folder
	s, err := t.Start(ctx, "data", "127.0.0.1:0", "--auth", "none", "--clock-speed", strconv.FormatFloat(speed, 'g', -1, 64))
	if err != nil {
		return err
	}
	defer s.Stop() //nolint:errcheck // the measurement is done
	rows := []*row{
		{endpoint: "steps-double", policy: "step scaling, 1 of 1 x 10 s", step: "2 x target", rate: 40, put: stepScaling, period: 10 * time.Second, periods: 1},
		{endpoint: "steps-tenfold", policy: "step scaling, 1 of 1 x 10 s", step: "10 x target", rate: 200, put: stepScaling, period: 10 * time.Second, periods: 1},
		{endpoint: "tracks-double", policy: "target tracking, concurrency, 3 of 3 x 10 s", step: "2 x target", rate: 40, put: concurrency, period: 10 * time.Second, periods: 3},
		{endpoint: "tracks-tenfold", policy: "target tracking, concurrency, 3 of 3 x 10 s", step: "10 x target", rate: 200, put: concurrency, period: 10 * time.Second, periods: 3},
		{endpoint: "minutes-double", policy: "target tracking, invocations, 3 of 3 x 60 s", step: "2 x target", rate: 20, put: invocations, period: time.Minute, periods: 3},
	}
	b := &bench{server: s, speed: speed}
	all, ctx := errgroup.WithContext(ctx)
	for _, r := range rows {
		all.Go(func() error {
			if err := b.measure(ctx, r); err != nil {
				return fmt.Errorf("%s: %w", r.endpoint, err)
			}
			return nil
		})
	}
	if err := all.Wait(); err != nil {
		return err
	}
	return report(rows)
}

func report(rows []*row) error {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "load step\tpolicy\tthe rule's minimum\tto the decision\tto the new instances in service\tactivity\t")
	var late *row
	for _, r := range rows {
		fmt.Fprintf(w, "none to %s\t%s\t%.1f s\t%.1f s\t%.1f s\t%s\t\n", r.step, r.policy, r.minimum().Seconds(), r.decision.Seconds(), r.served.Seconds(), r.to)
		if r.decision > r.minimum()+slack {
			late = cmp.Or(late, r)
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if late != nil {
		return fmt.Errorf("%s: the decision took %v, more than %v plus %v", late.endpoint, late.decision, late.minimum(), slack)
	}
	return nil
}
