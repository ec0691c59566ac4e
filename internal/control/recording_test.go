package control

import (
	"maps"
	"math"
	"slices"
	"testing"
	"time"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/engine/dimension/instancecount"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/log"
	"bellows.dev/bellows/internal/zone"
	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/scaling"
	"bellows.dev/bellows/scaling/policy"
	"bellows.dev/bellows/scaling/policy/predictive"
	"bellows.dev/bellows/scaling/policy/step"
	"bellows.dev/bellows/scaling/policy/tracking"
	"bellows.dev/bellows/sim"
)

// The scopes of a recording: two regions of one account, and another account.
var (
	west  = engine.Scope{Account: scope.Account, Region: "eu-west-1"}
	other = engine.Scope{Account: "210987654321", Region: scope.Region}
)

// fullRecording is some hours of a server's life in which every kind of input and event occurs. It is what the journals in testdata hold.
type fullRecording struct {
	*weeks
	load    map[engine.VariantKey]float64 // invocations a minute
	queries map[string]engine.PromQLEvaluated
	due     []engine.PromQLDue
	sent    []engine.AlarmNotifies
	inputs  map[string]int // by kind
	events  map[string]int
	rounds  int
}

// newFullRecording writes a recording's journal, snapshots and archive into a new data directory.
func newFullRecording(t *testing.T) *fullRecording {
	t.Helper()
	const seed = 7
	config := engine.Config{Seed: seed}.WithDefaults()
	r := &fullRecording{
		weeks:   &weeks{t: t, seed: seed, dir: t.TempDir(), world: sim.NewWorld(config, begun)},
		load:    map[engine.VariantKey]float64{},
		queries: map[string]engine.PromQLEvaluated{},
		inputs:  map[string]int{}, events: map[string]int{},
	}
	r.open()
	t.Cleanup(func() { _ = r.store.Close() }) // for the second time, where the test has closed it
	r.world.OnInput = func(now time.Time, in engine.Input) {
		r.inputs[nameOf(in)]++
		r.take(now, in)
	}
	r.world.OnEvent = func(_ time.Time, e engine.Event) {
		r.events[nameOf(e)]++
		switch e := e.(type) {
		case engine.PromQLDue:
			r.due = append(r.due, e)
		case engine.AlarmNotifies:
			r.sent = append(r.sent, e)
		}
	}
	r.deploy()
	r.elapse(5 * time.Minute)
	r.scale()
	r.watch()
	r.elapse(25 * time.Minute)
	r.save()
	r.change()
	r.elapse(15 * time.Minute)
	r.kill() // no snapshot since
	r.fail()
	r.elapse(15 * time.Minute)
	r.save()
	r.remove()
	r.elapse(15 * time.Minute)
	r.commit() // and no snapshot
	return r
}

// elapse advances time, with a measurement each minute.
func (r *fullRecording) elapse(d time.Duration) {
	r.t.Helper()
	for end := r.world.Now.Add(d); r.world.Now.Before(end); {
		if err := r.world.Run(time.Minute); err != nil {
			r.t.Fatal(err)
		}
		r.measure()
		for len(r.due) > 0 {
			asked := r.due[0]
			r.due = r.due[1:]
			in := r.queries[asked.Alarm]
			in.Scope, in.Alarm, in.Query, in.At = asked.Scope, asked.Alarm, asked.Query, asked.At
			r.must(in)
		}
		for len(r.sent) > 0 {
			x := r.sent[0]
			r.sent = r.sent[1:]
			in := engine.Notified{Scope: x.Scope, Alarm: x.Alarm.Name, Action: x.Action, Updated: x.Alarm.Updated, Composite: x.Composite != nil, Contributor: x.Contributor}
			if r.rounds%2 == 1 {
				in.Error = "the endpoint answered 503"
			}
			r.must(in)
		}
	}
}

