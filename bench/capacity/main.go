// Command capacity scales an endpoint out and in repeatedly under a constant load and counts the failed requests. For comparison it then
// sends the same load to the same endpoint at constant capacity.
//
//	cd bench && go run ./capacity
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"bellows.dev/bellows/bench/loadgen"
	"bellows.dev/bellows/bench/target"
)

const endpoint = "scaled"

func main() {
	times := flag.Int("times", 10, "number of scale-outs and scale-ins")
	rate := flag.Float64("rate", 500, "requests per second")
	most := flag.Int("instances", 4, "capacity after a scale-out")
	hold := flag.Duration("hold", time.Second, "time between changes of capacity")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, *times, *rate, int32(*most), *hold)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/capacity:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, times int, rate float64, most int32, hold time.Duration) error {
	b, err := target.Build(ctx)
	if err != nil {
		return err
	}
	defer b.Remove() //nolint:errcheck // a temporary folder
	s, err := b.Start(ctx, "data", "127.0.0.1:0", "--auth", "none")
	if err != nil {
		return err
	}
	defer s.Stop() //nolint:errcheck // the measurement is done
	if err := s.Deploy(ctx, endpoint, 1, nil); err != nil {
		return err
	}
	began := time.Now()
	moving, err := underLoad(ctx, s, rate, func() error {
		for range times {
			for _, n := range []int32{most, 1} {
				if err := s.Scale(ctx, endpoint, n); err != nil {
					return err
				}
				time.Sleep(hold)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	took := time.Since(began)
	still, err := underLoad(ctx, s, rate, func() error {
		time.Sleep(took)
		return nil
	})
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "capacity\trequests\tfailed\tp50\tp99\t")
	for _, row := range []struct {
		name string
		r    loadgen.Report
	}{{fmt.Sprintf("1 to %d and back, %d times in %v", most, times, took.Round(time.Second)), moving}, {"constant at 1", still}} {
		fmt.Fprintf(w, "%s\t%.0f\t%.0f\t%v\t%v\t\n", row.name, row.r.Answered, row.r.Failures(), row.r.Percentile(50), row.r.Percentile(99))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if moving.Failures() > 0 {
		return errors.New("requests were lost while capacity changed")
	}
	return nil
}

// underLoad sends requests at a rate, per second, while do runs.
func underLoad(ctx context.Context, s *target.Server, rate float64, do func() error) (loadgen.Report, error) {
	loading, stop := context.WithCancel(ctx)
	defer stop()
	type outcome struct {
		r   loadgen.Report
		err error
	}
	done := make(chan outcome, 1)
	go func() {
		r, err := loadgen.Run(loading, loadgen.Options{
			URL: s.URL + "/endpoints/" + endpoint + "/invocations", Connections: 16, Rate: rate, Duration: time.Hour,
			Header: map[string]string{"Content-Type": "text/csv"}, Body: []byte(strings.Repeat("6.1,2.8,4.7,1.2\n", 4)),
		})
		done <- outcome{r, err}
	}()
	err := do()
	stop()
	o := <-done
	return o.r, errors.Join(err, o.err)
}
