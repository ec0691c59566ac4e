package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/engine/dimension/instancecount"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/awsapi/policies"
	"bellows.dev/bellows/internal/control"
	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/scaling"
	"bellows.dev/bellows/scaling/policy"
	"bellows.dev/bellows/scaling/policy/predictive"
	"bellows.dev/bellows/scaling/policy/step"
	"bellows.dev/bellows/scaling/policy/tracking"
)

// views are requests that read, by the operation or the path. They find what populate makes.
var views = map[string]asked{
	"ListMetrics":                  {"GraniteServiceVersion20100801", `{"Namespace":"App"}`},
	"GetMetricStatistics":          {"GraniteServiceVersion20100801", `{"Namespace":"App","MetricName":"Queue","StartTime":FROM,"EndTime":UNTIL,"Period":60,"Statistics":["Sum"],"ExtendedStatistics":["p50"]}`},
	"GetMetricData":                {"GraniteServiceVersion20100801", `{"StartTime":FROM,"EndTime":UNTIL,"MetricDataQueries":[{"Id":"a","Expression":"SEARCH('{App} Queue', 'Sum', 60)"},{"Id":"b","MetricStat":{"Metric":{"Namespace":"App","MetricName":"Queue"},"Period":60,"Stat":"p90"}}]}`},
	"DescribeAlarms":               {"GraniteServiceVersion20100801", `{"AlarmTypes":["MetricAlarm","CompositeAlarm"]}`},
	"DescribeAlarmsForMetric":      {"GraniteServiceVersion20100801", `{"Namespace":"App","MetricName":"Queue"}`},
	"DescribeAlarmHistory":         {"GraniteServiceVersion20100801", `{}`},
	"DescribeAlarmContributors":    {"GraniteServiceVersion20100801", `{"AlarmName":"by hand"}`},
	"GetAlarmMuteRule":             {"GraniteServiceVersion20100801", `{"AlarmMuteRuleName":"night"}`},
	"ListAlarmMuteRules":           {"GraniteServiceVersion20100801", `{}`},
	"DescribeModel":                {"SageMaker", `{"ModelName":"m"}`},
	"ListModels":                   {"SageMaker", `{}`},
	"DescribeEndpointConfig":       {"SageMaker", `{"EndpointConfigName":"c"}`},
	"ListEndpointConfigs":          {"SageMaker", `{}`},
	"DescribeEndpoint":             {"SageMaker", `{"EndpointName":"e"}`},
	"ListEndpoints":                {"SageMaker", `{}`},
	"ListTags":                     {"SageMaker", `{"ResourceArn":"arn:aws:sagemaker:us-east-1:123456789012:endpoint/e"}`},
	"DescribeAutoScalingGroups":    {"", "2011-01-01"},
	"DescribeAutoScalingInstances": {"", "2011-01-01"},
	"DescribePolicies":             {"", "2011-01-01"},
	"DescribeScalingActivities":    {"AnyScaleFrontendService", `{"ServiceNamespace":"sagemaker","IncludeNotScaledActivities":true}`},
	"DescribeScheduledActions":     {"AnyScaleFrontendService", `{"ServiceNamespace":"sagemaker"}`},
	"DescribeAdjustmentTypes":      {"", "2011-01-01"},
	"DescribeScalingProcessTypes":  {"", "2011-01-01"},
	"DescribeScalableTargets":      {"AnyScaleFrontendService", `{"ServiceNamespace":"sagemaker"}`},
	"DescribeScalingPolicies":      {"AnyScaleFrontendService", `{"ServiceNamespace":"sagemaker"}`},
	"GetPredictiveScalingForecast": {"AnyScaleFrontendService", `{"ServiceNamespace":"sagemaker","ResourceId":"endpoint/e/variant/v","ScalableDimension":"sagemaker:variant:DesiredInstanceCount","PolicyName":"soon","StartTime":FROM,"EndTime":UNTIL}`},
	"ListTagsForResource":          {"AnyScaleFrontendService", `{"ResourceARN":"TARGET"}`},
	"DescribePolicyTypes":          {policies.Target, `{}`},
	"GetCallerIdentity":            {"", "2011-06-15"},
	"GetRole":                      {"", "2010-05-08&RoleName=AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"},

	// of two services that have an operation of the same name, the other
	"DescribeScalingActivities of EC2": {"", "2011-01-01"},
	"DescribeScheduledActions of EC2":  {"", "2011-01-01"},
	"DescribePolicies of Bellows":      {policies.Target, `{"ResourceId":"endpoint/e/variant/v"}`},
	"ListTagsForResource of alarms":    {"GraniteServiceVersion20100801", `{"ResourceARN":"arn:aws:cloudwatch:us-east-1:123456789012:alarm:by hand"}`},

	"/":                      {},
	"/health":                {},
	"/metrics":               {},
	"/explain/e/v":           {},
	"/explain/e/v?since=24h": {},
	"/prometheus/api/v1/query?query=App_Queue":                       {},
	"/prometheus/api/v1/labels":                                      {},
	"/prometheus/api/v1/series?match[]=%7B__name__%3D~%22.%2B%22%7D": {},
}