// measure records what a gateway, a fleet and an application would measure in a minute.
func (r *fullRecording) measure() {
	r.t.Helper()
	r.rounds++
	var in engine.Observed
	keys := slices.SortedFunc(maps.Keys(r.load), func(a, b engine.VariantKey) int {
		return slices.Compare([]string{a.Account, a.Region, a.Endpoint, a.Variant}, []string{b.Account, b.Region, b.Endpoint, b.Variant})
	})
	for _, k := range keys {
		region := r.world.Engine.Region(k.Scope)
		if region == nil || region.Hosting.Endpoints[k.Endpoint] == nil || region.Hosting.Endpoints[k.Endpoint].Variant(k.Variant) == nil || r.load[k] == 0 {
			continue
		}
		v := region.Hosting.Endpoints[k.Endpoint].Variant(k.Variant)
		n, serving := r.load[k]+float64(5*(r.rounds%7)), float64(v.Current())
		o := engine.VariantObservation{Key: k, Invocations: n}
		if serving == 0 {
			o.NoCapacity = n
			r.must(engine.WakeRequested{Key: k, Waiting: int(n)})
		} else {
			o.InvocationsPerInstance, o.Answered, o.Errors4XX, o.ModelErrors = n/serving, n, 1, float64(r.rounds%3)
			if k.Variant == "blue" {
				o.ModelLatency.Add(20_000+500*float64(r.rounds%9), n)
				o.OverheadLatency.Add(700, n)
			}
			o.Concurrency.Add(math.Round(n/(6*serving))/10, serving)
		}
		in.Variants = append(in.Variants, o)
		for _, i := range v.Instances {
			if i.State == hosting.InstanceInService {
				in.Instances = append(in.Instances, engine.InstanceUsage{ID: i.ID, CPUPercent: n / serving, CPUNormalized: n / serving / 2, MemoryPercent: 20, DiskPercent: 3})
			}
		}
	}
	if len(in.Variants) > 0 {
		slices.SortFunc(in.Instances, func(a, b engine.InstanceUsage) int {
			return slices.Compare([]string{string(a.ID)}, []string{string(b.ID)})
		})
		r.must(in)
	}
	r.publish()
	if r.rounds%5 == 0 {
		for _, s := range []engine.Scope{scope, west, other} {
			r.must(engine.HistoryKept{Scope: s, Through: r.world.Now.Add(-time.Minute)})
		}
	}
}

// publish puts a minute's metrics: single values, values with counts, statistic sets, a high resolution, and now and then nothing.
func (r *fullRecording) publish() {
	minute := r.rounds
	datum := func(name, unit string, values ...float64) metric.Datum {
		d := metric.Datum{ID: metric.NewID("App", name, metric.Dimension{Name: "Team", Value: "vision"}), At: r.world.Now, Resolution: metric.StandardResolution, Unit: unit}
		for _, v := range values {
			d.Summary.Add(v, 1)
		}
		return d
	}
	wave := float64(minute % 30)
	data := []metric.Datum{datum("Depth", "Count", 10*wave), datum("Latency", "Milliseconds", wave, wave+1, 3*wave)}
	if minute%4 != 0 {
		data = append(data, datum("Queue", "Count", 5*wave))
	}
	set := datum("Batch", "None")
	set.Summary = metric.StatisticSet{Count: 4, Sum: 10 * wave, Min: 0, Max: 4 * wave}.Summary()
	data = append(data, set)
	fast := datum("Fast", "Percent", 3*wave)
	fast.Resolution = metric.HighResolution
	r.must(engine.PutMetricData{Scope: scope, Data: append(data, fast)})
	if minute%2 == 0 {
		r.must(engine.PutMetricData{Scope: west, Data: []metric.Datum{datum("Queue", "Count", 4*wave)}})
	}
}

// one returns a pointer to a value.
func one[T any](v T) *T { return &v }

