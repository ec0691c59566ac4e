package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"text/tabwriter"
)

// figure is one thing that was measured.
type figure struct {
	Name     string  `json:"name"`
	Value    float64 `json:"value"`
	Unit     string  `json:"unit"`
	Promised string  `json:"promised,omitempty"`
	Missed   bool    `json:"missed,omitempty"`
}

// atMost and atLeast are figures with a promise.
func atMost(name string, v float64, unit string, limit float64) figure {
	return figure{name, v, unit, fmt.Sprintf("≤ %s", show(limit)), v > limit}
}

func atLeast(name string, v float64, unit string, limit float64) figure {
	return figure{name, v, unit, fmt.Sprintf("≥ %s", show(limit)), v < limit}
}

func show(v float64) string {
	switch {
	case v >= 10_000:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	default:
		return fmt.Sprintf("%.3f", v)
	}
}

func main() {
	asJSON := flag.Bool("json", false, "print JSON")
	peers := flag.Int("peer-variants", 10_000, "variants, with two rules each, that Prometheus evaluates")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, *peers, *asJSON)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/cloudwatch:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, peers int, asJSON bool) error {
	if address := os.Getenv(asPeer); address != "" {
		return servePeer(ctx, address, os.Getenv(peerFolder))
	}
	var all []figure
	for _, measure := range []func(context.Context) ([]figure, error){
		func(ctx context.Context) ([]figure, error) { return measureAlarms(ctx, peers) },
		measureRecording, measureMemory, measureHTTP,
	} {
		found, err := measure(ctx)
		if err != nil {
			return err
		}
		all = append(all, found...)
	}
	return report(all, asJSON)
}

func report(all []figure, asJSON bool) error {
	missed := 0
	for _, f := range all {
		if f.Missed {
			missed++
		}
	}
	if asJSON {
		if err := json.NewEncoder(os.Stdout).Encode(all); err != nil {
			return err
		}
	} else {
		w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "figure\tmeasured\t\tpromised\t")
		for _, f := range all {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t\n", f.Name, show(f.Value), f.Unit, f.Promised)
		}
		if err := w.Flush(); err != nil {
			return err
		}
	}
	if missed > 0 {
		return errors.New("a promised figure is missed")
	}
	return nil
}
