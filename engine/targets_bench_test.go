package engine_test

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/scaling"
)

// perRegion is AWS's quota of scalable targets.
const perRegion = 500

// fleet is an engine with so many endpoints that serve, each a scalable target with a target tracking policy and so two alarms.
type fleet struct {
	engine *engine.Engine
	now    time.Time
	series []*metric.Series
}

func newFleet(tb testing.TB, targets int) *fleet {
	tb.Helper()
	f := &fleet{engine: engine.New(engine.Config{Seed: 1}), now: time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)}
	var instances []hosting.InstanceID
	for n := range targets {
		s := engine.Scope{Account: "123456789012", Region: fmt.Sprintf("region-%d", n/perRegion)}
		name := fmt.Sprint("endpoint-", n%perRegion)
		if n%perRegion == 0 {
			f.step(tb, engine.CreateModel{Scope: s, Model: hosting.Model{Name: "m"}})
			f.step(tb, engine.CreateEndpointConfig{Scope: s, Config: hosting.EndpointConfig{Name: "c", Variants: []hosting.VariantConfig{
				{Name: "v", Model: "m", InitialCount: 1, InitialWeight: 1, InstanceType: "ml.m5.large"},
			}}})
		}
		for _, level := range f.step(tb, engine.CreateEndpoint{Key: engine.EndpointKey{Scope: s, Endpoint: name}, Config: "c"}).Effects.Levels {
			instances = append(instances, level.Instances[0].ID)
		}
		key, one, two := scaling.VariantTarget(name, "v"), 1, 2
		f.step(tb, engine.RegisterScalableTarget{Scope: s, Registration: scaling.Registration{Key: key, Min: &one, Max: &two}})
		f.step(tb, engine.PutScalingPolicy{Scope: s, Input: scaling.PolicyInput{
			Key: key, Name: "keep-70", Type: scaling.TargetTrackingScaling, TargetTracking: &scaling.TargetTrackingConfig{
				TargetValue: 70, Predefined: &scaling.PredefinedSpec{Metric: scaling.VariantInvocationsPerInstance},
			},
		}})
		f.series = append(f.series, f.engine.Region(s).Metrics.Series(metric.NewID("AWS/SageMaker", "InvocationsPerInstance",
			metric.Dimension{Name: "EndpointName", Value: name}, metric.Dimension{Name: "VariantName", Value: "v"})))
	}
	for _, id := range instances {
		f.step(tb, engine.Reported{Report: hosting.InstanceReport{ID: id, State: hosting.FleetReady, Address: "192.0.2.1:1"}})
	}
	return f
}

func (f *fleet) step(tb testing.TB, in engine.Input) engine.Output {
	tb.Helper()
	out, err := f.engine.Step(f.now, in)
	if err != nil {
		tb.Fatalf("%T: %v", in, err)
	}
	return out
}

// minute records what each instance was invoked in a minute, and goes to the second before alarms look at it.
func (f *fleet) minute(tb testing.TB, invocations float64) {
	var s metric.Summary
	s.StatisticSet.Add(1, invocations)
	for _, x := range f.series {
		x.Record(f.now, metric.StandardResolution, "None", &s)
	}
	f.now = metric.Align(f.now, time.Minute).Add(time.Minute + 9*time.Second)
	f.step(tb, engine.Tick{})
}

// evaluate goes to the second in which all alarms are due.
func (f *fleet) evaluate(tb testing.TB) engine.Output {
	f.now = f.now.Add(time.Second)
	return f.step(tb, engine.Tick{})
}

// processorTime is what the process has used, collecting garbage included: unlike the clock, it says the same on a machine that is busy.
func processorTime(tb testing.TB) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkTargets is one tick of 100,000 scalable targets with their 200,000 alarms: while nothing is to be done, and while each
// target's alarm calls its policy in vain, for a scale-out cooldown or the maximum.
func BenchmarkTargets(b *testing.B) {
	for _, targets := range []int{1_000, 10_000, 100_000} {
		for _, x := range []struct {
			name        string
			invocations float64
		}{{"quiet", 66}, {"alarmed", 300}} {
			b.Run(fmt.Sprintf("%d/%s", targets, x.name), func(b *testing.B) {
				f := newFleet(b, targets)
				for range 20 {
					f.minute(b, x.invocations)
					f.evaluate(b)
				}
				b.ReportAllocs()
				used := time.Duration(0)
				for b.Loop() {
					b.StopTimer()
					f.minute(b, x.invocations)
					b.StartTimer()
					before := processorTime(b)
					out := f.evaluate(b)
					used += processorTime(b) - before
					decided := 0
					for _, e := range out.Events {
						if _, ok := e.(engine.Decided); ok {
							decided++
						}
					}
					if want := map[string]int{"quiet": 0, "alarmed": targets}[x.name]; decided != want {
						b.Fatalf("%d decisions, want %d", decided, want)
					}
				}
				b.ReportMetric(used.Seconds()/float64(b.N), "cpu-s/op")
			})
		}
	}
}
