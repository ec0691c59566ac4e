// Command server measures a server: the time from its start to the answer to its first signed request, the memory and CPU that it uses
// when idle, and the API calls per second that it answers to the AWS SDK for Go. It compares the first two with an empty net/http server, and
// the third with moto's server, where Python has it.
//
//	cd bench && go run ./server
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sagemaker"
	"github.com/shirou/gopsutil/v4/process"

	"bellows.dev/bellows/bench/figure"
	"bellows.dev/bellows/bench/target"
)

const (
	rounds   = 5
	idle     = 10 * time.Second // how long CPU time is measured
	settling = 2 * time.Second
	asPeer   = "BELLOWS_BENCH_PEER" // listen address; makes this program the peer
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/server:", err)
		os.Exit(1)
	}
}

// figures are the measurements of one server.
type figures struct {
	first  time.Duration // from the start to the first answer
	memory float64       // MB resident
	cpu    float64       // percent of a core while idle
}

func run(ctx context.Context) error {
	if address := os.Getenv(asPeer); address != "" {
		return http.ListenAndServe(address, http.NotFoundHandler()) //nolint:gosec // a local peer, without time-outs on purpose
	}
	b, err := target.Build(ctx)
	if err != nil {
		return err
	}
	defer b.Remove() //nolint:errcheck // a temporary folder
	ours, err := measureOurs(ctx, b)
	if err != nil {
		return err
	}
	peer, err := measurePeer(ctx)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "server\tfirst answer\tmemory when idle\tCPU when idle\t")
	fmt.Fprintf(w, "bellows serve (signed request; one endpoint)\t%v\t%.0f MB\t%.2f %%\t\n", ours.first.Round(time.Millisecond), ours.memory, ours.cpu)
	fmt.Fprintf(w, "empty net/http server\t%v\t%.0f MB\t%.2f %%\t\n", peer.first.Round(time.Millisecond), peer.memory, peer.cpu)
	fmt.Fprintln(w, "promised\t300ms\t60 MB\t1 %\t")
	if err := w.Flush(); err != nil {
		return err
	}
	rates, err := measureCalls(ctx, b)
	if err != nil {
		return err
	}
	fmt.Println()
	err = figure.Report(os.Stdout, rates, false)
	if ours.first > 300*time.Millisecond || ours.memory > 60 || ours.cpu > 1 {
		err = errors.Join(err, figure.ErrMissed)
	}
	return err
}

// measureOurs takes the median of several starts, then deploys one endpoint on the last server and measures it while idle.
func measureOurs(ctx context.Context, b *target.Binary) (figures, error) {
	var f figures
	var firsts []time.Duration
	for i := range rounds {
		begun := time.Now()
		s, err := b.Start(ctx, fmt.Sprintf("start-%d", i), "127.0.0.1:0")
		if err != nil {
			return f, err
		}
		if _, err := sagemaker.NewFromConfig(s.Config).ListModels(ctx, &sagemaker.ListModelsInput{}); err != nil {
			return f, err
		}
		firsts = append(firsts, time.Since(begun))
		if i == rounds-1 {
			if err := s.Deploy(ctx, "idle", 1, nil); err != nil {
				return f, err
			}
			if f.memory, f.cpu, err = whenIdle(ctx, s.PID()); err != nil {
				return f, err
			}
		}
		if err := s.Stop(); err != nil {
			return f, err
		}
	}
	slices.Sort(firsts)
	f.first = firsts[len(firsts)/2]
	return f, nil
}

func measurePeer(ctx context.Context) (figures, error) {
	var f figures
	address, err := freeAddress(ctx)
	if err != nil {
		return f, err
	}
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), asPeer+"="+address)
	begun := time.Now()
	if err := cmd.Start(); err != nil {
		return f, err
	}
	defer cmd.Process.Kill() //nolint:errcheck // it may have ended
	answered, err := firstAnswer(ctx, "http://"+address, 10*time.Second)
	if err != nil {
		return f, err
	}
	f.first = answered.Sub(begun)
	f.memory, f.cpu, err = whenIdle(ctx, cmd.Process.Pid)
	return f, err
}

func freeAddress(ctx context.Context) (string, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// firstAnswer waits until a server answers with any status, and returns the time of the answer.
func firstAnswer(ctx context.Context, url string, most time.Duration) (time.Time, error) {
	for begun := time.Now(); ctx.Err() == nil && time.Since(begun) < most; {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return time.Time{}, err
		}
		if resp, err := http.DefaultClient.Do(req); err == nil {
			return time.Now(), resp.Body.Close()
		}
		time.Sleep(time.Millisecond)
	}
	return time.Time{}, fmt.Errorf("%s does not answer", url)
}

// whenIdle returns the resident memory, in MB, and the CPU use, in percent of a core, of an idle process.
func whenIdle(ctx context.Context, pid int) (memory, cpu float64, err error) {
	p, err := process.NewProcessWithContext(ctx, int32(pid))
	if err != nil {
		return 0, 0, err
	}
	time.Sleep(settling)
	before, err := p.TimesWithContext(ctx)
	if err != nil {
		return 0, 0, err
	}
	begun := time.Now()
	time.Sleep(idle)
	after, err := p.TimesWithContext(ctx)
	if err != nil {
		return 0, 0, err
	}
	cpu = 100 * (after.User + after.System - before.User - before.System) / time.Since(begun).Seconds()
	m, err := p.MemoryInfoWithContext(ctx)
	if err != nil {
		return 0, 0, err
	}
	return float64(m.RSS) / 1e6, cpu, nil
}
