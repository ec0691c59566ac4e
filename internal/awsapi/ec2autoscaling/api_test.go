package ec2autoscaling

import (
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/awsapi"
	"bellows.dev/bellows/internal/log"
	"bellows.dev/bellows/sim"
)

var scope = engine.Scope{Account: "123456789012", Region: "us-east-1"}

// memory is a Backend on a simulated world that records the history of groups.
type memory struct {
	t     *testing.T
	world *sim.World
	items []engine.Recorded // oldest first; each activity once, with its newest status
	http  *awsapi.Server
}

var _ awsapi.Backend = (*memory)(nil)

func (m *memory) Step(_ context.Context, in engine.Input) (engine.Result, error) {
	return m.world.Do(in)
}

func (m *memory) View(_ context.Context, f func(now time.Time, e *engine.Engine)) error {
	f(m.world.Now, m.world.Engine)
	return nil
}

func (m *memory) note(now time.Time, e engine.Event) {
	x, ok := e.(engine.InstanceActivityChanged)
	if !ok {
		return
	}
	for i := range m.items {
		if m.items[i].Event.(engine.InstanceActivityChanged).Activity.ID == x.Activity.ID {
			m.items[i].Event = e
			return
		}
	}
	m.items = append(m.items, engine.Recorded{At: now, Event: e})
}

func (m *memory) Events(_ context.Context, q log.EventQuery) (page []engine.Recorded, next string, err error) {
	at := 0
	if q.Token != "" {
		if at, err = strconv.Atoi(q.Token); err != nil {
			return nil, "", &awsapi.ErrToken{Err: err}
		}
	}
	items := slices.Clone(m.items)
	slices.Reverse(items)
	for i := at; i < len(items); i++ {
		a := items[i].Event.(engine.InstanceActivityChanged).Activity
		if q.Key != "" && q.Key != a.Group.VariantName() || len(q.Types) > 0 && !slices.Contains(q.Types, a.Status.String()) ||
			len(q.IDs) > 0 && !slices.Contains(q.IDs, a.ID) || a.Start.Before(q.From) || !q.To.IsZero() && !a.Start.Before(q.To) {
			continue
		}
		if len(page) == q.Limit {
			return page, strconv.Itoa(i), nil
		}
		items[i].After = strconv.Itoa(i + 1)
		page = append(page, items[i])
	}
	return page, "", nil
}

// newMemory returns a server with an endpoint chat of variants blue and green in service since 2026-11-23T19:00:00Z.
func newMemory(t *testing.T) *memory {
	t.Helper()
	m := &memory{t: t, world: sim.NewWorld(engine.Config{Seed: 1}, time.Date(2026, 11, 23, 19, 0, 0, 0, time.UTC))}
	m.world.Startup, m.world.OnEvent = 30*time.Second, m.note
	m.http = &awsapi.Server{
		Auth: &awsapi.Authenticator{Account: scope.Account, Region: scope.Region}, Services: []*awsapi.Service{New(m)},
		NewID: func() string { return "r" }, Log: slog.New(slog.DiscardHandler),
	}
	for _, in := range []engine.Input{
		engine.CreateModel{Scope: scope, Model: hosting.Model{Name: "m"}},
		engine.CreateEndpointConfig{Scope: scope, Config: hosting.EndpointConfig{Name: "c", Variants: []hosting.VariantConfig{
			{Name: "blue", Model: "m", InitialCount: 1, InitialWeight: 1, InstanceType: "ml.m5.large"},
			{Name: "green", Model: "m", InitialCount: 2, InitialWeight: 1, InstanceType: "ml.t2.medium"},
		}}},
		engine.CreateEndpoint{
			Key: engine.EndpointKey{Scope: scope, Endpoint: "chat"}, Config: "c", Tags: hosting.Tags{{Key: "team", Value: "a&b"}},
		},
	} {
		if _, err := m.world.Do(in); err != nil {
			t.Fatal(err)
		}
	}
	m.run(time.Minute)
	return m
}

func (m *memory) run(d time.Duration) {
	m.t.Helper()
	if err := m.world.Run(d); err != nil {
		m.t.Fatal(err)
	}
}

// call sends a Query request, "Name=Value&…", and returns status and XML of the response.
func (m *memory) call(action, parameters string) (int, string) {
	m.t.Helper()
	body := "Action=" + action + "&Version=2011-01-01&" + parameters
	req := httptest.NewRequestWithContext(m.t.Context(), http.MethodPost, "/", strings.NewReader(body))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	m.http.ServeHTTP(w, req)
	text, err := io.ReadAll(w.Body)
	if err != nil {
		m.t.Fatal(err)
	}
	return w.Code, string(text)
}

func (m *memory) ok(action, parameters string) string {
	m.t.Helper()
	status, text := m.call(action, parameters)
	if status != http.StatusOK {
		m.t.Fatalf("%s %s: %d %s", action, parameters, status, text)
	}
	return text
}

