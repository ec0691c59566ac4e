package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"bellows.dev/bellows/bench/loadgen"
)

// measurement is the outcome of one turn of a peer.
type measurement struct {
	rate     float64 // 2XX responses per second
	p50, p99 time.Duration
	failures float64
	cpu      time.Duration // of the peer's processes, per response
}

// measure sends bodies of a size to a peer: in an open loop at a rate per second or, if that is 0, in a closed loop.
func (o *options) measure(ctx context.Context, p *peer, size, rate int) (measurement, error) {
	body := bytes.Repeat([]byte("x"), size)
	header, err := p.headers(ctx, body)
	if err != nil {
		return measurement{}, err
	}
	if p.pids == nil {
		return o.send(ctx, p, body, header, rate)
	}
	pids := p.pids()
	before := cpuTime(pids)
	m, err := o.send(ctx, p, body, header, rate)
	if responses := m.rate * o.duration.Seconds(); responses > 0 {
		m.cpu = time.Duration(float64(cpuTime(pids)-before) / responses)
	}
	return m, err
}

func (o *options) send(ctx context.Context, p *peer, body []byte, header map[string]string, rate int) (measurement, error) {
	address := "http://" + p.address + path
	if o.generator == "wrk" && rate == 0 {
		return o.wrk(ctx, address, len(body), header)
	}
	r, err := loadgen.Run(ctx, loadgen.Options{
		URL: address, Body: body, Connections: o.connections, Rate: float64(rate), Duration: o.duration, Header: header,
	})
	if err != nil {
		return measurement{}, err
	}
	return measurement{rate: r.Rate(), p50: r.Percentile(50), p99: r.Percentile(99), failures: r.Failures()}, nil
}

func hexSHA256(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// wrk runs wrk with a script that posts the body, and parses its summary.
func (o *options) wrk(ctx context.Context, address string, size int, header map[string]string) (measurement, error) {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return measurement{}, err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a small file in the system's temporary directory
	var text strings.Builder
	fmt.Fprintf(&text, "wrk.method = \"POST\"\nwrk.body = string.rep(\"x\", %d)\n", size)
	for name, value := range header {
		fmt.Fprintf(&text, "wrk.headers[%q] = %q\n", name, value)
	}
	script := filepath.Join(dir, "post.lua")
	if err := os.WriteFile(script, []byte(text.String()), 0o600); err != nil {
		return measurement{}, err
	}
	cmd := exec.CommandContext(ctx, "wrk", "-t2", "-c"+strconv.Itoa(o.connections), "-d"+strconv.Itoa(max(1, int(o.duration.Seconds())))+"s",
		"--latency", "-s", script, address)
	out, err := cmd.Output()
	if err != nil {
		return measurement{}, fmt.Errorf("running wrk: %w", err)
	}
	return parseWrk(string(out))
}

// parseWrk reads the summary that wrk prints.
func parseWrk(out string) (m measurement, err error) {
	for line := range strings.Lines(out) {
		f := strings.Fields(line)
		switch {
		case len(f) == 2 && f[0] == "50%":
			m.p50, err = time.ParseDuration(f[1])
		case len(f) == 2 && f[0] == "99%":
			m.p99, err = time.ParseDuration(f[1])
		case len(f) == 2 && f[0] == "Requests/sec:":
			m.rate, err = strconv.ParseFloat(f[1], 64)
		case strings.Contains(line, "Non-2xx"), strings.Contains(line, "Socket errors"):
			for _, word := range f {
				if n, wrong := strconv.ParseFloat(strings.TrimSuffix(word, ","), 64); wrong == nil {
					m.failures += n
				}
			}
		}
		if err != nil {
			return m, fmt.Errorf("reading wrk's summary: %w", err)
		}
	}
	if m.rate == 0 {
		return m, fmt.Errorf("wrk's summary has no rate: %q", out)
	}
	return m, nil
}
