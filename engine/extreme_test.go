package engine_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"regexp"
	"runtime/metrics"
	"slices"
	"strings"
	"testing"
	"time"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/engine/dimension/instancecount"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/scaling"
	"bellows.dev/bellows/scaling/policy"
	"bellows.dev/bellows/scaling/policy/predictive"
	stepping "bellows.dev/bellows/scaling/policy/step"
	"bellows.dev/bellows/scaling/policy/tracking"
)

// complete are inputs that an engine takes where settled was, which between them set every number, duration and time that an input has.
// Each call returns new values.
func complete(e *engine.Engine) []engine.Input {
	s, key, instance := scope, scaling.VariantTarget("e", "v"), e.Region(scope).Hosting.Endpoints["e"].Variants[0].Instances[0].ID
	variant := engine.VariantKey{Scope: s, Endpoint: "e", Variant: "v"}
	samples := func(at float64) metric.Summary {
		var x metric.Summary
		x.Add(at, 3)
		return x
	}
	at := populated.Add(-time.Minute)
	contributor := alarm.Contributor{ID: "1", State: alarm.InAlarm, Since: at, Gone: at, Transitioned: at}
	queries := []metric.DataQuery{
		{ID: "m1", Stat: &metric.MetricStat{Metric: metric.NewID("N", "m"), Statistic: metric.Statistic{Kind: metric.Sum}, Period: time.Minute}, Hidden: true},
		{ID: "e1", Expression: "m1 * 2", Period: time.Minute},
	}
	number := alarm.Rule{
		Metric: metric.NewID("N", "m"), Statistic: metric.Statistic{Kind: metric.Percentile, Rank: 90}, Period: time.Minute, Periods: 2, DatapointsToM: 1,
		Threshold: 1, Comparison: alarm.GreaterThanThreshold, Missing: alarm.Breaching, WarmUp: &alarm.WarmUp{For: 2 * time.Minute},
	}
	ranged, math1, query := number, number, alarm.Rule{PromQL: &alarm.PromQL{Query: "up > 0", Interval: time.Minute, Pending: time.Minute, Recovery: time.Minute}}
	ranged.Statistic = metric.Statistic{Kind: metric.TrimmedMean, Lower: 10, Upper: 90, Name: "TM(10%:90%)"}
	ranged.Clock, ranged.WarmUp = &alarm.WallClock{Timezone: "+0100", Offset: 3600, Zone: nil}, nil
	math1.Metric, math1.Statistic, math1.Metrics = metric.ID{}, metric.Statistic{}, queries
	query.Comparison = alarm.GreaterThanThreshold
	actions := func() []alarm.Action {
		return []alarm.Action{{On: alarm.InAlarm, ARN: "arn:aws:sns:us-east-1:123456789012:t"}}
	}
	past := []engine.PastSamples{{ID: metric.NewID("N", "m"), From: at.Add(-time.Hour), Samples: []metric.BucketState{
		{Start: at.Add(-time.Hour).Unix(), Unit: "None", Summary: samples(1)},
	}}}
	hours := func() []scaling.HourValue {
		var out []scaling.HourValue
		for ago := range 48 {
			out = append(out, scaling.HourValue{Ago: ago, Value: float64(100 + ago)})
		}
		return out
	}
	custom := func() *tracking.CustomizedSpec {
		return &tracking.CustomizedSpec{Namespace: "N", Name: "m", Statistic: tracking.Average}
	}
	group := custom()
	group.Period = 10 * time.Second
	predefined := &predictive.Config{
		Specs: []predictive.Spec{{TargetValue: 70, Pair: &predictive.Metric{Type: instancecount.PairInvocations}}},
		Mode:  predictive.ForecastAndScale, Buffer: new(time.Minute), Breach: predictive.IncreaseMaxCapacity, MaxBuffer: new(10),
	}
	return []engine.Input{
		engine.CreateEndpointConfig{Scope: s, Config: hosting.EndpointConfig{Name: "c2", Variants: []hosting.VariantConfig{{
			Name: "v", Model: "m", InitialCount: 2, InitialWeight: 1, InstanceType: "ml.m5.large",
		}}}},
		engine.Tick{},
		engine.Configured{Settings: engine.Settings{StartupTimeout: time.Minute, ClockSpeed: 2, InvocationTimeout: time.Minute}},
		engine.Reported{Report: hosting.InstanceReport{
			ID: instance, State: hosting.FleetFailed, Cause: hosting.CauseHealth,
			Stages: hosting.Stages{Asked: at, Scheduled: at, DataReady: at, Started: at, Healthy: at},
		}},
		engine.Observed{
			Variants: []engine.VariantObservation{{
				Key: variant, Invocations: 100, InvocationsPerInstance: 50, Errors4XX: 1, Errors5XX: 1, ModelErrors: 1, Answered: 100, NoCapacity: 1,
				ModelLatency: samples(7), OverheadLatency: samples(8), Concurrency: samples(9),
			}},
			Instances: []engine.InstanceUsage{{ID: instance, CPUPercent: 150, CPUNormalized: 75, MemoryPercent: 10, DiskPercent: 1}},
		},
		engine.CreateModel{Scope: s, Model: hosting.Model{Name: "m2", Created: at}},
		engine.CreateEndpointConfig{Scope: s, Config: hosting.EndpointConfig{Name: "c3", Created: at, Variants: []hosting.VariantConfig{{
			Name: "v", Model: "m", InitialCount: 3, InitialWeight: 0.1, InstanceType: "ml.m5.large", VolumeSizeGB: 1, DownloadTimeout: time.Minute,
			StartupTimeout: time.Minute, ProvisionTimeout: time.Minute, Routing: hosting.RoutingRandom,
		}}}},
		engine.UpdateEndpoint{Scope: s, Update: hosting.Update{Endpoint: "e", Config: "c2", Bake: time.Minute}},
		engine.UpdateEndpointWeightsAndCapacities{Key: engine.EndpointKey{Scope: s, Endpoint: "e"}, Changes: []hosting.Change{
			{Variant: "v", Weight: new(1.0), Desired: new(2)},
		}},
		engine.SetTags{Scope: s, Resource: hosting.ResourceEndpoint, Name: "e", Add: []hosting.Tag{{Key: "k", Value: "v"}}},
		engine.RegisterScalableTarget{Scope: s, Registration: scaling.Registration{Key: key, Min: new(1), Max: new(5)}},
		engine.PutScalingPolicy{Scope: s, Input: scaling.PolicyInput{Key: key, Name: "queue", Type: tracking.Type{}, Configs: []scaling.Config{&tracking.Config{
			TargetValue: 50, ScaleOutCooldown: new(time.Minute), ScaleInCooldown: new(time.Minute), Customized: custom(),
		}}}},
		engine.PutScalingPolicy{Scope: s, Input: scaling.PolicyInput{Key: key, Name: "tt", Type: tracking.Type{}, Configs: []scaling.Config{&tracking.Config{
			TargetValue: 50, Predefined: &tracking.PredefinedSpec{Metric: instancecount.InvocationsPerInstance},
		}}}},
		engine.PutScalingPolicy{Scope: s, Input: scaling.PolicyInput{Key: key, Name: "step", Type: stepping.Type{}, Configs: []scaling.Config{&stepping.Config{
			AdjustmentType: stepping.PercentChangeInCapacity, Aggregation: stepping.AggregateMaximum, Cooldown: new(time.Minute), MinMagnitude: new(1),
			Steps: []stepping.Adjustment{{Lower: new(0.0), Upper: new(10.0), Adjustment: 10}, {Lower: new(10.0), Adjustment: 20}},
		}}}},
		engine.PutScalingPolicy{Scope: s, Input: scaling.PolicyInput{Key: key, Name: "soon", Type: predictive.Type{}, Configs: []scaling.Config{predefined}}},
		engine.PutScalingPolicy{Scope: s, Input: scaling.PolicyInput{Key: key, Name: "soon", Type: predictive.Type{}, Configs: []scaling.Config{&predictive.Config{
			Specs: []predictive.Spec{{TargetValue: 70, CustomScaling: hidden(queries), CustomLoad: hidden(queries), CustomCapacity: hidden(queries)}},
		}}}},
		engine.PutMetricData{Scope: s, Data: []metric.Datum{{
			ID: metric.NewID("N", "m"), At: at, Resolution: metric.StandardResolution, Unit: "None", Summary: samples(2),
		}}},
		engine.PutMetricAlarm{Scope: s, Alarm: alarm.Alarm{Name: "number", ActionsEnabled: true, Actions: actions(), Rule: number}, Past: past},
		engine.PutMetricAlarm{Scope: s, Alarm: alarm.Alarm{Name: "ranged", ActionsEnabled: true, Actions: actions(), Rule: ranged}},
		engine.PutMetricAlarm{Scope: s, Alarm: alarm.Alarm{Name: "math", ActionsEnabled: true, Actions: actions(), Rule: math1}},
		engine.PutMetricAlarm{Scope: s, Alarm: alarm.Alarm{
			Name: "state", Rule: number, State: alarm.InAlarm, Configured: at, Updated: at, Transitioned: at, Next: at, Invoked: at, WarmingSince: at, Newest: at,
			Muted:             &alarm.Muted{Before: alarm.OK, Last: alarm.Transition{From: alarm.OK, To: alarm.InAlarm}},
			MutedContributors: []alarm.MutedContributor{{Muted: alarm.Muted{Before: alarm.OK, Last: alarm.Transition{From: alarm.OK, To: alarm.InAlarm}}, Contributor: contributor}},
			Recent:            []float64{1}, Ages: []int{1}, Contributors: []alarm.Contributor{contributor}, Trouble: alarm.PartialData,
		}},
		engine.PutMetricAlarm{Scope: s, Alarm: alarm.Alarm{Name: "query", Rule: query}},
		engine.SetAlarmState{Scope: s, Name: "by hand", State: alarm.InAlarm, Facts: &alarm.Data{QueryDate: at, Datapoints: []float64{1}}},
		engine.Notified{Scope: s, Alarm: "by hand", Action: actions()[0], Updated: at, Contributor: &contributor},
		engine.LoadHistory{Scope: s, Target: key, Policy: "soon", Past: scaling.PastLoad{Until: at, Load: hours(), Scaling: hours(), Capacity: hours()}},
		engine.PutCompositeAlarm{Scope: s, Alarm: alarm.Composite{
			Name: "above", Rule: `ALARM("by hand")`, Actions: actions(), Suppressor: "by hand", Wait: time.Minute, Extension: time.Minute, State: alarm.InAlarm,
			Configured: at, Updated: at, Transitioned: at, Suppressed: alarm.ByAlarm, Until: at, Held: &alarm.Transition{From: alarm.OK, To: alarm.InAlarm},
			Muted: &alarm.Muted{Before: alarm.OK, Last: alarm.Transition{From: alarm.OK, To: alarm.InAlarm}},
		}},
		engine.PromQLEvaluated{Scope: s, Alarm: "query", Query: "up > 0", At: at},
		engine.InstancesEjected{Key: variant, Ejected: []engine.Ejection{{ID: hosting.CopyID(instance), Since: at, Times: 1, Reason: "it fails"}}},
		engine.WakeRequested{Key: variant, Waiting: 1},
		engine.UpdateGroup{Scope: s, Update: scaling.GroupUpdate{
			Key: key, Min: new(1), Max: new(8), Desired: new(3), DefaultCooldown: new(time.Minute), DefaultWarmup: new(time.Minute),
		}},
		engine.SetDesiredCapacity{Scope: s, Key: key, Desired: 4},
		engine.PutGroupPolicy{Scope: s, Input: policy.GroupInput{Key: key, Name: "hold", Type: policy.GroupTracking, Warmup: new(time.Minute), TargetTracking: &tracking.Config{
			TargetValue: 50, Customized: group, ScaleOutCooldown: new(time.Minute), ScaleInCooldown: new(time.Minute),
		}}},
		engine.PutGroupPolicy{Scope: s, Input: policy.GroupInput{Key: key, Name: "cpu", Type: policy.GroupTracking, TargetTracking: &tracking.Config{
			TargetValue: 50, Predefined: &tracking.PredefinedSpec{Metric: tracking.GroupCPUUtilization},
		}}},
		engine.PutGroupPolicy{Scope: s, Input: policy.GroupInput{
			Key: key, Name: "once", Type: policy.GroupSimple, AdjustmentType: stepping.PercentChangeInCapacity, Adjustment: new(10), Cooldown: new(time.Minute),
			MinMagnitude: new(1),
		}},
		engine.PutGroupPolicy{Scope: s, Input: policy.GroupInput{
			Key: key, Name: "steps", Type: policy.GroupStep, AdjustmentType: stepping.ChangeInCapacity, Aggregation: stepping.AggregateMinimum,
			Warmup: new(time.Minute), Steps: []stepping.Adjustment{{Lower: new(0.0), Upper: new(10.0), Adjustment: 1}, {Lower: new(10.0), Adjustment: 2}},
		}},
		engine.ExecuteGroupPolicy{Scope: s, Execution: scaling.Execution{Key: key, Policy: "steps", Metric: new(2.0), Threshold: new(1.0)}},
		engine.SetGroupProcesses{Scope: s, Key: key, Processes: []scaling.Process{scaling.ProcessScheduledActions}, Suspend: true},
		engine.PutGroupSchedule{Scope: s, Input: scaling.GroupScheduleInput{
			Key: key, Name: "noon", Recurrence: "0 12 * * *", Start: populated.Add(time.Minute), End: populated.Add(time.Hour), Desired: new(2),
			Range: scaling.Range{Min: new(1), Max: new(8)},
		}},
		engine.PutScheduledAction{Scope: s, Input: scaling.ScheduleInput{
			Key: key, Name: "tide", Schedule: "rate(1 minute)", Start: populated.Add(time.Minute), End: populated.Add(time.Hour),
			Range: &scaling.Range{Min: new(1), Max: new(8)},
		}},
		engine.HistoryKept{Scope: s, Through: at},
		engine.DeleteGroupSchedule{Scope: s, Key: key, Name: "night"},
		engine.DeleteScheduledAction{Scope: s, Key: key, Name: "wave"},
		engine.DeleteGroupPolicy{Scope: s, Key: key, Name: "steps"},
		engine.DeleteScalingPolicy{Scope: s, Key: key, Name: "tt"},
		engine.DeregisterScalableTarget{Scope: s, Key: key},
		engine.PutMuteRule{Scope: s, Rule: alarm.MuteRule{
			Name: "night", Expression: "cron(0 2 * * *)", Duration: time.Hour, Alarms: []string{"by hand"}, Start: at, Expire: at.Add(time.Hour), Updated: at,
		}},
	}
}

