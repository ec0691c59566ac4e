package sim_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/engine/dimension/instancecount"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/scaling"
	"bellows.dev/bellows/scaling/policy"
	"bellows.dev/bellows/scaling/policy/tracking"
	"bellows.dev/bellows/sim"
)

// The properties below check target tracking with loads of several shapes, with startup times, cooldowns and warm-ups of 0 to 600 s, in
// both APIs, with metrics of every kind.

const perInstance = 70.0 // target value

// metricKind is a way to measure a load, with a policy on it.
type metricKind struct {
	name   string
	source string // its publisher: invocations, concurrency, own or usage
	group  bool   // the policy is put through the EC2 Auto Scaling API
	config tracking.Config
}

var ofVariant = []metric.Dimension{{Name: "EndpointName", Value: "e"}, {Name: "VariantName", Value: "v"}}

func predefined(m tracking.PredefinedMetric) tracking.Config {
	return tracking.Config{Predefined: &tracking.PredefinedSpec{Metric: m}}
}

func own(period time.Duration) tracking.Config {
	return tracking.Config{Customized: &tracking.CustomizedSpec{Namespace: "App", Name: "Load", Statistic: tracking.Average, Period: period}}
}

var kinds = []metricKind{
	{"invocations", "invocations", false, predefined(instancecount.InvocationsPerInstance)},
	{"concurrency, 10 s", "concurrency", false, predefined(instancecount.ConcurrentRequestsPerModel)},
	{"customized", "invocations", false, tracking.Config{Customized: &tracking.CustomizedSpec{
		Namespace: "AWS/SageMaker", Name: "InvocationsPerInstance", Statistic: tracking.Sum, Dimensions: ofVariant,
	}}},
	{"customized, a client's", "own", false, own(0)},
	{"metric math", "invocations", false, tracking.Config{Customized: &tracking.CustomizedSpec{Queries: []tracking.MetricQuery{
		{ID: "m1", ReturnData: ptr(false), Stat: &tracking.MetricStat{
			Namespace: "AWS/SageMaker", Name: "InvocationsPerInstance", Statistic: "Sum", Dimensions: ofVariant,
		}},
		{ID: "e1", Expression: "m1 * 2 / 2", ReturnData: ptr(true)},
	}}}},
	{"group, 10 s", "own", true, own(10 * time.Second)},
	{"group, 30 s", "own", true, own(30 * time.Second)},
	{"group, 60 s", "own", true, own(time.Minute)},
	{"group, CPU", "usage", true, predefined(tracking.GroupCPUUtilization)},
}

// tracked is a variant with one target tracking policy, its load, and the history of both since the policy had time to react.
type tracked struct {
	t     *rapid.T
	world *sim.World
	kind  metricKind
	load  float64 // the metric if one instance serves all load

	used       float64 // the metric per instance, summed over the seconds of this minute
	capacities []int   // desired capacity, by the second
	loads      []float64
	events     []string
}

// newTracked starts with the capacity that the load needs.
func newTracked(t *rapid.T, load float64) *tracked {
	x := &tracked{t: t, world: sim.NewWorld(engine.Config{Seed: 1, Settings: engine.Settings{StartupTimeout: time.Hour}}, started), kind: rapid.SampledFrom(kinds).Draw(t, "kind"), load: load}
	x.world.Startup = seconds(t, "start-up")
	x.world.OnEvent = func(now time.Time, e engine.Event) {
		if d, ok := e.(engine.Decided); ok {
			x.events = append(x.events, now.Format("15:04:05 ")+d.Decision.Explain(policy.Types()))
		}
	}
	x.must(engine.CreateModel{Scope: scope, Model: hosting.Model{Name: "m"}})
	x.must(engine.CreateEndpointConfig{Scope: scope, Config: hosting.EndpointConfig{Name: "c", Variants: []hosting.VariantConfig{
		{Name: "v", Model: "m", InitialCount: x.needed(), InitialWeight: 1, InstanceType: "ml.m5.large"},
	}}})
	x.must(engine.CreateEndpoint{Key: engine.EndpointKey{Scope: scope, Endpoint: "e"}, Config: "c"})
	x.bear(x.world.Startup + time.Duration(rapid.IntRange(1, 90).Draw(t, "phase"))*time.Second)
	x.put()
	x.bear(time.Duration(rapid.IntRange(1, 300).Draw(t, "watched")) * time.Second)
	x.capacities, x.loads = nil, nil
	return x
}

