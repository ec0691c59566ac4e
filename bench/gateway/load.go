package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"bellows.dev/bellows/bench/loadgen"
)

// measurement is what one turn gave.
type measurement struct {
	rate     float64 // answers with 2XX a second
	p50, p99 time.Duration
	failures float64
}

func (o *options) measure(ctx context.Context, address string) (measurement, error) {
	url := "http://" + address + path
	if o.generator == "wrk" {
		return o.wrk(ctx, url)
	}
	r, err := loadgen.Run(ctx, loadgen.Options{
		URL: url, Body: bytes.Repeat([]byte("x"), o.size), Connections: o.connections, Duration: o.duration,
		Header: map[string]string{"Content-Type": "application/octet-stream"},
	})
	if err != nil {
		return measurement{}, err
	}
	return measurement{r.Rate(), r.Percentile(50), r.Percentile(99), r.Failures()}, nil
}

// wrk runs it with a script that posts, and reads its summary.
func (o *options) wrk(ctx context.Context, url string) (measurement, error) {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return measurement{}, err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a small file in the system's temporary directory
	script := filepath.Join(dir, "post.lua")
	text := fmt.Sprintf("wrk.method = \"POST\"\nwrk.body = string.rep(\"x\", %d)\nwrk.headers[\"Content-Type\"] = \"application/octet-stream\"\n", o.size)
	if err := os.WriteFile(script, []byte(text), 0o600); err != nil {
		return measurement{}, err
	}
	cmd := exec.CommandContext(ctx, "wrk", "-t2", "-c"+strconv.Itoa(o.connections), "-d"+strconv.Itoa(max(1, int(o.duration.Seconds())))+"s",
		"--latency", "-s", script, url)
	out, err := cmd.Output()
	if err != nil {
		return measurement{}, fmt.Errorf("running wrk: %w", err)
	}
	return parseWrk(string(out))
}

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