// hidden returns a copy of queries that shares no memory with them.
func hidden(queries []metric.DataQuery) []metric.DataQuery {
	out := slices.Clone(queries)
	for i := range out {
		if out[i].Stat != nil {
			stat := *out[i].Stat
			stat.Period = 0
			out[i].Stat = &stat
		}
		out[i].Period = 0
	}
	return out
}

// numbersOf calls f with each number, duration and time below v, and its place.
func numbersOf(v reflect.Value, place string, f func(place string, v reflect.Value)) {
	if v.Type() == reflect.TypeFor[time.Time]() {
		f(place, v)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if x := v.Type().Field(i); x.IsExported() {
				numbersOf(v.Field(i), place+"."+x.Name, f)
			}
		}
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			numbersOf(v.Elem(), place, f)
		}
	case reflect.Slice:
		for i := range v.Len() {
			if i < 2 { // elements are alike
				numbersOf(v.Index(i), fmt.Sprintf("%s[%d]", place, i), f)
			}
		}
	case reflect.Int, reflect.Int32, reflect.Int64, reflect.Float64:
		f(place, v)
	default: // strings, flags, and maps, which have no numbers
	}
}

// extremesOf are values of the kind of v, which are mostly out of its range.
func extremesOf(v reflect.Value) []reflect.Value {
	var out []reflect.Value
	add := func(x any) { out = append(out, reflect.ValueOf(x).Convert(v.Type())) }
	switch {
	case v.Type() == reflect.TypeFor[time.Time]():
		for _, x := range []time.Time{
			{}, time.Unix(0, 0), time.Unix(-1, 0), time.Unix(math.MinInt64, 0), time.Unix(math.MaxInt64, 0), time.Unix(1<<40, 0), populated.AddDate(1000, 0, 0),
			time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC), populated.Add(math.MaxInt64), populated.Add(math.MinInt64),
		} {
			add(x)
		}
	case v.Type() == reflect.TypeFor[time.Duration]():
		for _, x := range []time.Duration{
			0, 1, -1, time.Millisecond, time.Second, -time.Minute, 7 * time.Second, 90 * time.Second, 24*time.Hour + time.Second, 365 * 24 * time.Hour,
			math.MinInt64, math.MaxInt64,
		} {
			add(x)
		}
	case v.Kind() == reflect.Float64:
		for _, x := range []float64{
			0, math.Copysign(0, -1), -1, 1e-300, math.SmallestNonzeroFloat64, 1e6, 1e19, 0x1p360, 0x1p361, math.MaxFloat64, -math.MaxFloat64, math.NaN(), math.Inf(1),
			math.Inf(-1),
		} {
			add(x)
		}
	case v.Kind() == reflect.Int32:
		for _, x := range []int32{0, -1, math.MinInt32, math.MaxInt32} {
			add(x)
		}
	default:
		for _, x := range []int{0, -1, 1, 17, 100_000, math.MaxInt32, math.MinInt, math.MaxInt} {
			add(x)
		}
	}
	return out
}

