package cloudwatch

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"bellows.dev/bellows/internal/awsapi"
)

const topic = "arn:aws:sns:us-east-1:123456789012:ops"

// good returns a valid request.
func good() *sdk.PutMetricAlarmInput {
	return &sdk.PutMetricAlarmInput{
		AlarmName: aws.String("a"), Namespace: aws.String("App"), MetricName: aws.String("Queue"), Statistic: types.StatisticAverage,
		Period: aws.Int32(60), EvaluationPeriods: aws.Int32(3), Threshold: aws.Float64(50),
		ComparisonOperator: types.ComparisonOperatorGreaterThanThreshold,
	}
}

func promQL(query string, pending int32) *sdk.PutMetricAlarmInput {
	return &sdk.PutMetricAlarmInput{
		AlarmName: aws.String("p"), EvaluationInterval: aws.Int32(60),
		EvaluationCriteria: &types.EvaluationCriteriaMemberPromQLCriteria{Value: types.AlarmPromQLCriteria{
			Query: aws.String(query), PendingPeriod: aws.Int32(pending),
		}},
	}
}

// bad is a change that makes a valid request invalid, and the refusal, "" if it stays valid.
type bad[In any] struct {
	name string
	do   func(*In)
	want string
}

// refusals applies each change to a valid request, with an existing alarm named there. Refused requests must change nothing.
func refusals[In, Out any](
	t *testing.T, request func() *In, put func(*API, context.Context, awsapi.Call, *In) (*Out, error), changes []bad[In],
) {
	t.Helper()
	for _, tc := range changes {
		t.Run(tc.name, func(t *testing.T) {
			a, m := newMemory()
			there := good()
			there.AlarmName = aws.String("there")
			must[*sdk.PutMetricAlarmOutput](t)(a.putMetricAlarm(t.Context(), call, there))
			before := len(m.items)
			in := request()
			tc.do(in)
			_, err := put(a, t.Context(), call, in)
			if got := refused(err); got != tc.want {
				t.Errorf("\n got %s\nwant %s", got, tc.want)
			}
			if err != nil && len(m.items) > before {
				t.Errorf("a refused request changed something: %v", m.items)
			}
		})
	}
}

// AWS: PutMetricAlarm, API reference; most texts are recorded.
func TestMetricAlarmsThatAreRefused(t *testing.T) {
	type request = sdk.PutMetricAlarmInput
	refusals(t, good, (*API).putMetricAlarm, []bad[request]{
		{"all is well", func(*request) {}, ""},
		{"control characters", func(in *request) { in.AlarmName = aws.String("a\nb") }, "InvalidParameterValue: The parameter AlarmName must not contain ASCII control characters."},
		{"no metric", func(in *request) { in.MetricName = nil }, "MissingParameter: The parameters MetricName and Namespace are required."},
		{"namespace", func(in *request) { in.Namespace = aws.String("Ä") }, "ValidationError: Namespace must not contain Non-ASCII characters."},
		{"both statistics", func(in *request) { in.ExtendedStatistic = aws.String("p9") }, "ValidationError: PutMetricAlarm request can not be made with both Statistic and ExtendedStatistic parameters. Only one of them should be present"},
		{"no statistic", func(in *request) { in.Statistic = "" }, "ValidationError: PutMetricAlarm request should have a Statistic parameter"},
		{"percentile", func(in *request) { in.Statistic, in.ExtendedStatistic = "", aws.String("p101") }, "InvalidParameterValue: The value p101 for parameter ExtendedStatistic is not supported."},
		{"no period", func(in *request) { in.Period = nil }, "ValidationError: PutMetricAlarm request should have a Period parameter"},
		{"period", func(in *request) { in.Period = aws.Int32(15) }, "ValidationError: Period must be 10, 20, 30 or a multiple of 60"},
		{"periods", func(in *request) { in.EvaluationPeriods = nil }, "MissingParameter: The parameter EvaluationPeriods is required."},
		{"operator", func(in *request) { in.ComparisonOperator = "" }, "MissingParameter: The parameter ComparisonOperator is required."},
		{"threshold", func(in *request) { in.Threshold = nil }, "ValidationError: PutMetricAlarm request should have valid Threshold parameter"},
		{"M of N", func(in *request) { in.DatapointsToAlarm = aws.Int32(4) }, "ValidationError: DatapointsToAlarm must be less than or equal to EvaluationPeriods"},
		{"a day", func(in *request) { in.EvaluationPeriods = aws.Int32(1441) }, "ValidationError: Metrics cannot be checked across more than a day (EvaluationPeriods * Period must be <= 86400) for alarms using period < 3600"},
		{"a day is well", func(in *request) { in.EvaluationPeriods = aws.Int32(1440) }, ""},
		{"a week", func(in *request) { in.Period, in.EvaluationPeriods = aws.Int32(3600), aws.Int32(169) }, "ValidationError: Metrics cannot be checked across more than a week (EvaluationPeriods * Period must be <= 604800) for alarms using period >= 3600"},
		{"a week is well", func(in *request) { in.Period, in.EvaluationPeriods = aws.Int32(3600), aws.Int32(168) }, ""},
		{"treatment", func(in *request) { in.TreatMissingData = aws.String("lost") }, "ValidationError: Supported values for TreatMissingData are breaching, notBreaching, ignore, and missing."},
		{"low samples", func(in *request) { in.EvaluateLowSampleCountPercentile = aws.String("ignore") }, "ValidationError: Option evaluateLowSampleCountPercentile can not be applied with statistic Average. This option is enabled only for percentile statistics."},
		{"arn", func(in *request) { in.OKActions = []string{"nonsense"} }, "ValidationError: Invalid arn syntax: nonsense"},
		{"vendor", func(in *request) { in.AlarmActions = []string{"arn:aws:s3:us-east-1:1:x"} }, "ValidationError: Unsupported AWS vendor s3"},
		{"region", func(in *request) { in.AlarmActions = []string{"arn:aws:sns:eu-west-1:1:x"} }, "ValidationError: Invalid region eu-west-1 specified. Only us-east-1 is supported."},
		{"twice", func(in *request) { in.AlarmActions = []string{topic, topic} }, "ValidationError: The collection AlarmActions must not have duplicates."},
		{"interval", func(in *request) { in.EvaluationInterval = aws.Int32(60) }, "ValidationError: EvaluationInterval can only be specified together with EvaluationCriteria"},
		{"a range", func(in *request) { in.ComparisonOperator = types.ComparisonOperatorGreaterThanUpperThreshold }, "ValidationError: ComparisonOperators for ranges require ThresholdMetricId to be set"},
		{"p100.5 is well", func(in *request) { in.Statistic, in.ExtendedStatistic = "", aws.String("p100.5") }, ""},
		{"tag of AWS's", func(in *request) { in.Tags = tags("AwS:x") }, `AccessDenied: The provided tag keys must not start with any case of "aws:"`},
		{"tag twice is well", func(in *request) { in.Tags = tags("x", "x") }, ""},
		{"tags", func(in *request) { in.Tags = manyTags(51) }, "ValidationError: The resultant tag set must not have more than 50 user tags."},
		{"not here", func(in *request) { in.ActionConfiguration = &types.ActionConfiguration{} }, "ValidationError: The member 'actionConfiguration' asks for something that this server does not do. Leave it out."},
	})
}

