package process

import (
	"context"
	"errors"
	"fmt"
	"net"
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

// drainAlone is how long an unhealthy copy may drain while no other of its variant serves: its capacity is needed.
const drainAlone = 5 * time.Second

// keeper starts, watches, restarts and stops one copy. Only stop and running are used from outside its own goroutine.
type keeper struct {
	fleet    *Fleet
	instance hosting.InstanceSpec // that holds the copy; without its copies
	spec     hosting.CopySpec
	variant  *variant
	found    *process // adopted, until the keeper takes it over
	restarts restarts
	data     modeldata.Data
	stages   hosting.Stages // of the present start; the zero value where an earlier server began it
	began    time.Time      // when the present start began, with the monotonic clock

	running atomic.Pointer[process] // nil while there is none

	once sync.Once
	stop chan struct{} // closed when the copy is to end
}

// end asks the keeper to end the copy.
func (k *keeper) end() { k.once.Do(func() { close(k.stop) }) }

// keep runs the copy until it is to end, and reports true once it is gone; or until ctx ends, leaving its process.
func (k *keeper) keep(ctx context.Context) (gone bool) {
	wanted, cancel := context.WithCancel(ctx)
	var watching sync.WaitGroup
	watching.Go(func() {
		select {
		case <-k.stop:
			cancel()
		case <-wanted.Done():
		}
	})
	defer watching.Wait()
	defer cancel()
	p := k.found
	for {
		var why failure
		if p == nil {
			p, why = k.start(wanted)
		}
		var w watched
		if p != nil {
			k.running.Store(p)
			w = k.watch(wanted, p)
			why = failure{reason: w.reason}
		}
		if w.ready {
			k.variant.count(-1)
			k.stages = hosting.Stages{} // the next start is another
		}
		if wanted.Err() != nil {
			return k.stopped() && k.finish(ctx, p, w.ready)
		}
		k.fail(why) // before the process goes, so that no new invocation is sent to it
		if p != nil {
			k.giveUp(wanted, p, w.ready)
			if wanted.Err() != nil {
				return k.stopped() && k.finish(ctx, p, w.ready)
			}
			p = nil
		}
		k.restarts.ended(w.ready, w.healthyFor)
		if !k.rest(wanted) {
			return k.stopped() && k.finish(ctx, nil, false)
		}
	}
}

// reportOf returns a report of the copy.
func (k *keeper) reportOf(s hosting.FleetState) hosting.InstanceReport {
	return hosting.NewReport(k.instance.ID, k.spec.ID, s)
}

// progress reports that the start of the copy has reached another stage.
func (k *keeper) progress(s hosting.FleetState, cause hosting.Cause, reason string) {
	r := k.reportOf(s)
	r.Cause, r.Reason, r.Stages = cause, reason, k.stages
	k.fleet.o.Report(r)
}

// ready reports that the copy serves.
func (k *keeper) ready(p *process) {
	k.variant.count(1)
	if !k.stages.Started.IsZero() {
		k.stages.Healthy = k.moment()
	}
	r := k.reportOf(hosting.FleetReady)
	r.Address, r.Stages = p.address(), k.stages
	k.fleet.o.Report(r)
}

// moment returns the wall's time, which never goes back from one stage of a start to the next.
func (k *keeper) moment() time.Time { return k.began.Add(time.Since(k.began)).Round(0).UTC() }

// watched is how a watch ended.
type watched struct {
	reason     string // why it does not serve; "" where ctx ended
	ready      bool   // it was serving
	healthyFor time.Duration
}

// watch follows a process until ctx ends: it is ready with its first answered ping, and fails when it exits, misses pings without
// being busy, or has not answered one within the time that it has to start.
func (k *keeper) watch(ctx context.Context, p *process) (w watched) {
	var (
		began, ready, pinged, logs = time.Now(), time.Time{}, time.Time{}, time.Time{}
		alive                      health
		start                      = starting{notice: min(unhealthyAfter, k.spec.StartupTimeout/2)}
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
			exited = nil // it is polled from now on
		case <-next.C:
		}
		if how, ended := p.ended(); ended {
			last := k.lastLine(p.logFrom)
			if w.reason = k.outOfMemory(p, how) + how + last; !w.ready && strings.Contains(strings.ToLower(last), "address already in use") {
				w.reason += portHint(p.port, unix.ECONNREFUSED)
			}
			return w
		}
		if time.Since(logs) > logEvery {
			logs = time.Now()
			k.boundLog()
		}
		next.Reset(watchEvery)
		if w.ready && time.Since(pinged) < k.fleet.o.PingInterval {
			if exited != nil {
				next.Reset(max(watchEvery, min(logEvery, k.fleet.o.PingInterval-time.Since(pinged))))
			}
			continue
		}
		pinged = time.Now()
		err := k.ping(ctx, p)
		switch {
		case err == nil && !w.ready:
			w.ready, ready = true, time.Now()
			alive.answered(ready)
			k.ready(p)
		case err == nil:
			alive.answered(time.Now())
		case ctx.Err() != nil: // not the copy's fault
		case w.ready:
			if w.reason = alive.missed(k.fleet, k.spec.ID, time.Now(), err); w.reason != "" {
				w.reason += ". Its log is " + k.logName() + "."
				return w
			}
		case k.spec.StartupTimeout > 0 && time.Since(began) > k.spec.StartupTimeout:
			w.reason = hosting.NotHealthyWithin(k.spec.StartupTimeout, k.unhealthyReason(p.port, err))
			return w
		default:
			if why := k.unhealthyReason(p.port, err); start.noted(time.Since(began), why) {
				k.progress(hosting.FleetStarting, hosting.CauseHealth, why)
			}
		}
	}
}