// typesOf calls f with the place of each number, duration and time that values of a type have, as numbersOf calls places, but for
// indexes; what interfaces hold is not known.
func typesOf(t reflect.Type, place string, within []reflect.Type, f func(place string)) {
	if t == reflect.TypeFor[time.Time]() {
		f(place)
		return
	}
	switch t.Kind() {
	case reflect.Struct:
		if slices.Contains(within, t) {
			return
		}
		for i := range t.NumField() {
			if x := t.Field(i); x.IsExported() {
				typesOf(x.Type, place+"."+x.Name, append(within, t), f)
			}
		}
	case reflect.Pointer:
		typesOf(t.Elem(), place, within, f)
	case reflect.Slice:
		if t.Elem().Kind() != reflect.Uint8 { // data of a time zone
			typesOf(t.Elem(), place+"[]", within, f)
		}
	case reflect.Int, reflect.Int32, reflect.Int64, reflect.Float64:
		f(place)
	default:
	}
}

// indexes are those of the places that numbersOf names.
var indexes = regexp.MustCompile(`\[\d+\]`)

// Values at the ends of what a number can be, and beyond, in any member of any input, are refused, or taken without harm: the engine goes on
// at its usual speed, in little memory, and all that it leads to can be encoded. What comes from a journal or a caller that checks nothing
// can therefore not stop it.
func TestExtremeNumbersDoNoHarm(t *testing.T) {
	t.Parallel()
	_, base := settled(t)
	if _, err := base.Step(populated, complete(base)[0]); err != nil {
		t.Fatal(err)
	}
	state := encoded(t, base)
	seen := map[string]bool{}
	x := extreme{t: t, state: state}
	for n, in := range complete(base)[1:] { // the first is there
		if why := x.try(in); why != "" || !x.taken {
			t.Fatalf("%T is taken: %v; %s", in, x.taken, why)
		}
		kind := reflect.TypeOf(in)
		place := func(v reflect.Value, f func(place string, v reflect.Value)) { numbersOf(v, kind.Name(), f) }
		var places []string
		place(reflect.ValueOf(in), func(at string, _ reflect.Value) {
			places = append(places, at)
			seen[indexes.ReplaceAllString(at, "[]")] = true
		})
		for k, at := range places {
			for with, more := 0, true; more; with++ {
				changed := reflect.New(kind).Elem()
				changed.Set(reflect.ValueOf(complete(base)[1+n]))
				i, value := 0, ""
				place(changed, func(_ string, v reflect.Value) {
					if all := extremesOf(v); i == k && with < len(all) {
						v.Set(all[with])
						value = fmt.Sprint(all[with])
					}
					i++
				})
				if more = value != ""; more {
					if why := x.try(changed.Interface().(engine.Input)); why != "" {
						t.Errorf("%s = %s: %s", at, value, why)
					}
				}
			}
		}
	}
	for _, in := range engine.Inputs() {
		typesOf(reflect.TypeOf(in), reflect.TypeOf(in).Name(), nil, func(place string) {
			if !seen[place] {
				t.Errorf("%s is in no input of complete", place)
			}
		})
	}
}

