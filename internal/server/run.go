package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Run serves until ctx ends, then stops in order: the port, the controller, the instances. It returns when everything has ended. Where keep is
// set, or where a failure ended the server, the instances keep running for the next server to adopt.
func (s *Server) Run(ctx context.Context, keep bool) error {
	defer s.release()
	s.resume(ctx)
	controlled, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	var work sync.WaitGroup
	failures := make(chan error, 2)
	work.Go(func() { failures <- s.control.Run(controlled) })
	work.Go(func() { failures <- s.port.Serve(s.listener) })
	work.Go(func() { s.notifier.Run(s.life) })
	work.Go(func() { s.relay.run(s.life, s.ejectedBefore(s.life)) })
	work.Go(func() { _ = s.history.Run(s.life) }) // it ends with the context, without an error
	work.Go(func() { s.own.run(s.life) })
	work.Go(func() { s.console.Run(s.life) })
	work.Go(func() { s.audit.Run(s.life) })
	if s.certs != nil {
		work.Go(func() { s.certs.Run(s.life) })
	}
	s.runPrometheus(s.life, &work)
	work.Go(func() { s.predict.Run(s.life) })
	work.Go(func() { s.runAddress(s.life) })
	work.Go(func() { s.warnOfUnmapped(s.life) })
	work.Go(func() { s.runReloads(s.life, s.o.Reloads) })
	var err error
	select {
	case <-ctx.Done():
	case err = <-failures: // the port is gone
		keep = true
		s.o.Log.Error("stopping because of a failure; instances go on, for the next server to adopt", "error", err)
	}
	patient, hurry := context.WithCancelCause(context.WithoutCancel(ctx))
	defer hurry(nil)
	if s.o.Hurry != nil {
		defer s.listenForHurry(patient, hurry)()
	}
	s.o.Log.Info("stopping; a second Ctrl-C or SIGTERM waits for nothing")
	grace, cancel := context.WithTimeout(patient, time.Duration(s.conf().DrainTimeout))
	defer cancel()
	s.gateway.Refuse()
	s.quit()
	if cut := s.port.Shutdown(grace); cut != nil {
		err = errors.Join(err, fmt.Errorf("requests in flight were cut off: %w", cmp.Or(context.Cause(grace), cut)))
	}
	err = errors.Join(err, s.gateway.Close()) // without routes nothing waits for a drain
	s.cancel()
	stop()
	if ended := finished(patient, &work); ended {
		close(failures)
		for more := range failures {
			err = errors.Join(err, more)
		}
	}
	err = errors.Join(err, s.endFleet(patient, keep))
	s.o.Log.Info("stopped")
	return err
}

// errHurry is the cause of a stop that did not wait.
var errHurry = errors.New("stopped at once, as asked a second time")

// listenForHurry calls hurry at a second request to stop before patient ends. The caller calls wait when it has stopped.
func (s *Server) listenForHurry(patient context.Context, hurry context.CancelCauseFunc) (wait func()) {
	again, restore := s.o.Hurry()
	over := make(chan struct{})
	var listening sync.WaitGroup
	listening.Go(func() {
		select {
		case <-again:
			s.o.Log.Warn("asked a second time to stop: waiting no longer for requests in flight and instances")
			hurry(errHurry)
		case <-patient.Done():
		case <-over:
		}
		restore() // a third time ends the process, whatever it does
	})
	return func() {
		close(over)
		listening.Wait()
	}
}

// finished waits until all work has ended. After patient has ended it waits for a second at most: a handler may still wait for its model.
func finished(patient context.Context, work *sync.WaitGroup) (ended bool) {
	all := make(chan struct{})
	go func() {
		work.Wait()
		close(all)
	}()
	select {
	case <-all:
		return true
	case <-patient.Done():
	}
	select {
	case <-all:
		return true
	case <-time.After(time.Second):
		return false
	}
}

// endFleet stops the instances, unless keep is set. It stops waiting for them when patient ends; its error then names those that are left.
func (s *Server) endFleet(patient context.Context, keep bool) error {
	f := s.fleet
	s.fleet = nil
	if keep {
		f.Close()
		return nil
	}
	ending, done := context.WithTimeout(patient, time.Duration(s.conf().DrainTimeout+s.conf().KillAfter)+10*time.Second)
	defer done()
	return f.StopAll(ending)
}

// resume reports to the engine which copies did not survive the last server, then applies the whole level.
func (s *Server) resume(ctx context.Context) {
	gone, lost, again := s.absent(s.control.Level().Levels)
	if again > 0 {
		s.o.Log.InfoContext(ctx, "instances ended with the server when it was asked to stop; starting them again", "instances", again)
	}
	s.control.Recall(ctx, gone)
	s.apply(s.control.Level())
	s.fleet.Reap()
	r := s.control.Recovery()
	s.o.Log.InfoContext(ctx, "ready", "address", s.Address(), "speed", s.o.Speed, "adopted", len(s.fleet.Adopted()), "lost", lost, "replayed", r.Replayed,
		"disagreed", r.Disagreed, "took", time.Since(s.started).Round(time.Millisecond))
}
