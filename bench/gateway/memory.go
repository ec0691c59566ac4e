package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"bellows.dev/bellows/bench/figure"
)

// connectionMemory measures the memory of an idle connection that has had one response, averaged over many.
func (o *options) connectionMemory(ctx context.Context, out io.Writer, peers []*peer) ([]figure.Figure, error) {
	o.idle = min(o.idle, descriptors()-500)
	fmt.Fprintf(out, "\n%d idle connections after one response of 1 KB\n", o.idle)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "peer\tKB a connection\t")
	var figures []figure.Figure
	for _, p := range peers {
		if p.pids == nil || p.sign != nil {
			continue
		}
		each, err := o.memoryOf(ctx, p)
		if err != nil {
			return nil, fmt.Errorf("measuring the memory of %s: %w", p.name, err)
		}
		fmt.Fprintf(w, "%s\t%.1f\t\n", p.name, each)
		if p.name == "bellows" {
			figures = append(figures, figure.AtMost("memory of a connection", each, "KB", 64))
		}
	}
	return figures, w.Flush()
}

func (o *options) memoryOf(ctx context.Context, p *peer) (kb float64, err error) {
	before, err := resident(p.pids())
	if err != nil {
		return 0, err
	}
	conns := make([]net.Conn, 0, o.idle)
	defer func() {
		for _, c := range conns {
			_ = c.Close() // nothing is in flight
		}
	}()
	body := strings.Repeat("x", 1<<10)
	request := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n%s", path, p.address, len(body), body)
	for range o.idle {
		var d net.Dialer
		c, err := d.DialContext(ctx, "tcp", p.address)
		if err != nil {
			return 0, err
		}
		conns = append(conns, c)
		if err := ask(c, request); err != nil {
			return 0, fmt.Errorf("connection %d: %w", len(conns), err)
		}
	}
	after, err := resident(p.pids())
	return float64(after-before) / float64(o.idle), err
}

func ask(c net.Conn, request string) error {
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	if _, err := io.WriteString(c, request); err != nil {
		return err
	}
	response, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", response.StatusCode)
	}
	return response.Body.Close()
}

// cpuTime is the CPU time that processes have used.
func cpuTime(pids []int) time.Duration {
	const tick = 10 * time.Millisecond // USER_HZ, which is 100 on every Linux
	var sum time.Duration
	for _, pid := range pids {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			continue
		}
		_, rest, _ := strings.Cut(string(text), ") ")
		if f := strings.Fields(rest); len(f) > 12 {
			for _, word := range f[11:13] { // utime and stime
				n, _ := strconv.Atoi(word)
				sum += time.Duration(n) * tick
			}
		}
	}
	return sum
}

// resident is the resident memory of processes in KB.
func resident(pids []int) (kb int, err error) {
	for _, pid := range pids {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			return 0, err
		}
		for line := range strings.Lines(string(text)) {
			if f := strings.Fields(line); len(f) == 3 && f[0] == "VmRSS:" {
				n, err := strconv.Atoi(f[1])
				if err != nil {
					return 0, err
				}
				kb += n
			}
		}
	}
	return kb, nil
}

// descriptors is the number of files that this process may open.
func descriptors() int {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return 1024
	}
	return int(l.Cur)
}