// deploy makes models, configs and endpoints in all scopes.
func (r *fullRecording) deploy() {
	r.must(engine.KeepHistory{})
	settings := engine.Config{Seed: r.seed}.WithDefaults().Settings
	settings.StartupTimeout, settings.InvocationTimeout = 6*time.Minute, 45*time.Second
	r.must(engine.Configured{Settings: settings})
	for _, s := range []engine.Scope{scope, west, other} {
		r.must(engine.CreateModel{Scope: s, Model: hosting.Model{
			Name: "classifier", ExecutionRole: "arn:aws:iam::" + s.Account + ":role/serve", Tags: hosting.Tags{{Key: "team", Value: "vision"}},
			Container: hosting.Container{
				Image: "bellows/demo-model", Environment: map[string]string{"LEVEL": "info", "WORKERS": "2"},
				ModelDataSource: &hosting.ModelData{URI: "s3://models/classifier/", Prefix: true},
			},
		}})
		r.must(engine.CreateModel{Scope: s, Model: hosting.Model{
			Name: "spare", NetworkIsolation: true, VPC: &hosting.VPC{SecurityGroupIDs: []string{"sg-1"}, Subnets: []string{"subnet-1", "subnet-2"}},
			Container: hosting.Container{Image: "bellows/demo-model", ModelDataURL: "s3://models/spare.tar.gz"}, InContainers: true,
		}})
		blue := hosting.VariantConfig{Name: "blue", Model: "classifier", InitialCount: 2, InitialWeight: 1, InstanceType: "ml.m5.large"}
		green := hosting.VariantConfig{
			Name: "green", Model: "spare", InitialCount: 1, InitialWeight: 0.25, InstanceType: "ml.c5.xlarge", VolumeSizeGB: 20,
			DownloadTimeout: 10 * time.Minute, StartupTimeout: 4 * time.Minute, Routing: hosting.RoutingLeastOutstanding,
		}
		single := hosting.VariantConfig{Name: "v", Model: "classifier", InitialCount: 1, InitialWeight: 1, InstanceType: "ml.m5.large", Routing: hosting.RoutingRandom}
		r.must(engine.CreateEndpointConfig{Scope: s, Config: hosting.EndpointConfig{
			Name: "pair", Variants: []hosting.VariantConfig{blue, green}, KMSKeyID: "alias/key",
		}})
		r.must(engine.CreateEndpointConfig{Scope: s, Config: hosting.EndpointConfig{Name: "single", Variants: []hosting.VariantConfig{single}}})
		r.must(engine.CreateEndpoint{Key: engine.EndpointKey{Scope: s, Endpoint: "web"}, Config: "pair", Tags: hosting.Tags{{Key: "stage", Value: "live"}}})
		r.must(engine.CreateEndpoint{Key: engine.EndpointKey{Scope: s, Endpoint: "jobs"}, Config: "single"})
	}
	r.must(engine.CreateEndpoint{Key: engine.EndpointKey{Scope: scope, Endpoint: "lazy"}, Config: "single"})
	for _, report := range []hosting.InstanceReport{
		{State: hosting.FleetPreparing, Reason: "It waits for its model data.", Cause: hosting.CauseModelData}, {State: hosting.FleetStarting},
	} {
		report.ID = r.instances(scope, "jobs", "v")[0]
		r.must(engine.Reported{Report: report})
	}
	r.load[engine.VariantKey{Scope: scope, Endpoint: "web", Variant: "blue"}] = 150
	r.load[engine.VariantKey{Scope: scope, Endpoint: "web", Variant: "green"}] = 30
	r.load[engine.VariantKey{Scope: west, Endpoint: "web", Variant: "blue"}] = 90
	r.load[engine.VariantKey{Scope: other, Endpoint: "jobs", Variant: "v"}] = 60
}

// instances returns the identifiers of a variant's instances.
func (r *fullRecording) instances(s engine.Scope, endpoint, variant string) (ids []hosting.InstanceID) {
	r.t.Helper()
	for _, i := range r.world.Engine.Region(s).Hosting.Endpoints[endpoint].Variant(variant).Instances {
		ids = append(ids, i.ID)
	}
	if len(ids) == 0 {
		r.t.Fatalf("%v: %s/%s has no instance", s, endpoint, variant)
	}
	return ids
}

