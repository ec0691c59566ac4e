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
	"bellows.dev/bellows/engine/dimension/instancecount"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/log"
	"bellows.dev/bellows/scaling"
	"bellows.dev/bellows/scaling/policy/step"
	"bellows.dev/bellows/scaling/policy/tracking"
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
	events  []engine.Recorded
	past    PastState // what At says besides
	forgets error     // what At fails with
	live    *Live     // what its server says; nil: none runs
}

func newMemory(t *testing.T) *memory { return newMemoryWith(t, engine.Config{Seed: 3}) }

func newMemoryWith(t *testing.T, c engine.Config) *memory {
	m := &memory{World: sim.NewWorld(c, started), t: t}
	m.OnInput = func(now time.Time, in engine.Input) { m.journal = append(m.journal, taken{now, in}) }
	m.OnEvent = func(now time.Time, e engine.Event) { m.events = append(m.events, engine.Recorded{At: now, Event: e}) }
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
		Key: key, Name: "keep-10", Type: tracking.Type{}, Configs: []scaling.Config{&tracking.Config{
			TargetValue: 10, Predefined: &tracking.PredefinedSpec{Metric: instancecount.InvocationsPerInstance},
		}},
	}})
	m.must(engine.PutScalingPolicy{Scope: scope, Input: scaling.PolicyInput{
		Key: key, Name: "overhead", Type: step.Type{}, Configs: []scaling.Config{&step.Config{
			AdjustmentType: step.ChangeInCapacity, Steps: []step.Adjustment{{Lower: &zero, Adjustment: 1}},
		}},
	}})
	m.SetLoad(engine.VariantKey{Scope: scope, Endpoint: "iris", Variant: "blue"}, 41)
}

func (m *memory) View(_ context.Context, f func(time.Time, *engine.Engine)) error {
	f(m.Now, m.Engine)
	return nil
}

func (m *memory) Live(context.Context) (Live, bool) {
	if m.live == nil {
		return Live{}, false
	}
	return *m.live, true
}

func (m *memory) At(_ context.Context, at time.Time) (PastState, error) {
	if m.forgets != nil {
		return PastState{}, m.forgets
	}
	e := engine.New(engine.Config{Seed: 3})
	for _, x := range m.journal {
		if x.at.After(at) {
			break
		}
		if _, err := e.Step(x.at, x.in); err != nil {
			return PastState{}, err
		}
	}
	s := m.past
	s.Engine = e
	return s, nil
}

