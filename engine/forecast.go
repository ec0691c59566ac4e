package engine

import (
	"errors"
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
		e.emit(HistoryWanted{r.Scope, w.Target.Key, w.Policy.Name, w.Rule.History(w.Target.Key, r.metricsOf(w.Target.Key)), metric.Align(e.now, time.Hour)})
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
	q := f.History(k, r.metricsOf(k))
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

// ReadHistory reads what a HistoryWanted asks for, in one go. See HistoryReader.
func ReadHistory(w HistoryWanted, src expr.Source) LoadHistory {
	r := NewHistoryReader(w)
	r.Read(src, nil)
	return r.History()
}

// historyValuesMax is how many values the queries of one of a policy's metrics may compute: a search over 500 metrics, two weeks of five
// minutes each, and one expression over what it finds.
const historyValuesMax = 2 * expr.MetricsMax * scaling.HistoryHours * 12

// HistoryReader reads what a HistoryWanted asks for, in two parts: Read takes datapoints from a source, which may be locked meanwhile, and
// History computes the hourly values from them, which takes longer.
type HistoryReader struct {
	wanted HistoryWanted
	load   hourReader
	others [2]hourReader // scaling and capacity
}

// NewHistoryReader returns a reader that has not read yet.
func NewHistoryReader(w HistoryWanted) *HistoryReader {
	r := &HistoryReader{wanted: w}
	r.load.queries, r.others[0].queries, r.others[1].queries = w.Queries.Load, w.Queries.Scaling, w.Queries.Capacity
	return r
}

// Read takes from a source what History needs. It may be called again, with a source that has more. more is asked now and then whether to
// go on; nil: yes.
func (r *HistoryReader) Read(src expr.Source, more func() bool) {
	options := expr.Options{
		From: r.wanted.Until.Add(-scaling.HistoryHours * time.Hour), Until: r.wanted.Until, Now: r.wanted.Until, Account: r.wanted.Scope.Account,
		More: more, Limit: historyValuesMax,
	}
	r.load.read(src, options)
	for i := range r.others {
		r.others[i].read(src, options)
	}
}

// History returns the answer to the HistoryWanted. Where a metric could not be evaluated, the answer says why.
func (r *HistoryReader) History() LoadHistory {
	out := LoadHistory{Scope: r.wanted.Scope, Target: r.wanted.Target, Policy: r.wanted.Policy, Past: scaling.PastLoad{Until: r.wanted.Until}}
	var errs [3]error
	out.Past.Load, errs[0] = r.load.hours(r.wanted.Until, false)
	out.Past.Scaling, errs[1] = r.others[0].hours(r.wanted.Until, true)
	out.Past.Capacity, errs[2] = r.others[1].hours(r.wanted.Until, true)
	for i, what := range []string{"load", "scaling", "capacity"} {
		if errs[i] == nil {
			continue
		}
		why := errs[i].Error()
		if errors.Is(errs[i], expr.ErrStopped) {
			why = "it takes too long."
		}
		out.Past.Unread = fmt.Sprintf("The %s metric cannot be evaluated: %s", what, why)
		break
	}
	return out
}

// hourReader evaluates the queries of one metric over the two weeks before.
type hourReader struct {
	queries []metric.DataQuery
	program *expr.Program
	scratch expr.Scratch
	err     error // the queries cannot be compiled
}

func (r *hourReader) read(src expr.Source, o expr.Options) {
	if len(r.queries) == 0 || r.err != nil {
		return
	}
	if r.program == nil {
		if r.program, r.err = expr.Compile(r.queries); r.err != nil {
			return
		}
	}
	r.program.Read(src, o, &r.scratch)
}

// hours adds up, or averages, each hour's datapoints.
func (r *hourReader) hours(until time.Time, mean bool) ([]scaling.HourValue, error) {
	if r.program == nil {
		return nil, r.err
	}
	results, err := r.scratch.Results()
	if err != nil {
		return nil, err
	}
	var sums, counts [scaling.HistoryHours]float64
	for i := range results {
		x := &results[i]
		if r.queries[x.Query].Hidden {
			continue
		}
		for j, v := range x.Values {
			ago := int(until.Sub(x.At(j))-1) / int(time.Hour)
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
	return out, nil
}