// scale puts targets, policies of every type in both APIs, and scheduled actions.
func (r *fullRecording) scale() {
	blue, green, jobs, lazy := scaling.VariantTarget("web", "blue"), scaling.VariantTarget("web", "green"), scaling.VariantTarget("jobs", "v"), scaling.VariantTarget("lazy", "v")
	register := func(s engine.Scope, k scaling.TargetKey, least, most int, tags map[string]string) {
		r.must(engine.RegisterScalableTarget{Scope: s, Registration: scaling.Registration{Key: k, Min: &least, Max: &most, Tags: tags}})
	}
	register(scope, blue, 1, 6, map[string]string{"owner": "vision"})
	register(scope, green, 1, 3, nil)
	register(scope, jobs, 0, 5, nil)
	register(scope, lazy, 0, 2, map[string]string{scaling.WakeTag: "true"})
	register(other, jobs, 1, 4, nil)
	app := func(name string) *tracking.CustomizedSpec {
		return &tracking.CustomizedSpec{
			Namespace: "App", Name: name, Dimensions: []metric.Dimension{{Name: "Team", Value: "vision"}}, Statistic: tracking.Average, Unit: "Count",
		}
	}
	track := func(s engine.Scope, k scaling.TargetKey, name string, c tracking.Config) {
		r.must(engine.PutScalingPolicy{Scope: s, Input: scaling.PolicyInput{Key: k, Name: name, Type: tracking.Type{}, Configs: []scaling.Config{&c}}})
	}
	track(scope, blue, "invocations", tracking.Config{
		TargetValue: 70, Predefined: &tracking.PredefinedSpec{Metric: instancecount.InvocationsPerInstance},
		ScaleOutCooldown: one(2 * time.Minute), ScaleInCooldown: one(4 * time.Minute),
	})
	track(scope, blue, "depth", tracking.Config{TargetValue: 100, Customized: app("Depth"), DisableScaleIn: one(true)})
	track(scope, green, "concurrency", tracking.Config{
		TargetValue: 0.2, Predefined: &tracking.PredefinedSpec{Metric: instancecount.ConcurrentRequestsPerModel}, ScaleOutCooldown: one(time.Duration(0)),
	})
	stat := func(name string) *tracking.MetricStat {
		return &tracking.MetricStat{Namespace: "App", Name: name, Dimensions: []metric.Dimension{{Name: "Team", Value: "vision"}}, Statistic: "Average", Unit: "Count"}
	}
	track(scope, lazy, "backlog", tracking.Config{TargetValue: 40, Customized: &tracking.CustomizedSpec{Queries: []tracking.MetricQuery{
		{ID: "q", Stat: stat("Queue"), ReturnData: one(false)}, {ID: "d", Stat: stat("Depth"), ReturnData: one(false)},
		{ID: "e", Expression: "MAX([q, d]) / 2", Label: "backlog", ReturnData: one(true)},
	}}})
	r.must(engine.PutScalingPolicy{Scope: scope, Input: scaling.PolicyInput{Key: jobs, Name: "steps", Type: step.Type{}, Configs: []scaling.Config{&step.Config{
		AdjustmentType: step.PercentChangeInCapacity, Cooldown: one(90 * time.Second), Aggregation: step.AggregateMaximum, MinMagnitude: one(1),
		Steps: []step.Adjustment{
			{Upper: one(0.0), Adjustment: -50}, {Lower: one(0.0), Upper: one(40.0), Adjustment: 50}, {Lower: one(40.0), Adjustment: 100},
		},
	}}}})
	for hour := begun.Add(-13 * 24 * time.Hour).Truncate(time.Hour); hour.Before(begun); hour = hour.Add(time.Hour) {
		id := metric.NewID("AWS/SageMaker", "Invocations", metric.Dimension{Name: "EndpointName", Value: "jobs"}, metric.Dimension{Name: "VariantName", Value: "v"})
		n := float64(60 * (40 + 200*max(0, 12-max(hour.Hour()-12, 12-hour.Hour()))))
		r.world.Remember(id, hour, metric.Summary{StatisticSet: metric.StatisticSet{Count: n, Sum: n, Max: 1}})
	}
	r.must(engine.PutScalingPolicy{Scope: other, Input: scaling.PolicyInput{Key: jobs, Name: "ahead", Type: predictive.Type{}, Configs: []scaling.Config{&predictive.Config{
		Specs: []predictive.Spec{{TargetValue: 150, Pair: &predictive.Metric{Type: instancecount.PairInvocations}}},
		Mode:  predictive.ForecastAndScale, Buffer: one(10 * time.Minute), Breach: predictive.IncreaseMaxCapacity, MaxBuffer: one(25),
	}}}})
	r.schedule(blue, lazy)
	r.group(blue)
}

// schedule puts scheduled actions: at, rate and cron on a local clock.
func (r *fullRecording) schedule(blue, lazy scaling.TargetKey) {
	paris, err := zone.Data("Europe/Paris")
	if err != nil {
		r.t.Fatal(err)
	}
	for _, in := range []scaling.ScheduleInput{
		{Key: blue, Name: "wave", Schedule: "rate(23 minutes)", Range: &scaling.Range{Min: one(2)}},
		{Key: blue, Name: "noon", Schedule: "cron(15 12 ? * MON-FRI *)", Zone: "Europe/Paris", ZoneData: paris, Range: &scaling.Range{Min: one(1), Max: one(5)}},
		{Key: lazy, Name: "sleep", Schedule: "at(2099-03-02T10:30:00)", Range: &scaling.Range{Min: one(0), Max: one(1)}},
		{Key: lazy, Name: "never", Schedule: "rate(1 hour)", Start: begun.Add(30 * time.Hour), End: begun.Add(40 * time.Hour), Range: &scaling.Range{Max: one(2)}},
	} {
		r.must(engine.PutScheduledAction{Scope: scope, Input: in})
	}
}