func TestPromQLAlarmsThatAreRefused(t *testing.T) {
	type request = sdk.PutMetricAlarmInput
	refusals(t, func() *request { return promQL("up == 0", 120) }, (*API).putMetricAlarm, []bad[request]{
		{"all is well", func(*request) {}, ""},
		{"a metric", func(in *request) { in.MetricName = aws.String("m") }, "ValidationError: MetricName can not be specified together with EvaluationCriteria"},
		{"a treatment", func(in *request) { in.TreatMissingData = aws.String("ignore") }, "ValidationError: TreatMissingData can not be specified together with EvaluationCriteria"},
		{"a threshold", func(in *request) { in.Threshold = aws.Float64(1) }, "ValidationError: Threshold can not be specified together with EvaluationCriteria"},
		{"no interval", func(in *request) { in.EvaluationInterval = nil }, "MissingParameter: The parameter EvaluationInterval is required."},
		{"interval", func(in *request) { in.EvaluationInterval = aws.Int32(61) }, "ValidationError: EvaluationInterval must be 10, 20, 30 or a multiple of 60"},
		{"no query", func(in *request) { *in = *promQL("up ==", 0) }, "ValidationError: The PromQL query is not valid: 1:6: parse error: unexpected end of input"},
		{"nested too deeply", func(in *request) { *in = *promQL(strings.Repeat("(", 1000)+"up"+strings.Repeat(")", 1000), 0) }, "ValidationError: The PromQL query is not valid: the query is nested more than 100 levels deep"},
		{"a scalar", func(in *request) { *in = *promQL("1 + 1", 0) }, "ValidationError: The PromQL query must return a result of vector type, and this one returns a scalar."},
		{"nothing", func(in *request) { in.EvaluationCriteria = &types.UnknownUnionMember{} }, "ValidationError: EvaluationCriteria must have a PromQLCriteria"},
	})
}

// errorRate returns an alarm on an expression over two metrics.
func errorRate() *sdk.PutMetricAlarmInput {
	stat := func(id, name string) types.MetricDataQuery {
		return types.MetricDataQuery{Id: aws.String(id), ReturnData: aws.Bool(false), MetricStat: &types.MetricStat{
			Metric: &types.Metric{Namespace: aws.String("App"), MetricName: aws.String(name)}, Period: aws.Int32(60), Stat: aws.String("Sum"),
		}}
	}
	in := good()
	in.Namespace, in.MetricName, in.Statistic, in.Period = nil, nil, "", nil
	in.Metrics = []types.MetricDataQuery{
		stat("m1", "errors"), stat("m2", "requests"), {Id: aws.String("e1"), Expression: aws.String("100*m1/m2"), Label: aws.String("rate")},
	}
	return in
}

