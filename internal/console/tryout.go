package console

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"time"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/zone"
	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/scaling"
)

// rulePart is a part of a composite alarm's rule with its present value.
type rulePart struct {
	Op     string      `json:"op"` // STATE, AND, OR, NOT, AT_LEAST, TRUE or FALSE
	Holds  bool        `json:"holds"`
	Count  int         `json:"count,omitempty"`
	Want   string      `json:"want,omitempty"`
	Except bool        `json:"except,omitempty"`
	Alarms []ruleChild `json:"alarms,omitempty"`
	Parts  []rulePart  `json:"parts,omitempty"`
}

// ruleChild is an alarm that a rule refers to.
type ruleChild struct {
	Name   string `json:"name"`
	State  string `json:"state,omitempty"` // "" where there is no such alarm
	Exists bool   `json:"exists"`
}

// getRule answers GET rule: a composite alarm's rule as a tree with the present states, or why it is none, in AWS's words.
func (c *Console) getRule(w http.ResponseWriter, r *http.Request, id Identity) error {
	p := parametersOf(r, "region", "rule")
	scope, rule := c.scope(p, id), p.required("rule")
	if p.err != nil {
		return p.err
	}
	x, err := alarm.ParseRule(rule)
	if err != nil {
		return &apiError{http.StatusBadRequest, "ValidationError", err.Error()}
	}
	var out rulePart
	err = c.view(r.Context(), func(_ time.Time, e *engine.Engine) {
		region := e.Region(scope)
		if region == nil {
			region = engine.EmptyRegion(scope)
		}
		states := maps.Collect(region.Alarms.States())
		named := alarm.Composite{Prefix: "arn:aws:cloudwatch:" + scope.Region + ":" + scope.Account + ":alarm:"}
		out = newRulePart(x.Tree(func(name string) alarm.State { return states[named.NameOf(name)] }), func(reference string) ruleChild {
			name := named.NameOf(reference)
			state, exists := states[name]
			child := ruleChild{Name: name, Exists: exists}
			if exists {
				child.State = state.String()
			}
			return child
		})
	})
	if err != nil {
		return err
	}
	return c.write(w, out)
}

func newRulePart(n alarm.RuleNode, child func(reference string) ruleChild) rulePart {
	out := rulePart{Op: n.Op, Holds: n.Holds, Count: n.Count, Except: n.Except}
	if n.Want != 0 {
		out.Want = n.Want.String()
	}
	for _, a := range n.Alarms {
		out.Alarms = append(out.Alarms, child(a))
	}
	for _, part := range n.Parts {
		out.Parts = append(out.Parts, newRulePart(part, child))
	}
	return out
}

// tryoutMax bounds the datapoints and evaluation periods of a tryout: a day of each second, or two months of minutes.
const tryoutMax = 90_000

// tryoutRequest is an alarm's condition and the datapoints to try it on.
type tryoutRequest struct {
	Comparison string     `json:"comparison"` // a ComparisonOperator
	Threshold  float64    `json:"threshold"`
	Periods    int        `json:"evaluation_periods"`
	Datapoints int        `json:"datapoints_to_alarm"` // 0: all
	Missing    string     `json:"treat_missing_data"`  // "": missing
	From       int64      `json:"from"`                // Unix seconds of the first value
	Step       int64      `json:"step"`                // seconds from one to the next
	Values     []*float64 `json:"values"`              // null: missing
}

// tryout is what an alarm would have done.
type tryout struct {
	Bands    []timeBand `json:"bands"`    // without gaps
	Alarms   int        `json:"alarms"`   // how often it would have gone into ALARM
	Seconds  int64      `json:"seconds"`  // in ALARM in all
	Breaches int        `json:"breaches"` // of the newest datapoints of evaluations: those that breach the threshold
	Real     int        `json:"real"`     // and those that are not missing
}

// timeBand is a stretch of time in one state, in Unix seconds.
type timeBand struct {
	State string `json:"state"`
	From  int64  `json:"from"`
	To    int64  `json:"to"`
}

// tryAlarm answers POST tryout: what an alarm would have done on some datapoints, evaluated at the end of each period.
func (c *Console) tryAlarm(w http.ResponseWriter, r *http.Request, _ Identity) error {
	var in tryoutRequest
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, 4<<20))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&in); err != nil {
		return invalid("the body is not a tryout: " + err.Error())
	}
	rule, err := in.rule()
	if err != nil {
		return err
	}
	return c.write(w, in.run(rule))
}