// group drives a variant in the other region through the EC2 Auto Scaling API.
func (r *fullRecording) group(k scaling.TargetKey) {
	r.must(engine.UpdateGroup{Scope: west, Update: scaling.GroupUpdate{Key: k, Min: one(1), Max: one(5), DefaultCooldown: one(2 * time.Minute), DefaultWarmup: one(time.Minute)}})
	simple, err := r.world.Do(engine.PutGroupPolicy{Scope: west, Input: policy.GroupInput{
		Key: k, Name: "simple", AdjustmentType: step.ChangeInCapacity, Adjustment: one(1), Cooldown: one(3 * time.Minute),
	}})
	if err != nil {
		r.t.Fatal(err)
	}
	r.must(engine.PutGroupPolicy{Scope: west, Input: policy.GroupInput{
		Key: k, Name: "steps", Type: policy.GroupStep, AdjustmentType: step.ChangeInCapacity, Warmup: one(30 * time.Second), Aggregation: step.AggregateMinimum,
		Steps: []step.Adjustment{{Lower: one(0.0), Upper: one(20.0), Adjustment: 1}, {Lower: one(20.0), Adjustment: 2}},
	}})
	r.must(engine.PutGroupPolicy{Scope: west, Input: policy.GroupInput{
		Key: k, Name: "cpu", Type: policy.GroupTracking,
		TargetTracking: &tracking.Config{TargetValue: 30, Predefined: &tracking.PredefinedSpec{Metric: tracking.GroupCPUUtilization}},
	}})
	r.must(engine.PutGroupPolicy{Scope: west, Input: policy.GroupInput{Key: k, Name: "unused", AdjustmentType: step.ExactCapacity, Adjustment: one(2), Disabled: true}})
	r.must(engine.PutGroupSchedule{Scope: west, Input: scaling.GroupScheduleInput{Key: k, Name: "half past", Recurrence: "30 * * * *", Desired: one(3)}})
	r.must(engine.PutGroupSchedule{Scope: west, Input: scaling.GroupScheduleInput{Key: k, Name: "once", Start: begun.Add(50 * time.Minute), Range: scaling.Range{Max: one(4)}}})
	r.must(engine.ExecuteGroupPolicy{Scope: west, Execution: scaling.Execution{Key: k, Policy: "steps", Metric: one(30.0), Threshold: one(20.0)}})
	rule := r.rule("Queue", 60, alarm.GreaterThanThreshold)
	r.must(engine.PutMetricAlarm{Scope: west, Alarm: alarm.Alarm{
		Name: "queue", ActionsEnabled: true, Rule: rule,
		Actions: []alarm.Action{{On: alarm.InAlarm, Target: simple.(engine.PutScalingPolicyResult).UUID, Policy: "simple"}},
	}})
}

// rule is one of a minute over the application's metric.
func (r *fullRecording) rule(name string, threshold float64, c alarm.Comparison) alarm.Rule {
	return alarm.Rule{
		Metric: metric.NewID("App", name, metric.Dimension{Name: "Team", Value: "vision"}), Statistic: metric.Statistic{Kind: metric.Average},
		Period: time.Minute, Periods: 2, Threshold: threshold, Comparison: c,
	}
}

