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
	"strings"
	"syscall"
	"text/tabwriter"
	"time"
)

// path is where every peer is asked; model servers answer anywhere.
const path = "/endpoints/bench/invocations"

type options struct {
	instances, connections, rounds, size int
	duration                             time.Duration
	generator                            string
	only                                 string
	role                                 string
	upstreams                            string
}

func main() {
	var o options
	flag.IntVar(&o.instances, "instances", 4, "model servers")
	flag.IntVar(&o.connections, "connections", 32, "connections of the load")
	flag.IntVar(&o.rounds, "rounds", 3, "rounds; the table shows medians")
	flag.IntVar(&o.size, "size", 1024, "bytes of a request, and of an answer")
	flag.DurationVar(&o.duration, "duration", 5*time.Second, "of one peer's turn in a round")
	flag.StringVar(&o.generator, "generator", "", "wrk or loadgen; default wrk where it is installed")
	flag.StringVar(&o.only, "only", "", "peers to measure, comma-separated; default all")
	flag.StringVar(&o.role, "role", "", "what a child process serves; for the command's own use")
	flag.StringVar(&o.upstreams, "upstreams", "", "addresses of model servers; for the command's own use")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := o.run(ctx, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/gateway:", err)
		os.Exit(1)
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
	models, err := o.child(ctx, "models", "")
	if err != nil {
		return err
	}
	defer models.stop()
	addresses := strings.Split(models.address, ",")
	peers := []*peer{{name: "direct", address: addresses[0]}}
	for _, name := range []string{"nginx", "reverseproxy", "gateway"} {
		if o.only != "" && !slices.Contains(strings.Split(o.only, ","), name) {
			continue
		}
		p, err := o.peer(ctx, name, addresses)
		if err != nil {
			fmt.Fprintf(out, "%s is left out: %v\n", name, err)
			continue
		}
		defer p.process.stop()
		peers = append(peers, p)
	}
	for round := range o.rounds {
		for _, p := range peers {
			m, err := o.measure(ctx, p.address)
			if err != nil {
				return fmt.Errorf("measuring %s: %w", p.name, err)
			}
			fmt.Fprintf(out, "round %d  %-13s %8.0f requests/s  p50 %-10v p99 %-10v failures %.0f\n", round+1, p.name, m.rate, m.p50.Round(time.Microsecond), m.p99.Round(time.Microsecond), m.failures)
			p.seen = append(p.seen, m)
		}
	}
	fmt.Fprintf(out, "\n%d model servers, %d connections, %d bytes each way, %v a turn, %s, medians of %d\n\n",
		o.instances, o.connections, o.size, o.duration, o.generator, o.rounds)
	return table(out, peers)
}

// peer is one of the servers that are compared.
type peer struct {
	name    string
	address string
	process *process
	seen    []measurement
}

func (o *options) peer(ctx context.Context, name string, models []string) (*peer, error) {
	start := func() (*process, error) { return o.child(ctx, name, strings.Join(models, ",")) }
	if name == "nginx" {
		start = func() (*process, error) { return nginx(ctx, models) }
	}
	p, err := start()
	if err != nil {
		return nil, err
	}
	return &peer{name: name, address: p.address, process: p}, nil
}

// table prints each peer's medians, and its rate beside nginx's.
func table(out io.Writer, peers []*peer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "peer\trequests/s\tp50\tp99\tfailures\tof nginx\t")
	base := 0.0
	for _, p := range peers {
		if p.name == "nginx" {
			base = median(p.seen).rate
		}
	}
	for _, p := range peers {
		m := median(p.seen)
		ratio := "-"
		if base > 0 {
			ratio = fmt.Sprintf("%.2f", m.rate/base)
		}
		fmt.Fprintf(w, "%s\t%.0f\t%v\t%v\t%.0f\t%s\t\n", p.name, m.rate, m.p50.Round(time.Microsecond), m.p99.Round(time.Microsecond), m.failures, ratio)
	}
	return w.Flush()
}

// median is each number's own; failures are summed, since one is one too many.
func median(all []measurement) measurement {
	var m measurement
	var rates []float64
	var p50s, p99s []time.Duration
	for _, x := range all {
		rates, p50s, p99s = append(rates, x.rate), append(p50s, x.p50), append(p99s, x.p99)
		m.failures += x.failures
	}
	slices.Sort(rates)
	slices.Sort(p50s)
	slices.Sort(p99s)
	at := len(all) / 2
	m.rate, m.p50, m.p99 = rates[at], p50s[at], p99s[at]
	return m
}
