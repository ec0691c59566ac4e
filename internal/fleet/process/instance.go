package process

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/modeldata"
)

// How a keeper watches.
const (
	watchEvery = 50 * time.Millisecond
	logEvery   = time.Second
	killWait   = 10 * time.Second
)

// drainAlone is how long an unhealthy instance may drain while no other of its variant serves: its place is needed.
const drainAlone = 5 * time.Second

// instance is one instance and its keeper's state. Only stop and running are used from outside the keeper.
type instance struct {
	fleet    *Fleet
	spec     hosting.InstanceSpec
	variant  *variant
	found    *process // adopted, until the keeper takes it over
	restarts restarts
	data     modeldata.Data

	running atomic.Pointer[process] // nil while there is none

	once sync.Once
	stop chan struct{} // closed when the instance is to go
}

// end asks for the instance to go.
func (i *instance) end() { i.once.Do(func() { close(i.stop) }) }

// keep runs the instance until it is to go, and reports true once it is gone; or until ctx ends, leaving its process.
func (i *instance) keep(ctx context.Context) (gone bool) {
	wanted, cancel := context.WithCancel(ctx)
	var watching sync.WaitGroup
	watching.Go(func() {
		select {
		case <-i.stop:
			cancel()
		case <-wanted.Done():
		}
	})
	defer watching.Wait()
	defer cancel()
	p := i.found
	for {
		var why failure
		if p == nil {
			p, why = i.start(wanted)
		}
		var w watched
		if p != nil {
			i.running.Store(p)
			w = i.watch(wanted, p)
			why = failure{reason: w.reason}
		}
		if w.ready {
			i.variant.count(-1)
		}
		if wanted.Err() != nil {
			return i.stopped() && i.finish(ctx, p, w.ready)
		}
		i.fail(why) // before the process goes, so that no new invocation is sent to it
		if p != nil {
			i.giveUp(wanted, p, w.ready)
			if wanted.Err() != nil {
				return i.stopped() && i.finish(ctx, p, w.ready)
			}
			p = nil
		}
		i.restarts.ended(w.ready, w.healthyFor)
		if !i.rest(wanted) {
			return i.stopped() && i.finish(ctx, nil, false)
		}
	}
}

func (i *instance) report(s hosting.FleetState, address, reason string) {
	if s == hosting.FleetReady {
		i.variant.count(1)
	}
	i.fleet.o.Report(hosting.InstanceReport{ID: i.spec.ID, State: s, Address: address, Reason: reason})
}

// watched is how a watch ended.
type watched struct {
	reason     string // why it does not serve; "" where ctx ended
	ready      bool   // it was serving
	healthyFor time.Duration
}

// watch follows a process until ctx ends: it is ready with its first answered ping, and fails when it exits, misses pings without
// being busy, or has not answered one within the time that it has to start.
func (i *instance) watch(ctx context.Context, p *process) (w watched) {
	var (
		began, ready, pinged, logs = time.Now(), time.Time{}, time.Time{}, time.Time{}
		alive                      health
		exit                       = watchExit(p)
		exited                     = exit.ended()
		next                       = time.NewTimer(watchEvery)
	)
	defer exit.close()
	defer next.Stop()
	defer func() {
		if w.ready {
			w.healthyFor = time.Since(ready)
		}
	}()
	for {
		select {
		case <-ctx.Done():
			return w
		case <-exited:
			exited = nil // it is looked at from now on
		case <-next.C:
		}
		if how, ended := p.ended(); ended {
			words := i.lastWords(p.logFrom)
			if w.reason = i.outOfMemory(p, how) + how + words; !w.ready && strings.Contains(strings.ToLower(words), "address already in use") {
				w.reason += portHint(p.port, unix.ECONNREFUSED)
			}
			return w
		}
		if time.Since(logs) > logEvery {
			logs = time.Now()
			i.boundLog()
		}
		next.Reset(watchEvery)
		if w.ready && time.Since(pinged) < i.fleet.o.PingInterval {
			if exited != nil {
				next.Reset(max(watchEvery, min(logEvery, i.fleet.o.PingInterval-time.Since(pinged))))
			}
			continue
		}
		pinged = time.Now()
		err := i.ping(ctx, p)
		switch {
		case err == nil && !w.ready:
			w.ready, ready = true, time.Now()
			alive.answered(ready)
			i.report(hosting.FleetReady, p.address(), "")
		case err == nil:
			alive.answered(time.Now())
		case ctx.Err() != nil: // not the instance's fault
		case w.ready:
			if w.reason = alive.missed(i.fleet, i.spec.ID, time.Now(), err); w.reason != "" {
				return w
			}
		case i.spec.StartupTimeout > 0 && time.Since(began) > i.spec.StartupTimeout:
			w.reason = fmt.Sprintf("It did not become healthy within %v: %v", i.spec.StartupTimeout, err) + portHint(p.port, err)
			return w
		}
	}
}