// unhealthyReason says why a copy that starts is not healthy, and where its log is.
func (k *keeper) unhealthyReason(port int, err error) string {
	return err.Error() + portHint(port, err) + ". Its log is " + k.logName() + "."
}

// portHint says what is usually wrong where a model server never takes connections: it does not listen on the port that it was given.
func portHint(port int, err error) string {
	if !errors.Is(err, unix.ECONNREFUSED) {
		return ""
	}
	return fmt.Sprintf(" (Nothing listens on port %d: does the model server listen on the port that SAGEMAKER_BIND_TO_PORT names?)", port)
}

func (k *keeper) stopped() bool {
	select {
	case <-k.stop:
		return true
	default:
		return false
	}
}

// pings use connections of their own: a model server with few workers must not keep one busy for an idle client.
// A redirect is no answer.
var pings = &http.Client{
	Transport:     &http.Transport{DisableKeepAlives: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// ping asks whether the copy is healthy. AWS: container contract: 200 within 2 s.
func (k *keeper) ping(ctx context.Context, p *process) error {
	ctx, cancel := context.WithTimeout(ctx, k.fleet.o.PingTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.address()+"/ping", nil)
	if err != nil {
		return err
	}
	resp, err := pings.Do(req)
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("/ping did not answer within %v", k.fleet.o.PingTimeout)
	}
	if op := (*net.OpError)(nil); errors.As(err, &op) {
		return fmt.Errorf("/ping: %w", op.Err) // without addresses, which differ each time
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
// capacity is not needed. Where ctx ends before, the process is left as it is.
func (k *keeper) giveUp(ctx context.Context, p *process, ready bool) {
	if _, ended := p.ended(); !ended && ready {
		most := k.fleet.settings.Load().DrainTimeout
		if serving, _, _ := k.variant.look(); serving == 0 {
			most = min(most, drainAlone)
		}
		k.drain(ctx, most)
		if ctx.Err() != nil {
			return
		}
	}
	k.kill(p) // the leader may have left workers behind
}

// drain waits until no invocation is in flight at the copy, at most so long and not beyond ctx.
func (k *keeper) drain(ctx context.Context, most time.Duration) {
	drained, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	if err := k.fleet.o.Drain(drained, k.spec.ID); err != nil && ctx.Err() == nil {
		k.fleet.o.Log.Warn("an instance is stopped with invocations in flight", "instance", string(k.spec.ID), "error", err)
	}
}

// finish lets invocations in flight end, then stops the process, if there is one: SIGTERM, and SIGKILL where that is ignored. It
// reports true once the copy is gone. Where ctx ends it leaves the rest to the next server.
func (k *keeper) finish(ctx context.Context, p *process, ready bool) (gone bool) {
	if p != nil && (ready || k.found == p) {
		if k.drain(ctx, k.fleet.settings.Load().DrainTimeout); ctx.Err() != nil {
			return false
		}
	}
	if p != nil {
		p.signal(unix.SIGTERM)
		ended := p.waitGone(ctx, k.fleet.settings.Load().KillAfter)
		if !ended && ctx.Err() != nil {
			return false
		}
		if !ended {
			k.fleet.o.Log.Warn("an instance ignores SIGTERM and is killed", "instance", string(k.spec.ID))
		}
		k.kill(p)
	}
	k.fleet.forget(k.spec.ID)
	k.releaseData()
	return true
}

// kill ends whatever is left of the process, of its group, and of workers and daemons that left the group.
func (k *keeper) kill(p *process) {
	p.signal(unix.SIGKILL)
	k.fleet.endCgroup(k.spec.ID, p.group)
	if !p.waitGone(context.Background(), killWait) || !k.fleet.killRest(k.spec.ID) { // killWait bounds it
		k.fleet.o.Log.Error("a killed process does not end", "instance", string(k.spec.ID), "pid", p.pid)
	}
	k.fleet.lineage.ended(identity{p.pid, p.born})
	k.running.Store(nil)
	k.fleet.freePort(p.port)
}