// watch puts alarms of every kind, composite alarms and mute rules.
func (r *fullRecording) watch() {
	topic := func(on ...alarm.State) (out []alarm.Action) {
		for _, s := range on {
			out = append(out, alarm.Action{On: s, ARN: "arn:aws:sns:us-east-1:123456789012:ops"})
		}
		return out
	}
	put := func(name string, rule alarm.Rule, actions ...alarm.Action) {
		r.must(engine.PutMetricAlarm{Scope: scope, Alarm: alarm.Alarm{Name: name, Description: "of " + name, ActionsEnabled: true, Rule: rule, Actions: actions}})
	}
	target := r.world.Engine.Region(scope).Targets.Targets[scaling.VariantTarget("jobs", "v")].ID36()
	put("deep", r.rule("Depth", 150, alarm.GreaterThanOrEqualToThreshold), alarm.Action{On: alarm.InAlarm, Target: target, Policy: "steps"})
	put("shallow", r.rule("Depth", 40, alarm.LessThanThreshold), alarm.Action{On: alarm.InAlarm, Target: target, Policy: "steps"})
	sparse := r.rule("Queue", 80, alarm.GreaterThanThreshold)
	sparse.Periods, sparse.DatapointsToM, sparse.Missing, sparse.Unit = 5, 3, alarm.Breaching, "Count"
	put("sparse", sparse, topic(alarm.InAlarm, alarm.OK, alarm.InsufficientData)...)
	slow := r.rule("Latency", 50, alarm.GreaterThanThreshold)
	slow.Statistic, slow.IgnoreLowSample, slow.Missing = metric.Statistic{Kind: metric.Percentile, Rank: 90}, true, alarm.Ignore
	put("slow", slow, topic(alarm.InAlarm)...)
	fast := r.rule("Fast", 60, alarm.GreaterThanThreshold)
	fast.Period, fast.Periods, fast.Missing = 10*time.Second, 1, alarm.NotBreaching
	put("fast", fast, topic(alarm.InAlarm, alarm.OK)...)
	stat := func(id, name string) metric.DataQuery {
		return metric.DataQuery{ID: id, Hidden: true, Stat: &metric.MetricStat{
			Metric: metric.NewID("App", name, metric.Dimension{Name: "Team", Value: "vision"}), Statistic: metric.Statistic{Kind: metric.Sum}, Period: time.Minute,
		}}
	}
	put("ratio", alarm.Rule{
		Metrics: []metric.DataQuery{stat("m1", "Queue"), stat("m2", "Depth"), {ID: "e1", Label: "ratio", Expression: "100 * m1 / IF(m2 > 0, m2, 1)", Period: time.Minute}},
		Period:  time.Minute, Periods: 1, Threshold: 45, Comparison: alarm.LessThanOrEqualToThreshold,
	}, topic(alarm.InAlarm)...)
	hourly := r.rule("Depth", 120, alarm.GreaterThanThreshold)
	hourly.Period, hourly.Periods, hourly.Clock = 5*time.Minute, 1, &alarm.WallClock{Timezone: "+05:30", Offset: 19800}
	put("on the clock", hourly, topic(alarm.InAlarm)...)
	warming := r.rule("Batch", 30, alarm.GreaterThanThreshold)
	warming.WarmUp = &alarm.WarmUp{For: 10 * time.Minute, Whole: true, WholeSet: true}
	put("warming up", warming)
	query := func(text string) alarm.Rule {
		return alarm.Rule{Comparison: alarm.GreaterThanThreshold, PromQL: &alarm.PromQL{
			Query: text, Interval: 2 * time.Minute, Pending: 2 * time.Minute, Recovery: 3 * time.Minute, PendingSet: true, RecoverySet: true,
		}}
	}
	put("jobs up", query(`up == 0`), topic(alarm.InAlarm, alarm.OK)...)
	put("no query", query(`up ==`))
	r.queries["no query"] = engine.PromQLEvaluated{Err: "it cannot be parsed"}
	r.queries["jobs up"] = engine.PromQLEvaluated{Contributors: []alarm.Returned{
		{Attributes: map[string]string{"job": "api"}, Value: "0"}, {Attributes: map[string]string{"job": "db"}, Value: "0"},
	}}
	for _, c := range []alarm.Composite{
		{Name: "maintenance", Rule: `ALARM(fast)`},
		{Name: "load", Rule: `ALARM(deep) OR (ALARM("sparse") AND NOT OK(slow))`},
		{Name: "page", Rule: `ALARM(load)`, Suppressor: "maintenance", Wait: time.Minute, Extension: 2 * time.Minute, Actions: topic(alarm.InAlarm, alarm.OK)},
	} {
		c.ActionsEnabled, c.Prefix = true, "arn:aws:cloudwatch:us-east-1:123456789012:alarm:"
		r.must(engine.PutCompositeAlarm{Scope: scope, Alarm: c})
	}
	for _, rule := range []alarm.MuteRule{
		{Name: "break", Expression: "cron(20 10 * * *)", Duration: 15 * time.Minute, Length: "PT15M", Alarms: []string{"sparse", "page", "jobs up"}},
		{Name: "once", Expression: "at(2099-03-02T11:00)", Duration: 10 * time.Minute, Length: "PT10M", Alarms: []string{"slow"}, Tags: map[string]string{"team": "vision"}},
	} {
		r.must(engine.PutMuteRule{Scope: scope, Rule: rule})
	}
}

