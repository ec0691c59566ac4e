package main

import (
	"context"
	"path/filepath"
	"sync"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/history"
	"bellows.dev/bellows/internal/prometheus"
	"bellows.dev/bellows/metric"
)

// openPrometheus makes what joins the server to Prometheus and its like.
func (s *server) openPrometheus() error {
	retention, err := history.ParseRetention(s.o.config.Retention)
	if err != nil {
		return err
	}
	if s.history, err = history.Open(history.Options{
		Dir: filepath.Join(s.o.dir, "history"), Retention: retention, BytesMax: int64(s.o.config.HistoryMax),
		View: s.control.View, Step: s.control.Step, OnKept: s.recorded, Log: s.o.log,
	}); err != nil {
		return err
	}
	s.series = &seriesLimit{most: s.o.config.SeriesMax, view: s.control.View, step: s.control.Step}
	queries := prometheus.NewEngine(s.o.log)
	s.prometheus = prometheus.New(prometheus.Options{
		Auth: s.auth, Data: s.history, Engine: queries, Step: s.series.Step, Now: s.control.Now,
		NamespaceLabel: s.o.config.Prometheus.NamespaceLabel, Version: version(), Log: s.o.log,
	})
	s.evaluator = prometheus.NewEvaluator(prometheus.EvaluatorOptions{Engine: queries, Data: s.history, Step: s.control.Step, Log: s.o.log})
	for i := range s.o.config.RemoteWrite {
		d, err := s.o.config.RemoteWrite[i].destination()
		if err != nil {
			return err
		}
		s.forwarders = append(s.forwarders, prometheus.NewForwarder(prometheus.ForwarderOptions{Destination: d, Name: d.URL, Log: s.o.log}))
	}
	s.own = &ownMetrics{control: s.control, log: s.o.log}
	return nil
}

// runPrometheus starts the parts that work by themselves.
func (s *server) runPrometheus(ctx context.Context, work *sync.WaitGroup) {
	work.Go(func() { _ = s.history.Run(ctx) }) // it fails with ctx only
	work.Go(func() { s.evaluator.Run(ctx) })
	work.Go(func() { s.own.run(ctx) })
	for _, f := range s.forwarders {
		work.Go(func() { f.Run(ctx) })
	}
}

// recorded passes on what the history has.
func (s *server) recorded(scope engine.Scope, all []metric.Pending) {
	for _, f := range s.forwarders {
		f.Take(scope, all)
	}
}