// rule checks the request and returns the alarm's rule.
func (in *tryoutRequest) rule() (*alarm.Rule, error) {
	rule := &alarm.Rule{Threshold: in.Threshold, Periods: in.Periods, DatapointsToM: in.Datapoints, Period: time.Duration(in.Step) * time.Second}
	for x := alarm.GreaterThanOrEqualToThreshold; x <= alarm.LessThanOrEqualToThreshold; x++ {
		if x.String() == in.Comparison {
			rule.Comparison = x
		}
	}
	known := false
	for x := alarm.MissingUnset; x <= alarm.NotBreaching; x++ {
		if x.String() == in.Missing {
			rule.Missing, known = x, true
		}
	}
	switch {
	case rule.Comparison == 0:
		return nil, invalid("comparison is " + in.Comparison + ": want a ComparisonOperator of CloudWatch's")
	case !known:
		return nil, invalid("treat_missing_data is " + in.Missing + ": want missing, ignore, breaching or notBreaching")
	case in.Step < 1 || in.Step > 7*86400:
		return nil, invalid("step must be from 1 to 604800 seconds")
	case in.Periods < 1 || in.Datapoints < 0 || in.Datapoints > in.Periods:
		return nil, invalid("evaluation_periods must be at least 1, and datapoints_to_alarm not more")
	case len(in.Values) > tryoutMax || in.Periods > tryoutMax || len(in.Values)*min(in.Periods, len(in.Values)) > 200*tryoutMax:
		return nil, invalid("there are too many values and evaluation periods")
	}
	return rule, nil
}

// run evaluates the rule at the end of each period, beginning with the first that has as many values before it as an evaluation looks at.
func (in *tryoutRequest) run(rule *alarm.Rule) tryout {
	out := tryout{Bands: []timeBand{}}
	points := make([]metric.Datapoint, len(in.Values)) // newest first
	for i, v := range in.Values {
		p := &points[len(points)-1-i]
		p.Start = time.Unix(in.From+int64(i)*in.Step, 0)
		if p.Missing = v == nil; p.Missing {
			continue
		}
		p.Value = *v
	}
	state := alarm.InsufficientData
	var scratch []metric.Datapoint
	for newest := len(points) - min(rule.Range(), len(points)); newest >= 0 && len(points) > 0; newest-- {
		v := rule.Decide(points[newest:min(newest+rule.Range(), len(points))], state, scratch)
		scratch = v.Real
		from := points[newest].Start.Unix() + in.Step
		if p := points[newest]; !p.Missing {
			out.Real++
			if rule.Comparison.Breaches(p.Value, rule.Threshold) {
				out.Breaches++
			}
		}
		if n := len(out.Bands); n == 0 || v.State != state {
			if n > 0 {
				out.Bands[n-1].To = from
			}
			if v.State == alarm.InAlarm {
				out.Alarms++
			}
			out.Bands = append(out.Bands, timeBand{State: v.State.String(), From: from})
		}
		state = v.State
		if state == alarm.InAlarm {
			out.Seconds += in.Step
		}
		out.Bands[len(out.Bands)-1].To = from + in.Step
	}
	return out
}

// scheduleRuns are the next runs of a schedule.
type scheduleRuns struct {
	Now  time.Time   `json:"now"`
	Runs []time.Time `json:"runs"` // fewer than asked for where it ends
}

// getSchedule answers GET schedule: when a scheduled action would run, or what PutScheduledAction would refuse, in its words.
func (c *Console) getSchedule(w http.ResponseWriter, r *http.Request, id Identity) error {
	p := parametersOf(r, "region", "schedule", "timezone", "start", "end", "min", "max", "runs")
	scope := c.scope(p, id)
	in := scaling.ScheduleInput{
		Schedule: p.text("schedule"), Zone: p.text("timezone"), Start: p.time("start", time.Time{}).UTC(), End: p.time("end", time.Time{}).UTC(),
	}
	n := p.number("runs", 5, 1, 50)
	in.Range = &scaling.Range{Min: p.integer("min"), Max: p.integer("max")}
	if p.err != nil {
		return p.err
	}
	if in.Zone != "" {
		in.ZoneData, _ = zone.Data(in.Zone) // without data the zone is refused
	}
	out := scheduleRuns{Runs: []time.Time{}}
	var refused error
	err := c.view(r.Context(), func(now time.Time, e *engine.Engine) {
		region := e.Region(scope)
		if region == nil {
			region = engine.EmptyRegion(scope)
		}
		var runs []time.Time
		runs, refused = region.Targets.NextRuns(now, in, n)
		out.Now, out.Runs = now, append(out.Runs, runs...)
	})
	if bad := (*scaling.Error)(nil); errors.As(refused, &bad) {
		return &apiError{http.StatusBadRequest, "ValidationException", bad.Error()}
	}
	if err := errors.Join(err, refused); err != nil {
		return err
	}
	return c.write(w, out)
}

// integer returns a whole number, nil where it is missing.
func (p *parameters) integer(name string) *int {
	if p.text(name) == "" {
		return nil
	}
	n := p.number(name, 0, -1_000_000_000, 1_000_000_000)
	return &n
}

// askPromQL answers GET promql: a range query of Prometheus' HTTP API, or an instant one where no step is given.
func (c *Console) askPromQL(w http.ResponseWriter, r *http.Request, id Identity) error {
	p := parametersOf(r, "region", "query", "start", "end", "step", "time")
	scope := c.scope(p, id)
	p.required("query")
	if p.err != nil {
		return p.err
	}
	c.o.PromQL(w, r, scope)
	return nil
}
