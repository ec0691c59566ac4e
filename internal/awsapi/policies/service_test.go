package policies_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"
	"github.com/google/go-cmp/cmp"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/awsapi"
	"bellows.dev/bellows/internal/awsapi/autoscaling"
	"bellows.dev/bellows/internal/awsapi/policies"
	"bellows.dev/bellows/internal/awsapi/wire"
	"bellows.dev/bellows/internal/log"
	"bellows.dev/bellows/scaling"
	"bellows.dev/bellows/scaling/policy"
	"bellows.dev/bellows/scaling/policy/example"
	"bellows.dev/bellows/scaling/policy/step"
	"bellows.dev/bellows/scaling/policy/tracking"
)

var (
	scope   = engine.Scope{Account: "123456789012", Region: "us-east-1"}
	started = time.Date(2026, 11, 28, 10, 0, 0, 0, time.UTC)
	chat    = scaling.VariantTarget("chat", "blue")
)

// world is an engine with the example's policy type, behind both services on a socket.
type world struct {
	t      *testing.T
	engine *engine.Engine
	steps  int
	url    string
}

func (w *world) Step(_ context.Context, in engine.Input) (engine.Result, error) {
	w.steps++
	out, err := w.engine.Step(started, in)
	return out.Result, err
}

func (w *world) View(_ context.Context, f func(time.Time, *engine.Engine)) error {
	f(started, w.engine)
	return nil
}

func (w *world) Events(context.Context, log.EventQuery) ([]engine.Recorded, string, error) {
	return nil, "", errors.New("there are no events")
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, engine: engine.New(engine.Config{Seed: 1, Policies: append(policy.Types(), example.Type{})})}
	s := httptest.NewServer(&awsapi.Server{
		Auth:     &awsapi.Authenticator{Now: time.Now, Account: scope.Account, Region: scope.Region},
		Services: []*awsapi.Service{policies.New(w), autoscaling.New(w)}, NewID: func() string { return "1" }, Log: slog.New(slog.DiscardHandler),
	})
	t.Cleanup(s.Close)
	w.url = s.URL
	one, ten := 1, 10
	for _, in := range []engine.Input{
		engine.CreateModel{Scope: scope, Model: hosting.Model{Name: "m"}},
		engine.CreateEndpointConfig{Scope: scope, Config: hosting.EndpointConfig{Name: "c", Variants: []hosting.VariantConfig{
			{Name: "blue", Model: "m", InitialCount: 1, InitialWeight: 1, InstanceType: "ml.m5.large"},
			{Name: "green", Model: "m", InitialCount: 1, InitialWeight: 1, InstanceType: "ml.m5.large"},
		}}},
		engine.CreateEndpoint{Key: engine.EndpointKey{Scope: scope, Endpoint: "chat"}, Config: "c"},
		engine.RegisterScalableTarget{Scope: scope, Registration: scaling.Registration{Key: chat, Min: &one, Max: &ten}},
	} {
		if _, err := w.Step(t.Context(), in); err != nil {
			t.Fatalf("%T: %v", in, err)
		}
	}
	return w
}

// call calls an operation with a body and decodes the output; it returns the status and the body.
func (w *world) call(operation, input string, out any) (status int, text string) {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.url, strings.NewReader(input))
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header = http.Header{"X-Amz-Target": {"Bellows." + operation}, "Content-Type": {"application/x-amz-json-1.1"}}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	if response.StatusCode == http.StatusOK {
		if err := wire.DecodeJSON(body, out); err != nil {
			w.t.Fatalf("%s: %v", body, err)
		}
	}
	return response.StatusCode, string(body)
}

const queue = `{"PolicyName":"queue","ResourceId":"endpoint/chat/variant/blue","PolicyType":"QueueLength","Settings":{"each":"5"}}`

