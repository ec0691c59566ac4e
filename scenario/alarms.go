package scenario

import (
	"fmt"
	"strings"
	"time"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/metric"
)

func (r *runner) alarm(c *command) error {
	name, err := c.argument(1)
	if err != nil {
		return err
	}
	rule, err := c.rule()
	if err != nil {
		return err
	}
	a := alarm.Alarm{Name: name, Rule: rule, ActionsEnabled: true}
	if policy, found := c.pair("group-policy"); found {
		action, err := r.groupAction(c, policy)
		if err != nil {
			return err
		}
		a.Actions = []alarm.Action{action}
	}
	if policy, found := c.pair("policy"); found {
		k, err := c.place(3)
		if err != nil {
			return err
		}
		t := r.world.Engine.Region(scope).Targets.Targets[targetKey(k)]
		if t == nil {
			return fmt.Errorf("%s/%s is not a scalable target", k.Endpoint, k.Variant)
		}
		on := alarm.InAlarm
		if text, found := c.pair("on"); found {
			if on = stateOf(text); on == 0 {
				return fmt.Errorf("%s is not a state", text)
			}
		}
		a.Actions = []alarm.Action{{On: on, Target: t.ID36(), Policy: policy}}
	}
	r.do(engine.PutMetricAlarm{Scope: scope, Alarm: a})
	return nil
}

func (c *command) rule() (alarm.Rule, error) {
	period, err := c.duration("period", time.Minute)
	rule := alarm.Rule{Period: period, Comparison: alarm.GreaterThanThreshold, Statistic: metric.Statistic{Kind: metric.Average}}
	if err != nil {
		return rule, err
	}
	name, _ := c.pair("metric")
	rule.Metric = metricID(name)
	if text, found := c.pair("stat"); found {
		if rule.Statistic, err = metric.ParseStatistic(text); err != nil {
			return rule, err
		}
	}
	if rule.Metrics = c.queries(rule.Statistic, period); len(rule.Metrics) > 0 {
		rule.Metric, rule.Statistic = metric.ID{}, metric.Statistic{}
	}
	n, err := c.number("of", 1)
	if err != nil {
		return rule, err
	}
	m, err := c.number("periods", 0)
	if err != nil {
		return rule, err
	}
	rule.Periods, rule.DatapointsToM = int(n), int(m)
	if err := c.compared(&rule); err != nil {
		return rule, err
	}
	if err := c.evaluation(&rule); err != nil {
		return rule, err
	}
	rule.Unit, _ = c.pair("unit")
	low, _ := c.pair("low-samples")
	rule.IgnoreLowSample, rule.EvaluateLowSample = low == "ignore", low == "evaluate"
	text, found := c.pair("missing")
	for _, treat := range []alarm.MissingData{alarm.Missing, alarm.Ignore, alarm.Breaching, alarm.NotBreaching} {
		if treat.String() == text {
			rule.Missing = treat
		}
	}
	if found && rule.Missing == 0 {
		return rule, fmt.Errorf("missing=%s is not a treatment", text)
	}
	return rule, nil
}

// evaluation reads wall-clock=, warm-up= and warm-up-whole=.
func (c *command) evaluation(rule *alarm.Rule) error {
	if text, found := c.pair("wall-clock"); found {
		offset, err := time.Parse("-07:00", text)
		if err != nil {
			return fmt.Errorf("wall-clock=%s is not an offset such as +05:30", text)
		}
		_, seconds := offset.Zone()
		rule.Clock = &alarm.WallClock{Timezone: text, Offset: seconds}
	}
	if _, found := c.pair("warm-up"); found {
		length, err := c.duration("warm-up", 0)
		if err != nil {
			return err
		}
		whole, _ := c.pair("warm-up-whole")
		rule.WarmUp = &alarm.WarmUp{For: length, Whole: whole == "yes"}
	}
	return nil
}

// compared reads above=, at-least=, below= or at-most=; default: above 0.
func (c *command) compared(rule *alarm.Rule) error {
	for _, x := range []struct {
		name       string
		comparison alarm.Comparison
	}{
		{"above", alarm.GreaterThanThreshold}, {"at-least", alarm.GreaterThanOrEqualToThreshold},
		{"below", alarm.LessThanThreshold}, {"at-most", alarm.LessThanOrEqualToThreshold},
	} {
		if _, found := c.pair(x.name); found {
			v, err := c.number(x.name, 0)
			if err != nil {
				return err
			}
			rule.Comparison, rule.Threshold = x.comparison, v
		}
	}
	return nil
}

