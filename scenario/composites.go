package scenario

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/metric"
)

// composite puts a composite alarm whose actions, one per state, are printed when they run:
// NAME rule="RULE" suppressor=A wait=60s extension=90s.
func (r *runner) composite(c *command) error {
	name, err := c.argument(1)
	if err != nil {
		return err
	}
	a := alarm.Composite{Name: name, ActionsEnabled: true}
	a.Rule, _ = c.pair("rule")
	a.Suppressor, _ = c.pair("suppressor")
	if a.Wait, err = c.duration("wait", 0); err != nil {
		return err
	}
	if a.Extension, err = c.duration("extension", 0); err != nil {
		return err
	}
	for _, on := range []alarm.State{alarm.OK, alarm.InAlarm, alarm.InsufficientData} {
		a.Actions = append(a.Actions, alarm.Action{On: on, ARN: "topic"})
	}
	r.do(engine.PutCompositeAlarm{Scope: scope, Alarm: a})
	return nil
}

// forget deletes alarms: NAME NAME …, or AlarmHigh of POLICY on NAME/V.
func (r *runner) forget(c *command) error {
	name, err := r.named(c)
	if err != nil {
		return err
	}
	r.do(engine.DeleteAlarms{Scope: scope, Names: append([]string{name}, c.words[2:]...)})
	return nil
}

// promql puts a PromQL alarm: NAME query="QUERY" interval=60s pending=120s recovery=180s notify=on. Command returned sets the query's result.
func (r *runner) promql(c *command) error {
	name, err := c.argument(1)
	if err != nil {
		return err
	}
	query, _ := c.pair("query")
	q := alarm.PromQL{Query: query}
	for _, p := range []struct {
		name string
		def  time.Duration
		into *time.Duration
	}{{"interval", time.Minute, &q.Interval}, {"pending", 0, &q.Pending}, {"recovery", 0, &q.Recovery}} {
		if *p.into, err = c.duration(p.name, p.def); err != nil {
			return err
		}
	}
	if q.Interval < 10*time.Second {
		return fmt.Errorf("promql: interval=%v is shorter than 10 s", q.Interval)
	}
	a := alarm.Alarm{Name: name, ActionsEnabled: true, Rule: alarm.Rule{PromQL: &q, Comparison: alarm.GreaterThanThreshold}}
	if _, found := c.pair("notify"); found {
		a.Actions = []alarm.Action{{On: alarm.InAlarm, ARN: "topic"}, {On: alarm.OK, ARN: "topic"}}
	}
	r.do(engine.PutMetricAlarm{Scope: scope, Alarm: a})
	return nil
}

// returned sets what a PromQL alarm's query returns from now on: NAME job=value job=value …, or NAME fails.
func (r *runner) returned(c *command) error {
	name, err := c.argument(1)
	if err != nil {
		return err
	}
	var answer engine.PromQLEvaluated
	if len(c.words) > 2 && c.words[2] == "fails" {
		answer.Err = "it is no good"
	}
	for _, job := range slices.Sorted(maps.Keys(c.pairs)) {
		value, _ := c.pair(job)
		if _, err := strconv.ParseFloat(value, 64); err != nil {
			return fmt.Errorf("returned: %s=%s is not a number", job, value)
		}
		answer.Contributors = append(answer.Contributors, alarm.Returned{Attributes: map[string]string{"job": job}, Value: value})
	}
	r.answers[name] = answer
	return nil
}

// answer returns the result of a PromQL alarm's query as set by the file.
func (r *runner) answer(e engine.PromQLDue) {
	in := r.answers[e.Alarm]
	in.Scope, in.Alarm, in.Query, in.At = e.Scope, e.Alarm, e.Query, e.At
	r.do(in)
}

// metrics publishes values of several metrics, one per minute, while time passes: NS/M=5,10x3,_ NS/M=100x5.
func (r *runner) metrics(c *command) error {
	if len(c.words) > 1 {
		return fmt.Errorf("metrics: %s is not NAMESPACE/NAME=VALUE,VALUE", c.words[1])
	}
	names := slices.Sorted(maps.Keys(c.pairs))
	lists, longest := map[string][]string{}, 0
	for _, name := range names {
		text, _ := c.pair(name)
		values, err := series(strings.Split(text, ","))
		if err != nil {
			return err
		}
		lists[name], longest = values, max(longest, len(values))
	}
	for i := range longest {
		for _, name := range names {
			if i >= len(lists[name]) || lists[name][i] == "_" {
				continue
			}
			if err := r.publish(name, lists[name][i], metric.Datum{Resolution: metric.StandardResolution, Unit: "None"}, 1); err != nil {
				return err
			}
		}
		if err := r.world.Run(time.Minute); err != nil {
			return err
		}
	}
	return nil
}

// compositeEvent prints events of composite and PromQL alarms, and responds to queries of the latter.
func (r *runner) compositeEvent(e engine.Event) {
	switch e := e.(type) {
	case engine.CompositeConfigured:
		if e.Before == nil {
			r.print("alarm %s: created, %s", e.Alarm, e.After.Rule)
		} else if e.After == nil {
			r.print("alarm %s: deleted", e.Alarm)
		}
	case engine.ActionsSuppressed:
		if e.To == 0 {
			r.print("alarm %s: actions are no longer suppressed", e.Alarm)
		} else {
			r.print("alarm %s: %s", e.Alarm, e.To.Reason())
		}
	case engine.AlarmNotifies:
		whose := ""
		if e.Contributor != nil {
			whose = ", for " + e.Contributor.Attributes["job"]
		}
		r.print("alarm %s: its actions for %v run%s", e.Alarm.Name, e.Transition.To, whose)
	case engine.ContributorTransition:
		r.print("alarm %s, %s: %v -> %v", e.Alarm, e.Contributor.Attributes["job"], e.From, e.To)
		r.print("  %s", e.Contributor.Reason)
	case engine.AlarmUnevaluated:
		r.print("alarm %s: %s", e.Alarm, e.Reason)
	case engine.PromQLDue:
		r.answer(e)
	}
}

// idMax is the maximum number of metrics in an expression: m1 to m9.
const idMax = 9

// queries reads expr=100*m1/m2 m1=NS/M m2=NS/M; nil if there is no expression.
func (c *command) queries(statistic metric.Statistic, period time.Duration) []metric.DataQuery {
	expression, found := c.pair("expr")
	if !found {
		return nil
	}
	var out []metric.DataQuery
	for i := 1; i <= idMax; i++ {
		id := "m" + strconv.Itoa(i)
		name, found := c.pair(id)
		if !found {
			break
		}
		out = append(out, metric.DataQuery{ID: id, Hidden: true, Stat: &metric.MetricStat{Metric: metricID(name), Statistic: statistic, Period: period}})
	}
	return append(out, metric.DataQuery{ID: "e1", Expression: expression, Period: period})
}
