package engine_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/scaling"
	"bellows.dev/bellows/sim"
)

// Actions of alarms that lead nowhere are warned of: a policy that does not exist, a topic without a webhook, a function. They belong to the variant
// whose target the ARN names or whose metric the alarm watches. Disabled actions and those that a webhook is configured for are no reason for a warning.
func TestActionsThatLeadNowhere(t *testing.T) {
	scope := engine.Scope{Account: "123456789012", Region: "us-east-1"}
	w := sim.NewWorld(engine.Config{Seed: 7}, time.Date(2026, 11, 28, 10, 0, 0, 0, time.UTC))
	do := func(in engine.Input) engine.Result {
		t.Helper()
		r, err := w.Do(in)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	do(engine.CreateModel{Scope: scope, Model: hosting.Model{Name: "m"}})
	do(engine.CreateEndpointConfig{Scope: scope, Config: hosting.EndpointConfig{Name: "c", Variants: []hosting.VariantConfig{
		{Name: "blue", Model: "m", InitialCount: 1, InitialWeight: 1, InstanceType: "ml.m5.large"},
	}}})
	do(engine.CreateEndpoint{Key: engine.EndpointKey{Scope: scope, Endpoint: "iris"}, Config: "c"})
	if err := w.Run(2 * time.Minute); err != nil {
		t.Fatal(err)
	}
	one := 1
	target := do(engine.RegisterScalableTarget{Scope: scope, Registration: scaling.Registration{Key: scaling.VariantTarget("iris", "blue"), Min: &one, Max: &one}}).(engine.RegisterScalableTargetResult)
	put := func(name string, watched metric.ID, enabled bool, actions ...alarm.Action) {
		for i := range actions {
			actions[i].On = alarm.InAlarm
		}
		do(engine.PutMetricAlarm{Scope: scope, Alarm: alarm.Alarm{Name: name, ActionsEnabled: enabled, Actions: actions, Rule: alarm.Rule{
			Metric: watched, Statistic: metric.Statistic{Kind: metric.Sum}, Period: time.Minute, Periods: 1, DatapointsToM: 1, Threshold: 1,
			Comparison: alarm.GreaterThanThreshold,
		}}})
	}
	other := metric.NewID("App", "Queue")
	own := metric.NewID("AWS/SageMaker", "Invocations", metric.Dimension{Name: "EndpointName", Value: "iris"}, metric.Dimension{Name: "VariantName", Value: "blue"})
	ops, lambda := "arn:aws:sns:us-east-1:123456789012:ops", "arn:aws:lambda:us-east-1:123456789012:function:f"
	put("gone", other, true, alarm.Action{Target: scaling.ID36(target.UUID), Policy: "keep-70"})
	put("never", other, true, alarm.Action{Target: "nobody", Policy: "keep-70"})
	put("page", own, true, alarm.Action{ARN: ops})
	put("off", own, false, alarm.Action{ARN: ops})
	for i := range 6 {
		put(fmt.Sprint("run", i), other, true, alarm.Action{ARN: lambda})
	}
	do(engine.PutCompositeAlarm{Scope: scope, Alarm: alarm.Composite{Name: "all", Rule: "ALARM(page)", ActionsEnabled: true, Actions: []alarm.Action{{On: alarm.OK, ARN: ops}}}})
	look := func() string {
		text := ""
		for _, x := range w.Engine.Region(scope).ActionWarnings() {
			text += x.Endpoint + "/" + x.Variant + " " + x.String() + "\n"
		}
		return text
	}
	const rest = `/ alarm never invokes policy keep-70, which does not exist: put the policy again, and its ARN into the alarm's actions
`
	const functions = `/ alarms run0, run1, run2 and 3 more invoke arn:aws:lambda:us-east-1:123456789012:function:f, which this server does not run: a webhook can be called instead, see webhooks: in bellows.yaml
`
	const topics = `/ alarm all notifies arn:aws:sns:us-east-1:123456789012:ops, which no webhook is configured for: add the topic to webhooks: in bellows.yaml
`
	const ofVariant = `iris/blue alarm gone invokes policy keep-70, which does not exist: put the policy again, and its ARN into the alarm's actions
`
	const topicOfVariant = `iris/blue alarm page notifies arn:aws:sns:us-east-1:123456789012:ops, which no webhook is configured for: add the topic to webhooks: in bellows.yaml
`
	if got, want := look(), rest+functions+topics+ofVariant+topicOfVariant; got != want {
		t.Errorf("warnings\n%s\nwant\n%s", got, want)
	}
	settings := w.Engine.Config().Settings
	settings.Topics = "arn:aws:sns:*:other\narn:aws:sns:*:op?"
	do(engine.Configured{Settings: settings})
	if got, want := look(), rest+functions+ofVariant; got != want {
		t.Errorf("with a webhook\n%s\nwant\n%s", got, want)
	}
	do(engine.DeleteAlarms{Scope: scope, Names: []string{"gone", "never", "run0", "run1", "run2", "run3", "run4"}})
	if got := look(); !strings.HasPrefix(got, "/ alarm run5 invokes arn:aws:lambda") || strings.Count(got, "\n") != 1 {
		t.Errorf("after the alarms are deleted\n%s", got)
	}
}

func TestTopicPatterns(t *testing.T) {
	for _, x := range []struct {
		pattern, arn string
		want         bool
	}{
		{"", "arn", false}, {"*", "arn:aws:sns:a:b:c/d", true}, {"arn:*:ops", "arn:aws:sns:a:b:ops", true}, {"arn:*:ops", "arn:aws:sns:a:b:ops2", false},
		{"a?c", "abc", true}, {"a?c", "ac", false}, {"a*b*c", "aXbXbYc", true}, {"a*b*c", "aXbXbY", false}, {"*é?", "aéb", true}, {"abc", "abc", true}, {"abc*", "abc", true}, {"abc?", "abc", false},
	} {
		if got := engine.TopicMatches(x.pattern, x.arn); got != x.want {
			t.Errorf("%q matches %q: %v", x.pattern, x.arn, got)
		}
	}
}