func seconds(t *rapid.T, label string) time.Duration {
	return time.Duration(rapid.OneOf(rapid.SampledFrom([]int{0, 1, 30, 60, 300, 600}), rapid.IntRange(0, 600)).Draw(t, label)) * time.Second
}

// needed returns the capacity that the load needs.
func (x *tracked) needed() int { return max(1, int(math.Ceil(x.load/perInstance))) }

func (x *tracked) must(in engine.Input) {
	x.t.Helper()
	if _, err := x.world.Do(in); err != nil {
		x.t.Fatalf("%T: %v", in, err)
	}
}

// put registers the variant and puts its policy.
func (x *tracked) put() {
	least, most, config := 1, 60, x.kind.config
	config.TargetValue = perInstance
	if x.kind.group {
		warmup := seconds(x.t, "warm-up")
		x.must(engine.UpdateGroup{Scope: scope, Update: scaling.GroupUpdate{Key: key, Min: &least, Max: &most, DefaultWarmup: &warmup}})
		x.must(engine.PutGroupPolicy{Scope: scope, Input: policy.GroupInput{
			Key: key, Name: "p", Type: policy.GroupTracking, TargetTracking: &config,
		}})
		return
	}
	config.ScaleOutCooldown, config.ScaleInCooldown = ptr(seconds(x.t, "scale-out cooldown")), ptr(seconds(x.t, "scale-in cooldown"))
	x.must(engine.RegisterScalableTarget{Scope: scope, Registration: scaling.Registration{Key: key, Min: &least, Max: &most}})
	x.must(engine.PutScalingPolicy{Scope: scope, Input: scaling.PolicyInput{
		Key: key, Name: "p", Type: tracking.Type{}, Configs: []scaling.Config{&config},
	}})
}

// bear advances time under the load.
func (x *tracked) bear(d time.Duration) {
	if x.kind.source == "invocations" {
		x.world.SetLoad(variant, x.load)
	}
	for range int(d / time.Second) {
		if err := x.world.Run(time.Second); err != nil {
			x.t.Fatal(err)
		}
		v := x.world.Engine.Region(scope).Hosting.Endpoints["e"].Variant("v")
		if n := v.Current(); n > 0 {
			x.publish(x.load/float64(n), v)
		}
		x.capacities, x.loads = append(x.capacities, v.Desired), append(x.loads, x.load)
	}
}

// publish records the measurements at the end of a second.
func (x *tracked) publish(perInstance float64, v *hosting.Variant) {
	summary := func(v, n float64) metric.Summary {
		return metric.Summary{StatisticSet: metric.StatisticSet{Count: n, Sum: v * n, Min: v, Max: v}}
	}
	switch x.kind.source {
	case "concurrency":
		x.must(engine.Observed{Variants: []engine.VariantObservation{{Key: variant, Concurrency: summary(perInstance, float64(v.Current()))}}})
	case "own":
		resolution := metric.StandardResolution
		if p := x.kind.config.Customized.Period; p != 0 && p < time.Minute {
			resolution = metric.HighResolution
		}
		x.must(engine.PutMetricData{Scope: scope, Data: []metric.Datum{{
			ID: metric.NewID("App", "Load"), At: x.world.Now, Resolution: resolution, Unit: "None", Summary: summary(perInstance, 1),
		}}})
	case "usage": // measured over a minute and published at its end
		if x.used += perInstance; x.world.Now.Second() != 17 {
			return
		}
		var all []engine.InstanceUsage
		for _, i := range v.Instances {
			if i.State == hosting.InstanceInService {
				all = append(all, engine.InstanceUsage{ID: i.ID, CPUPercent: x.used / 60, CPUNormalized: x.used / 60})
			}
		}
		x.must(engine.Observed{Instances: all})
		x.used = 0
	}
}

