package scenario

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/engine/dimension/instancecount"
	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/scaling"
	"bellows.dev/bellows/scaling/policy/predictive"
)

// predict puts a predictive scaling policy, on a pair of metrics or, with load= and scaling=, on others.
func (r *runner) predict(c *command) error {
	in, err := c.policy()
	if err != nil {
		return err
	}
	value, err := c.number("target", 0)
	if err != nil {
		return err
	}
	in.Type = predictive.Type{}
	config := &predictive.Config{}
	if text, found := c.pair("mode"); found {
		config.Mode = predictive.ParseMode(text)
	}
	if text, found := c.pair("breach"); found {
		config.Breach = predictive.ParseBreachBehavior(text)
	}
	if config.MaxBuffer, err = c.integer("max-buffer"); err != nil {
		return err
	}
	if config.Buffer, err = c.span("buffer"); err != nil {
		return err
	}
	config.Specs = []predictive.Spec{c.spec(value)}
	in.Configs = []scaling.Config{config}
	r.do(engine.PutScalingPolicy{Scope: scope, Input: in})
	return nil
}

func (c *command) spec(target float64) predictive.Spec {
	s := predictive.Spec{TargetValue: target}
	custom := func(name, statistic string) []metric.DataQuery {
		text, found := c.pair(name)
		if !found {
			return nil
		}
		stat, _ := metric.ParseStatistic(statistic)
		return []metric.DataQuery{{ID: name, Stat: &metric.MetricStat{Metric: metricID(text), Statistic: stat}}}
	}
	s.CustomLoad, s.CustomScaling, s.CustomCapacity = custom("load", "Sum"), custom("scaling", "Average"), custom("capacity", "Average")
	if pair, found := c.pair("pair"); found || s.CustomLoad == nil && s.CustomScaling == nil {
		s.Pair = &predictive.Metric{Type: instancecount.PairInvocations}
		if found {
			s.Pair.Type = pair
		}
	}
	return s
}

// historyDays limits a history.
const historyDays = 14

// history adds metric history: the invocations per minute of each hour of a day, for some days up to the last whole
// hour; or, with metric=, hourly values of another metric. "_" is an hour without data.
func (r *runner) history(c *command) error {
	var id metric.ID
	words, perMinute := c.words[1:], false
	if text, found := c.pair("metric"); found {
		id = metricID(text)
	} else {
		k, err := c.place(1)
		if err != nil {
			return err
		}
		words, perMinute = c.words[2:], true
		id = engine.InvocationMetric("Invocations", k.Endpoint, k.Variant)
	}
	values, err := series(words)
	if err != nil {
		return err
	}
	if len(values) != 24 {
		return fmt.Errorf("history: %d values are not one for each hour of a day", len(values))
	}
	days, err := c.number("days", historyDays)
	if err != nil || days <= 0 || days > historyDays {
		return fmt.Errorf("history: there are 1 to %d days", historyDays)
	}
	weekend, err := c.number("weekend", 1)
	if err != nil {
		return err
	}
	end := metric.Align(r.world.Now, time.Hour)
	for at := end.Add(-time.Duration(days * 24 * float64(time.Hour))); at.Before(end); at = at.Add(time.Hour) {
		v, err := strconv.ParseFloat(values[at.Hour()], 64)
		if err != nil {
			continue // none
		}
		if at.Weekday() == time.Saturday || at.Weekday() == time.Sunday {
			v *= weekend
		}
		var s metric.Summary
		if s.Add(v, 1); perMinute {
			s = metric.Summary{StatisticSet: metric.StatisticSet{Count: max(v, 1) * 60, Sum: v * 60, Max: 1}}
		}
		r.world.Remember(id, at, s)
	}
	return nil
}

// forecast prints the forecast capacities of a policy by the hour: 2x9 is nine hours of two.
func (r *runner) forecast(c *command) error {
	in, err := c.policy()
	if err != nil {
		return err
	}
	t := r.world.Engine.Region(scope).Targets.Targets[in.Key]
	if t == nil || t.Policy(in.Name) == nil {
		return fmt.Errorf("%s is not a predictive scaling policy", in.Name)
	}
	rule, ok := t.Policy(in.Name).Rule.(*predictive.Rule)
	if !ok {
		return fmt.Errorf("%s is no predictive scaling policy", in.Name)
	}
	o := rule.Outlook
	if len(o.Hours) == 0 {
		r.print("forecast %s: none. %s", in.Name, o.Reason)
		return nil
	}
	var runs []string
	for i := 0; i < len(o.Hours); {
		n := 1
		for i+n < len(o.Hours) && o.Hours[i+n].Capacity == o.Hours[i].Capacity {
			n++
		}
		runs = append(runs, fmt.Sprintf("%dx%d", o.Hours[i].Capacity, n))
		i += n
	}
	now := "nothing"
	if n, scales := t.ExpectedCapacity(r.world.Now); scales {
		now = fmt.Sprint(n)
	}
	r.print("forecast %s: from %s, made %s: %s; predicted capacity now: %s", in.Name, o.Hours[0].Start.Format("Mon 15:04"),
		o.Updated.Format("Mon 15:04"), strings.Join(runs, " "), now)
	return nil
}

func made(e engine.ForecastMade) string {
	if e.Reason != "" {
		return "none. " + e.Reason
	}
	return fmt.Sprintf("made from %d hours of history, it needs %d to %d", e.History, e.Least, e.Most)
}