// change does what operators do by hand: weights, capacities, tags, states of alarms, a new config, other settings.
func (r *fullRecording) change() {
	web := engine.EndpointKey{Scope: scope, Endpoint: "web"}
	r.must(engine.UpdateEndpointWeightsAndCapacities{Key: web, Changes: []hosting.Change{{Variant: "blue", Weight: one(2.0)}, {Variant: "green", Weight: one(0.5), Desired: one(2)}}})
	r.may(engine.UpdateEndpointWeightsAndCapacities{Key: engine.EndpointKey{Scope: scope, Endpoint: "lazy"}, Changes: []hosting.Change{{Variant: "v", Desired: one(0)}}})
	r.must(engine.SetTags{Scope: scope, Resource: hosting.ResourceEndpoint, Name: "web", Add: []hosting.Tag{{Key: "colour", Value: "blue"}}, Remove: []string{"stage"}})
	green := r.world.Engine.Region(scope).Targets.Targets[scaling.VariantTarget("web", "green")].ID36()
	r.must(engine.TagScalableTarget{Scope: scope, ID: green, Tags: map[string]string{scaling.DryRunTag: "true", "owner": "vision"}})
	r.must(engine.TagAlarm{Scope: scope, Name: "slow", Add: map[string]string{"team": "vision", "tier": "1"}})
	r.must(engine.TagAlarm{Scope: scope, Name: "once", MuteRule: true, Add: map[string]string{"tier": "2"}, Remove: []string{"team"}})
	r.must(engine.SetAlarmState{
		Scope: scope, Name: "deep", State: alarm.InAlarm, Reason: "by hand", Data: `{"version":"1.0"}`,
		Facts: &alarm.Data{QueryDate: r.world.Now, Datapoints: []float64{210, 230}},
	})
	r.must(engine.SetAlarmState{Scope: scope, Name: "page", State: alarm.InAlarm, Reason: "a drill"})
	r.must(engine.SetAlarmActions{Scope: scope, Names: []string{"slow", "load"}, Enabled: false})
	r.elapse(5 * time.Minute)
	r.must(engine.UntagScalableTarget{Scope: scope, ID: green, Keys: []string{scaling.DryRunTag}})
	r.must(engine.SetAlarmActions{Scope: scope, Names: []string{"slow", "load"}, Enabled: true})
	r.queries["jobs up"] = engine.PromQLEvaluated{Contributors: []alarm.Returned{{Attributes: map[string]string{"job": "api"}, Value: "0"}}}
	r.load[engine.VariantKey{Scope: scope, Endpoint: "lazy", Variant: "v"}] = 12
	r.load[engine.VariantKey{Scope: scope, Endpoint: "web", Variant: "blue"}] = 420
	settings := r.world.Engine.Config().Settings
	settings.LenientSetAlarmState, settings.WakeOnRequest, settings.ClockSpeed = true, true, 2
	r.must(engine.Configured{Settings: settings})
	r.may(engine.SetDesiredCapacity{Scope: west, Key: scaling.VariantTarget("web", "blue"), Desired: 4})
	r.must(engine.SetGroupProcesses{Scope: west, Key: scaling.VariantTarget("web", "blue"), Suspend: true, Processes: []scaling.Process{scaling.ProcessTerminate, scaling.ProcessAlarmNotification}})
	r.must(engine.RegisterScalableTarget{Scope: scope, Registration: scaling.Registration{Key: scaling.VariantTarget("jobs", "v"), SuspendIn: one(true), SuspendScheduled: one(true)}})
	next := hosting.VariantConfig{Name: "v", Model: "spare", InitialCount: 2, InitialWeight: 1, InstanceType: "ml.m5.xlarge", ProvisionTimeout: 20 * time.Minute}
	r.must(engine.CreateEndpointConfig{Scope: other, Config: hosting.EndpointConfig{Name: "next", Variants: []hosting.VariantConfig{next}}})
	next.InstanceType = "ml.m5.large"
	r.must(engine.CreateEndpointConfig{Scope: other, Config: hosting.EndpointConfig{Name: "same type", Variants: []hosting.VariantConfig{next}}})
	r.may(engine.UpdateEndpoint{Scope: other, Update: hosting.Update{Endpoint: "jobs", Config: "same type", RetainAll: true, Bake: 3 * time.Minute}})
}