// portHint says what is usually wrong where a model server never takes connections: it does not listen where it was told to.
func portHint(port int, err error) string {
	if !errors.Is(err, unix.ECONNREFUSED) {
		return ""
	}
	return fmt.Sprintf(" (Nothing listens on port %d: does the model server listen on the port that SAGEMAKER_BIND_TO_PORT names?)", port)
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
// A redirect is no answer.
var pings = &http.Client{
	Transport:     &http.Transport{DisableKeepAlives: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

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
		return fmt.Errorf("/ping answered %d: %w", resp.StatusCode, errUnhealthy)
	}
	return nil
}

// giveUp ends a process that does not serve any more. One that still runs is unhealthy: what it works on may end first, for as long as its
// place is not needed. Where ctx ends before, the process is left as it is.
func (i *instance) giveUp(ctx context.Context, p *process, ready bool) {
	if _, ended := p.ended(); !ended && ready {
		most := i.fleet.settings.Load().DrainTimeout
		if serving, _, _ := i.variant.look(); serving == 0 {
			most = min(most, drainAlone)
		}
		i.drain(ctx, most)
		if ctx.Err() != nil {
			return
		}
	}
	i.kill(p) // the leader may have left workers behind
}

// drain waits until no invocation is in flight at the instance, at most so long and not beyond ctx.
func (i *instance) drain(ctx context.Context, most time.Duration) {
	drained, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	if err := i.fleet.o.Drain(drained, i.spec.ID); err != nil && ctx.Err() == nil {
		i.fleet.o.Log.Warn("an instance is stopped with invocations in flight", "instance", string(i.spec.ID), "error", err)
	}
}

// finish lets invocations in flight end, then stops the process, if there is one: SIGTERM, and SIGKILL where that is not heard. It
// reports true once the instance is gone. Where ctx ends it leaves the rest to the next server.
func (i *instance) finish(ctx context.Context, p *process, ready bool) (gone bool) {
	if p != nil && (ready || i.found == p) {
		if i.drain(ctx, i.fleet.settings.Load().DrainTimeout); ctx.Err() != nil {
			return false
		}
	}
	if p != nil {
		p.signal(unix.SIGTERM)
		ended := p.waitGone(ctx, i.fleet.settings.Load().KillAfter)
		if !ended && ctx.Err() != nil {
			return false
		}
		if !ended {
			i.fleet.o.Log.Warn("an instance ignores SIGTERM and is killed", "instance", string(i.spec.ID))
		}
		i.kill(p)
	}
	i.fleet.forget(i.spec.ID)
	i.release()
	return true
}

// kill ends whatever is left of the process, of its group, and of workers and daemons that left the group.
func (i *instance) kill(p *process) {
	p.signal(unix.SIGKILL)
	i.fleet.endCgroup(i.spec.ID, p.group)
	if !p.waitGone(context.Background(), killWait) || !i.fleet.killRest(i.spec.ID) { // killWait bounds it
		i.fleet.o.Log.Error("a killed process does not end", "instance", string(i.spec.ID), "pid", p.pid)
	}
	i.fleet.lineage.ended(identity{p.pid, p.born})
	i.running.Store(nil)
	i.fleet.freePort(p.port)
}
