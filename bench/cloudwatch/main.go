package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"bellows.dev/bellows/bench/figure"
)

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
	var all []figure.Figure
	for _, measure := range []func(context.Context) ([]figure.Figure, error){
		func(ctx context.Context) ([]figure.Figure, error) { return measureAlarms(ctx, peers) },
		measureRecording, measureMemory, measureHTTP,
	} {
		found, err := measure(ctx)
		if err != nil {
			return err
		}
		all = append(all, found...)
	}
	return figure.Report(os.Stdout, all, asJSON)
}