// A policy of a type that AWS does not have is put, changed, described by both APIs, and deleted by AWS's.
func TestAPolicyOfATypeThatAWSDoesNotHave(t *testing.T) {
	w := newWorld(t)
	var put policies.PutPolicyOutput
	if status, text := w.call("PutPolicy", queue, &put); status != http.StatusOK || !strings.HasSuffix(aws.ToString(put.PolicyARN), ":policyName/queue") {
		t.Fatalf("%d %s", status, text)
	}
	stored := w.engine.Region(scope).Targets.Of(chat).Policy("queue")
	if r, ok := stored.Rule.(*example.Rule); !ok || r.Each != 5 {
		t.Errorf("the policy is %+v", stored.Rule)
	}
	if status, text := w.call("PutPolicy", strings.ReplaceAll(queue, `"5"`, `"7.5"`), &put); status != http.StatusOK {
		t.Errorf("changed: %d %s", status, text)
	}
	var got policies.DescribePoliciesOutput
	w.call("DescribePolicies", `{}`, &got)
	want := []policies.Policy{{
		PolicyARN: put.PolicyARN, PolicyName: aws.String("queue"), PolicyType: aws.String("QueueLength"), ResourceId: &chat.ResourceID,
		ScalableDimension: aws.String("sagemaker:variant:DesiredInstanceCount"), CreationTime: &started, Settings: map[string]string{"each": "7.5"},
	}}
	if diff := cmp.Diff(want, got.Policies); diff != "" {
		t.Errorf("DescribePolicies (-want +got):\n%s", diff)
	}
	client := sdk.New(sdk.Options{Region: scope.Region, BaseEndpoint: &w.url, Credentials: aws.AnonymousCredentials{}})
	listed, err := client.DescribeScalingPolicies(t.Context(), &sdk.DescribeScalingPoliciesInput{ServiceNamespace: types.ServiceNamespaceSagemaker})
	if err != nil || len(listed.ScalingPolicies) != 1 {
		t.Fatalf("DescribeScalingPolicies: %+v %v", listed, err)
	}
	if p := listed.ScalingPolicies[0]; p.PolicyType != "QueueLength" || *p.PolicyARN != *put.PolicyARN || p.StepScalingPolicyConfiguration != nil ||
		p.TargetTrackingScalingPolicyConfiguration != nil || p.PredictiveScalingPolicyConfiguration != nil || len(p.Alarms) > 0 {
		t.Errorf("DescribeScalingPolicies: %+v", p)
	}
	in := &sdk.PutScalingPolicyInput{
		PolicyName: aws.String("queue"), ServiceNamespace: types.ServiceNamespaceSagemaker, ResourceId: &chat.ResourceID,
		ScalableDimension: types.ScalableDimensionSageMakerVariantDesiredInstanceCount, PolicyType: "QueueLength",
	}
	if _, err := client.PutScalingPolicy(t.Context(), in); err == nil || !strings.Contains(err.Error(), "Member must satisfy enum value set") {
		t.Errorf("PutScalingPolicy of the type: %v", err)
	}
	if _, err := client.DeleteScalingPolicy(t.Context(), &sdk.DeleteScalingPolicyInput{
		PolicyName: in.PolicyName, ServiceNamespace: in.ServiceNamespace, ResourceId: in.ResourceId, ScalableDimension: in.ScalableDimension,
	}); err != nil || len(w.engine.Region(scope).Targets.Of(chat).Policies) > 0 {
		t.Errorf("deleted: %v", err)
	}
}