// AWS: PutMetricAlarm, API reference, Metrics; most texts are recorded.
func TestAlarmsOnExpressionsThatAreRefused(t *testing.T) {
	type request = sdk.PutMetricAlarmInput
	refusals(t, errorRate, (*API).putMetricAlarm, []bad[request]{
		{"all is well", func(*request) {}, ""},
		{"one metric is well", func(in *request) { in.Metrics = in.Metrics[:1]; in.Metrics[0].ReturnData = nil }, ""},
		{"a metric", func(in *request) { in.MetricName, in.Period = aws.String("m"), aws.Int32(60) }, "ValidationError: MetricName should not be set if list of Metrics is set."},
		{"a period", func(in *request) { in.Period = aws.Int32(60) }, "ValidationError: Period should not be set if list of Metrics is set."},
		{"the first of a sorted list is well", func(in *request) { in.Metrics[2].Expression = aws.String("FIRST(SORT(METRICS(),MAX,DESC))") }, ""},
		{"the first that is not empty is well", func(in *request) { in.Metrics[2].Expression = aws.String("FIRST(REMOVE_EMPTY(METRICS()))") }, ""},
		{"none is returned", func(in *request) { in.Metrics[2].ReturnData = aws.Bool(false) }, "ValidationError: Exactly one element of the metrics list should return data."},
		{"two are returned", func(in *request) { in.Metrics[1].ReturnData = nil }, "ValidationError: Exactly one element of the metrics list should return data."},
		{"several series", func(in *request) { in.Metrics[2].Expression = aws.String("METRICS()") }, "ValidationError: Metrics expression that return multi time series are only allowed for MetricsInsights expression with an ORDER BY clause"},
		{"a search", func(in *request) { in.Metrics[2].Expression = aws.String("SUM(SEARCH('{App} x', 'Sum', 60))") }, "ValidationError: SEARCH is not supported on Metric Alarms."},
		{"twice", func(in *request) { in.Metrics[1].Id = aws.String("m1") }, "ValidationError: The values for parameter id in MetricDataQueries are not unique."},
		{"an id", func(in *request) { in.Metrics[1].Id = aws.String("M2") }, `ValidationError: Invalid metrics list: the Id "M2" must begin with a small letter and have letters, digits and _ only`},
		{"neither", func(in *request) { in.Metrics[1].MetricStat = nil }, "ValidationError: Period must not be null"},
		{"no period", func(in *request) {
			in.Metrics = in.Metrics[2:]
			in.Metrics[0].Expression = aws.String("TIME_SERIES(1)")
		}, "ValidationError: Period must not be null"},
		{"a period of its own is well", func(in *request) {
			in.Metrics = in.Metrics[2:]
			in.Metrics[0].Expression, in.Metrics[0].Period = aws.String("TIME_SERIES(1)"), aws.Int32(60)
		}, ""},
		{"both", func(in *request) { in.Metrics[1].Expression = aws.String("m1") }, "ValidationError: The parameters MetricDataQuery Expression and MetricStat are mutually exclusive and you have specified both."},
		{"a statistic", func(in *request) { in.Metrics[1].MetricStat.Stat = aws.String("Sums") }, "ValidationError: Invalid metrics list"},
		{"a metric's period", func(in *request) { in.Metrics[1].MetricStat.Period = aws.Int32(61) }, "ValidationError: Period must be 10, 20, 30 or a multiple of 60"},
		{"another account", func(in *request) { in.Metrics[1].AccountId = aws.String("2") }, "ValidationError: Invalid metrics list: the query m2 asks for another account's metrics, which this server does not have"},
		{"a day", func(in *request) { in.EvaluationPeriods = aws.Int32(1441) }, "ValidationError: Metrics cannot be checked across more than a day (EvaluationPeriods * Period must be <= 86400) for alarms using period < 3600"},
		{"a threshold", func(in *request) { in.Threshold = nil }, "ValidationError: PutMetricAlarm request should have valid Threshold parameter"},
		{"a band that is not there", func(in *request) { in.ThresholdMetricId = aws.String("e2") }, "ValidationError: Metrics list must contain exactly one metric matching the ThresholdMetricId parameter"},
		{"a band alone", func(in *request) { in.ThresholdMetricId = aws.String("e1") }, "ValidationError: Exactly two elements of the metrics list should return data."},
		{"a band that is none", func(in *request) { in.ThresholdMetricId, in.Metrics[0].ReturnData = aws.String("e1"), nil }, "ValidationError: Metrics list must contain exactly one metric matching the ThresholdMetricId parameter"},
		{"a band", func(in *request) {
			in.ThresholdMetricId, in.Metrics[0].ReturnData, in.Metrics[2].Expression = aws.String("e1"), nil, aws.String("ANOMALY_DETECTION_BAND(m1, 2)")
			in.Threshold, in.ComparisonOperator = nil, types.ComparisonOperatorGreaterThanUpperThreshold
		}, "ValidationError: Error in expression 'e1': Function 'ANOMALY_DETECTION_BAND' is not supported"},
		{"low samples", func(in *request) { in.EvaluateLowSampleCountPercentile = aws.String("ignore") }, "ValidationError: Option evaluateLowSampleCountPercentile can not be applied with a Metrics list. This option is enabled only for percentile statistics."},
		{"too many", func(in *request) {
			for range 9 {
				in.Metrics = append(in.Metrics, in.Metrics[1])
			}
		}, "ValidationError: Too many metrics in alarm, maximum is 10"},
		{"too many expressions", func(in *request) {
			for range 10 {
				in.Metrics = append(in.Metrics, in.Metrics[2])
			}
		}, "ValidationError: Too many expressions in alarm, maximum is 10"},
	})
}

