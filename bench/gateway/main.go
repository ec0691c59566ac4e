package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"bellows.dev/bellows/bench/figure"
)

// path is the request path for every peer; the model servers answer on any path.
const path = "/endpoints/bench/invocations"

type options struct {
	instances, connections, rounds int
	duration                       time.Duration
	generator, only                string
	sizes, rates                   []int
	idle                           int
	json                           bool
	role, upstreams                string
	announce                       string
}

func main() {
	o := options{sizes: []int{1 << 10, 220 << 10}, rates: []int{5_000, 15_000}}
	flag.IntVar(&o.instances, "instances", 4, "model servers")
	flag.IntVar(&o.connections, "connections", 32, "connections of the load")
	flag.IntVar(&o.rounds, "rounds", 3, "measurements of each peer; tables show medians")
	flag.DurationVar(&o.duration, "duration", 5*time.Second, "duration of one measurement")
	flag.StringVar(&o.generator, "generator", "", "wrk or loadgen; default wrk where it is installed")
	flag.StringVar(&o.only, "only", "", "peers to measure, comma-separated; default all")
	flag.Func("sizes", "bytes of a request's and a response's body, comma-separated; default 1024,225280", into(&o.sizes))
	flag.Func("rates", "requests per second of the open loops, comma-separated; default 5000,15000; 0: none", into(&o.rates))
	flag.IntVar(&o.idle, "idle", 5000, "idle connections whose memory is measured; 0: none")
	flag.BoolVar(&o.json, "json", false, "print figures as JSON")
	flag.StringVar(&o.role, "role", "", "role of a child process; internal")
	flag.StringVar(&o.upstreams, "upstreams", "", "addresses of model servers; internal")
	flag.StringVar(&o.announce, "announce", "", "folder in which a model server announces its address; internal")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := o.run(ctx, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/gateway:", err)
		os.Exit(1)
	}
}

// into parses comma-separated numbers and drops zeros.
func into(list *[]int) func(string) error {
	return func(s string) error {
		*list = nil
		for _, word := range strings.Split(s, ",") {
			n, err := strconv.Atoi(word)
			if err != nil || n < 0 {
				return fmt.Errorf("%q is not a number", word)
			}
			if n > 0 {
				*list = append(*list, n)
			}
		}
		return nil
	}
}

func (o *options) run(ctx context.Context, out io.Writer) error {
	if o.role != "" {
		return o.serve(ctx, out)
	}
	if o.generator == "" {
		o.generator = "loadgen"
		if _, err := exec.LookPath("wrk"); err == nil {
			o.generator = "wrk"
		}
	}
	peers, stop, err := o.peers(ctx, out)
	defer stop()
	if err != nil {
		return err
	}
	var figures []figure.Figure
	for _, size := range o.sizes {
		found, err := o.saturate(ctx, out, peers, size)
		if err != nil {
			return err
		}
		figures = append(figures, found...)
	}
	for _, rate := range o.rates {
		found, err := o.fixedRate(ctx, out, peers, rate)
		if err != nil {
			return err
		}
		figures = append(figures, found...)
	}
	if o.idle > 0 {
		found, err := o.connectionMemory(ctx, out, peers)
		if err != nil {
			return err
		}
		figures = append(figures, found...)
	}
	fmt.Fprintln(out)
	return figure.Report(out, figures, o.json)
}

// wanted reports whether a peer is to be measured.
func (o *options) wanted(name string) bool {
	return o.only == "" || slices.Contains(strings.Split(o.only, ","), name)
}

// saturate measures the peers in a closed loop.
func (o *options) saturate(ctx context.Context, out io.Writer, peers []*peer, size int) ([]figure.Figure, error) {
	title := fmt.Sprintf("saturation, %d bytes each way, %d connections, %v a turn, %s", size, o.connections, o.duration, o.generator)
	if err := o.rotate(ctx, out, title, peers, size, 0); err != nil {
		return nil, err
	}
	base, own, signed := find(peers, "nginx"), find(peers, "bellows"), find(peers, "bellows signed")
	if base == nil || own == nil {
		return nil, nil
	}
	what := fmt.Sprintf("saturation at %d bytes: ", size)
	b := median(base.seen)
	figures := []figure.Figure{
		figure.AtLeast(what+"requests/s, of nginx's", median(own.seen).rate/b.rate, "", 1),
		figure.AtMost(what+"p99, of nginx's", ratio(median(own.seen).p99, b.p99), "", 1.3),
	}
	if signed != nil {
		figures = append(figures, figure.AtLeast(what+"requests/s with signatures, of nginx's", median(signed.seen).rate/b.rate, "", 0.85))
	}
	return figures, nil
}

// fixedRate measures the peers in an open loop.
func (o *options) fixedRate(ctx context.Context, out io.Writer, peers []*peer, rate int) ([]figure.Figure, error) {
	size := o.sizes[0]
	title := fmt.Sprintf("open loop, %d requests/s, %d bytes each way, %v a turn, loadgen", rate, size, o.duration)
	if err := o.rotate(ctx, out, title, peers, size, rate); err != nil {
		return nil, err
	}
	base, own := find(peers, "nginx"), find(peers, "bellows")
	if base == nil || own == nil {
		return nil, nil
	}
	what := fmt.Sprintf("%d requests/s: ", rate)
	return []figure.Figure{
		figure.AtMost(what+"p50, of nginx's", ratio(median(own.seen).p50, median(base.seen).p50), "", 1.1),
		figure.AtMost(what+"p99, of nginx's", ratio(median(own.seen).p99, median(base.seen).p99), "", 1.1),
	}, nil
}

// rotate measures the peers in turn, several rounds, and prints the medians.
func (o *options) rotate(ctx context.Context, out io.Writer, title string, peers []*peer, size, rate int) error {
	for _, p := range peers {
		p.seen = nil
	}
	for range o.rounds {
		for _, p := range peers {
			m, err := o.measure(ctx, p, size, rate)
			if err != nil {
				return fmt.Errorf("measuring %s: %w", p.name, err)
			}
			p.seen = append(p.seen, m)
		}
	}
	fmt.Fprintf(out, "\n%s, medians of %d\n", title, o.rounds)
	return table(out, peers)
}
