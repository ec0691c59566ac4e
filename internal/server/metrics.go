package server

import (
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/console"
	"bellows.dev/bellows/internal/port"
	"bellows.dev/bellows/metric"
)

// instruments are the metrics of /metrics that are counted as things happen; collector has the others.
type instruments struct {
	registry *prometheus.Registry

	api     *prometheus.HistogramVec // by service and operation
	refused *prometheus.CounterVec   // by service, operation and code
	commits prometheus.Histogram
	inputs  prometheus.Counter

	mu        sync.Mutex
	latencies map[engine.VariantKey]*latency
}

// latency is a histogram of how long a variant's invocations took in its model servers.
type latency struct {
	count   uint64
	seconds float64
	buckets map[float64]uint64 // cumulative, by upper bound
}

// Bounds of histograms, in seconds.
var (
	invocationBounds = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}
	apiBounds        = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5}
)

func newInstruments() *instruments {
	m := &instruments{
		registry: prometheus.NewRegistry(),
		api: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "bellows_api_request_duration_seconds", Help: "How long requests of the control plane took.", Buckets: apiBounds,
		}, []string{"service", "operation"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "bellows_api_errors_total", Help: "Requests of the control plane that were answered with an error.",
		}, []string{"service", "operation", "code"}),
		commits: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "bellows_journal_commit_duration_seconds", Help: "How long commits to the journal took.", Buckets: apiBounds,
		}),
		inputs: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "bellows_journal_inputs_total", Help: "Inputs that were committed to the journal.",
		}),
		latencies: map[engine.VariantKey]*latency{},
	}
	m.registry.MustRegister(
		m.api, m.refused, m.commits, m.inputs, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return m
}

// port registers the metrics of the port.
func (m *instruments) port(p *port.Server, unverified, verified *port.Memory) {
	m.registry.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "bellows_connections", Help: "Connections of clients that are open.",
		}, func() float64 { open, _ := p.Connections(); return float64(open) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "bellows_connections_rejected_total", Help: "Connections of clients that were turned away because all were in use.",
		}, func() float64 { _, rejected := p.Connections(); return float64(rejected) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "bellows_unverified_bytes", Help: "Bytes of requests that are not yet known to be by someone who holds a key.",
		}, func() float64 { return float64(unverified.Used()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "bellows_request_body_bytes", Help: "Memory for the bodies of verified requests in progress, those up to 8 KiB aside, in bytes.",
		}, func() float64 { return float64(verified.Used()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "bellows_request_body_bytes_limit", Help: "How much memory the bodies of verified requests may take together: bodies_max.",
		}, func() float64 { return float64(verified.Max()) }),
	)
}

// requested counts a request of the control plane. code is the error's; "" is none.
func (m *instruments) requested(service, operation, code string, took time.Duration) {
	m.api.WithLabelValues(service, operation).Observe(took.Seconds())
	if code != "" {
		m.refused.WithLabelValues(service, operation, code).Inc()
	}
}

// committed counts a commit to the journal.
func (m *instruments) committed(inputs int, took time.Duration) {
	m.commits.Observe(took.Seconds())
	m.inputs.Add(float64(inputs))
}

// observed counts what the gateway measured.
func (m *instruments) observed(all []engine.VariantObservation) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range all {
		o := &all[i]
		l := m.latencies[o.Key]
		if l == nil {
			l = &latency{buckets: make(map[float64]uint64, len(invocationBounds))}
			m.latencies[o.Key] = l
		}
		l.count += uint64(o.ModelLatency.Count)
		l.seconds += o.ModelLatency.Sum / 1e6
		for _, b := range o.ModelLatency.Distribution {
			took := metric.BucketValue(b.Index) / 1e6
			for _, bound := range invocationBounds {
				if took <= bound {
					l.buckets[bound] += uint64(b.Count)
				}
			}
		}
	}
}

// snapshot returns the latencies of the variants that exist, and forgets those of others.
func (m *instruments) snapshot(there map[engine.VariantKey]bool) map[engine.VariantKey]latency {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make(map[engine.VariantKey]latency, len(m.latencies))
	for key, l := range m.latencies {
		if !there[key] {
			delete(m.latencies, key)
			continue
		}
		copied := latency{l.count, l.seconds, make(map[float64]uint64, len(invocationBounds))}
		for _, bound := range invocationBounds {
			copied.buckets[bound] = l.buckets[bound]
		}
		out[key] = copied
	}
	return out
}

// metrics answers GET /metrics, to requests with a key or with the token of metrics: names of endpoints are not public.
func (s *Server) metrics() http.Handler {
	s.instruments.registry.MustRegister(&collector{s})
	show := promhttp.HandlerFor(s.instruments.registry, promhttp.HandlerOpts{ErrorLog: promLog{s.o.Log}, ErrorHandling: promhttp.ContinueOnError})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch account, ok := s.mayScrape(r); {
		case !ok:
			console.AskForKey(w)
		case account != s.account(): // accounts see nothing of each other
			http.Error(w, "These metrics are those of all accounts: they need a key of the administrator's account.", http.StatusForbidden)
		default:
			show.ServeHTTP(w, r)
		}
	})
}