func TestAlarmsOnExpressionsAreDescribed(t *testing.T) {
	a, m := newMemory()
	must[*sdk.PutMetricAlarmOutput](t)(a.putMetricAlarm(t.Context(), call, errorRate()))
	must[*sdk.PutMetricAlarmOutput](t)(a.putMetricAlarm(t.Context(), call, errorRate()))
	if len(m.items) != 1 {
		t.Errorf("an identical put changes the alarm: %v", m.items)
	}
	x := must[*sdk.DescribeAlarmsOutput](t)(a.describeAlarms(t.Context(), call, &sdk.DescribeAlarmsInput{})).MetricAlarms[0]
	if len(x.Metrics) != 3 || *x.Metrics[2].Expression != "100*m1/m2" || !*x.Metrics[2].ReturnData || *x.Metrics[0].ReturnData ||
		*x.Metrics[0].MetricStat.Period != 60 || x.Metrics[2].Period != nil || *x.Metrics[2].Label != "rate" {
		t.Errorf("%+v", x.Metrics)
	}
	if x.MetricName != nil || x.Period != nil || x.Statistic != "" || len(x.Dimensions) != 0 || *x.EvaluationPeriods != 3 {
		t.Errorf("%+v", x)
	}
	of := must[*sdk.DescribeAlarmsForMetricOutput](t)(a.describeAlarmsForMetric(t.Context(), call, &sdk.DescribeAlarmsForMetricInput{
		Namespace: aws.String("App"), MetricName: aws.String("errors"),
	}))
	if len(of.MetricAlarms) != 0 {
		t.Errorf("alarms on expressions are listed for a metric: %+v", of.MetricAlarms)
	}
	history := must[*sdk.DescribeAlarmHistoryOutput](t)(a.describeAlarmHistory(t.Context(), call, &sdk.DescribeAlarmHistoryInput{}))
	if data := *history.AlarmHistoryItems[0].HistoryData; !strings.Contains(data, `"expression":"100*m1/m2"`) {
		t.Error(data)
	}
}

// AWS: DescribeAlarmsForMetric, API reference: the metric's exact dimensions, in any order.
func TestAlarmsForAMetric(t *testing.T) {
	a, _ := newMemory()
	dims := func(names ...string) []types.Dimension {
		var out []types.Dimension
		for _, n := range names {
			out = append(out, types.Dimension{Name: aws.String(n), Value: aws.String("v")})
		}
		return out
	}
	in := good()
	in.Dimensions, in.Unit = dims("x", "y"), types.StandardUnitCount
	must[*sdk.PutMetricAlarmOutput](t)(a.putMetricAlarm(t.Context(), call, in))
	in = good()
	in.AlarmName, in.Statistic, in.ExtendedStatistic, in.Dimensions = aws.String("b"), "", aws.String("p99"), dims("y", "x")
	must[*sdk.PutMetricAlarmOutput](t)(a.putMetricAlarm(t.Context(), call, in))
	type request = sdk.DescribeAlarmsForMetricInput
	for _, tc := range []struct {
		do   func(*request)
		want string
	}{
		{func(*request) {}, "a b "},
		{func(q *request) { q.Dimensions = dims("y", "x") }, "a b "},
		{func(q *request) { q.Dimensions = dims("x") }, ""},
		{func(q *request) { q.Statistic = types.StatisticAverage }, "a "},
		{func(q *request) { q.ExtendedStatistic = aws.String("p99") }, "b "},
		{func(q *request) { q.Unit = types.StandardUnitCount }, "a "},
		{func(q *request) { q.Period = aws.Int32(300) }, ""},
	} {
		q := &request{Namespace: aws.String("App"), MetricName: aws.String("Queue"), Dimensions: dims("x", "y")}
		tc.do(q)
		got := ""
		for _, x := range must[*sdk.DescribeAlarmsForMetricOutput](t)(a.describeAlarmsForMetric(t.Context(), call, q)).MetricAlarms {
			got += *x.AlarmName + " "
		}
		if got != tc.want {
			t.Errorf("%+v: got %q, want %q", q, got, tc.want)
		}
	}
}

