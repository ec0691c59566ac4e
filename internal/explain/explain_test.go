package explain

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/scaling"
	"bellows.dev/bellows/sim"
)

var (
	scope   = engine.Scope{Account: "123456789012", Region: "us-east-1"}
	started = time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	asked   = Query{Scope: scope, Endpoint: "iris", Variant: "blue"}
)

// taken is an input and its moment.
type taken struct {
	at time.Time
	in engine.Input
}

// memory is a server's past, kept in memory.
type memory struct {
	*sim.World
	t       *testing.T
	journal []taken
	events  []Item
	forgets bool // the journal is gone
}

func newMemory(t *testing.T) *memory {
	m := &memory{World: sim.NewWorld(engine.Config{Seed: 3}, started), t: t}
	m.OnInput = func(now time.Time, in engine.Input) { m.journal = append(m.journal, taken{now, in}) }
	m.OnEvent = func(now time.Time, e engine.Event) { m.events = append(m.events, Item{now, e}) }
	m.must(engine.CreateModel{Scope: scope, Model: hosting.Model{Name: "m"}})
	m.must(engine.CreateEndpointConfig{Scope: scope, Config: hosting.EndpointConfig{Name: "c", Variants: []hosting.VariantConfig{
		{Name: "blue", Model: "m", InitialCount: 1, InitialWeight: 1, InstanceType: "ml.m5.large"},
	}}})
	m.must(engine.CreateEndpoint{Key: engine.EndpointKey{Scope: scope, Endpoint: "iris"}, Config: "c"})
	m.run(3 * time.Minute)
	return m
}

func (m *memory) must(in engine.Input) {
	m.t.Helper()
	if _, err := m.Do(in); err != nil {
		m.t.Fatalf("%T: %v", in, err)
	}
}

func (m *memory) run(d time.Duration) {
	m.t.Helper()
	if err := m.Run(d); err != nil {
		m.t.Fatal(err)
	}
}

// notebook registers the variant as the notebook does: target tracking, and a step policy that no alarm invokes.
func (m *memory) notebook() {
	m.t.Helper()
	one, four, zero := 1, 4, 0.0
	key := scaling.VariantTarget("iris", "blue")
	m.must(engine.RegisterScalableTarget{Scope: scope, Registration: scaling.Registration{Key: key, Min: &one, Max: &four}})
	m.must(engine.PutScalingPolicy{Scope: scope, Input: scaling.PolicyInput{
		Key: key, Name: "keep-10", Type: scaling.TargetTrackingScaling, TargetTracking: &scaling.TargetTrackingConfig{
			TargetValue: 10, Predefined: &scaling.PredefinedSpec{Metric: scaling.VariantInvocationsPerInstance},
		},
	}})
	m.must(engine.PutScalingPolicy{Scope: scope, Input: scaling.PolicyInput{
		Key: key, Name: "overhead", Type: scaling.StepScaling, Step: &scaling.StepConfig{
			AdjustmentType: scaling.ChangeInCapacity, Steps: []scaling.StepAdjustment{{Lower: &zero, Adjustment: 1}},
		},
	}})
	m.SetLoad(engine.VariantKey{Scope: scope, Endpoint: "iris", Variant: "blue"}, 41)
}

func (m *memory) View(_ context.Context, f func(time.Time, *engine.Engine)) error {
	f(m.Now, m.Engine)
	return nil
}

func (m *memory) At(_ context.Context, at time.Time) (*engine.Engine, error) {
	if m.forgets {
		return nil, nil
	}
	e := engine.New(engine.Config{Seed: 3})
	for _, x := range m.journal {
		if x.at.After(at) {
			break
		}
		if _, err := e.Step(x.at, x.in); err != nil {
			return nil, err
		}
	}
	return e, nil
}

func (m *memory) Events(_ context.Context, q Events) ([]Item, error) {
	var out []Item
	for _, i := range slices.Backward(m.events) {
		var table, key string
		switch e := i.Event.(type) {
		case engine.Decided:
			table, key = "decision", e.Target.ResourceID
		case engine.ActivityChanged:
			table, key = "activity", e.Activity.Key.ResourceID
		case engine.AlarmTransition:
			table, key = "alarm", e.Alarm
		case engine.EndpointChanged:
			table, key = "endpoint", e.Key.Endpoint
		case engine.InstanceChanged:
			table, key = "endpoint", e.Key.Endpoint
		}
		if table == q.Table && key == q.Key && !i.At.Before(q.From) && i.At.Before(q.To) {
			out = append(out, i)
		}
	}
	return out, nil
}

func (m *memory) ask(q Query) Explanation {
	m.t.Helper()
	x, err := Explain(m.t.Context(), m, q)
	if err != nil {
		m.t.Fatal(err)
	}
	return x
}

