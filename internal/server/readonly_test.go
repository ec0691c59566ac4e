package server

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/awsapi"
	"bellows.dev/bellows/internal/credentials"
)

// reads are the operations that a read-only key may call. changes are all others. An operation that is in neither list fails the test below: think
// about what it does before adding it. What returns credentials is no reading.
var (
	reads = strings.Fields(`
		SageMaker: DescribeEndpoint DescribeEndpointConfig DescribeModel ListEndpointConfigs ListEndpoints ListModels ListTags
		ApplicationAutoScaling: DescribeScalableTargets DescribeScalingActivities DescribeScalingPolicies DescribeScheduledActions
			GetPredictiveScalingForecast ListTagsForResource
		EC2AutoScaling: DescribeAdjustmentTypes DescribeAutoScalingGroups DescribeAutoScalingInstances DescribePolicies DescribeScalingActivities
			DescribeScalingProcessTypes DescribeScheduledActions
		CloudWatch: DescribeAlarmContributors DescribeAlarmHistory DescribeAlarms DescribeAlarmsForMetric GetAlarmMuteRule GetMetricData
			GetMetricStatistics ListAlarmMuteRules ListMetrics ListTagsForResource
		CloudWatchLogs: DescribeLogGroups DescribeLogStreams FilterLogEvents GetLogEvents
		Bellows: DescribePolicies DescribePolicyTypes ListAccessKeys
		STS: GetCallerIdentity
		IAM: GetRole`)
	changes = strings.Fields(`
		SageMaker: AddTags CreateEndpoint CreateEndpointConfig CreateModel DeleteEndpoint DeleteEndpointConfig DeleteModel DeleteTags UpdateEndpoint
			UpdateEndpointWeightsAndCapacities
		ApplicationAutoScaling: DeleteScalingPolicy DeleteScheduledAction DeregisterScalableTarget PutScalingPolicy PutScheduledAction
			RegisterScalableTarget TagResource UntagResource
		EC2AutoScaling: BatchDeleteScheduledAction BatchPutScheduledUpdateGroupAction DeletePolicy DeleteScheduledAction ExecutePolicy PutScalingPolicy
			PutScheduledUpdateGroupAction ResumeProcesses SetDesiredCapacity SuspendProcesses UpdateAutoScalingGroup
			AttachInstances AttachLoadBalancerTargetGroups AttachLoadBalancers CreateAutoScalingGroup CreateLaunchConfiguration CreateOrUpdateTags
			DeleteAutoScalingGroup DeleteTags DetachInstances EnterStandby ExitStandby PutLifecycleHook PutWarmPool StartInstanceRefresh
			TerminateInstanceInAutoScalingGroup
		CloudWatch: DeleteAlarmMuteRule DeleteAlarms DisableAlarmActions EnableAlarmActions PutAlarmMuteRule PutCompositeAlarm PutMetricAlarm
			PutMetricData SetAlarmState TagResource UntagResource
		Bellows: CreateAccessKey DeleteAccessKey PutPolicy UpdateAccessKey`)
)

// classified returns what the lists say of an operation.
func classified(list []string, service, operation string) bool {
	in := ""
	for _, word := range list {
		if name, is := strings.CutSuffix(word, ":"); is {
			in = name
		} else if in == service && word == operation {
			return true
		}
	}
	return false
}

// Every operation that is served is refused to a read-only key if it changes something, and not if it does not: in JSON, CBOR and Query, with AWS's
// text, code and status.
func TestEveryOperationIsClassifiedForReadOnlyKeys(t *testing.T) {
	r := startServer(t, nil)
	api := &awsapi.Server{Auth: r.auth, NewID: func() string { return "id" }, Services: r.services(), Log: r.o.Log}
	reader := awsapi.Caller{AccessKeyID: "AKIAREADER", User: "ann", ReadOnly: true}
	scope := engine.Scope{Account: r.account(), Region: "us-east-1"}
	seen := 0
	for _, s := range api.Services {
		service := strings.ReplaceAll(s.Name, " ", "")
		for _, operation := range s.Operations() {
			seen++
			changing := classified(changes, service, operation)
			if reading := classified(reads, service, operation); reading == changing {
				t.Errorf("%s %s: put it into reads or changes", service, operation)
				continue
			}
			for protocol, request := range requestsOf(s, operation) {
				w := httptest.NewRecorder()
				api.ServeAs(w, request, scope, reader)
				text := w.Body.String()
				denied := strings.Contains(text, "is not authorized to perform: "+strings.Replace(s.Signing, "monitoring", "cloudwatch", 1)+":"+operation)
				status := map[string]int{"json": 400, "cbor": 400, "query": 403}[protocol]
				if denied != changing || denied && (w.Code != status || !strings.Contains(text, "because no identity-based policy allows the")) {
					t.Errorf("%s %s in %s: %d %s; it changes something: %t", service, operation, protocol, w.Code, text, changing)
				}
				if code := map[bool]string{true: "<Code>AccessDenied</Code>", false: "AccessDeniedException"}[protocol == "query"]; denied && !strings.Contains(text, code) {
					t.Errorf("%s %s in %s: no %s in %s", service, operation, protocol, code, text)
				}
			}
		}
	}
	if words := len(reads) + len(changes); seen < words-20 || seen < 60 {
		t.Errorf("%d operations are served, %d are listed", seen, words)
	}
}