// asked is a request: of a JSON protocol where it has a target, of the Query protocol where it has only a version, else a page.
type asked struct{ target, body string }

// request asks what a view asks. Metrics are read over the last hour.
func (v asked) request(ctx context.Context, base, name, target string) (*http.Request, error) {
	operation, _, _ := strings.Cut(name, " ")
	now := time.Now()
	body := strings.NewReplacer("FROM", fmt.Sprint(now.Add(-time.Hour).Unix()), "UNTIL", fmt.Sprint(now.Unix()), "TARGET", target).Replace(v.body)
	switch {
	case v.target != "":
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, base, strings.NewReader(body))
		if err == nil {
			r.Header.Set("Content-Type", "application/x-amz-json-1.1")
			if v.target == "GraniteServiceVersion20100801" {
				r.Header.Set("Content-Type", "application/x-amz-json-1.0")
			}
			r.Header.Set("X-Amz-Target", v.target+"."+operation)
		}
		return r, err
	case body != "":
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, base, strings.NewReader("Action="+operation+"&Version="+body))
		if err == nil {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		return r, err
	default:
		return http.NewRequestWithContext(ctx, http.MethodGet, base+name, http.NoBody)
	}
}

// inScope is where everything below is.
var inScope = engine.Scope{Account: "123456789012", Region: "us-east-1"}

// made are inputs of which one after the other is taken by an engine without state, and all again by one that has taken them; the second
// time some are refused.
func made(at time.Time) []engine.Input {
	key, one, eight, bound := scaling.VariantTarget("e", "v"), 1, 8, 0.0
	rule := alarm.Rule{
		Metric: metric.NewID("App", "Queue"), Statistic: metric.Statistic{Kind: metric.Sum}, Period: time.Minute, Periods: 2,
		Threshold: 1, Comparison: alarm.GreaterThanThreshold,
	}
	datum := metric.Datum{ID: rule.Metric, At: at, Resolution: metric.StandardResolution, Unit: "None"}
	datum.Summary.Add(7, 1)
	return []engine.Input{
		engine.CreateModel{Scope: inScope, Model: hosting.Model{Name: "m"}},
		engine.CreateEndpointConfig{Scope: inScope, Config: hosting.EndpointConfig{Name: "c", Variants: []hosting.VariantConfig{
			{Name: "v", Model: "m", InitialCount: 2, InitialWeight: 1, InstanceType: "ml.m5.large"},
		}}},
		engine.CreateEndpoint{Key: engine.EndpointKey{Scope: inScope, Endpoint: "e"}, Config: "c"},
		engine.PutGroupPolicy{Scope: inScope, Input: policy.GroupInput{
			Key: key, Name: "steps", Type: policy.GroupStep, AdjustmentType: step.ChangeInCapacity,
			Steps: []step.Adjustment{{Lower: &bound, Adjustment: 1}},
		}},
		engine.PutGroupSchedule{Scope: inScope, Input: scaling.GroupScheduleInput{Key: key, Name: "night", Recurrence: "0 22 * * *", Desired: &one}},
		engine.RegisterScalableTarget{Scope: inScope, Registration: scaling.Registration{Key: key, Min: &one, Max: &eight}},
		engine.PutScalingPolicy{Scope: inScope, Input: scaling.PolicyInput{
			Key: key, Name: "tt", Type: tracking.Type{}, Configs: []scaling.Config{&tracking.Config{
				TargetValue: 70, Predefined: &tracking.PredefinedSpec{Metric: instancecount.InvocationsPerInstance},
			}},
		}},
		engine.PutScalingPolicy{Scope: inScope, Input: scaling.PolicyInput{Key: key, Name: "soon", Type: predictive.Type{}, Configs: []scaling.Config{&predictive.Config{
			Specs: []predictive.Spec{{TargetValue: 70, Pair: &predictive.Metric{Type: instancecount.PairInvocations}}},
		}}}},
		engine.PutScheduledAction{Scope: inScope, Input: scaling.ScheduleInput{Key: key, Name: "wave", Schedule: "rate(7 minutes)", Range: &scaling.Range{Min: &one}}},
		engine.PutMetricAlarm{Scope: inScope, Alarm: alarm.Alarm{Name: "by hand", ActionsEnabled: true, Rule: rule}},
		engine.PutCompositeAlarm{Scope: inScope, Alarm: alarm.Composite{Name: "top", Rule: `ALARM("by hand")`}},
		engine.PutMuteRule{Scope: inScope, Rule: alarm.MuteRule{Name: "night", Expression: "cron(0 2 * * *)", Duration: time.Hour, Alarms: []string{"by hand"}}},
		engine.PutMetricData{Scope: inScope, Data: []metric.Datum{datum}},
		engine.SetAlarmState{Scope: inScope, Name: "by hand", State: alarm.InAlarm},
		engine.TagAlarm{Scope: inScope, Name: "by hand", Add: map[string]string{"k": at.String()}},
		engine.Tick{},
	}
}

