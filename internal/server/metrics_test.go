package server

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/control"
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

// A refused input that was set aside is counted in /metrics, and on the page the status stays ok.
func TestInputsSetAsideAreCounted(t *testing.T) {
	r := startServer(t, func(o *Options) { o.NoAuth = true })
	get := func(path string) string {
		t.Helper()
		text, err := (asked{}).get(t.Context(), "http://"+r.Address(), path)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	for n := range 3 {
		if want := fmt.Sprintf("\nbellows_inputs_set_aside_total %d\n", n); !strings.Contains(get("/metrics"), want) {
			t.Errorf("/metrics lacks %q", want)
		}
		_, err := r.control.Step(t.Context(), engine.CreateModel{Scope: inScope, Model: hosting.Model{Name: "not \xff UTF-8"}})
		if bad := (*control.UnrecordableError)(nil); !errors.As(err, &bad) {
			t.Errorf("the input is answered with %v", err)
		}
	}
}

// What is damaged in the data directory is on /health and counted in /metrics.
func TestDamageIsReported(t *testing.T) {
	r := startServer(t, func(o *Options) {
		o.NoAuth = true
		outlived(t, o.Dir)
		mark := filepath.Join(o.Dir, "bellows.db-end")
		info, err := os.Stat(mark)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(mark, make([]byte, info.Size()), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(o.Dir, "history.json"), []byte("{}"), 0o600); err != nil {
			t.Fatal(err)
		}
	})
	late := time.Now().Add(time.Minute)
	for _, c := range []struct{ path, want string }{
		{"/health", `bellows.db-end is damaged: `}, {"/health", `history.json is damaged: `}, {"/metrics", "\nbellows_data_damage 2\n"},
	} {
		for text := ""; !strings.Contains(text, c.want); { // the history is opened in the background
			var err error
			if text, err = (asked{}).get(t.Context(), "http://"+r.Address(), c.path); err != nil || time.Now().After(late) {
				t.Fatalf("%s lacks %q: %v, %s", c.path, c.want, err, text)
			}
		}
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