// refused sends a request that is expected to fail.
func (m *memory) refused(action, parameters, code, message string) {
	m.t.Helper()
	status, text := m.call(action, parameters)
	var e struct {
		Error struct{ Type, Code, Message string }
	}
	if err := xml.Unmarshal([]byte(text), &e); err != nil {
		m.t.Fatalf("%v in %s", err, text)
	}
	if status != http.StatusBadRequest || e.Error.Code != code || e.Error.Message != message {
		m.t.Errorf("%s %s: %d %+v, want %s: %s", action, parameters, status, e.Error, code, message)
	}
}

// blank replaces identifiers by a constant.
func blank(text string) string {
	text = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}`).ReplaceAllString(text, "uuid")
	return regexp.MustCompile(`i-0[0-9a-f]{16}`).ReplaceAllString(text, "i-1")
}

const ns = ` xmlns="http://autoscaling.amazonaws.com/doc/2011-01-01/"`

// Responses have exactly the elements of AWS's. (AWS: recorded.)
func TestResponsesHaveAWSsElements(t *testing.T) {
	m := newMemory(t)
	meta := "<ResponseMetadata><RequestId>r</RequestId></ResponseMetadata>"
	if got := m.ok("UpdateAutoScalingGroup", "AutoScalingGroupName=chat.blue&MinSize=1&MaxSize=4"); got !=
		"<UpdateAutoScalingGroupResponse"+ns+">"+meta+"</UpdateAutoScalingGroupResponse>" {
		t.Error(got)
	}
	want := "<DescribeAutoScalingGroupsResponse" + ns + "><DescribeAutoScalingGroupsResult><AutoScalingGroups><member>" +
		"<AutoScalingGroupName>chat.blue</AutoScalingGroupName><AvailabilityZones><member>us-east-1a</member></AvailabilityZones>" +
		"<CreatedTime>2026-11-23T19:00:00Z</CreatedTime><DefaultCooldown>300</DefaultCooldown><DesiredCapacity>1</DesiredCapacity>" +
		"<HealthCheckType>EC2</HealthCheckType><MaxSize>4</MaxSize><MinSize>1</MinSize>" +
		"<AutoScalingGroupARN>arn:aws:autoscaling:us-east-1:123456789012:autoScalingGroup:uuid:autoScalingGroupName/chat.blue</AutoScalingGroupARN>" +
		"<HealthCheckGracePeriod>0</HealthCheckGracePeriod><Instances><member><AvailabilityZone>us-east-1a</AvailabilityZone>" +
		"<HealthStatus>Healthy</HealthStatus><InstanceId>i-1</InstanceId><LifecycleState>InService</LifecycleState>" +
		"<ProtectedFromScaleIn>false</ProtectedFromScaleIn><InstanceType>ml.m5.large</InstanceType></member></Instances>" +
		"<NewInstancesProtectedFromScaleIn>false</NewInstancesProtectedFromScaleIn><SuspendedProcesses></SuspendedProcesses>" +
		"<Tags><member><Key>team</Key><PropagateAtLaunch>false</PropagateAtLaunch><ResourceId>chat.blue</ResourceId>" +
		"<ResourceType>auto-scaling-group</ResourceType><Value>a&amp;b</Value></member></Tags>" +
		"<TerminationPolicies><member>NewestInstance</member></TerminationPolicies></member></AutoScalingGroups>" +
		"</DescribeAutoScalingGroupsResult>" + meta + "</DescribeAutoScalingGroupsResponse>"
	if got := blank(m.ok("DescribeAutoScalingGroups", "AutoScalingGroupNames.member.1=chat.blue")); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	want = "<PutScalingPolicyResponse" + ns + "><PutScalingPolicyResult><Alarms></Alarms><PolicyARN>arn:aws:autoscaling:us-east-1:123456789012:" +
		"scalingPolicy:uuid:autoScalingGroupName/chat.blue:policyName/p</PolicyARN></PutScalingPolicyResult>" + meta + "</PutScalingPolicyResponse>"
	if got := blank(m.ok("PutScalingPolicy", "AutoScalingGroupName=chat.blue&PolicyName=p&AdjustmentType=ChangeInCapacity&ScalingAdjustment=1")); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	want = "<DescribeScalingActivitiesResponse" + ns + "><DescribeScalingActivitiesResult><Activities><member><ActivityId>uuid</ActivityId>" +
		"<AutoScalingGroupName>chat.blue</AutoScalingGroupName><Cause>At 2026-11-23T19:00:00Z a user request created an AutoScalingGroup changing " +
		"the desired capacity from 0 to 1.  At 2026-11-23T19:00:00Z an instance was started in response to a difference between desired and " +
		"actual capacity, increasing the capacity from 0 to 1.</Cause><StartTime>2026-11-23T19:00:00Z</StartTime>" +
		"<StatusCode>Successful</StatusCode><AutoScalingGroupARN>arn:aws:autoscaling:us-east-1:123456789012:autoScalingGroup:uuid:" +
		"autoScalingGroupName/chat.blue</AutoScalingGroupARN><Description>Launching a new EC2 instance: i-1</Description>" +
		"<Details>{&#34;Availability Zone&#34;:&#34;us-east-1a&#34;}</Details><EndTime>2026-11-23T19:00:30Z</EndTime><Progress>100</Progress>" +
		"</member></Activities></DescribeScalingActivitiesResult>" + meta + "</DescribeScalingActivitiesResponse>"
	if got := blank(m.ok("DescribeScalingActivities", "AutoScalingGroupName=chat.blue")); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	want = "<ErrorResponse" + ns + "><Error><Type>Sender</Type><Code>ValidationError</Code><Message>Desired capacity:15 must be between the " +
		"specified min size:0 and max size:10</Message></Error><RequestId>r</RequestId></ErrorResponse>"
	if status, got := m.call("UpdateAutoScalingGroup", "AutoScalingGroupName=chat.blue&MinSize=0&MaxSize=10&DesiredCapacity=15"); status != 400 || got != want {
		t.Errorf("%d, got\n%s\nwant\n%s", status, got, want)
	}
}

func TestRefusals(t *testing.T) {
	m := newMemory(t)
	policy := "AutoScalingGroupName=chat.blue&PolicyName=p&"
	invalid := "ValidationError"
	for _, tt := range []struct{ action, parameters, code, message string }{
		{"UpdateAutoScalingGroup", "AutoScalingGroupName=none.x&MinSize=1", invalid, "AutoScalingGroup name not found - AutoScalingGroup: none.x not found"},
		{"UpdateAutoScalingGroup", "AutoScalingGroupName=chat&MinSize=1", invalid, "AutoScalingGroup name not found - AutoScalingGroup: chat not found"},
		{"UpdateAutoScalingGroup", "MinSize=1", invalid, "1 validation error detected: Value null at 'autoScalingGroupName' failed to satisfy constraint: Member must not be null"},
		{"UpdateAutoScalingGroup", "AutoScalingGroupName=chat.blue&HealthCheckType=ELB", invalid, "The member 'healthCheckType' asks for something that this server does not do. Leave it out."},
		{"UpdateAutoScalingGroup", "AutoScalingGroupName=chat.blue&MinSize=2&MaxSize=1", invalid, "Max bound, 1, must be greater than or equal to min bound, 2"},
		{"UpdateAutoScalingGroup", "AutoScalingGroupName=chat.blue&MinSize=-1", invalid, "MinSize must be greater than or equal to 0"},
		{"UpdateAutoScalingGroup", "AutoScalingGroupName=chat.blue&DefaultCooldown=-1", invalid, "DefaultCooldown must be greater than or equal to 0"},
		{"UpdateAutoScalingGroup", "AutoScalingGroupName=chat.blue&DefaultInstanceWarmup=-2", invalid, "DefaultInstanceWarmup must be between 0 and 86400 seconds, or -1"},
		{"UpdateAutoScalingGroup", "AutoScalingGroupName=chat.green&MinSize=0", invalid, "You cannot register a variant with ml.t2.medium instance type as a scalable target. This is because the burstable performance of these instances can lead to unpredictable behavior with Auto Scaling."},
		{"SetDesiredCapacity", "AutoScalingGroupName=chat.blue&DesiredCapacity=15", invalid, "New SetDesiredCapacity value 15 is above max value 1 for the AutoScalingGroup."},
		{"SetDesiredCapacity", "AutoScalingGroupName=chat.blue&DesiredCapacity=0", invalid, "New SetDesiredCapacity value 0 is below min value 1 for the AutoScalingGroup."},
		{"SuspendProcesses", "AutoScalingGroupName=chat.blue&ScalingProcesses.member.1=Nap", invalid, "Nap is not a valid scaling process"},
		{"SuspendProcesses", "AutoScalingGroupName=none.x", invalid, "AutoScalingGroup name not found - AutoScalingGroup: none.x not found"},
		{"PutScalingPolicy", policy, invalid, "You must specify an AdjustmentType for policy type: SimpleScaling"},
		{"PutScalingPolicy", policy + "AdjustmentType=ChangeInCapacity", invalid, "You must specify a ScalingAdjustment for policy type: SimpleScaling"},
		{"PutScalingPolicy", policy + "AdjustmentType=Double", invalid, "AdjustmentType Double is not valid: ChangeInCapacity, ExactCapacity and PercentChangeInCapacity are."},
		{"PutScalingPolicy", policy + "PolicyType=Odd", invalid, "PolicyType Odd is not valid: SimpleScaling, StepScaling and TargetTrackingScaling are."},
		{"PutScalingPolicy", policy + "PolicyType=StepScaling", invalid, "You must specify an AdjustmentType for policy type: StepScaling"},
		{"PutScalingPolicy", policy + "PolicyType=StepScaling&AdjustmentType=ExactCapacity&Cooldown=60", invalid, "Cooldown is not supported for a StepScaling policy"},
		{"PutScalingPolicy", policy + "PolicyType=StepScaling&AdjustmentType=ExactCapacity", invalid, "You must specify at least one StepAdjustment for policy type: StepScaling"},
		{"PutScalingPolicy", policy + "MetricAggregationType=Sum", invalid, "MetricAggregationType Sum is not valid: Minimum, Maximum and Average are."},
		{"PutScalingPolicy", policy + "PolicyType=TargetTrackingScaling", invalid, "You must specify a TargetTrackingConfiguration for policy type: TargetTrackingScaling"},
		{
			"PutScalingPolicy", policy + "PolicyType=TargetTrackingScaling&TargetTrackingConfiguration.TargetValue=1&" +
				"TargetTrackingConfiguration.PredefinedMetricSpecification.PredefinedMetricType=ASGAverageNetworkIn", invalid,
			"The predefined metric type ASGAverageNetworkIn has no counterpart for production variants: only ASGAverageCPUUtilization has. " +
				"Name another metric in a CustomizedMetricSpecification.",
		},
		{
			"PutScalingPolicy", policy + "PolicyType=PredictiveScaling", invalid, "Policies of type PredictiveScaling are not supported for Auto Scaling groups " +
				"by this server: put one on the variant's scalable target, through Application Auto Scaling.",
		},
		{"PutScalingPolicy", policy + "MinAdjustmentStep=2", invalid, "The member 'minAdjustmentStep' asks for something that this server does not do. Leave it out."},
		{"ExecutePolicy", "PolicyName=p", invalid, "AutoScalingGroupName must be specified where PolicyName is no ARN"},
		{"ExecutePolicy", "AutoScalingGroupName=chat.blue&PolicyName=p", invalid, "Policy not found: p"},
		{"DescribePolicies", "AutoScalingGroupName=none.x", invalid, "AutoScalingGroup name not found - AutoScalingGroup: none.x not found"},
		{"DescribePolicies", "MaxRecords=0", invalid, "MaxRecords must be greater than or equal to 1"},
		{"DescribePolicies", "NextToken=x", "InvalidNextToken", "The NextToken value is not valid."},
		{"DescribeAutoScalingGroups", "NextToken=x", "InvalidNextToken", "The NextToken value is not valid."},
		{"DescribeAutoScalingGroups", "Filters.member.1.Name=color", invalid, "Filter color is not supported: tag-key, tag-value and tag:<key> are."},
		{"DescribeScalingActivities", "NextToken=x", "InvalidNextToken", "The NextToken value is not valid."},
		{"DescribeScalingActivities", "AutoScalingGroupName=none.x", invalid, "AutoScalingGroup name not found - AutoScalingGroup: none.x not found"},
		{"DescribeScalingActivities", "Filters.member.1.Name=Cause", invalid, "Filter Cause is not supported: StartTimeLowerBound, StartTimeUpperBound and Status are."},
		{
			"CreateAutoScalingGroup", "AutoScalingGroupName=mine", invalid, "CreateAutoScalingGroup is not supported: the Auto Scaling groups of this server are " +
				"the production variants of its endpoints. Create, update, tag and delete them through the SageMaker API.",
		},
		{"Levitate", "", "InvalidAction", "This server does not serve the operation Levitate of EC2 Auto Scaling."},
	} {
		m.refused(tt.action, tt.parameters, tt.code, tt.message)
	}
}

// elements returns the contents of all elements of a name.
func elements(xml, name string) []string {
	var out []string
	for _, x := range regexp.MustCompile("<"+name+">([^<]*)</"+name+">").FindAllStringSubmatch(xml, -1) {
		out = append(out, x[1])
	}
	return out
}

func TestGroupsAreFilteredAndPaged(t *testing.T) {
	m := newMemory(t)
	for parameters, want := range map[string]string{
		"":                                 "chat.blue chat.green",
		"AutoScalingGroupNames.member.1=x": "",
		"AutoScalingGroupNames.member.1=chat.green&AutoScalingGroupNames.member.2=x": "chat.green",
		"Filters.member.1.Name=tag-key&Filters.member.1.Values.member.1=team":        "chat.blue chat.green",
		"Filters.member.1.Name=tag:team&Filters.member.1.Values.member.1=x":          "",
		"Filters.member.1.Name=tag-value&Filters.member.1.Values.member.1=a%26b":     "chat.blue chat.green",
	} {
		if got := strings.Join(elements(m.ok("DescribeAutoScalingGroups", parameters), "AutoScalingGroupName"), " "); got != want {
			t.Errorf("%s: %s, want %s", parameters, got, want)
		}
	}
	first := m.ok("DescribeAutoScalingGroups", "MaxRecords=1&IncludeInstances=false")
	token := elements(first, "NextToken")
	if len(token) != 1 || strings.Contains(first, "<InstanceId>") {
		t.Fatal(first)
	}
	second := m.ok("DescribeAutoScalingGroups", "MaxRecords=1&NextToken="+url.QueryEscape(token[0]))
	if names := elements(second, "AutoScalingGroupName"); len(names) != 1 || names[0] != "chat.green" || strings.Contains(second, "NextToken") {
		t.Error(second)
	}
	arn := elements(first, "AutoScalingGroupARN")[0]
	m.ok("UpdateAutoScalingGroup", "MaxSize=3&AutoScalingGroupName="+url.QueryEscape(arn))
	ids := elements(m.ok("DescribeAutoScalingInstances", ""), "InstanceId")
	if len(ids) != 3 || !slices.IsSorted(ids) {
		t.Errorf("%v", ids)
	}
	if got := m.ok("DescribeAutoScalingInstances", "InstanceIds.member.1="+ids[1]); !slices.Equal(elements(got, "InstanceId"), ids[1:2]) ||
		!slices.Equal(elements(got, "HealthStatus"), []string{"HEALTHY"}) {
		t.Error(got)
	}
	if got := elements(m.ok("DescribeScalingProcessTypes", ""), "ProcessName"); len(got) != 9 {
		t.Error(got)
	}
	if got := elements(m.ok("DescribeAdjustmentTypes", ""), "AdjustmentType"); !slices.Contains(got, "ExactCapacity") {
		t.Error(got)
	}
}

// Policies are described as put, by name, ARN and type; putting them again shows no drift.
func TestPoliciesAreDescribedAsPut(t *testing.T) {
	m := newMemory(t)
	m.ok("UpdateAutoScalingGroup", "AutoScalingGroupName=chat.blue&MinSize=1&MaxSize=9")
	step := "PolicyType=StepScaling&AdjustmentType=PercentChangeInCapacity&MinAdjustmentMagnitude=2&MetricAggregationType=Maximum&EstimatedInstanceWarmup=60&" +
		"StepAdjustments.member.1.MetricIntervalLowerBound=0&StepAdjustments.member.1.ScalingAdjustment=30"
	track := "PolicyType=TargetTrackingScaling&EstimatedInstanceWarmup=30&TargetTrackingConfiguration.TargetValue=50&" +
		"TargetTrackingConfiguration.CustomizedMetricSpecification.Namespace=App&TargetTrackingConfiguration.CustomizedMetricSpecification.MetricName=Load&" +
		"TargetTrackingConfiguration.CustomizedMetricSpecification.Statistic=Average&TargetTrackingConfiguration.CustomizedMetricSpecification.Period=10&" +
		"TargetTrackingConfiguration.CustomizedMetricSpecification.Dimensions.member.1.Name=a&TargetTrackingConfiguration.CustomizedMetricSpecification.Dimensions.member.1.Value=b"
	const query = "&TargetTrackingConfiguration.CustomizedMetricSpecification.Metrics.member."
	math := "PolicyType=TargetTrackingScaling&TargetTrackingConfiguration.TargetValue=5" +
		query + "1.Id=q" + query + "1.MetricStat.Metric.Namespace=App" + query + "1.MetricStat.Metric.MetricName=Queue" +
		query + "1.MetricStat.Metric.Dimensions.member.1.Name=a" + query + "1.MetricStat.Metric.Dimensions.member.1.Value=b" +
		query + "1.MetricStat.Stat=Sum" + query + "1.ReturnData=false" + query + "2.Id=e" + query + "2.Expression=q/2" + query + "2.Period=30"
	m.refused("PutScalingPolicy", "AutoScalingGroupName=chat.blue&PolicyName=math&"+math+query+"1.Period=10", "ValidationError",
		"Period must be 10, 30 or 60, and the same in all queries")
	arns := map[string]string{}
	for name, parameters := range map[string]string{
		"simple": "AdjustmentType=ChangeInCapacity&ScalingAdjustment=-2&Cooldown=60&Enabled=false", "step": step, "track": track, "math": math,
	} {
		put := m.ok("PutScalingPolicy", "AutoScalingGroupName=chat.blue&PolicyName="+name+"&"+parameters)
		arns[name] = elements(put, "PolicyARN")[0]
		again := m.ok("PutScalingPolicy", "AutoScalingGroupName=chat.blue&PolicyName="+name+"&"+parameters)
		if tracked := strings.Contains(put, "TargetTracking-"); blank(again) != blank(put) || tracked == (again == put) { // its alarms are recreated
			t.Errorf("put again:\n%s\nbefore:\n%s", again, put)
		}
	}
	describe := func(parameters string) string { return m.ok("DescribePolicies", parameters) }
	for name, want := range map[string][]string{
		"simple": {"<ScalingAdjustment>-2<", "<Cooldown>60<", "<Enabled>false<", "<PolicyType>SimpleScaling<", "<Alarms></Alarms>"},
		"step": {
			"<MinAdjustmentMagnitude>2<", "<MetricAggregationType>Maximum<", "<EstimatedInstanceWarmup>60<", "<ScalingAdjustment>30<",
			"<MetricIntervalLowerBound>0.0<", "<Enabled>true<",
		},
		"math":  {"<Id>e</Id><Expression>q/2</Expression><Period>30<", "<ReturnData>false<", "<Stat>Sum<", "<Name>a</Name><Value>b<"},
		"track": {"<TargetValue>50.0<", "<Period>10<", "<Name>a</Name><Value>b<", "TargetTracking-chat.blue-AlarmHigh-", "TargetTracking-chat.blue-AlarmLow-"},
	} {
		got := describe("PolicyNames.member.1=" + url.QueryEscape(arns[name]))
		for _, text := range want {
			if !strings.Contains(got, text) || len(elements(got, "PolicyName")) != 1 {
				t.Errorf("%s lacks %s: %s", name, text, got)
			}
		}
	}
	if got := elements(describe("PolicyTypes.member.1=StepScaling&AutoScalingGroupName=chat.blue"), "PolicyName"); !slices.Equal(got, []string{"step"}) {
		t.Error(got)
	}
	periods := map[time.Duration]int{}
	for _, a := range m.world.Engine.Region(scope).Alarms.Metric {
		for _, q := range a.Rule.Metrics {
			if q.Stat != nil {
				periods[q.Stat.Period]++
			}
		}
	}
	if len(periods) != 2 || periods[30*time.Second] != 1 || periods[time.Minute] != 1 {
		t.Errorf("the alarms' periods: %v", periods)
	}
	page := describe("MaxRecords=2")
	rest := describe("MaxRecords=2&NextToken=" + url.QueryEscape(elements(page, "NextToken")[0]))
	if a, b := elements(page, "PolicyName"), elements(rest, "PolicyName"); len(a) != 2 || len(b) != 2 {
		t.Error(a, b)
	}
	for name, arn := range arns {
		m.ok("DeletePolicy", "PolicyName="+url.QueryEscape(arn))
		m.ok("DeletePolicy", "AutoScalingGroupName=chat.blue&PolicyName="+name)
		m.ok("DeletePolicy", "PolicyName="+url.QueryEscape(arn))
	}
	if got := describe(""); len(elements(got, "PolicyName")) != 0 || len(m.world.Engine.Region(scope).Alarms.Metric) != 0 {
		t.Error(got)
	}
}

// A policy is executed by ARN; HonorCooldown is respected; processes are suspended and resumed; each instance has activities.
func TestGroupLifecycle(t *testing.T) {
	m := newMemory(t)
	blue := "AutoScalingGroupName=chat.blue"
	m.ok("UpdateAutoScalingGroup", blue+"&MinSize=1&MaxSize=9&DefaultCooldown=120&DefaultInstanceWarmup=60")
	arn := elements(m.ok("PutScalingPolicy", blue+"&PolicyName=p&AdjustmentType=ChangeInCapacity&ScalingAdjustment=2"), "PolicyARN")[0]
	m.ok("ExecutePolicy", "PolicyName="+url.QueryEscape(arn))
	m.run(time.Minute)
	m.refused("SetDesiredCapacity", blue+"&DesiredCapacity=4&HonorCooldown=true", "ScalingActivityInProgress",
		"Scaling activity is in progress, or its cooldown has not ended, for the AutoScalingGroup chat.blue.")
	m.ok("SuspendProcesses", blue+"&ScalingProcesses.member.1=Launch&ScalingProcesses.member.2=AZRebalance")
	m.ok("SetDesiredCapacity", blue+"&DesiredCapacity=4")
	got := m.ok("DescribeAutoScalingGroups", "AutoScalingGroupNames.member.1=chat.blue")
	if !strings.Contains(got, "<DesiredCapacity>4<") || len(elements(got, "InstanceId")) != 3 || !strings.Contains(got, "<DefaultInstanceWarmup>60<") ||
		!slices.Equal(elements(got, "ProcessName"), []string{"Launch", "AZRebalance"}) ||
		!strings.Contains(got, "<SuspensionReason>User suspended at 2026-11-23T19:02:00Z<") {
		t.Error(got)
	}
	m.ok("ResumeProcesses", blue)
	m.run(time.Minute)
	m.ok("UpdateAutoScalingGroup", blue+"&MaxSize=3&DefaultInstanceWarmup=-1")
	m.run(time.Minute)
	got = m.ok("DescribeScalingActivities", blue+"&MaxRecords=2")
	if !slices.Equal(elements(got, "StatusCode"), []string{"Successful", "Successful"}) || !strings.Contains(got, "Terminating EC2 instance") ||
		!strings.Contains(got, "constraints to min: 1, max: 3, desired: 3 changing the desired capacity from 4 to 3.") {
		t.Error(got)
	}
	rest := m.ok("DescribeScalingActivities", blue+"&NextToken="+elements(got, "NextToken")[0])
	if n := len(elements(rest, "ActivityId")); n != 3 { // two instances of the policy and the endpoint's first
		t.Errorf("%d: %s", n, rest)
	}
	m.refused("DescribeScalingActivities", "NextToken="+elements(got, "NextToken")[0], "InvalidNextToken", "The NextToken value is not valid.")
	if !strings.Contains(rest, "a user request executed policy p changing the desired capacity from 1 to 3.") {
		t.Error(rest)
	}
	id := elements(rest, "ActivityId")[1]
	for parameters, want := range map[string]int{
		"ActivityIds.member.1=" + id: 1, blue + "&Filters.member.1.Name=Status&Filters.member.1.Values.member.1=Failed": 0,
		blue + "&Filters.member.1.Name=StartTimeLowerBound&Filters.member.1.Values.member.1=2026-11-23T19:03:00Z": 1,
		blue + "&Filters.member.1.Name=StartTimeUpperBound&Filters.member.1.Values.member.1=2026-11-23T19:00:00Z": 1,
		"": 7,
	} {
		if got := elements(m.ok("DescribeScalingActivities", parameters), "ActivityId"); len(got) != want {
			t.Errorf("%s: %v, want %d", parameters, got, want)
		}
	}
	if _, err := m.world.Do(engine.DeleteEndpoint{Key: engine.EndpointKey{Scope: scope, Endpoint: "chat"}}); err != nil {
		t.Fatal(err)
	}
	if got := m.ok("DescribeAutoScalingGroups", ""); !slices.Equal(elements(got, "Status"), []string{"Delete in progress", "Delete in progress"}) {
		t.Error(got)
	}
	m.run(time.Minute)
	for parameters, want := range map[string]int{"": 0, "IncludeDeletedGroups=true": 12, blue + "&IncludeDeletedGroups=true": 8} {
		got := m.ok("DescribeScalingActivities", parameters)
		if n := len(elements(got, "ActivityId")); n != want || n > 0 && !strings.Contains(got, "<AutoScalingGroupState>Deleted<") {
			t.Errorf("%s: %d, want %d: %s", parameters, n, want, fmt.Sprint(elements(got, "Cause")))
		}
	}
	if _, err := m.world.Do(engine.CreateEndpoint{Key: engine.EndpointKey{Scope: scope, Endpoint: "chat"}, Config: "c"}); err != nil {
		t.Fatal(err)
	}
	m.run(time.Minute) // a new group of the same name does not have the activities of the previous one
	for parameters, want := range map[string]int{blue: 1, blue + "&IncludeDeletedGroups=true": 9} {
		if got := m.ok("DescribeScalingActivities", parameters); len(elements(got, "ActivityId")) != want {
			t.Errorf("%s, created again: %s", parameters, fmt.Sprint(elements(got, "Cause")))
		}
	}
	m.run(6*7*24*time.Hour - time.Minute) // an activity that began exactly six weeks ago is still listed, and then no longer
	if got := elements(m.ok("DescribeScalingActivities", blue), "ActivityId"); len(got) != 1 {
		t.Errorf("after six weeks: %v", got)
	}
	m.run(time.Second)
	if got := elements(m.ok("DescribeScalingActivities", blue), "ActivityId"); len(got) != 0 {
		t.Errorf("after more than six weeks: %v", got)
	}
}

// Scheduled actions set bounds and capacity, once or by a Unix cron expression in local time, and are deleted after their last run.
func TestScheduledActions(t *testing.T) {
	m := newMemory(t)
	blue := "AutoScalingGroupName=chat.blue"
	put := func(rest string) string { return blue + "&ScheduledActionName=" + rest }
	m.ok("PutScheduledUpdateGroupAction", put("once&StartTime=2026-11-23T19:04:59.25Z&MinSize=2&MaxSize=4"))
	// 19:07 UTC is 14:07 in New York.
	m.ok("PutScheduledUpdateGroupAction", put("daily&Recurrence=7+14+*+*+*&TimeZone=America/New_York&DesiredCapacity=3&EndTime=2026-12-01T00:00:00Z"))
	got := m.ok("DescribeScheduledActions", blue)
	for _, want := range []string{
		"<ScheduledActionARN>arn:aws:autoscaling:us-east-1:123456789012:scheduledUpdateGroupAction:uuid:autoScalingGroupName/chat.blue:scheduledActionName/once<",
		"<Recurrence>7 14 * * *<", "<TimeZone>America/New_York<", "<StartTime>2026-11-23T19:05:00Z<", "<StartTime>2026-11-23T19:07:00Z<",
		"<Time>2026-11-23T19:07:00Z<", "<EndTime>2026-12-01T00:00:00Z<", "<MinSize>2<", "<MaxSize>4<", "<DesiredCapacity>3<",
	} {
		if !strings.Contains(blank(got), want) {
			t.Errorf("%s is missing in %s", want, got)
		}
	}
	m.refused("PutScheduledUpdateGroupAction", put("twin&StartTime=2026-11-23T19:05:00Z&MinSize=1"), "AlreadyExists",
		"The scheduled action once runs at 2026-11-23T19:05:00Z already. Give each action of a group a time of its own.")
	for rest, message := range map[string]string{
		"x&StartTime=2026-11-24T00:00:00Z":                                        "At least one of MinSize, MaxSize and DesiredCapacity must be specified",
		"x&MinSize=1":                                                             "StartTime or Recurrence must be specified",
		"x&MinSize=1&StartTime=2026-11-23T18:00:00Z":                              "Given start time is in the past",
		"x&MinSize=1&Recurrence=1+*+*+*+*&EndTime=2026-11-23T18:00:00Z":           "Given end time is in the past",
		"x&MinSize=1&StartTime=2026-11-25T00:00:00Z&EndTime=2026-11-24T00:00:00Z": "StartTime must be before EndTime",
		"x&MinSize=1&Recurrence=often":                                            "Given recurrence string:often is invalid",
		"x&MinSize=1&Recurrence=1+*+*+*+*&TimeZone=Mars/Olympus":                  "Invalid TimeZone: Mars/Olympus",
		"x&MinSize=1&StartTime=2026-11-24T00:00:00Z&TimeZone=Etc/UTC":             "TimeZone can be specified with a Recurrence only",
		"x&MinSize=2&MaxSize=1&Recurrence=1+*+*+*+*":                              "Max bound, 1, must be greater than or equal to min bound, 2",
		"x&MinSize=2&MaxSize=4&DesiredCapacity=5&Recurrence=1+*+*+*+*":            "Desired capacity:5 must be between the specified min size:2 and max size:4",
		"x&MinSize=-2&Recurrence=1+*+*+*+*":                                       "MinSize, MaxSize and DesiredCapacity must be greater than or equal to 0",
		"x&MinSize=1&Recurrence=0+0+31+2+*":                                       "The scheduled action would never run: its schedule names no time until its end",
	} {
		m.refused("PutScheduledUpdateGroupAction", put(rest), "ValidationError", message)
	}
	m.run(5 * time.Minute)
	if got := m.ok("DescribeAutoScalingGroups", "AutoScalingGroupNames.member.1=chat.blue"); !strings.Contains(got, "<MinSize>2<") ||
		!strings.Contains(got, "<DesiredCapacity>2<") {
		t.Error(got)
	}
	if names := elements(m.ok("DescribeScheduledActions", ""), "ScheduledActionName"); !slices.Equal(names, []string{"daily"}) {
		t.Errorf("after its run: %v", names)
	}
	m.ok("SuspendProcesses", blue+"&ScalingProcesses.member.1=ScheduledActions")
	m.run(3 * time.Minute)
	m.ok("ResumeProcesses", blue)
	got = m.ok("DescribeScheduledActions", "ScheduledActionNames.member.1=daily")
	if !strings.Contains(got, "<StartTime>2026-11-24T19:07:00Z<") {
		t.Error(got)
	}
	m.run(24 * time.Hour)
	got = m.ok("DescribeScalingActivities", blue+"&MaxRecords=1")
	if !strings.Contains(got, "At 2026-11-24T19:07:00Z a scheduled action update of AutoScalingGroup constraints to min: 2, max: 4, desired: 3 changing the "+
		"desired capacity from 2 to 3.") {
		t.Error(got)
	}
	got = m.ok("BatchPutScheduledUpdateGroupAction", blue+"&ScheduledUpdateGroupActions.member.1.ScheduledActionName=a&"+
		"ScheduledUpdateGroupActions.member.1.Recurrence=5+*+*+*+*&ScheduledUpdateGroupActions.member.1.MinSize=1&"+
		"ScheduledUpdateGroupActions.member.2.ScheduledActionName=b&ScheduledUpdateGroupActions.member.2.MinSize=1")
	if !slices.Equal(elements(got, "ScheduledActionName"), []string{"b"}) || !slices.Equal(elements(got, "ErrorCode"), []string{"ValidationError"}) {
		t.Error(got)
	}
	for parameters, want := range map[string]string{
		"": "daily a", "StartTime=2026-11-25T19:06:30Z": "daily", "EndTime=2026-11-25T19:06:30Z": "a", "ScheduledActionNames.member.1=x": "",
	} {
		if names := strings.Join(elements(m.ok("DescribeScheduledActions", parameters), "ScheduledActionName"), " "); names != want {
			t.Errorf("%s: %s, want %s", parameters, names, want)
		}
	}
	got = m.ok("BatchDeleteScheduledAction", blue+"&ScheduledActionNames.member.1=a&ScheduledActionNames.member.2=x")
	if !slices.Equal(elements(got, "ErrorMessage"), []string{"Scheduled action name not found: x"}) {
		t.Error(got)
	}
	m.ok("DeleteScheduledAction", put("daily"))
	m.refused("DeleteScheduledAction", put("daily"), "ValidationError", "Scheduled action name not found: daily")
	m.refused("BatchDeleteScheduledAction", "AutoScalingGroupName=none.x&ScheduledActionNames.member.1=a", "ValidationError",
		"AutoScalingGroup name not found - AutoScalingGroup: none.x not found")
}

// The operations are served in the JSON protocol too, which AWS does not offer: the console calls them so.
func TestGroupsInJSON(t *testing.T) {
	m := newMemory(t)
	call := func(operation, body string) (int, string) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(body))
		r.Header = http.Header{"X-Amz-Target": {"AutoScaling_2011_01_01." + operation}, "Content-Type": {"application/x-amz-json-1.1"}}
		w := httptest.NewRecorder()
		m.http.ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}
	policy := `{"AutoScalingGroupName":"chat.blue","PolicyName":"one-more","AdjustmentType":"ChangeInCapacity","ScalingAdjustment":1}`
	if status, text := call("PutScalingPolicy", policy); status != http.StatusOK || !strings.Contains(text, `"PolicyARN":"arn:aws:autoscaling:`) {
		t.Fatalf("%d %s", status, text)
	}
	if _, text := call("DescribePolicies", `{}`); !strings.Contains(text, `"PolicyType":"SimpleScaling"`) || !strings.Contains(text, `"ScalingAdjustment":1`) {
		t.Errorf("the policies are %s", text)
	}
	if status, text := call("DeletePolicy", `{"PolicyName":"one-more"}`); status != http.StatusBadRequest || !strings.Contains(text, "AutoScalingGroupName must be specified") {
		t.Errorf("a refusal is %d %s", status, text)
	}
}