// Exactly what was put is described.
func TestPromQLAlarmsAreDescribed(t *testing.T) {
	a, _ := newMemory()
	must[*sdk.PutMetricAlarmOutput](t)(a.putMetricAlarm(t.Context(), call, promQL("up == 0", 120)))
	x := must[*sdk.DescribeAlarmsOutput](t)(a.describeAlarms(t.Context(), call, &sdk.DescribeAlarmsInput{})).MetricAlarms[0]
	criteria := x.EvaluationCriteria.(*types.EvaluationCriteriaMemberPromQLCriteria).Value
	if *criteria.Query != "up == 0" || *criteria.PendingPeriod != 120 || criteria.RecoveryPeriod != nil || *x.EvaluationInterval != 60 {
		t.Errorf("%+v %v", criteria, *x.EvaluationInterval)
	}
	if x.StateValue != types.StateValueOk || x.MetricName != nil || x.Threshold != nil || x.ComparisonOperator != "" || x.EvaluationPeriods != nil {
		t.Errorf("%+v", x)
	}
}

func tags(keys ...string) []types.Tag {
	var out []types.Tag
	for _, k := range keys {
		out = append(out, types.Tag{Key: aws.String(k), Value: aws.String("v")})
	}
	return out
}

func manyTags(n int) []types.Tag {
	var keys []string
	for i := range n {
		keys = append(keys, fmt.Sprint("k", i))
	}
	return tags(keys...)
}

func TestCompositeAlarmsThatAreRefused(t *testing.T) {
	type request = sdk.PutCompositeAlarmInput
	refusals(t, func() *request {
		return &request{AlarmName: aws.String("c"), AlarmRule: aws.String("ALARM(there)")}
	}, (*API).putCompositeAlarm, []bad[request]{
		{"all is well", func(*request) {}, ""},
		{"an ARN", func(in *request) {
			in.AlarmRule = aws.String("ALARM(arn:aws:cloudwatch:us-east-1:123456789012:alarm:there)")
		}, ""},
		{"an ARN of elsewhere", func(in *request) {
			in.AlarmRule = aws.String("ALARM(arn:aws:cloudwatch:eu-west-1:123456789012:alarm:there)")
		}, "ValidationError: Error in AlarmRule [Wrong ARN region, it was eu-west-1 but us-east-1 was expected instead]"},
		{"an ARN of others", func(in *request) {
			in.AlarmRule = aws.String("ALARM(arn:aws:cloudwatch:us-east-1:111111111111:alarm:there)")
		}, "ValidationError: A composite alarm cannot have a child relation with alarms from another AWS account"},
		{"nothing is there", func(in *request) { in.AlarmRule = aws.String(`ALARM("") OR OK('a')`) }, "ValidationError: Could not save the composite alarm as alarms " +
			"[arn:aws:cloudwatch:us-east-1:123456789012:alarm:, arn:aws:cloudwatch:us-east-1:123456789012:alarm:'a'] in the alarm rule do not exist"},
		{"a rule", func(in *request) { in.AlarmRule = aws.String("ALARM(a") }, "ValidationError: Error in AlarmRule [Unsupported token '<EOF>' at char 7, must be: ')']"},
		{"scaling", func(in *request) {
			in.AlarmActions = []string{"arn:aws:autoscaling:us-east-1:123456789012:scalingPolicy:x"}
		}, "ValidationError: Unsupported AWS vendor autoscaling"},
		{"wait", func(in *request) { in.ActionsSuppressor = aws.String("there") }, "ValidationError: ActionsSuppressorWaitPeriod must not be null"},
		{"extension", func(in *request) {
			in.ActionsSuppressor, in.ActionsSuppressorWaitPeriod = aws.String("there"), aws.Int32(1)
		}, "ValidationError: ActionsSuppressorExtensionPeriod must not be null"},
		{"no suppressor", func(in *request) { in.ActionsSuppressorExtensionPeriod = aws.Int32(1) }, "ValidationError: ActionsSuppressorExtensionPeriod requires an ActionSuppressor"},
		{"negative", func(in *request) {
			in.ActionsSuppressor, in.ActionsSuppressorWaitPeriod, in.ActionsSuppressorExtensionPeriod = aws.String("there"), aws.Int32(-1), aws.Int32(1)
		}, "ValidationError: ActionsSuppressorWaitPeriod must not be negative"},
		{"no alarm's ARN", func(in *request) {
			in.ActionsSuppressor, in.ActionsSuppressorWaitPeriod, in.ActionsSuppressorExtensionPeriod = aws.String(topic), aws.Int32(1), aws.Int32(1)
		}, "ValidationError: ActionsSuppressor must be a valid CloudWatch Alarm ARN or an Alarm name"},
		{"type", func(in *request) { in.AlarmName = aws.String("there") }, "ValidationError: AlarmName [there] is already used by another alarm of a different type"},
	})
}