// A moment at which nothing can be recorded is refused, and the engine goes on.
func TestExtremeMomentsAreRefused(t *testing.T) {
	e := engine.New(engine.Config{Seed: 3})
	for _, at := range []time.Time{{}, time.Unix(-1, 0), time.Unix(1<<40, 0), time.Unix(math.MaxInt64, 0), time.Unix(math.MinInt64, 0)} {
		if _, err := e.Step(at, engine.Tick{}); !errors.Is(err, engine.ErrMoment) && !errors.Is(err, engine.ErrBackwards) {
			t.Errorf("%v: %v", at.Unix(), err)
		}
	}
	if _, err := e.Step(populated, engine.Tick{}); err != nil {
		t.Error(err)
	}
}

// A refusal of a number names its member.
func TestRefusalsOfNumbersNameTheMember(t *testing.T) {
	_, e := settled(t)
	rule := e.Region(scope).Alarms.Metric["by hand"].Rule
	for _, tc := range []struct {
		change func(r *alarm.Rule)
		want   string
	}{
		{func(r *alarm.Rule) { r.Period = 0 }, "Period"},
		{func(r *alarm.Rule) { r.Period = math.MaxInt64 }, "Period"},
		{func(r *alarm.Rule) { r.Period = 86 * 24 * time.Hour }, "EvaluationPeriods * Period"},
		{func(r *alarm.Rule) { r.Periods = math.MaxInt }, "EvaluationPeriods * Period"},
		{func(r *alarm.Rule) { r.Periods = 0 }, "EvaluationPeriods"},
		{func(r *alarm.Rule) { r.DatapointsToM = -1 }, "DatapointsToAlarm"},
		{func(r *alarm.Rule) { r.Threshold = math.NaN() }, "Threshold"},
		{func(r *alarm.Rule) { r.Statistic.Rank = math.Inf(1) }, "Statistic"},
		{func(r *alarm.Rule) { r.Comparison = 9 }, "ComparisonOperator"},
		{func(r *alarm.Rule) { r.WarmUp = &alarm.WarmUp{For: -1} }, "WarmUpPeriodDurationInMinutes"},
		{func(r *alarm.Rule) { r.Clock = &alarm.WallClock{Offset: math.MaxInt} }, "WallClockWindow"},
		{func(r *alarm.Rule) { *r = alarm.Rule{PromQL: &alarm.PromQL{}} }, "EvaluationInterval"},
		{func(r *alarm.Rule) { *r = alarm.Rule{PromQL: &alarm.PromQL{Interval: time.Minute, Recovery: -1}} }, "RecoveryPeriod"},
	} {
		r := rule
		tc.change(&r)
		_, err := e.Step(populated.Add(time.Second), engine.PutMetricAlarm{Scope: scope, Alarm: alarm.Alarm{Name: "x", Rule: r}})
		if bad := (*alarm.Error)(nil); !errors.As(err, &bad) || !strings.Contains(bad.Msg, tc.want) {
			t.Errorf("%v; want a refusal of %s", err, tc.want)
		}
	}
	late := datum("m", 1)
	late.At = time.Unix(math.MaxInt64, 0)
	_, err := e.Step(populated.Add(time.Second), engine.PutMetricData{Scope: scope, Data: []metric.Datum{datum("m", 1), late}})
	if bad := (*engine.RangeError)(nil); !errors.As(err, &bad) || bad.Field != "Data[1].At" {
		t.Error(err)
	}
}