func (x *tracked) failf(format string, args ...any) {
	x.t.Helper()
	for _, line := range x.events[max(0, len(x.events)-30):] {
		x.t.Log(line)
	}
	x.t.Fatalf("%s, start-up %v: %s", x.kind.name, x.world.Startup, fmt.Sprintf(format, args...))
}

// instances draws a load in units of full instances, away from whole numbers, so that its ceiling is well defined.
func instances(t *rapid.T, label string, least, most int) float64 {
	whole := rapid.IntRange(least, most).Draw(t, label)
	return float64(whole) + rapid.Float64Range(0.05, 0.95).Draw(t, label+" and")
}

// long is enough for twice the longest startup and cooldown and for the low alarm.
const long = 85 * time.Minute

// After a step to a constant load the capacity reaches the needed value, never exceeds it by more than one, and never falls again.
func TestAfterAStepOfLoadCapacityReachesItAndStays(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		x := newTracked(t, perInstance*instances(t, "before", 0, 2))
		x.load = perInstance * instances(t, "after", 3, 15)
		x.bear(long)
		before := 0
		for i, n := range x.capacities {
			if n < before || n > x.needed()+1 {
				x.failf("%v after the step to a load that needs %d, capacity goes from %d to %d", time.Duration(i)*time.Second, x.needed(), before, n)
			}
			before = n
		}
		if before < x.needed() {
			x.failf("%v after the step to a load that needs %d, capacity is %d", long, x.needed(), before)
		}
	})
}

// Under a rising load nothing scales in; under a falling load nothing scales out, and the remaining capacity is sufficient.
func TestUnderALoadThatOnlyRisesOrFallsCapacityGoesOneWay(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rises := rapid.Bool().Draw(t, "rises")
		x := newTracked(t, perInstance*instances(t, "at first", 6, 9))
		for range rapid.IntRange(2, 6).Draw(t, "steps") {
			by := rapid.Float64Range(0.7, 1).Draw(t, "by")
			if rises {
				by = 1 / by
			}
			x.load *= by
			x.bear(time.Duration(rapid.IntRange(1, 900).Draw(t, "for")) * time.Second)
		}
		before := x.capacities[0]
		for i, n := range x.capacities {
			if rises && n < before || !rises && n > before {
				x.failf("at %v, the load is %.2f instances' (rises %t): capacity goes from %d to %d",
					time.Duration(i)*time.Second, x.loads[i]/perInstance, rises, before, n)
			}
			if !rises && float64(n)*perInstance < x.loads[i]*(1-1e-9) {
				x.failf("at %v: %d instances, under a load of %.2f", time.Duration(i)*time.Second, n, x.loads[i]/perInstance)
			}
			before = n
		}
	})
}

// Capacity reverses only after the load: between a scale-out and a scale-in the load fell, between a scale-in and a scale-out it rose,
// since the oldest reading that the earlier decision can have used.
func TestCapacityReversesOnlyAfterTheLoad(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		x := newTracked(t, perInstance*instances(t, "at first", 0, 9))
		for range rapid.IntRange(2, 5).Draw(t, "steps") {
			x.load = perInstance * instances(t, "load", 0, 14)
			x.bear(time.Duration(rapid.IntRange(60, 2400).Draw(t, "for")) * time.Second)
		}
		last, at := 0, 0 // direction of the last change, and its time
		for i := 1; i < len(x.capacities); i++ {
			way := x.capacities[i] - x.capacities[i-1]
			if way == 0 {
				continue
			}
			if way*last < 0 && !x.moved(max(0, at-20*60), i, way > 0) {
				x.failf("at %v capacity goes from %d to %d, the other way than at %v", time.Duration(i)*time.Second, x.capacities[i-1], x.capacities[i],
					time.Duration(at)*time.Second)
			}
			last, at = way, i
		}
	})
}

// moved reports whether the load rose or fell between two seconds.
func (x *tracked) moved(from, until int, rose bool) bool {
	for i := from + 1; i < until; i++ {
		if rose && x.loads[i] > x.loads[i-1] || !rose && x.loads[i] < x.loads[i-1] {
			return true
		}
	}
	return false
}
