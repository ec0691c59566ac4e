package main

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"bellows.dev/bellows/engine"
)

// What the gateway measured becomes a histogram of seconds, and is forgotten with its variant.
func TestLatenciesOfInvocations(t *testing.T) {
	m := newInstruments()
	key := engine.VariantKey{Scope: engine.Scope{Account: "123456789012", Region: "us-east-1"}, Endpoint: "e", Variant: "v"}
	o := engine.VariantObservation{Key: key}
	for _, microseconds := range []float64{900, 4000, 4000, 70e6} {
		o.ModelLatency.Add(microseconds, 1)
	}
	m.observed([]engine.VariantObservation{o})
	m.observed([]engine.VariantObservation{o})
	m.observed([]engine.VariantObservation{{Key: engine.VariantKey{Endpoint: "gone"}}})
	got := m.snapshot(map[engine.VariantKey]bool{key: true})
	l, found := got[key]
	if !found || len(got) != 1 || len(m.latencies) != 1 {
		t.Fatalf("%v", got)
	}
	if l.count != 8 || l.seconds < 140 || l.buckets[.001] != 2 || l.buckets[.0025] != 2 || l.buckets[.005] != 6 || l.buckets[60] != 6 {
		t.Errorf("%+v", l)
	}
}

// The names are as Prometheus' linter wants them, and HELP and TYPE are there.
func TestInstrumentsAreWellNamed(t *testing.T) {
	m := newInstruments()
	m.requested("CloudWatch", "PutMetricData", "", 3*time.Millisecond)
	m.requested("CloudWatch", "PutMetricData", "InvalidParameterValue", time.Millisecond)
	m.committed(7, time.Millisecond)
	problems, err := testutil.GatherAndLint(m.registry)
	if err != nil || len(problems) > 0 {
		t.Errorf("%v %v", problems, err)
	}
	const want = `
# HELP bellows_api_errors_total Requests of the control plane that were answered with an error.
# TYPE bellows_api_errors_total counter
bellows_api_errors_total{code="InvalidParameterValue",operation="PutMetricData",service="CloudWatch"} 1
# HELP bellows_journal_inputs_total Inputs that were committed to the journal.
# TYPE bellows_journal_inputs_total counter
bellows_journal_inputs_total 7
`
	if err := testutil.GatherAndCompare(m.registry, strings.NewReader(want), "bellows_api_errors_total", "bellows_journal_inputs_total"); err != nil {
		t.Error(err)
	}
}

var _ prometheus.Collector = (*collector)(nil)