// extreme steps engines that are where settled left one.
type extreme struct {
	t     *testing.T
	state []byte
	next  *engine.Engine
	taken bool // the newest input was
}

// Limits of a step and those after it, far above what any takes.
const (
	extremeTime   = 10 * time.Second
	extremeMemory = 64 << 20
)

// try returns what is wrong with an engine that gets an input; "" where nothing is.
func (x *extreme) try(in engine.Input) (why string) {
	x.t.Helper()
	stuck := time.AfterFunc(extremeTime, func() { panic(fmt.Sprintf("the engine hangs: %#v", in)) })
	defer stuck.Stop()
	if x.next == nil {
		x.next = again(x.t, x.state)
	}
	e := x.next
	x.taken = true
	defer func() {
		if r := recover(); r != nil {
			x.next, why = nil, fmt.Sprint("panic: ", r)
		}
	}()
	before := allocated()
	out, err := e.Step(populated.Add(time.Second), in)
	if err != nil {
		x.taken = false
		return "" // TestARefusalLeavesTheStateAsItWas
	}
	x.next = nil
	results := []any{out.Events}
	e.Wake()
	for _, d := range passing {
		out, err := e.Step(populated.Add(d).Add(time.Second), engine.Tick{})
		if err != nil {
			return err.Error()
		}
		e.Wake()
		results = append(results, slices.Clone(out.Events))
	}
	for _, v := range append(results, e.State()) {
		if _, err := json.Marshal(v); err != nil {
			return fmt.Sprintf("a %T cannot be encoded: %v", v, err)
		}
	}
	if n := allocated() - before; n > extremeMemory {
		return fmt.Sprintf("it takes %d MiB", n>>20)
	}
	return ""
}

// allocated is how much memory was allocated so far, in bytes, by all goroutines.
func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