// AWS's own types can be put as settings too: AWS's API describes the same policy.
func TestAWSTypesAsSettings(t *testing.T) {
	w := newWorld(t)
	var put policies.PutPolicyOutput
	w.call("PutPolicy", `{"PolicyName":"keep","ResourceId":"endpoint/chat/variant/blue","ScalableDimension":"sagemaker:variant:DesiredInstanceCount",
		"PolicyType":"TargetTrackingScaling","Settings":{"metric":"SageMakerVariantInvocationsPerInstance","target":"70"}}`, &put)
	if len(put.AlarmNames) != 2 || !strings.HasPrefix(put.AlarmNames[0], "TargetTracking-") {
		t.Errorf("its alarms are %v", put.AlarmNames)
	}
	w.call("PutPolicy", `{"PolicyName":"burst","ResourceId":"endpoint/chat/variant/blue","PolicyType":"StepScaling",
		"Settings":{"adjustment-type":"ChangeInCapacity","steps":"0..:2"}}`, &put)
	target := w.engine.Region(scope).Targets.Of(chat)
	if r, ok := target.Policy("keep").Rule.(*tracking.Rule); !ok || r.Settings.TargetValue != 70 {
		t.Errorf("%+v", target.Policy("keep").Rule)
	}
	if r, ok := target.Policy("burst").Rule.(*step.Rule); !ok || r.Settings.Steps[0].Adjustment != 2 {
		t.Errorf("%+v", target.Policy("burst").Rule)
	}
	if _, err := w.Step(t.Context(), engine.PutScalingPolicy{Scope: scope, Input: scaling.PolicyInput{
		Key: chat, Name: "custom", Type: tracking.Type{}, Configs: []scaling.Config{&tracking.Config{
			TargetValue: 1, Customized: &tracking.CustomizedSpec{Namespace: "App", Name: "Queue", Statistic: tracking.Average},
		}},
	}}); err != nil {
		t.Fatal(err)
	}
	var names []string
	settings, token := map[string]map[string]string{}, ""
	for range 3 { // pages of one
		var page policies.DescribePoliciesOutput
		w.call("DescribePolicies", `{"ResourceId":"endpoint/chat/variant/blue","MaxResults":1,"NextToken":"`+token+`"}`, &page)
		for _, p := range page.Policies {
			names, settings[*p.PolicyName] = append(names, *p.PolicyName), p.Settings
		}
		token = aws.ToString(page.NextToken)
	}
	want := map[string]map[string]string{
		"burst": {"adjustment-type": "ChangeInCapacity", "steps": "0..:2"}, "custom": nil,
		"keep": {"metric": "SageMakerVariantInvocationsPerInstance", "target": "70"},
	}
	if diff := cmp.Diff(want, settings); diff != "" || strings.Join(names, " ") != "burst custom keep" || token != "" {
		t.Errorf("%v, then %q (-want +got):\n%s", names, token, diff)
	}
	var some policies.DescribePoliciesOutput
	w.call("DescribePolicies", `{"PolicyNames":["keep","none"]}`, &some)
	if len(some.Policies) != 1 || *some.Policies[0].PolicyName != "keep" {
		t.Errorf("by name: %+v", some.Policies)
	}
}

func TestPolicyTypesAreListedWithTheirSettings(t *testing.T) {
	w := newWorld(t)
	var out policies.DescribePolicyTypesOutput
	w.call("DescribePolicyTypes", `{}`, &out)
	var names []string
	for _, x := range out.PolicyTypes {
		names = append(names, *x.PolicyType)
	}
	if got := strings.Join(names, " "); got != "StepScaling TargetTrackingScaling PredictiveScaling QueueLength" {
		t.Fatal(got)
	}
	each := out.PolicyTypes[3].Settings
	if len(each) != 1 || *each[0].Name != "each" || !*each[0].Required || *each[0].Description != "messages for each instance" {
		t.Errorf("%+v", each)
	}
}