// requestsOf returns an empty request of an operation in each protocol of its service.
func requestsOf(s *awsapi.Service, operation string) map[string]*http.Request {
	all := map[string]*http.Request{}
	if s.Target != "" {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("{}"))
		r.Header.Set("X-Amz-Target", s.Target+"."+operation)
		r.Header.Set("Content-Type", "application/x-amz-json-1.1")
		all["json"] = r
	}
	if s.CBOR != "" {
		all["cbor"] = httptest.NewRequest(http.MethodPost, "/service/"+s.CBOR+"/operation/"+operation, strings.NewReader("\xa0"))
	}
	if s.Version != "" {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("Action="+operation+"&Version="+s.Version))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		all["query"] = r
	}
	return all
}

// The message names the resource as AWS does.
func TestRefusalsOfReadOnlyKeysNameTheResource(t *testing.T) {
	r := startServer(t, nil)
	k := credentials.New(r.account(), "ann", time.Now())
	k.ReadOnly = true
	if err := r.keys.Add(k); err != nil {
		t.Fatal(err)
	}
	const denied = "User: arn:aws:iam::000000000000:user/ann is not authorized to perform: %s because no identity-based policy allows the %s action"
	for _, c := range []struct{ service, target, body, action, resource string }{
		{"sagemaker", "SageMaker.CreateEndpoint", `{"EndpointName":"Iris","EndpointConfigName":"c"}`, "sagemaker:CreateEndpoint", "arn:aws:sagemaker:us-east-1:000000000000:endpoint/iris"},
		{"sagemaker", "SageMaker.DeleteModel", `{"ModelName":"m"}`, "sagemaker:DeleteModel", "arn:aws:sagemaker:us-east-1:000000000000:model/m"},
		{"monitoring", "GraniteServiceVersion20100801.DeleteAlarms", `{"AlarmNames":["a","b"]}`, "cloudwatch:DeleteAlarms", "arn:aws:cloudwatch:us-east-1:000000000000:alarm:a"},
		{"monitoring", "GraniteServiceVersion20100801.PutMetricData", `{"Namespace":"n"}`, "cloudwatch:PutMetricData", ""},
		{"application-autoscaling", "AnyScaleFrontendService.RegisterScalableTarget", `{}`, "application-autoscaling:RegisterScalableTarget", "arn:aws:application-autoscaling:us-east-1:000000000000:scalable-target/*"},
	} {
		on := c.action
		if c.resource != "" {
			on += " on resource: " + c.resource
		}
		want := strings.ReplaceAll(fmt.Sprintf(denied, on, c.action), "000000000000", r.account())
		answer := r.ask(c.service, k, http.MethodPost, "/", c.body, http.Header{"X-Amz-Target": {c.target}, "Content-Type": {"application/x-amz-json-1.1"}})
		var got struct{ Message string }
		if err := json.Unmarshal([]byte(answer.body), &got); err != nil || got.Message != want || answer.code != 400 {
			t.Errorf("%s: %d %s\nwant %s", c.target, answer.code, answer.body, want)
		}
	}
	invocation := r.ask("sagemaker", k, http.MethodPost, "/endpoints/Iris/invocations", "1,2", http.Header{"Content-Type": {"text/csv"}})
	if invocation.code != 403 || !strings.Contains(invocation.body, "sagemaker:InvokeEndpoint on resource: arn:aws:sagemaker:us-east-1:"+r.account()+":endpoint/iris") {
		t.Errorf("an invocation: %d %s", invocation.code, invocation.body)
	}
	for _, path := range []string{"/v1/metrics", "/prometheus/api/v1/write"} {
		if w := r.ask("aps", k, http.MethodPost, path, "{}", http.Header{"Content-Type": {"application/json"}}); w.code != 403 || !strings.Contains(w.body, "is not authorized") {
			t.Errorf("writing to %s: %d %s", path, w.code, w.body)
		}
	}
	for _, path := range []string{"/health", "/metrics", "/console/api/variants", "/prometheus/api/v1/query?query=up"} {
		service := map[bool]string{true: "aps", false: "sagemaker"}[strings.HasPrefix(path, "/prometheus")]
		if w := r.ask(service, k, http.MethodGet, path, "", nil); w.code != 200 {
			t.Errorf("reading %s: %d %s", path, w.code, w.body)
		}
	}
	if i := slices.IndexFunc(r.keys.Keys(), func(k credentials.Key) bool { return k.ReadOnly }); i != 1 {
		t.Errorf("the key is number %d", i)
	}
}