// outlived makes a data directory as a killed server leaves it: with a snapshot, and a journal after it.
func outlived(t *testing.T, dir string) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	st, _, err := openJournal(ctx, dir, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	c, err := control.New(ctx, control.Options{
		Store: st, Config: engine.Config{Seed: 1}, Speed: 1, Log: slog.New(slog.DiscardHandler), Release: func(engine.Effects) {},
		Observe: func() []engine.VariantObservation { return nil }, Usage: func(context.Context) []engine.InstanceUsage { return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	for i, in := range made(c.Now()) {
		if _, err := c.Step(ctx, in); err != nil {
			t.Fatalf("%T: %v", in, err)
		}
		if i == len(made(c.Now()))/2 {
			if err := c.Snapshot(ctx); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := st.Close(); err != nil { // so that the end writes no snapshot
		t.Fatal(err)
	}
	stop()
	if err := <-ended; err == nil {
		t.Fatal("a snapshot was written at the end: nothing is left to replay")
	}
}

// After a recovery from a snapshot and the journal after it, everything that reads is asked at once, beside steps of every kind. The race
// detector finds what writes there; without it, two that write to one map end the server.
func TestViewsDoNotWrite(t *testing.T) {
	everyReadIsAView(t)
	r := startServer(t, func(o *Options) { o.NoAuth = true; outlived(t, o.Dir) })
	if x := r.control.Recovery(); x.Snapshot == 0 || x.Replayed == 0 {
		t.Fatalf("recovered as %+v: want a snapshot and a journal after it", x)
	}
	ctx, stop := context.WithTimeout(t.Context(), time.Second)
	defer stop()
	var target string
	if err := r.control.View(ctx, func(_ time.Time, e *engine.Engine) {
		id := e.Region(inScope).Targets.Targets[scaling.VariantTarget("e", "v")].ID36()
		target = "arn:aws:application-autoscaling:us-east-1:123456789012:scalable-target/" + id
	}); err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: len(views)}}
	defer client.CloseIdleConnections()
	begin := make(chan struct{}) // all at once: what is made at the first look is made twice
	var all sync.WaitGroup
	for name, v := range views {
		all.Go(func() {
			<-begin
			for answered := 0; ctx.Err() == nil || answered == 0; answered++ {
				if err := v.ask(t.Context(), client, "http://"+r.Address(), name, target); err != nil {
					t.Errorf("%s: %v", name, err)
					return
				}
			}
		})
	}
	taken := 0
	all.Go(func() {
		<-begin
		for ctx.Err() == nil || taken == 0 {
			for _, in := range made(r.control.Now()) {
				if _, err := r.control.Step(t.Context(), in); err == nil {
					taken++
				}
			}
		}
	})
	all.Go(func() {
		<-begin
		if err := r.control.Snapshot(t.Context()); err != nil {
			t.Errorf("a snapshot: %v", err)
		}
	})
	close(begin)
	all.Wait()
	if taken < 10 {
		t.Errorf("%d steps beside the views", taken)
	}
}

// ask sends a view and wants it to be answered: a refusal would look at nothing.
func (v asked) ask(ctx context.Context, c *http.Client, base, name, target string) error {
	_, err := v.answer(ctx, c, base, name, target)
	return err
}

// get reads a page.
func (v asked) get(ctx context.Context, base, path string) (string, error) {
	c := &http.Client{Transport: &http.Transport{}}
	defer c.CloseIdleConnections()
	return v.answer(ctx, c, base, path, "")
}

func (v asked) answer(ctx context.Context, c *http.Client, base, name, target string) (string, error) {
	req, err := v.request(ctx, base, name, target)
	if err != nil {
		return "", err
	}
	resp, err := c.Do(req)
	if err != nil {
		return "", err
	}
	body, err := io.ReadAll(resp.Body)
	if err = errors.Join(err, resp.Body.Close()); err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d: %.500s", resp.StatusCode, body)
	}
	return string(body), err
}

// everyReadIsAView holds views to what the services have.
func everyReadIsAView(t *testing.T) {
	t.Helper()
	files, err := filepath.Glob("../../internal/awsapi/*/service.go")
	if err != nil || len(files) < 5 {
		t.Fatalf("%d services, %v", len(files), err)
	}
	for _, name := range files {
		if strings.Contains(name, "/logs/") {
			continue // which reads files of the fleet, and no engine
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range regexp.MustCompile(`awsapi\.Handle\(s, "((?:Describe|List|Get)\w+)"`).FindAllSubmatch(text, -1) {
			if _, found := views[string(x[1])]; !found {
				t.Errorf("%s: %s is not among the views", name, x[1])
			}
		}
	}
}