func (m *memory) Events(_ context.Context, q log.EventQuery) ([]engine.Recorded, error) {
	var out []engine.Recorded
	for _, i := range slices.Backward(m.events) {
		var table, key string
		switch e := i.Event.(type) {
		case engine.Decided:
			table, key = log.TableDecision, e.Target.ResourceID
		case engine.ActivityChanged:
			table, key = log.TableActivity, e.Activity.Key.ResourceID
		case engine.AlarmTransition:
			table, key = log.TableAlarm, e.Alarm
		case engine.AlarmActed:
			table, key = log.TableAlarm, e.Alarm
		case engine.EndpointChanged:
			table, key = log.TableEndpoint, e.Key.Endpoint
		case engine.InstanceChanged:
			table, key = log.TableEndpoint, e.Key.Endpoint
		case engine.EjectionChanged:
			table, key = log.TableEndpoint, e.Key.Endpoint
		case engine.InstanceActivityChanged:
			table, key = "group", e.Activity.Group.VariantName()
		}
		if table == q.Table && key == q.Key && !i.At.Before(q.From) && i.At.Before(q.To) {
			if out = append(out, i); len(out) == q.Limit {
				break
			}
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
2026-11-24 10:06:10  decision   desired 1 -> 4: keep-10: AlarmHigh in ALARM, 3 of 3: 40.7722 > 10; load 40.7722 = 40.7722 x 1; wanted 5 = ceil(40.7722 / 10); max 4
2026-11-24 10:06:10  activity   Pending: Setting desired instance count to 4.
2026-11-24 10:06:10  activity   InProgress: Setting desired instance count to 4.
2026-11-24 10:06:10  endpoint   iris InService -> Updating
2026-11-24 10:07:10  decision   desired 4: keep-10: AlarmHigh in ALARM, 3 of 3: 41 > 10; load 41 = 41 x 1; wanted 5 = ceil(41 / 10); at max 4 already
2026-11-24 10:07:40  activity   Successful: Setting desired instance count to 4. After 1m30s.
                     … 2 more such decisions, the last:
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

// What users change stands in the story, once each, and so does why a range moved the capacity.
func TestStoryOfChangesByHand(t *testing.T) {
	m := newMemory(t)
	m.notebook()
	key, five, two, eight := scaling.VariantTarget("iris", "blue"), 5, 2, 8
	m.must(engine.UpdateEndpointWeightsAndCapacities{
		Key: engine.EndpointKey{Scope: scope, Endpoint: "iris"}, Changes: []hosting.Change{{Variant: "blue", Desired: &five}},
	})
	m.run(2 * time.Minute)
	m.must(engine.RegisterScalableTarget{Scope: scope, Registration: scaling.Registration{Key: key}})
	m.run(2 * time.Minute)
	m.must(engine.UpdateGroup{Scope: scope, Update: scaling.GroupUpdate{Key: key, Min: &two, Max: &eight, Desired: &two}})
	m.run(2 * time.Minute)
	q := asked
	q.Since = 7 * time.Minute
	got := text(t, m.ask(q))
	for _, want := range []string{
		"2026-11-24 10:03:00  change     desired 1 -> 5 by hand\n",
		"Setting desired instance count to 4: maximum capacity was set to 4. After ",
		"2026-11-24 10:07:00  change     desired 4 -> 2 by hand, with the group's range set to 2 to 8\n",
	} {
		if strings.Count(got, want) != 1 {
			t.Errorf("the story does not tell %q once but\n%s", want, got)
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
		if q.At.Before(m.Now) != (got.Moment.Source == "past") {
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

// Unknown states are reported as such, with the reliability of the others.
func TestHowWellTheMomentIsKnown(t *testing.T) {
	m := newMemory(t)
	m.notebook()
	m.run(20 * time.Minute)
	q := asked
	q.At = started.Add(8 * time.Minute)
	m.past = PastState{Differs: q.At.Add(-time.Minute), From: q.At.Add(-time.Second), Until: q.At.Add(time.Hour)}
	got := text(t, m.ask(q))
	for _, want := range []string{
		"iris/blue at 2026-11-24 10:08:00 UTC: ",
		"  note: another version ran then: from 2026-11-24 10:07:00 on it decided differently than is shown here; the story has its own decisions\n",
		"  note: nothing happened from 2026-11-24 10:07:59 until a server was started at 2026-11-24 11:08:00: maybe none ran at the moment\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in\n%s", want, got)
		}
	}
	m.forgets = errors.New("two weeks are kept")
	if _, err := Explain(t.Context(), m, q); !errors.Is(err, m.forgets) {
		t.Errorf("a moment that is not known is explained: %v", err)
	}
}

// A variant is explained while there was one; before that nothing is known of it, and afterwards its story is.
func TestAVariantThatIsGone(t *testing.T) {
	m := newMemory(t)
	m.notebook()
	m.run(20 * time.Minute)
	m.must(engine.DeleteEndpoint{Key: engine.EndpointKey{Scope: scope, Endpoint: "iris"}})
	m.run(10 * time.Minute)
	q := asked
	if got := text(t, m.ask(q)); !strings.HasPrefix(got, "iris/blue at 2026-11-24 10:33:00 UTC: there is no such variant\n") || !strings.Contains(got, "  last decision, ") {
		t.Errorf("a variant that is gone: %s", got)
	}
	q.At = started.Add(22 * time.Minute)
	if got := text(t, m.ask(q)); !strings.Contains(got, "4 of 4 wanted instances serve; range 1 to 4\n  keep-10") {
		t.Errorf("before it went: %s", got)
	}
	q.At = started.Add(-time.Minute)
	var unknown *UnknownError
	if _, err := Explain(t.Context(), m, q); !errors.As(err, &unknown) || err.Error() != "there was no iris/blue in us-east-1 at 2026-11-24 09:59:00 UTC" {
		t.Errorf("before it came: %v", err)
	}
}

// What prevents decisions from taking effect is shown with the range.
func TestWhatHoldsBack(t *testing.T) {
	m := newMemory(t)
	m.notebook()
	yes := true
	m.must(engine.RegisterScalableTarget{Scope: scope, Registration: scaling.Registration{
		Key: scaling.VariantTarget("iris", "blue"), SuspendOut: &yes, SuspendScheduled: &yes,
	}})
	m.run(9 * time.Minute)
	if got := text(t, m.ask(asked)); !strings.Contains(got, "range 1 to 4; suspended: scale-out by policies, scheduled scaling\n") ||
		!strings.Contains(got, "scale-out is suspended") {
		t.Errorf("suspended: %s", got)
	}
}

// The present is read from the engine even where nothing scales the variant; what does not exist is unknown.
func TestWhatIsNotScaled(t *testing.T) {
	m := newMemory(t)
	if got := text(t, m.ask(asked)); !strings.HasSuffix(got, "InService, 1 of 1 wanted instance serves; it is no scalable target\n") {
		t.Errorf("an endpoint without policies: %s", got)
	}
	q := asked
	q.Variant = "green"
	var unknown *UnknownError
	if _, err := Explain(t.Context(), m, q); !errors.As(err, &unknown) {
		t.Errorf("a variant that is not there: %v", err)
	}
	for _, bad := range []string{"", "iris/", "/blue", "iris/blue/green", ".blue", "iris.", "iris/blue.green"} {
		if _, _, err := ParseVariant(bad); err == nil {
			t.Errorf("%q names a variant", bad)
		}
	}
	for _, good := range []string{"iris/blue", "iris.blue"} {
		if endpoint, variant, err := ParseVariant(good); err != nil || endpoint != "iris" || variant != "blue" {
			t.Errorf("%q: %s, %s, %v", good, endpoint, variant, err)
		}
	}
}

// The name of an endpoint is enough where it has one variant, now or at the moment asked for; else the variants are named.
func TestEndpointOfOneVariant(t *testing.T) {
	m := newMemory(t)
	q := asked
	var err error
	if q.Endpoint, q.Variant, err = ParseVariant("iris"); err != nil {
		t.Fatal(err)
	}
	if got := text(t, m.ask(q)); !strings.HasPrefix(got, "iris/blue at ") {
		t.Error(got)
	}
	m.must(engine.CreateEndpointConfig{Scope: scope, Config: hosting.EndpointConfig{Name: "two", Variants: []hosting.VariantConfig{
		{Name: "blue", Model: "m", InitialCount: 1, InitialWeight: 1, InstanceType: "ml.m5.large"},
		{Name: "green", Model: "m", InitialCount: 1, InitialWeight: 1, InstanceType: "ml.m5.large"},
	}}})
	m.must(engine.UpdateEndpoint{Scope: scope, Update: hosting.Update{Endpoint: "iris", Config: "two"}})
	before := m.Now
	m.run(5 * time.Minute)
	var several *AmbiguousError
	if _, err := Explain(t.Context(), m, q); !errors.As(err, &several) || err.Error() != "iris has several variants: name one of iris/blue, iris/green" {
		t.Error(err)
	}
	q.At = before.Add(-time.Second)
	if got := text(t, m.ask(q)); !strings.HasPrefix(got, "iris/blue at ") {
		t.Error(got)
	}
	q.Endpoint = "none"
	var unknown *UnknownError
	if _, err := Explain(t.Context(), m, q); !errors.As(err, &unknown) {
		t.Error(err)
	}
}

// The text agrees with a count of one.
func TestOneFailedInvocation(t *testing.T) {
	m := newMemory(t)
	m.must(engine.Observed{Variants: []engine.VariantObservation{{
		Key: engine.VariantKey{Scope: scope, Endpoint: "iris", Variant: "blue"}, Invocations: 1, Answered: 1, Errors5XX: 1,
	}}})
	const want = "  failing: 1 of 1 invocation of the last 5 minutes was answered with a 5XX status\n"
	if got := text(t, m.ask(asked)); !strings.Contains(got, want) {
		t.Errorf("%s\nlacks %s", got, want)
	}
}

// A variant that answers only errors looks unhealthy, until it answers well again.
func TestFailingVariant(t *testing.T) {
	m := newMemory(t)
	observe := func(failed float64) {
		m.must(engine.Observed{Variants: []engine.VariantObservation{{
			Key: engine.VariantKey{Scope: scope, Endpoint: "iris", Variant: "blue"}, Invocations: 10, Answered: 10, Errors5XX: failed,
		}}})
	}
	observe(10)
	const want = "  failing: 10 of 10 invocations of the last 5 minutes were answered with a 5XX status\n"
	if got := text(t, m.ask(asked)); !strings.Contains(got, want) {
		t.Errorf("%s\nlacks %s", got, want)
	}
	if x := m.ask(asked).Moment; x.Health != "failing" || x.Trouble == "" || x.PerMinute < 6.6 || x.PerMinute > 6.7 { // in service for a minute and a half
		t.Errorf("%+v", x)
	}
	for range 2 {
		observe(0)
	}
	if x := m.ask(asked).Moment; x.Health != "healthy" || x.Trouble != "" {
		t.Errorf("10 of 30 failed: %+v", x)
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
			Alarms   []struct{ Name, Short string }
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
	a := back.Moment.Alarms
	if len(a) != 2 || a[0].Short != "AlarmHigh" || a[1].Short != "AlarmLow" || !strings.Contains(a[0].Name, "-AlarmHigh-") {
		t.Errorf("labels of alarms: %+v", a)
	}
}

// A variant whose model or config has a VpcConfig has a warning that it has no effect, in the text and as data.
func TestVpcConfigIsExplained(t *testing.T) {
	m := newMemory(t)
	vpc := &hosting.VPC{SecurityGroupIDs: []string{"sg-1"}, Subnets: []string{"subnet-1"}}
	variants := func(model string) []hosting.VariantConfig {
		return []hosting.VariantConfig{{Name: "blue", Model: model, InitialCount: 1, InitialWeight: 1, InstanceType: "ml.m5.large"}}
	}
	m.must(engine.CreateModel{Scope: scope, Model: hosting.Model{Name: "guarded", VPC: vpc}})
	m.must(engine.CreateEndpointConfig{Scope: scope, Config: hosting.EndpointConfig{Name: "of-the-model", Variants: variants("guarded")}})
	m.must(engine.CreateEndpointConfig{Scope: scope, Config: hosting.EndpointConfig{Name: "of-the-config", VPC: vpc, Variants: variants("m")}})
	for _, name := range []string{"of-the-model", "of-the-config"} {
		m.must(engine.CreateEndpoint{Key: engine.EndpointKey{Scope: scope, Endpoint: name}, Config: name})
	}
	m.run(3 * time.Minute)
	for name, warned := range map[string]bool{"of-the-model": true, "of-the-config": true, "iris": false} {
		x := m.ask(Query{Scope: scope, Endpoint: name, Variant: "blue"})
		const line = "\n  warning: its VpcConfig is kept and has no effect: instances run on this machine's own network, and no security group guards them\n"
		if got := strings.Contains(text(t, x), line); got != warned {
			t.Errorf("%s: warned is %v\n%s", name, got, text(t, x))
		}
		if got := len(x.Moment.Warnings) == 1 && x.Moment.Warnings[0].Kind == "VpcConfigNotApplied"; got != warned {
			t.Errorf("%s: warnings %+v", name, x.Moment.Warnings)
		}
	}
}
