package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"time"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/engine"
)

// metrics answers GET /metrics in Prometheus' text format, to this machine only: names of endpoints are not everybody's business.
func (s *server) metrics(w http.ResponseWriter, r *http.Request) {
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err != nil || !net.ParseIP(host).IsLoopback() {
		http.Error(w, "Metrics are for this machine only.", http.StatusForbidden)
		return
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	b := bufio.NewWriter(w)
	served, failed := s.gateway.Totals()
	family(b, "bellows_invocations_total", "counter", "Invocations that the gateway answered.")
	sample(b, "bellows_invocations_total", float64(served), "result", "served")
	sample(b, "bellows_invocations_total", float64(failed), "result", "failed")
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	family(b, "bellows_goroutines", "gauge", "Goroutines of the server.")
	sample(b, "bellows_goroutines", float64(runtime.NumGoroutine()))
	family(b, "bellows_heap_bytes", "gauge", "Bytes of the server's heap in use.")
	sample(b, "bellows_heap_bytes", float64(memory.HeapInuse))
	family(b, "bellows_uptime_seconds", "gauge", "Seconds since the server started.")
	sample(b, "bellows_uptime_seconds", time.Since(s.started).Seconds())
	family(b, "bellows_journal_next", "counter", "Sequence number of the journal's next input.")
	sample(b, "bellows_journal_next", float64(s.control.Next()))
	if err := s.control.View(r.Context(), func(now time.Time, e *engine.Engine) { state(b, now, e) }); err != nil {
		s.o.log.Warn("metrics without the engine's", "error", err)
	}
	if err := b.Flush(); err != nil {
		s.o.log.Debug("a client went away before its answer", "error", err)
	}
}

// state renders what the engine knows.
func state(w io.Writer, now time.Time, e *engine.Engine) {
	family(w, "bellows_policy_time_seconds", "gauge", "The time that policies run on, in seconds since 1970.")
	sample(w, "bellows_policy_time_seconds", float64(now.UnixMilli())/1e3)
	var st status
	st.look(e)
	family(w, "bellows_instances", "gauge", "Instances of a variant: wanted, and serving.")
	for _, v := range st.Endpoints {
		sample(w, "bellows_instances", float64(v.Desired), "region", v.Region, "endpoint", v.Endpoint, "variant", v.Variant, "count", "desired")
		sample(w, "bellows_instances", float64(v.Current), "region", v.Region, "endpoint", v.Endpoint, "variant", v.Variant, "count", "current")
	}
	family(w, "bellows_alarms", "gauge", "Alarms by state.")
	for _, r := range e.Regions() {
		count := map[alarm.State]int{}
		for _, a := range r.Alarms {
			count[a.State]++
		}
		for _, s := range []alarm.State{alarm.OK, alarm.InAlarm, alarm.InsufficientData} {
			sample(w, "bellows_alarms", float64(count[s]), "region", r.Scope.Region, "state", s.String())
		}
	}
	family(w, "bellows_scalable_targets", "gauge", "Registered scalable targets.")
	for _, r := range e.Regions() {
		sample(w, "bellows_scalable_targets", float64(len(r.Targets.Targets)), "region", r.Scope.Region)
	}
}

func family(w io.Writer, name, kind, help string) {
	fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
}

// sample writes one line; labels are names and values in turn.
func sample(w io.Writer, name string, v float64, labels ...string) {
	var pairs []string
	for i := 0; i+1 < len(labels); i += 2 {
		pairs = append(pairs, labels[i]+"="+strconv.Quote(labels[i+1]))
	}
	if len(pairs) > 0 {
		name += "{" + strings.Join(pairs, ",") + "}"
	}
	fmt.Fprintf(w, "%s %s\n", name, strconv.FormatFloat(v, 'g', -1, 64))
}