// What is refused has AWS's form and changes nothing.
func TestRefusals(t *testing.T) {
	w := newWorld(t)
	const target = `"PolicyName":"queue","ResourceId":"endpoint/chat/variant/blue"`
	var put policies.PutPolicyOutput
	w.call("PutPolicy", `{`+target+`,"PolicyType":"StepScaling","Settings":{"adjustment-type":"ChangeInCapacity","steps":"0..:2"}}`, &put)
	before := w.steps
	for _, tt := range []struct{ operation, body, code, message string }{
		{"PutPolicy", `{}`, "ValidationException", "2 validation errors detected: Value null at 'policyName' failed to satisfy constraint: Member must not be null; Value null at 'resourceId'"},
		{"PutPolicy", `{` + target + `}`, "ValidationException", "PolicyType must be specified"},
		{"PutPolicy", `{` + target + `,"PolicyType":"Queue"}`, "ValidationException", "There is no policy type Queue: the types are StepScaling,"},
		{"PutPolicy", `{` + target + `,"PolicyType":"SimpleScaling"}`, "ValidationException", "Policies of type SimpleScaling cannot be written as settings"},
		{"PutPolicy", `{` + target + `,"PolicyType":"QueueLength"}`, "ValidationException", "Policy type QueueLength needs the setting each: messages for each instance"},
		{"PutPolicy", `{` + target + `,"PolicyType":"QueueLength","Settings":{"each":"5","of":"1"}}`, "ValidationException", "Policy type QueueLength has no setting of"},
		{"PutPolicy", `{` + target + `,"PolicyType":"QueueLength","Settings":{"each":"five"}}`, "ValidationException", "The setting each must be a finite number, but was 'five'"},
		{"PutPolicy", `{` + target + `,"PolicyType":"QueueLength","Settings":{"each":5}}`, "SerializationException", "A number cannot be converted to a String at 'settings.each.member'"},
		{"PutPolicy", `{"PolicyName":"q","ResourceId":"endpoint/chat/variant/blue","PolicyType":"QueueLength","Settings":{"each":"0"}}`, "ValidationException", "Each must be greater than 0"},
		{
			"PutPolicy", `{"PolicyName":"ahead","ResourceId":"endpoint/chat/variant/blue","PolicyType":"PredictiveScaling","Settings":{"metric":"CPU","target":"70"}}`,
			"ValidationException", "Scalable dimension sagemaker:variant:DesiredInstanceCount only supports the following predefined metric pairs: SageMakerVariantInvocations, SageMakerVariantCPUUtilization",
		},
		{"PutPolicy", strings.Replace(queue, `"queue"`, `""`, 1), "ValidationException", "Value '' at 'policyName' failed to satisfy constraint"},
		{"PutPolicy", strings.Replace(queue, `{`, `{"ScalableDimension":"ecs:service:DesiredCount",`, 1), "ValidationException", "scalable dimension"},
		{"PutPolicy", strings.Replace(queue, "endpoint/chat/variant/blue", "service/x", 1), "ValidationException", "resource"},
		{"PutPolicy", strings.Replace(queue, "blue", "green", 1), "ObjectNotFoundException", "No scalable target registered"},
		{"PutPolicy", queue, "ValidationException", "You cannot change a StepScaling policy to a non StepScaling policy"},
		{"DescribePolicies", `{"MaxResults":0}`, "ValidationException", "MaxResults must be at least 1"},
		{"DescribePolicies", `{"ResourceId":""}`, "ValidationException", "Value '' at 'resourceId' failed to satisfy constraint"},
		{"DescribePolicies", `{"NextToken":"x"}`, "InvalidNextTokenException", "The NextToken value is not valid."},
		{"RemovePolicy", `{}`, "UnknownOperationException", "This server does not serve the operation RemovePolicy of Bellows."},
	} {
		status, text := w.call(tt.operation, tt.body, nil)
		if status < 400 || status > 404 || !strings.Contains(text, tt.code+`"`) || !strings.Contains(strings.ReplaceAll(text, `\u0027`, "'"), tt.message) {
			t.Errorf("%s %s:\n got %d %s\nwant %s: %s", tt.operation, tt.body, status, text, tt.code, tt.message)
		}
	}
	if p := w.engine.Region(scope).Targets.Of(chat).Policies; len(p) != 1 || p[0].Type() != "StepScaling" {
		t.Errorf("the policies are %+v", p)
	}
	if w.steps-before > 5 {
		t.Errorf("%d of the refused requests reached the engine", w.steps-before)
	}
}
