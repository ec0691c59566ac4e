package process

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"bellows.dev/bellows/hosting"
)

// How a keeper watches. Backoff doubles from its first to its last value and begins anew after a minute of health.
const (
	watchEvery    = 50 * time.Millisecond
	logEvery      = time.Second
	missesMax     = 3
	backoffFirst  = 500 * time.Millisecond
	backoffLast   = 30 * time.Second
	healthyForNew = time.Minute
	killWait      = 10 * time.Second
)

// instance is one instance and its keeper's state. Only stop is used from outside the keeper.
type instance struct {
	fleet *Fleet
	spec  hosting.InstanceSpec
	found *process // adopted, until the keeper takes it over

	once sync.Once
	stop chan struct{} // closed when the instance is to go
}

// end asks for the instance to go.
func (i *instance) end() { i.once.Do(func() { close(i.stop) }) }

// keep runs the instance until it is to go, and reports true once it is gone; or until ctx ends, leaving its process.
func (i *instance) keep(ctx context.Context) (gone bool) {
	p, backoff := i.found, backoffFirst
	for {
		var reason string
		if p == nil {
			p, reason = i.start()
		}
		if p != nil {
			w := i.watch(ctx, p)
			switch {
			case w.detached:
				return false
			case w.ending:
				i.finish(ctx, p, w.ready)
				return true
			}
			reason = w.reason
			if w.healthyFor > healthyForNew {
				backoff = backoffFirst
			}
			i.kill(p) // the leader may have left workers behind, or not answer
			p = nil
		}
		i.report(hosting.FleetFailed, "", reason)
		select {
		case <-ctx.Done():
			return false
		case <-i.stop:
			i.fleet.forget(i.spec.ID)
			return true
		case <-time.After(backoff):
		}
		backoff = min(2*backoff, backoffLast)
	}
}

func (i *instance) report(s hosting.FleetState, address, reason string) {
	i.fleet.o.Report(hosting.InstanceReport{ID: i.spec.ID, State: s, Address: address, Reason: reason})
}

// start prepares the model's data and starts the process. Where it cannot, it returns why.
func (i *instance) start() (*process, string) {
	command, err := i.fleet.o.Command(i.spec.Image)
	if err != nil {
		return nil, err.Error()
	}
	folder, err := i.modelData()
	if err != nil {
		return nil, "The model's data cannot be used: " + err.Error()
	}
	p, err := launch(i.fleet, i.spec, command, folder)
	if err != nil {
		return nil, "The model server cannot be started: " + err.Error()
	}
	return p, ""
}

// watched is how a watch ended.
type watched struct {
	detached   bool   // the fleet closes; the process goes on
	ending     bool   // the instance is to go
	reason     string // else: why it does not serve
	ready      bool   // it was serving
	healthyFor time.Duration
}

// watch follows a process: it is ready with its first answered ping, and fails when it exits or misses three pings in a row.
func (i *instance) watch(ctx context.Context, p *process) watched {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { // ends a ping under way when the instance is to go; ends itself with the watch
		select {
		case <-i.stop:
			cancel()
		case <-ctx.Done():
		}
	}()
	var (
		w                        watched
		since                    = time.Now()
		readySince, pinged, logs time.Time
		misses                   int
		late                     bool
		tick                     = time.NewTicker(watchEvery)
	)
	defer tick.Stop()
	for {
		select {
		case <-i.stop:
			w.ending = true
			return w
		case <-ctx.Done():
			w.detached = !i.stopped()
			w.ending = !w.detached
			return w
		case <-tick.C:
		}
		if how, ended := p.ended(); ended {
			w.reason = how + i.lastWords()
			if w.ready {
				w.healthyFor = time.Since(readySince)
			}
			return w
		}
		if time.Since(logs) > logEvery {
			logs = time.Now()
			i.boundLog()
		}
		if w.ready && time.Since(pinged) < i.fleet.o.PingInterval {
			continue
		}
		pinged = time.Now()
		err := i.ping(ctx, p)
		switch {
		case err == nil && !w.ready:
			w.ready, readySince, misses = true, time.Now(), 0
			i.report(hosting.FleetReady, p.address(), "")
		case err == nil:
			misses = 0
		case ctx.Err() != nil: // not the instance's fault
		case w.ready:
			if misses++; misses >= missesMax {
				w.reason, w.healthyFor = fmt.Sprintf("It missed %d health checks in a row: %v", misses, err), time.Since(readySince)
				return w
			}
		case !late && i.spec.StartupTimeout > 0 && time.Since(since) > i.spec.StartupTimeout:
			late = true
			i.report(hosting.FleetFailed, "", fmt.Sprintf("It did not become healthy within %v: %v", i.spec.StartupTimeout, err))
		}
	}
}

func (i *instance) stopped() bool {
	select {
	case <-i.stop:
		return true
	default:
		return false
	}
}

// pings go out on connections of their own: a model server with few workers must not keep one for a silent client.
var pings = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

// ping asks whether the instance is healthy. AWS: container contract: 200 within 2 s.
func (i *instance) ping(ctx context.Context, p *process) error {
	ctx, cancel := context.WithTimeout(ctx, i.fleet.o.PingTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.address()+"/ping", nil)
	if err != nil {
		return err
	}
	resp, err := pings.Do(req)
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("/ping did not answer within %v", i.fleet.o.PingTimeout)
	}
	if err != nil {
		return fmt.Errorf("/ping: %w", err)
	}
	if err := resp.Body.Close(); err != nil {
		return fmt.Errorf("/ping: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("/ping answered %d", resp.StatusCode)
	}
	return nil
}

// finish lets invocations in flight end, then stops the process: SIGTERM, and SIGKILL where that is not heard.
func (i *instance) finish(ctx context.Context, p *process, ready bool) {
	if ready || i.found == p {
		drained, cancel := context.WithTimeout(ctx, i.fleet.o.DrainTimeout)
		if err := i.fleet.o.Drain(drained, i.spec.ID); err != nil {
			i.fleet.o.Log.Warn("an instance is stopped with invocations in flight", "instance", string(i.spec.ID), "error", err)
		}
		cancel()
	}
	p.signal(unix.SIGTERM)
	if !p.waitEnded(cmp.Or(i.fleet.o.KillAfter, killWait)) {
		i.fleet.o.Log.Warn("an instance does not heed SIGTERM and is killed", "instance", string(i.spec.ID))
	}
	i.kill(p)
	i.fleet.forget(i.spec.ID)
}

// kill ends whatever is left of the process group.
func (i *instance) kill(p *process) {
	p.signal(unix.SIGKILL)
	if !p.waitEnded(killWait) {
		i.fleet.o.Log.Error("a killed process does not end", "instance", string(i.spec.ID), "pid", p.pid)
	}
}
