package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"bellows.dev/bellows/bench/target"
)

// image is the image of the model server that runs as instances of the endpoint.
const image = "bench/model"

// peer is one of the compared servers.
type peer struct {
	name    string
	address string
	pids    func() []int // its processes; nil if they are not measured
	sign    *aws.Config  // credentials that requests are signed with; nil: unsigned
	seen    []measurement
}

// peers starts all servers that are measured; stop ends them.
func (o *options) peers(ctx context.Context, out io.Writer) (all []*peer, stop func(), err error) {
	var ends []func()
	stop = func() {
		for _, end := range slices.Backward(ends) {
			end()
		}
	}
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, stop, err
	}
	ends = append(ends, func() { _ = os.RemoveAll(dir) }) // the system's temporary folder
	binary, err := target.Build(ctx)
	if err != nil {
		return nil, stop, err
	}
	ends = append(ends, func() { _ = binary.Remove() })
	own, models, err := o.server(ctx, binary, dir, "open", "--auth", "none")
	if own != nil {
		ends = append(ends, func() { _ = own.Stop() })
	}
	if err != nil {
		return nil, stop, err
	}
	all = append(all, &peer{name: "direct", address: models[0]})
	for _, x := range []struct {
		name  string
		start func(context.Context, []string) (*process, error)
	}{{"nginx", nginx}, {"haproxy", haproxy}, {"reverseproxy", o.reverseProxyChild}} {
		if !o.wanted(x.name) {
			continue
		}
		p, err := x.start(ctx, models)
		if err != nil {
			fmt.Fprintf(out, "%s is skipped: %v\n", x.name, err)
			continue
		}
		ends = append(ends, p.stop)
		all = append(all, &peer{name: x.name, address: p.address, pids: p.family})
	}
	if o.wanted("bellows") {
		all = append(all, &peer{name: "bellows", address: host(own.URL), pids: func() []int { return []int{own.PID()} }})
	}
	if o.wanted("bellows signed") {
		signed, _, err := o.server(ctx, binary, dir, "signed")
		if signed != nil {
			ends = append(ends, func() { _ = signed.Stop() })
		}
		if err != nil {
			return nil, stop, err
		}
		all = append(all, &peer{name: "bellows signed", address: host(signed.URL), sign: &signed.Config, pids: func() []int { return []int{signed.PID()} }})
	}
	return all, stop, nil
}

func host(url string) string { return strings.TrimPrefix(url, "http://") }

// server starts Bellows with the endpoint "bench" and returns it with the addresses of its instances.
func (o *options) server(ctx context.Context, b *target.Binary, dir, name string, flags ...string) (*target.Server, []string, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	announced := filepath.Join(dir, name)
	if err := os.Mkdir(announced, 0o700); err != nil {
		return nil, nil, err
	}
	config := filepath.Join(dir, name+".yaml")
	text := fmt.Sprintf("images:\n  - image: %q\n    command: [%q, \"-role\", \"model\", \"-announce\", %q]\n", image, self, announced)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, nil, err
	}
	s, err := b.Start(ctx, name, "127.0.0.1:0", append([]string{"--config", config}, flags...)...)
	if err != nil {
		return s, nil, err
	}
	if err := s.DeployImage(ctx, "bench", image, int32(o.instances), nil); err != nil {
		return s, nil, err
	}
	files, err := os.ReadDir(announced)
	if err != nil {
		return s, nil, err
	}
	var addresses []string
	for _, f := range files {
		addresses = append(addresses, f.Name())
	}
	if len(addresses) != o.instances {
		return s, nil, fmt.Errorf("%d instances are in service, but %d have announced their addresses", o.instances, len(addresses))
	}
	return s, addresses, nil
}

// headers are the headers of a request to the peer besides Host and Content-Length. A signature is valid for minutes, so one is enough for a
// turn.
func (p *peer) headers(ctx context.Context, body []byte) (map[string]string, error) {
	all := map[string]string{"Content-Type": "application/octet-stream"}
	if p.sign == nil {
		return all, nil
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+p.address+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", all["Content-Type"])
	key, err := p.sign.Credentials.Retrieve(ctx)
	if err != nil {
		return nil, err
	}
	if err := v4.NewSigner().SignHTTP(ctx, key, r, hexSHA256(body), "sagemaker", p.sign.Region, time.Now()); err != nil {
		return nil, err
	}
	for name := range r.Header {
		all[name] = r.Header.Get(name)
	}
	return all, nil
}

func find(peers []*peer, name string) *peer {
	for _, p := range peers {
		if p.name == name {
			return p
		}
	}
	return nil
}

// table prints each peer's medians, and its rate relative to nginx's.
func table(out io.Writer, peers []*peer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "peer\trequests/s\tp50\tp99\tfailures\tof nginx\tCPU a request\t")
	base := find(peers, "nginx")
	for _, p := range peers {
		m := median(p.seen)
		share := "-"
		if base != nil {
			share = fmt.Sprintf("%.2f", m.rate/median(base.seen).rate)
		}
		fmt.Fprintf(w, "%s\t%.0f\t%v\t%v\t%.0f\t%s\t%v\t\n", p.name, m.rate, m.p50.Round(time.Microsecond), m.p99.Round(time.Microsecond), m.failures, share, m.cpu.Round(100*time.Nanosecond))
	}
	return w.Flush()
}

// median takes the median of each value on its own, and the sum of the failures.
func median(all []measurement) measurement {
	var m measurement
	var rates []float64
	var p50s, p99s, cpus []time.Duration
	for _, x := range all {
		rates, p50s, p99s = append(rates, x.rate), append(p50s, x.p50), append(p99s, x.p99)
		cpus = append(cpus, x.cpu)
		m.failures += x.failures
	}
	slices.Sort(rates)
	slices.Sort(p50s)
	slices.Sort(p99s)
	slices.Sort(cpus)
	at := len(all) / 2
	m.rate, m.p50, m.p99, m.cpu = rates[at], p50s[at], p99s[at], cpus[at]
	return m
}

func ratio(a, b time.Duration) float64 { return float64(a) / float64(b) }

// errMissing reports that a peer's program is not installed.
var errMissing = errors.New("it is not installed")
