package scenario

import (
	"fmt"
	"strings"
	"time"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/scaling"
	"bellows.dev/bellows/sim"
)

// startUnix is the start of every scenario; printed times are relative to it.
const startUnix = 1_767_225_600 // 2026-01-01 00:00 UTC

// scope is the account and region of every scenario.
var scope = engine.Scope{Account: "123456789012", Region: "us-east-1"}

// runner executes commands and collects their output.
type runner struct {
	world *sim.World
	start time.Time
	lines []string
	idle  map[int]bool // indexes of lines with decisions that changed nothing

	configs, rows      int  // number created so far
	instanceActivities bool // activities of instances are printed
	whole              bool // activities are printed with their messages

	options Options
	shown   *time.Location // times are printed in this zone; nil: relative to the start

	answers map[string]engine.PromQLEvaluated // what the queries of PromQL alarms return
}

// Result is the result of running a scenario.
type Result struct {
	Text  string // the file, with the actual output below the dashes
	Trace uint64 // hash of all events: equal runs have equal traces
}

// Run executes a scenario without time zones. See RunWith.
func Run(text string) (Result, error) { return RunWith(text, Options{}) }

// RunWith executes a scenario. Errors are errors in the file, with the line. AWS's refusals are output, not errors.
func RunWith(text string, o Options) (Result, error) {
	start := time.Unix(startUnix, 0).UTC()
	r := &runner{start: start, options: o, world: sim.NewWorld(engine.Config{Seed: 1, Policies: o.Policies, Dimensions: o.Dimensions}, start), answers: map[string]engine.PromQLEvaluated{}}
	r.world.OnEvent = r.event
	var out strings.Builder
	for i, b := range blocks(text) {
		r.lines, r.idle = nil, map[int]bool{}
		commands := 0
		for offset, line := range b.head {
			if strings.HasPrefix(line, "#") {
				continue
			}
			commands++
			if err := r.command(line); err != nil {
				return Result{}, fmt.Errorf("line %d: %q: %w", b.line+offset, line, err)
			}
		}
		if i > 0 {
			out.WriteByte('\n')
		}
		out.WriteString(strings.Join(b.head, "\n") + "\n")
		if commands > 0 {
			out.WriteString(dashes + "\n")
		}
		if o.Fold {
			r.fold()
		}
		for _, line := range r.lines {
			out.WriteString(line + "\n")
		}
	}
	return Result{out.String(), r.world.Trace()}, nil
}

// fold shortens sequences of more than three decisions without effect, which repeat each minute, to the first and the last.
func (r *runner) fold() {
	var out []string
	for i := 0; i < len(r.lines); i++ {
		out = append(out, r.lines[i])
		last := i
		for r.idle[i] && r.idle[last+1] {
			last++
		}
		if last-i > 2 {
			out = append(out, fmt.Sprintf("        … %d more decisions without effect, the last:", last-i-1))
			i = last - 1
		}
	}
	r.lines = out
}

func (r *runner) print(format string, args ...any) {
	if r.shown != nil {
		r.lines = append(r.lines, r.world.Now.In(r.shown).Format(onClock+" ")+fmt.Sprintf(format, args...))
		return
	}
	s := r.world.Now.Sub(r.start) / time.Second
	r.lines = append(r.lines, fmt.Sprintf("%d:%02d:%02d ", s/3600, s/60%60, s%60)+fmt.Sprintf(format, args...))
}