// fail lets instances crash, fail to start and be ejected, and writes lines that no version can replay.
func (r *fullRecording) fail() {
	blue := engine.VariantKey{Scope: scope, Endpoint: "web", Variant: "blue"}
	if ok, err := r.world.Crash(blue); err != nil || !ok {
		r.t.Fatalf("no instance crashed: %v", err)
	}
	ids := r.instances(scope, "web", "blue")
	r.must(engine.InstancesEjected{Key: blue, Ejected: []engine.Ejection{{ID: hosting.CopyID(ids[len(ids)-1]), Since: r.world.Now, Times: 1, Reason: "5 of its last 6 answers were 5XX"}}})
	next := hosting.VariantConfig{Name: "v", Model: "spare", InitialCount: 1, InitialWeight: 1, InstanceType: "ml.m5.large"}
	r.must(engine.CreateEndpointConfig{Scope: west, Config: hosting.EndpointConfig{Name: "broken", Variants: []hosting.VariantConfig{next}}})
	r.world.Broken = true
	r.must(engine.UpdateEndpoint{Scope: west, Update: hosting.Update{Endpoint: "jobs", Config: "broken"}})
	r.must(engine.CreateEndpoint{Key: engine.EndpointKey{Scope: west, Endpoint: "stillborn"}, Config: "broken"})
	r.must(engine.Reported{Report: hosting.InstanceReport{
		ID: r.instances(west, "stillborn", "v")[0], State: hosting.FleetFailed, Final: true, Cause: hosting.CauseModelData, Reason: "The archive is damaged.",
	}})
	for _, kind := range []string{"FromTheFuture", "CreateModel"} {
		body := `{"input":{"Scope":{"Account":"123456789012","Region":"us-east-1"},"Model":{"Name":"classifier"}},"trace":"1"}`
		r.server.stepped++
		r.stepped.add(log.Entry{Seq: r.server.stepped, At: r.world.Now, Kind: kind, Data: []byte(body)}, engine.Effects{}, nil)
	}
	if _, err := r.store.Quarantine(r.t.Context(), log.Entry{At: r.world.Now, Kind: "PutMetricData", Data: []byte("{NaN}")}, "a number is none"); err != nil {
		r.t.Fatal(err)
	}
	r.elapse(10 * time.Minute)
	r.world.Broken = false
	r.must(engine.InstancesEjected{Key: blue})
	r.load[blue] = 30
	r.load[engine.VariantKey{Scope: scope, Endpoint: "lazy", Variant: "v"}] = 0
	r.must(engine.SetGroupProcesses{Scope: west, Key: scaling.VariantTarget("web", "blue"), Processes: []scaling.Process{scaling.ProcessTerminate, scaling.ProcessAlarmNotification}})
}

// remove deletes one of everything.
func (r *fullRecording) remove() {
	blue, jobs := scaling.VariantTarget("web", "blue"), scaling.VariantTarget("jobs", "v")
	for _, in := range []engine.Input{
		engine.DeleteScalingPolicy{Scope: scope, Key: blue, Name: "depth"},
		engine.DeleteScheduledAction{Scope: scope, Key: blue, Name: "wave"},
		engine.DeleteGroupPolicy{Scope: west, Key: blue, Name: "simple"},
		engine.DeleteGroupSchedule{Scope: west, Key: blue, Name: "half past"},
		engine.DeleteMuteRule{Scope: scope, Name: "break"},
		engine.DeleteAlarms{Scope: scope, Names: []string{"page"}},
		engine.DeleteAlarms{Scope: scope, Names: []string{"shallow", "no query"}},
		engine.DeregisterScalableTarget{Scope: scope, Key: jobs},
		engine.DeleteEndpoint{Key: engine.EndpointKey{Scope: west, Endpoint: "stillborn"}},
		engine.DeleteEndpoint{Key: engine.EndpointKey{Scope: scope, Endpoint: "lazy"}},
		engine.DeleteEndpointConfig{Scope: other, Name: "next"},
		engine.DeleteModel{Scope: scope, Name: "spare"},
	} {
		r.must(in)
	}
}

// A recording has every kind of input and of event, so that journals in testdata, which are recordings of past versions, have them too.
func TestARecordingHasEverything(t *testing.T) {
	r := newFullRecording(t)
	for _, in := range engine.Inputs() {
		if r.inputs[nameOf(in)] == 0 {
			t.Errorf("no %s was recorded", nameOf(in))
		}
	}
	for _, e := range engine.Events() {
		if r.events[nameOf(e)] == 0 {
			t.Errorf("no %s happened", nameOf(e))
		}
	}
	t.Log(r.inputs, r.events)
}
