package engine

import (
	"fmt"
	"time"

	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/metric/expr"
	"bellows.dev/bellows/plural"
	"bellows.dev/bellows/scaling"
)

// HistoryWanted asks the world outside for what a predictive scaling policy has to know of the past: when it is made or changed, and
// each six hours. A LoadHistory, made by ReadHistory, answers it; what is not answered is asked again an hour later.
type HistoryWanted struct {
	Scope   Scope
	Target  scaling.TargetKey
	Policy  string
	Queries scaling.HistoryQueries
	Until   time.Time // the end of the last whole hour
}

// LoadHistory is the past of a predictive scaling policy, from which it makes its forecast. It changes nothing where
// the policy has been deleted.
type LoadHistory struct {
	Scope  Scope
	Target scaling.TargetKey
	Policy string
	Past   scaling.PastLoad
}

// ForecastMade says that a policy has a new forecast, or, in Reason, why it has none.
type ForecastMade struct {
	Scope   Scope
	Target  scaling.TargetKey
	Policy  string
	Reason  string `json:",omitzero"`
	History int    // hours of load that it rests on

	Least, Most int // what the next two days need, hour by hour
}

// MaxCapacityRaised says that a forecast raised a target's maximum, which its policy allows.
type MaxCapacityRaised struct {
	Scope    Scope
	Target   scaling.TargetKey
	Policy   string
	From, To int
}

func (HistoryWanted) event()     {}
func (ForecastMade) event()      {}
func (MaxCapacityRaised) event() {}

// String renders the request.
func (e HistoryWanted) String() string {
	return fmt.Sprintf("policy %s of %s wants its history", e.Policy, e.Target.ResourceID)
}

// String renders the forecast.
func (e ForecastMade) String() string {
	if e.Reason != "" {
		return fmt.Sprintf("policy %s of %s has no new forecast: %s", e.Policy, e.Target.ResourceID, e.Reason)
	}
	return fmt.Sprintf("policy %s of %s expects to need %d to %d from %s of history", e.Policy, e.Target.ResourceID, e.Least, e.Most, plural.Of(e.History, "hour"))
}

// String renders the change.
func (e MaxCapacityRaised) String() string {
	return fmt.Sprintf("policy %s raised the maximum capacity of %s from %d to %d", e.Policy, e.Target.ResourceID, e.From, e.To)
}

// requestHistories requests histories that are due, and schedules a decision for targets whose forecasts request capacity now.
func (e *Engine) requestHistories(r *Region) {
	wanted, due := r.Targets.WakeRules(e.now)
	for _, w := range wanted {
		e.emit(HistoryWanted{r.Scope, w.Target.Key, w.Policy.Name, w.Rule.History(w.Target.Key), metric.Align(e.now, time.Hour)})
	}
	for _, t := range due {
		e.expect(r, t)
	}
}

// expect has a target decided in this step, by its forecasts at least.
func (e *Engine) expect(r *Region, t *scaling.Target) {
	r.due = append(r.due, dueTarget{t, noSignal})
}

// raise lets forecasts raise a target's maximum before the capacity is held against it.
func (e *Engine) raise(r *Region, t *scaling.Target) {
	if before, policy, raised := t.RaiseMax(e.now); raised {
		e.emit(MaxCapacityRaised{r.Scope, t.Key, policy, before, t.Max})
	}
}

func (in LoadHistory) apply(e *Engine) (Result, error) {
	for _, values := range [][]scaling.HourValue{in.Past.Load, in.Past.Scaling, in.Past.Capacity} {
		for _, v := range values {
			if !metric.IsFinite(v.Value) {
				return nil, ErrNumber
			}
		}
	}
	r := e.regions[in.Scope]
	if r == nil {
		return nil, nil
	}
	l, found := r.Targets.Learn(e.now, in.Target, in.Policy, in.Past)
	if !found {
		return nil, nil
	}
	e.emit(ForecastMade{
		Scope: r.Scope, Target: in.Target, Policy: in.Policy, Reason: l.Reason, History: len(in.Past.Load), Least: l.Least, Most: l.Most,
	})
	if t := r.Targets.Targets[in.Target]; t.RuleDue {
		e.expect(r, t)
	}
	return nil, nil
}

// pastKept is how long the metrics that a forecast reads stay in memory where no history is kept elsewhere.
const pastKept = (scaling.HistoryHours + 1) * time.Hour

// keepPast has the window keep what a policy's forecasts need.
func (e *Engine) keepPast(r *Region, k scaling.TargetKey, p *scaling.Policy) {
	f, ok := p.Rule.(scaling.Forecaster)
	if e.keeps || !ok {
		return
	}
	q := f.History(k)
	for _, queries := range [][]metric.DataQuery{q.Load, q.Scaling, q.Capacity} {
		for i := range queries {
			if s := queries[i].Stat; s != nil {
				r.Metrics.Series(s.Metric).Keep(pastKept)
			}
		}
	}
}

// keepPasts is keepPast of all policies.
func (e *Engine) keepPasts(r *Region) {
	for key, t := range r.Targets.Targets { //tidy:unordered each has metrics of its own, or asks for as much
		for _, p := range t.Policies {
			e.keepPast(r, key, p)
			r.watchWindows(key, p)
		}
	}
}

// ReadHistory reads what a HistoryWanted asks for. What cannot be evaluated is no history.
func ReadHistory(w HistoryWanted, src expr.Source) LoadHistory {
	read := func(queries []metric.DataQuery, mean bool) []scaling.HourValue {
		return readHours(w, queries, mean, src)
	}
	return LoadHistory{Scope: w.Scope, Target: w.Target, Policy: w.Policy, Past: scaling.PastLoad{
		Until: w.Until, Load: read(w.Queries.Load, false), Scaling: read(w.Queries.Scaling, true), Capacity: read(w.Queries.Capacity, true),
	}}
}

// readHours evaluates queries over the two weeks before, and adds up, or averages, each hour's datapoints.
func readHours(w HistoryWanted, queries []metric.DataQuery, mean bool, src expr.Source) []scaling.HourValue {
	if len(queries) == 0 {
		return nil
	}
	program, err := expr.Compile(queries)
	if err != nil {
		return nil
	}
	options := expr.Options{From: w.Until.Add(-scaling.HistoryHours * time.Hour), Until: w.Until, Now: w.Until, Account: w.Scope.Account}
	results, err := program.Eval(src, options, &expr.Scratch{})
	if err != nil {
		return nil
	}
	var sums, counts [scaling.HistoryHours]float64
	for i := range results {
		x := &results[i]
		if queries[x.Query].Hidden {
			continue
		}
		for j, v := range x.Values {
			ago := int(w.Until.Sub(x.At(j))-1) / int(time.Hour)
			if metric.IsFinite(v) && ago >= 0 && ago < len(sums) {
				sums[ago] += v
				counts[ago]++
			}
		}
		break
	}
	var out []scaling.HourValue
	for ago, n := range counts {
		if n == 0 {
			continue
		}
		v := sums[ago]
		if mean {
			v /= n
		}
		out = append(out, scaling.HourValue{Ago: ago, Value: metric.Finite(v)})
	}
	return out
}