// event prints the events that are visible on AWS. Identifiers are omitted, since they differ between runs on AWS.
func (r *runner) event(_ time.Time, e engine.Event) {
	switch e := e.(type) {
	case engine.AlarmTransition:
		r.print("alarm %s: %v -> %v", r.types().AlarmLabel(e.Alarm), e.From, e.To)
		r.print("  %s", e.Reason)
	case engine.AlarmConfigured:
		if e.Before == nil {
			r.print("alarm %s: created, %s", r.types().AlarmLabel(e.Alarm), describe(e.After))
		} else if e.After == nil {
			r.print("alarm %s: deleted", r.types().AlarmLabel(e.Alarm))
		}
	case engine.AlarmActed:
		if !e.MutedUntil.IsZero() {
			r.print("alarm %s: an action is muted until %s", r.types().AlarmLabel(e.Alarm), e.MutedUntil.UTC().Format("15:04"))
		} else if e.Error != "" {
			r.print("alarm %s: its action fails: %s", r.types().AlarmLabel(e.Alarm), e.Error)
		}
	case engine.Decided:
		r.idle[len(r.lines)] = !e.Decision.Acted
		r.print("decision %s", e.Decision.Explain(r.types()))
	case engine.ForecastMade:
		r.print("forecast %s: %s", e.Policy, made(e))
	case engine.MaxCapacityRaised:
		r.print("maximum raised from %d to %d by policy %s", e.From, e.To, e.Policy)
	case engine.ActivityChanged:
		r.print("activity %s", activity(r.types(), e.Activity))
		if message := e.Activity.StatusMessage(); r.whole && message != "" {
			r.print("  %s", message)
		}
	case engine.ScheduledActionRan:
		r.print("schedule %s: %s", e.Run.Action, e.Run.String())
	case engine.InstanceActivityChanged:
		if r.instanceActivities {
			r.instance(e.Activity)
		}
	case engine.EndpointChanged:
		r.print("endpoint %s: %s", e.Key.Endpoint, status(e))
	default:
		r.compositeEvent(e)
	}
}

// describe renders an alarm's rule in a few words.
func describe(a *alarm.Alarm) string {
	if q := a.Rule.PromQL; q != nil {
		return fmt.Sprintf("%s each %v, pending %v, recovery %v", q.Query, q.Interval, q.Pending, q.Recovery)
	}
	m := a.Rule.DatapointsToM
	if m == 0 {
		m = a.Rule.Periods
	}
	what := fmt.Sprintf("%v of %s", a.Rule.Statistic, a.Rule.Metric.Name)
	for _, q := range a.Rule.Metrics {
		if !q.Hidden {
			what = q.Expression
		}
	}
	return fmt.Sprintf("%s %s %v, %d of %d periods of %v", what, a.Rule.Comparison.Sign(), a.Rule.Threshold, m, a.Rule.Periods,
		a.Rule.Period)
}

// activity renders an activity: with its cause when it begins, and with AWS's message if that adds to its status.
func activity(types scaling.Types, a scaling.Activity) string {
	s := fmt.Sprintf("%v: %s", a.Status, a.Description())
	switch {
	case a.NotScaled.Code != 0:
		return fmt.Sprintf("not scaled: %v, with the status %v", a.NotScaled.Code, a.Status)
	case a.Cause.Kind == scaling.CauseSchedule:
		return fmt.Sprintf("%v: %s. Cause: %v", a.Status, a.StatusMessage(), a.Cause)
	case a.Status == scaling.Pending && a.Cause.Kind == scaling.CauseAlarm:
		return fmt.Sprintf("%s Cause: monitor alarm %s in state %v triggered policy %s", s, types.AlarmLabel(a.Cause.Alarm), a.Cause.State, a.Cause.Policy)
	case a.Status == scaling.Pending:
		return s + " Cause: " + a.Cause.String()
	case a.Status == scaling.Overridden || a.Status == scaling.Unfulfilled || a.Status == scaling.Failed:
		return fmt.Sprintf("%v: %s", a.Status, a.StatusMessage())
	default:
		return s
	}
}

func status(e engine.EndpointChanged) string {
	s := "gone"
	if e.To != 0 {
		s = e.To.String()
	}
	if e.Reason != "" {
		s += ". " + e.Reason
	}
	return s
}

// types returns the policy types that the scenario has.
func (r *runner) types() scaling.Types { return r.world.Engine.Config().Policies }

// do applies an input and prints a refusal.
func (r *runner) do(in engine.Input) {
	if _, err := r.world.Do(in); err != nil {
		r.print("refused: %v", err)
	}
}