// family creates a metric alarm a, and composite alarms b on it and c on both.
func family(t *testing.T) (*API, *memory) {
	t.Helper()
	a, m := newMemory()
	in := good()
	in.AlarmActions, in.Tags = []string{topic}, tags("team")
	must[*sdk.PutMetricAlarmOutput](t)(a.putMetricAlarm(t.Context(), call, in))
	must[*sdk.PutCompositeAlarmOutput](t)(a.putCompositeAlarm(t.Context(), call, &sdk.PutCompositeAlarmInput{
		AlarmName: aws.String("b"), AlarmRule: aws.String("ALARM(a)"), OKActions: []string{topic}, Tags: tags("team"),
	}))
	must[*sdk.PutCompositeAlarmOutput](t)(a.putCompositeAlarm(t.Context(), call, &sdk.PutCompositeAlarmInput{
		AlarmName: aws.String("c"), AlarmRule: aws.String("ALARM(b) OR ALARM(a)"), AlarmDescription: aws.String("all"),
		ActionsSuppressor: aws.String("a"), ActionsSuppressorWaitPeriod: aws.Int32(60), ActionsSuppressorExtensionPeriod: aws.Int32(90),
	}))
	return a, m
}

// AWS: DescribeAlarms, API reference.
func TestAlarmsAreDescribedByFilters(t *testing.T) {
	both := []types.AlarmType{types.AlarmTypeCompositeAlarm, types.AlarmTypeMetricAlarm}
	composite := both[:1]
	type request = sdk.DescribeAlarmsInput
	for _, tc := range []struct {
		name string
		in   request
		want string // names, metric alarms before composite ones; or a refusal
	}{
		{"metric alarms are the default", request{}, "a /"},
		{"even where a composite one is named", request{AlarmNames: []string{"a", "b", "nobody"}}, "a /"},
		{"both types", request{AlarmTypes: both}, "a / b c"},
		{"composite ones", request{AlarmTypes: composite}, "/ b c"},
		{"log alarms there are none", request{AlarmTypes: []types.AlarmType{types.AlarmTypeLogAlarm}}, "/"},
		{"a name of them", request{AlarmTypes: composite, AlarmNames: []string{"c", "a"}}, "/ c"},
		{"a prefix", request{AlarmTypes: both, AlarmNamePrefix: aws.String("b")}, "/ b"},
		{"a state", request{AlarmTypes: both, StateValue: types.StateValueInsufficientData}, "a /"},
		{"another state", request{AlarmTypes: both, StateValue: types.StateValueOk}, "/ b c"},
		{"an action", request{AlarmTypes: both, ActionPrefix: aws.String("arn:aws:sns")}, "a / b"},
		{"children", request{ChildrenOfAlarmName: aws.String("c")}, "a / b"},
		{"children of none", request{ChildrenOfAlarmName: aws.String("a")}, "/"},
		{"parents", request{ParentsOfAlarmName: aws.String("a")}, "/ b c"},
		{"parents of none", request{ParentsOfAlarmName: aws.String("c")}, "/"},
		{"of nobody", request{ParentsOfAlarmName: aws.String("nobody")}, "ResourceNotFound: "},
		{"names and prefix", request{AlarmNames: []string{"a"}, AlarmNamePrefix: aws.String("a")}, "InvalidParameterCombination: The parameters AlarmNames and AlarmNamePrefix are mutually exclusive and you have specified both."},
		{"children and types", request{ChildrenOfAlarmName: aws.String("c"), AlarmTypes: both}, "ValidationError: When ChildrenOfAlarmName is specified, no other parameters may be specified except MaxRecords and NextToken."},
		{"parents and a state", request{ParentsOfAlarmName: aws.String("c"), StateValue: "OK"}, "ValidationError: When ParentsOfAlarmName is specified, no other parameters may be specified except MaxRecords and NextToken."},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a, _ := family(t)
			got := ""
			for pages := 0; pages < 4; pages++ { // one alarm per page
				tc.in.MaxRecords = aws.Int32(1)
				out, err := a.describeAlarms(t.Context(), call, &tc.in)
				if err != nil {
					got = refused(err)
					break
				}
				for _, x := range out.MetricAlarms {
					got += *x.AlarmName + " "
				}
				if pages == 0 || len(out.MetricAlarms) > 0 || !strings.Contains(got, "/") {
					got = strings.TrimSuffix(got, "/")
				}
				if !strings.Contains(got, "/") {
					got += "/"
				}
				for _, x := range out.CompositeAlarms {
					got += " " + *x.AlarmName
				}
				if tc.in.NextToken = out.NextToken; out.NextToken == nil {
					break
				}
			}
			if got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestRelativesAreDescribedInPart(t *testing.T) {
	a, _ := family(t)
	out := must[*sdk.DescribeAlarmsOutput](t)(a.describeAlarms(t.Context(), call, &sdk.DescribeAlarmsInput{ChildrenOfAlarmName: aws.String("c")}))
	child, inner := out.MetricAlarms[0], out.CompositeAlarms[0]
	if child.StateValue == "" || child.StateUpdatedTimestamp == nil || child.AlarmArn == nil || child.MetricName != nil || child.OKActions != nil ||
		inner.StateValue == "" || inner.AlarmRule != nil {
		t.Errorf("%+v %+v", child, inner)
	}
	out = must[*sdk.DescribeAlarmsOutput](t)(a.describeAlarms(t.Context(), call, &sdk.DescribeAlarmsInput{ParentsOfAlarmName: aws.String("b")}))
	if parent := out.CompositeAlarms[0]; *parent.AlarmName != "c" || parent.AlarmArn == nil || parent.StateValue != "" || parent.AlarmRule != nil {
		t.Errorf("%+v", parent)
	}
}

func TestCompositeAlarmsAreDescribed(t *testing.T) {
	a, _ := family(t)
	out := must[*sdk.DescribeAlarmsOutput](t)(a.describeAlarms(t.Context(), call, &sdk.DescribeAlarmsInput{
		AlarmTypes: []types.AlarmType{types.AlarmTypeCompositeAlarm}, AlarmNames: []string{"c"},
	}))
	c := out.CompositeAlarms[0]
	if *c.AlarmRule != "ALARM(b) OR ALARM(a)" || *c.ActionsSuppressor != "a" || *c.ActionsSuppressorWaitPeriod != 60 ||
		*c.ActionsSuppressorExtensionPeriod != 90 || c.ActionsSuppressedBy != types.ActionsSuppressedByWaitPeriod ||
		*c.ActionsSuppressedReason != "Actions suppressed by WaitPeriod" || *c.AlarmDescription != "all" || c.OKActions == nil {
		t.Errorf("%+v", c)
	}
	want := "arn:aws:cloudwatch:us-east-1:123456789012:alarm:c was created and its alarm rule evaluates to OK"
	if *c.StateReason != want || !strings.HasPrefix(*c.StateReasonData, `{"triggeringAlarms":[{"arn":"arn:aws:cloudwatch:us-east-1:123456789012:alarm:a"`) {
		t.Errorf("%s %s", *c.StateReason, *c.StateReasonData)
	}
}

func TestHistoryOfAlarms(t *testing.T) {
	a, m := family(t)
	set := func(name string, v types.StateValue) {
		must[*sdk.SetAlarmStateOutput](t)(a.setAlarmState(t.Context(), call, &sdk.SetAlarmStateInput{
			AlarmName: aws.String(name), StateValue: v, StateReason: aws.String("test"),
		}))
	}
	set("a", types.StateValueAlarm)
	must[*sdk.PutMetricAlarmOutput](t)(a.putMetricAlarm(t.Context(), call, promQL("up", 0)))
	must[engineResult](t)(m.Step(t.Context(), promQLAnswer()))
	must[*sdk.DeleteAlarmsOutput](t)(a.deleteAlarms(t.Context(), call, &sdk.DeleteAlarmsInput{AlarmNames: []string{"c"}}))
	contributor := m.engine.Region(call.Scope).Alarms.Metric["p"].Contributors[0].ID
	type request = sdk.DescribeAlarmHistoryInput
	composite, both := []types.AlarmType{types.AlarmTypeCompositeAlarm}, []types.AlarmType{types.AlarmTypeCompositeAlarm, types.AlarmTypeMetricAlarm}
	for _, tc := range []struct {
		in   request
		want []string // summaries, newest first
	}{
		{request{AlarmName: aws.String("a")}, []string{"Alarm updated from INSUFFICIENT_DATA to ALARM", `Alarm "a" created`}},
		{request{AlarmName: aws.String("a"), ScanBy: types.ScanByTimestampAscending}, []string{`Alarm "a" created`, "Alarm updated from INSUFFICIENT_DATA to ALARM"}},
		{request{AlarmName: aws.String("c")}, nil}, // metric alarms are the default
		{request{AlarmName: aws.String("c"), AlarmTypes: composite}, []string{
			`Alarm "c" deleted`, "Alarm updated from OK to ALARM", "Actions suppressed by Alarm", "Actions suppressed by WaitPeriod",
			"Alarm updated from INSUFFICIENT_DATA to OK", `Alarm "c" created`,
		}},
		{request{AlarmName: aws.String("c"), AlarmTypes: both, HistoryItemType: types.HistoryItemTypeConfigurationUpdate}, []string{`Alarm "c" deleted`, `Alarm "c" created`}},
		{request{HistoryItemType: types.HistoryItemTypeAlarmContributorStateUpdate}, []string{"Alarm contributor updated from OK to ALARM"}},
		{request{AlarmContributorId: aws.String(contributor)}, []string{"Alarm contributor updated from OK to ALARM"}},
		{request{AlarmContributorId: aws.String("another")}, nil},
		{request{AlarmTypes: []types.AlarmType{types.AlarmTypeLogAlarm}}, nil},
	} {
		var got []string
		for {
			tc.in.MaxRecords = aws.Int32(2)
			out := must[*sdk.DescribeAlarmHistoryOutput](t)(a.describeAlarmHistory(t.Context(), call, &tc.in))
			for _, x := range out.AlarmHistoryItems {
				got = append(got, *x.HistorySummary)
				isComposite := x.AlarmType == types.AlarmTypeCompositeAlarm
				if isComposite != slices.Contains([]string{"b", "c"}, *x.AlarmName) {
					t.Errorf("%s is a %s", *x.AlarmName, x.AlarmType)
				}
			}
			if tc.in.NextToken = out.NextToken; out.NextToken == nil {
				break
			}
		}
		if !slices.Equal(got, tc.want) {
			t.Errorf("%+v:\n got %q\nwant %q", tc.in, got, tc.want)
		}
	}
	items := must[*sdk.DescribeAlarmContributorsOutput](t)(a.describeAlarmContributors(t.Context(), call, &sdk.DescribeAlarmContributorsInput{AlarmName: aws.String("p")}))
	if len(items.AlarmContributors) != 1 || items.AlarmContributors[0].ContributorAttributes["job"] != "x" || *items.AlarmContributors[0].ContributorId != contributor {
		t.Errorf("%+v", items.AlarmContributors)
	}
	if _, err := a.describeAlarmContributors(t.Context(), call, &sdk.DescribeAlarmContributorsInput{AlarmName: aws.String("nobody")}); refused(err) != "ResourceNotFoundException: Unknown resource nobody" {
		t.Error(refused(err))
	}
}

func TestTagsOfAlarms(t *testing.T) {
	a, _ := family(t)
	const arn = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:"
	for _, name := range []string{"a", "b"} {
		list := func() string {
			out := must[*sdk.ListTagsForResourceOutput](t)(a.listTagsForResource(t.Context(), call, &sdk.ListTagsForResourceInput{ResourceARN: aws.String(arn + name)}))
			text := ""
			for _, x := range out.Tags {
				text += *x.Key + "=" + *x.Value + " "
			}
			return text
		}
		must[*sdk.TagResourceOutput](t)(a.tagResource(t.Context(), call, &sdk.TagResourceInput{ResourceARN: aws.String(arn + name), Tags: tags("b", "a", "a")}))
		if got := list(); got != "a=v b=v team=v " {
			t.Errorf("%s has %s", name, got)
		}
		must[*sdk.UntagResourceOutput](t)(a.untagResource(t.Context(), call, &sdk.UntagResourceInput{ResourceARN: aws.String(arn + name), TagKeys: []string{"b", "none"}}))
		if got := list(); got != "a=v team=v " {
			t.Errorf("%s has %s", name, got)
		}
		_, err := a.tagResource(t.Context(), call, &sdk.TagResourceInput{ResourceARN: aws.String(arn + name), Tags: manyTags(49)})
		if refused(err) != "InvalidParameterValue: tags are invalid." {
			t.Error(refused(err))
		}
	}
	for arn, want := range map[string]string{
		arn + "nobody": "ResourceNotFoundException: ",
		"nonsense":     "InvalidParameterValue: 'nonsense' is not a valid ARN",
		"arn:aws:cloudwatch:us-east-1:123456789012:insight-rule/x": "ResourceNotFoundException: ",
	} {
		_, err := a.listTagsForResource(t.Context(), call, &sdk.ListTagsForResourceInput{ResourceARN: aws.String(arn)})
		if refused(err) != want {
			t.Errorf("%s: %s", arn, refused(err))
		}
		if _, err := a.untagResource(t.Context(), call, &sdk.UntagResourceInput{ResourceARN: aws.String(arn), TagKeys: []string{"x"}}); refused(err) != want {
			t.Errorf("%s: %s", arn, refused(err))
		}
	}
}

// AWS: SetAlarmState, API reference; recorded: the error for an unknown alarm has no message.
func TestSetAlarmState(t *testing.T) {
	a, _ := family(t)
	in := &sdk.SetAlarmStateInput{AlarmName: aws.String("nobody"), StateValue: types.StateValueOk, StateReason: aws.String("x")}
	if _, err := a.setAlarmState(t.Context(), call, in); refused(err) != "ResourceNotFound: " {
		t.Error(refused(err))
	}
	in.StateReasonData = aws.String("{")
	if _, err := a.setAlarmState(t.Context(), call, in); refused(err) != "InvalidFormat: " {
		t.Error(refused(err))
	}
	in.AlarmName, in.StateReason, in.StateReasonData, in.StateValue = aws.String("a"), aws.String(""), nil, types.StateValueAlarm
	if _, err := a.setAlarmState(t.Context(), call, in); err != nil {
		t.Fatal(err)
	}
	out, err := a.describeAlarms(t.Context(), call, &sdk.DescribeAlarmsInput{AlarmNames: []string{"a"}})
	if err != nil || len(out.MetricAlarms) != 1 || out.MetricAlarms[0].StateReason != nil { // recorded
		t.Errorf("%+v, %v", out, err)
	}
}
