package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/tsdb"

	"bellows.dev/bellows/bench/figure"
)

// store opens a TSDB as Prometheus does, in a folder of its own.
func store(dir string) (*tsdb.DB, error) {
	o := tsdb.DefaultOptions()
	o.NoLockfile = true
	return tsdb.Open(dir, slog.New(slog.DiscardHandler), prometheus.NewRegistry(), o, nil)
}

// evaluateRules evaluates the counterpart of evaluate in Prometheus: two alerting rules for each of as many series, none of which fires.
func evaluateRules(ctx context.Context, variants int) (took time.Duration, err error) {
	dir, err := os.MkdirTemp("", "bellows-bench-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder
	db, err := store(dir)
	if err != nil {
		return 0, err
	}
	defer func() {
		if closed := db.Close(); err == nil {
			err = closed
		}
	}()
	e := promql.NewEngine(promql.EngineOpts{MaxSamples: 50_000_000, Timeout: time.Minute, LookbackDelta: 5 * time.Minute})
	var all []rules.Rule
	parse := parser.NewParser(parser.Options{})
	for v := range variants {
		for _, x := range []struct {
			name, condition string
			hold            time.Duration
		}{{"high", "> 70", 3 * time.Minute}, {"low", "< 63", 15 * time.Minute}} {
			expr, err := parse.ParseExpr(fmt.Sprintf(`sum_over_time(invocations_per_instance{endpoint="endpoint-%d",variant="AllTraffic"}[1m]) %s`, v, x.condition))
			if err != nil {
				return 0, err
			}
			name := fmt.Sprint(x.name, "-", v)
			all = append(all, rules.NewAlertingRule(name, expr, x.hold, 0, labels.EmptyLabels(), labels.EmptyLabels(), labels.EmptyLabels(), "", true,
				slog.New(slog.DiscardHandler)))
		}
	}
	g := rules.NewGroup(rules.GroupOptions{
		Name: "alarms", Interval: time.Minute, Rules: all, Opts: &rules.ManagerOptions{
			Context: ctx, Appendable: db, Queryable: db, QueryFunc: rules.EngineQueryFunc(e, db), Logger: slog.New(slog.DiscardHandler),
			NotifyFunc: func(context.Context, string, ...*rules.Alert) {}, Registerer: prometheus.NewRegistry(),
		},
	})
	return evaluateGroup(ctx, db, g, variants)
}

func evaluateGroup(ctx context.Context, db *tsdb.DB, g *rules.Group, variants int) (time.Duration, error) {
	now := begun
	feed := func() error {
		a := db.Appender(ctx)
		for v := range variants {
			l := labels.FromStrings("__name__", "invocations_per_instance", "endpoint", fmt.Sprint("endpoint-", v), "variant", "AllTraffic")
			if _, err := a.Append(0, l, now.UnixMilli(), 66); err != nil {
				return err
			}
		}
		return a.Commit()
	}
	for range minutes {
		if err := feed(); err != nil {
			return 0, err
		}
		now = now.Add(time.Minute)
	}
	g.Eval(ctx, now) // the first evaluation allocates each rule's state
	var all []time.Duration
	for range 3 {
		if err := feed(); err != nil {
			return 0, err
		}
		now = now.Add(time.Minute)
		started := figure.CPUTime()
		g.Eval(ctx, now)
		all = append(all, figure.CPUTime()-started)
	}
	for _, r := range g.AlertingRules() {
		if r.LastError() != nil || len(r.ActiveAlerts()) > 0 {
			return 0, fmt.Errorf("rule %s: %w, %d alerts", r.Name(), r.LastError(), len(r.ActiveAlerts()))
		}
	}
	slices.Sort(all)
	return all[len(all)/2], nil
}