func text(t *testing.T, x Explanation) string {
	t.Helper()
	var b bytes.Buffer
	if err := x.Render(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// The story of a load that is too much for one instance, as a newcomer reads it.
func TestStory(t *testing.T) {
	m := newMemory(t)
	m.notebook()
	m.run(9*time.Minute + 10*time.Second)
	q := asked
	q.Since = 9*time.Minute + 10*time.Second
	got := text(t, m.ask(q))
	want := `2026-11-24 10:06:10  alarm      AlarmHigh: OK → ALARM
2026-11-24 10:06:10  decision   desired 1 -> 4: keep-10: AlarmHigh in ALARM, 3 of 3: 40.7722 > 10; wanted 5 = ceil(1 x 40.7722 / 10); max 4
2026-11-24 10:06:10  activity   Pending: Setting desired instance count to 4.
2026-11-24 10:06:10  activity   InProgress: Setting desired instance count to 4.
2026-11-24 10:06:10  endpoint   iris InService -> Updating
2026-11-24 10:07:10  decision   desired 4: keep-10: AlarmHigh in ALARM, 3 of 3: 41 > 10; wanted 5 = ceil(1 x 41 / 10); at max 4 already
2026-11-24 10:07:40  activity   Successful: Setting desired instance count to 4. After 1m30s.
                     … 3 more such decisions, the last:
`
	for line := range strings.Lines(want) {
		if !strings.Contains(got, "\n"+line) {
			t.Errorf("the story does not tell\n%sbut\n%s", line, got)
		}
	}
	for _, want := range []string{
		"iris/blue at 2026-11-24 10:12:10 UTC: InService, 4 of 4 wanted instances serve; range 1 to 4\n",
		"at max 4 already\n",
		"  keep-10   AlarmHigh in ALARM, 3 of 3: ", "  overhead  no alarm invokes it\n",
		"  warning: no alarm invokes policy overhead, so it never acts: put an alarm whose actions name the policy's ARN\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the story does not tell %q but\n%s", want, got)
		}
	}
}

// A moment of the past is explained as it was explained then.
func TestThePastIsExplainedAsThePresentWas(t *testing.T) {
	m := newMemory(t)
	m.notebook()
	var then []Explanation
	for range 40 {
		m.run(47 * time.Second)
		then = append(then, m.ask(asked))
	}
	acted := false
	for _, x := range then {
		q := asked
		q.At = x.Moment.At
		got := m.ask(q)
		if q.At.Before(m.Now) != (got.Moment.Source == "journal") {
			t.Errorf("%v was explained from the %s", q.At, got.Moment.Source)
		}
		if diff := cmp.Diff(x, got, cmpopts.IgnoreFields(Moment{}, "Source")); diff != "" {
			t.Fatalf("at %v (-then +now):\n%s", q.At, diff)
		}
		acted = acted || x.Moment.Decision != nil
	}
	if !acted {
		t.Error("no moment had a decision: too dull to prove anything")
	}
}

// Where the journal is gone, alarms' last words and the last decision are left.
func TestHistoryAlone(t *testing.T) {
	m := newMemory(t)
	m.notebook()
	m.run(20 * time.Minute)
	m.forgets = true
	q := asked
	q.At = started.Add(8 * time.Minute)
	got := text(t, m.ask(q))
	for _, want := range []string{
		"iris/blue at 2026-11-24 10:08:00 UTC, from the history: 4 wanted, of 1 to 4\n",
		"  AlarmHigh ALARM since 2026-11-24 10:06:10: Threshold Crossed: 3 datapoints [",
		"  last decision, 2026-11-24 10:07:10: desired 4: keep-10: ",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in\n%s", want, got)
		}
	}
}

// The present is read from the engine even where nothing scales the variant; what does not exist is unknown.
func TestWhatIsNotScaled(t *testing.T) {
	m := newMemory(t)
	if got := text(t, m.ask(asked)); !strings.HasSuffix(got, "InService, 1 of 1 wanted instances serve; it is no scalable target\n") {
		t.Errorf("an endpoint without policies: %s", got)
	}
	q := asked
	q.Variant = "green"
	var unknown *UnknownError
	if _, err := Explain(t.Context(), m, q); !errors.As(err, &unknown) {
		t.Errorf("a variant that is not there: %v", err)
	}
	for _, bad := range []string{"", "iris", "iris/", "/blue", "iris/blue/green"} {
		if _, _, err := ParseVariant(bad); err == nil {
			t.Errorf("%q names a variant", bad)
		}
	}
}

// Machines get every number.
func TestJSON(t *testing.T) {
	m := newMemory(t)
	m.notebook()
	m.run(9 * time.Minute)
	data, err := json.Marshal(m.ask(asked))
	if err != nil {
		t.Fatal(err)
	}
	var back struct {
		Moment struct {
			Max      int
			Policies []struct {
				Name      string
				Proposals []struct{ Metric, Threshold float64 }
			}
			Warnings []struct{ Kind string }
		}
	}
	if err := json.Unmarshal(data, &back); err != nil {
		t.Fatal(err)
	}
	p := back.Moment.Policies
	if len(p) != 2 || p[0].Name != "keep-10" || len(p[0].Proposals) != 2 || p[0].Proposals[0].Threshold != 10 || back.Moment.Max != 4 ||
		len(back.Moment.Warnings) != 1 || back.Moment.Warnings[0].Kind != "PolicyWithoutAlarm" {
		t.Errorf("JSON says %s", data)
	}
}
