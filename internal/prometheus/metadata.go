package prometheus

import (
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/history"
)

// family is the metadata of a metric.
type family struct {
	Type string `json:"type"`
	Help string `json:"help"`
	Unit string `json:"unit"`
}

// families stores the metadata that senders provide, in memory as in Prometheus. Its zero value is empty.
type families struct {
	mu     sync.Mutex
	scopes map[engine.Scope]map[string]family
	total  int
}

// Limits of metadata: families of all scopes, and bytes of each text.
const (
	familiesMax = 20_000
	helpMax     = 4096
)

// note stores metadata; the last one wins.
func (f *families) note(s engine.Scope, name string, x family) {
	if name == "" || len(name) > namesMax || len(x.Help) > helpMax || len(x.Unit) > namesMax {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.scopes == nil {
		f.scopes = map[engine.Scope]map[string]family{}
	}
	m := f.scopes[s]
	if m == nil {
		m = map[string]family{}
		f.scopes[s] = m
	}
	if _, known := m[name]; !known {
		if f.total == familiesMax {
			return
		}
		f.total++
	}
	m[name] = x
}

// of returns the metadata of a metric, of all metrics for "".
func (f *families) of(s engine.Scope, name string) map[string][]family {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := map[string][]family{}
	for n, x := range f.scopes[s] {
		if name == "" || n == name {
			out[n] = []family{x}
		}
	}
	return out
}

// metadata handles GET metadata.
func (h *Handler) metadata(c *call) (any, *failure) {
	limits := map[string]int{"limit": -1, "limit_per_metric": -1}
	for name := range limits {
		if s := c.FormValue(name); s != "" {
			n, err := strconv.Atoi(s)
			if err != nil {
				return nil, bad("%s must be a number", name)
			}
			limits[name] = n
		}
	}
	all := h.known.of(c.scope, c.FormValue("metric"))
	if err := h.own(c, all); err != nil {
		return nil, failed(err)
	}
	for name := range all {
		if limit := limits["limit"]; limit >= 0 && len(all) > limit {
			delete(all, name)
		}
	}
	return all, nil
}

// ownFor is the time range in which CloudWatch's metrics are searched.
const ownFor = 3 * time.Hour

var kindNames = map[history.Kind]string{
	history.Sum: "Sum", history.Count: "Sample count", history.Minimum: "Minimum", history.Maximum: "Maximum", history.Distribution: "Distribution",
}

// own adds metadata of CloudWatch's metrics: each series is a gauge, since each sample covers one interval.
func (h *Handler) own(c *call, all map[string][]family) error {
	name, now := c.FormValue("metric"), h.o.Now()
	want := labels.MustNewMatcher(labels.MatchNotEqual, history.LabelMetric, "")
	if name != "" {
		want = labels.MustNewMatcher(labels.MatchEqual, model.MetricNameLabel, name)
	}
	from, to := now.Add(-ownFor).UnixMilli(), now.UnixMilli()
	q, err := Scoped(h.o.Data, c.scope).Querier(from, to)
	if err != nil {
		return err
	}
	defer shut(q)
	set := q.Select(c.Context(), false, &storage.SelectHints{Start: from, End: to, Func: "series"}, want)
	for set.Next() && len(all) < familiesMax {
		_, id, unit, kind, ok := history.Identify(set.At().Labels())
		series := set.At().Labels().Get(model.MetricNameLabel)
		if !ok || all[series] != nil {
			continue
		}
		if unit == "None" || kind == history.Count {
			unit = ""
		}
		all[strings.Clone(series)] = []family{{"gauge", kindNames[kind] + " of " + id.Name + " in " + id.Namespace + ", of each interval.", strings.Clone(unit)}}
	}
	return set.Err()
}

// buildInfo returns the compatible Prometheus version, which Grafana uses to choose features.
func (h *Handler) buildInfo(*call) (any, *failure) {
	return map[string]string{
		"version": "3.0.0", "revision": h.o.Version, "branch": "bellows", "buildUser": "", "buildDate": "", "goVersion": "",
	}, nil
}