// metricID parses NAMESPACE/NAME, followed by @ENDPOINT/VARIANT for a metric of a variant.
func metricID(text string) metric.ID {
	text, of, _ := strings.Cut(text, "@")
	at := max(strings.LastIndex(text, "/"), 0)
	namespace, name := text[:at], strings.TrimPrefix(text[at:], "/")
	if endpoint, variant, ok := strings.Cut(of, "/"); ok {
		return metric.NewID(namespace, name, metric.Dimension{Name: "EndpointName", Value: endpoint}, metric.Dimension{Name: "VariantName", Value: variant})
	}
	return metric.NewID(namespace, name)
}

// state sets an alarm's state, as SetAlarmState without StateReasonData does; fresh=VALUE adds such data.
func (r *runner) state(c *command) error {
	name, err := c.argument(1)
	if err != nil {
		return err
	}
	text, err := c.argument(2)
	if err != nil {
		return err
	}
	in := engine.SetAlarmState{Scope: scope, Name: name, Reason: "by hand", State: stateOf(text)}
	if in.State == 0 {
		return fmt.Errorf("%s is not a state", text)
	}
	if _, found := c.pair("fresh"); found {
		v, err := c.number("fresh", 0)
		if err != nil {
			return err
		}
		age, err := c.duration("age", 0)
		if err != nil {
			return err
		}
		in.Facts = &alarm.Data{QueryDate: r.world.Now.Add(-age), Datapoints: []float64{v}}
	}
	r.do(in)
	return nil
}

// stateOf returns the state with AWS's name; zero if there is none.
func stateOf(text string) alarm.State {
	for _, s := range []alarm.State{alarm.OK, alarm.InAlarm, alarm.InsufficientData} {
		if s.String() == text {
			return s
		}
	}
	return 0
}

// tableBad and tableGood are the values of a table's X and 0; tableThreshold is between them.
const (
	tableBad       = 100.0
	tableGood      = 0.0
	tableThreshold = 50.0
)

// table prints a row of CloudWatch's tables of missing data: the state of an alarm after an evaluation of the periods (0 not breaching, X
// breaching, - missing; oldest first) for each treatment. "kept" means that the state does not change.
func (r *runner) table(c *command) error {
	rule, err := c.rule()
	if err != nil {
		return err
	}
	r.rows++
	rule.Metric, rule.Threshold = metric.NewID("Table", fmt.Sprint("row ", r.rows)), tableThreshold
	if len(c.words)-1 != rule.Range() {
		return fmt.Errorf("an alarm of %d periods looks at %d of them", rule.Periods, rule.Range())
	}
	quiet := r.world.OnEvent
	r.world.OnEvent = func(time.Time, engine.Event) {}
	defer func() { r.world.OnEvent = quiet }()
	for _, text := range c.words[1:] {
		if v, ok := map[string]float64{"0": tableGood, "X": tableBad}[text]; ok {
			var s metric.Summary
			s.Add(v, 1)
			r.do(engine.PutMetricData{Scope: scope, Data: []metric.Datum{{ID: rule.Metric, At: r.world.Now, Resolution: time.Minute, Unit: "None", Summary: s}}})
		} else if text != "-" {
			return fmt.Errorf("%s is none of 0, X and -", text)
		}
		if err := r.world.Run(rule.Period); err != nil {
			return err
		}
	}
	var out []string
	for _, treat := range []alarm.MissingData{alarm.Missing, alarm.Ignore, alarm.Breaching, alarm.NotBreaching} {
		out = append(out, r.verdict(rule, treat))
	}
	if err := r.world.Run(time.Minute); err != nil { // the next row begins at a full minute
		return err
	}
	r.lines = append(r.lines, strings.Join(c.words[1:], " ")+"  "+strings.Join(out, ", "))
	return nil
}

// verdict evaluates the row from OK and from ALARM.
func (r *runner) verdict(rule alarm.Rule, treat alarm.MissingData) string {
	rule.Missing = treat
	delay := r.world.Engine.Config().EvaluationDelay
	series := &metric.Series{} // no datapoints
	if known := r.world.Engine.Region(scope); known != nil {
		series = known.Metrics.Series(rule.Metric)
	}
	var states []alarm.State
	for _, before := range []alarm.State{alarm.OK, alarm.InAlarm} {
		a := alarm.Alarm{Rule: rule, State: before}
		a.Evaluate(r.world.Now.Add(delay), delay, series, &alarm.Scratch{})
		states = append(states, a.State)
	}
	if states[0] == alarm.OK && states[1] == alarm.InAlarm {
		return treat.String() + " kept"
	}
	return fmt.Sprintf("%v %v", treat, states[0])
}
