package main

import (
	"net/http"

	"bellows.dev/bellows/internal/prometheus"
)

// doors are Prometheus' and OpenTelemetry's ways in, behind the same keys as everything else.
func (s *server) doors() http.Handler {
	return prometheus.New(prometheus.Options{
		Auth: s.auth, Engine: prometheus.NewEngine(s.o.log), Step: s.control.Step, Now: s.control.Now,
		NamespaceLabel: s.o.config.Prometheus.NamespaceLabel, Version: version(), Log: s.o.log,
	})
}
