package server

import (
	"context"
	"net/http"
	"sync"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/prometheus"
	"bellows.dev/bellows/metric"
)

// openPrometheus makes the parts that connect the server to Prometheus and OpenTelemetry.
func (s *Server) openPrometheus() error {
	queries := prometheus.NewEngine(s.o.Log)
	s.prometheus = prometheus.New(prometheus.Options{
		Auth: s.auth, Data: s.history, Engine: queries, Step: s.series.Step, Now: s.control.Now,
		NamespaceLabel: s.o.Config.Prometheus.NamespaceLabel, Version: Version(), Log: s.o.Log, OnRefused: s.refusedSeries,
		Safe: func(r *http.Request) bool { return s.o.NoAuth || s.safe(r) }, Insecure: insecure,
	})
	s.evaluator = prometheus.NewEvaluator(prometheus.EvaluatorOptions{Engine: queries, Data: s.history, Step: s.control.Step, Log: s.o.Log})
	for i := range s.o.Config.RemoteWrite {
		d, err := s.o.Config.RemoteWrite[i].Destination()
		if err != nil {
			return err
		}
		s.forwarders = append(s.forwarders, prometheus.NewForwarder(prometheus.ForwarderOptions{Destination: d, Name: d.URL, Log: s.o.Log}))
	}
	return nil
}

// runPrometheus starts the background workers among these parts; they end with ctx.
func (s *Server) runPrometheus(ctx context.Context, work *sync.WaitGroup) {
	work.Go(func() { s.evaluator.Run(ctx) })
	for _, f := range s.forwarders {
		work.Go(func() { f.Run(ctx) })
	}
}

// recorded passes on samples that the history has on disk.
func (s *Server) recorded(scope engine.Scope, all []metric.Pending) {
	for _, f := range s.forwarders {
		f.Take(scope, all)
	}
}
