package e2e

import (
	"errors"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cw "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
)

// fails runs a program that must fail, and returns what it printed.
func (s *server) fails(name string, args ...string) string {
	s.t.Helper()
	out, err := s.command(s.t.Context(), name, args...).CombinedOutput()
	if err == nil {
		s.t.Errorf("%s %s did not fail:\n%s", name, strings.Join(args, " "), out)
	}
	return string(out)
}

// An unmodified boto3 creates, reads, changes and deletes metrics and alarms, gets AWS's refusals, and is refused every operation that is not served by name.
func TestBoto3OnCloudWatch(t *testing.T) {
	t.Parallel()
	out := start(t, t.TempDir()).script("python3", "boto3_cloudwatch.py")
	t.Log(out)
	if !strings.Contains(out, "all passed") {
		t.Error("the script did not complete")
	}
}

// The AWS CLI puts metrics, reads them in every way, and creates, changes and deletes alarms of both kinds.
func TestAWSCLIOnCloudWatch(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("aws"); err != nil {
		lacking(t, "the AWS CLI is not installed")
	}
	s := start(t, t.TempDir())
	run := func(args ...string) string {
		t.Helper()
		return s.script("aws", append([]string{"cloudwatch"}, args...)...)
	}
	refused := func(want string, args ...string) {
		t.Helper()
		if out := s.fails("aws", append([]string{"cloudwatch"}, args...)...); !strings.Contains(out, want) {
			t.Errorf("%q is not in %s", want, out)
		}
	}
	cliMetrics(t, run, refused)
	cliAlarms(t, run, refused)
}

func cliMetrics(t *testing.T, run func(...string) string, refused func(string, ...string)) {
	now := time.Now().UTC().Truncate(time.Minute)
	at := func(d time.Duration) string { return now.Add(d).Format(time.RFC3339) }
	run("put-metric-data", "--namespace", "CLI", "--metric-data",
		`[{"MetricName":"ms","Dimensions":[{"Name":"host","Value":"b"},{"Name":"az","Value":"a"}],"Values":[2,10],"Counts":[2,3],"Unit":"Milliseconds","Timestamp":"`+at(-2*time.Minute)+`"},`+
			`{"MetricName":"ms","Dimensions":[{"Name":"az","Value":"a"},{"Name":"host","Value":"b"}],"Value":4,"Unit":"Milliseconds","Timestamp":"`+at(-time.Minute)+`"}]`)
	refused("(InvalidParameterCombination)", "put-metric-data", "--namespace", "CLI", "--metric-data", `[{"MetricName":"m","Value":1,"Values":[1]}]`)
	refused("The value AWS/ for parameter Namespace is invalid.", "put-metric-data", "--namespace", "AWS/X", "--metric-name", "m", "--value", "1")
	span := []string{"--start-time", at(-10 * time.Minute), "--end-time", at(time.Minute)}
	of := []string{"--namespace", "CLI", "--metric-name", "ms", "--dimensions", "Name=az,Value=a", "Name=host,Value=b"}
	var stats struct {
		Label      string
		Datapoints []struct {
			Sum, SampleCount   float64
			Unit               string
			ExtendedStatistics map[string]float64
		}
	}
	decode(t, run(slices.Concat([]string{"get-metric-statistics", "--period", "300", "--statistics", "Sum", "SampleCount", "--extended-statistics", "p100", "IQM"}, of, span)...), &stats)
	total := 0.0
	for _, p := range stats.Datapoints { // one or two, depending on the minute boundaries
		total += p.Sum
		if p.Unit != "Milliseconds" || p.ExtendedStatistics["p100"] != 10 && p.ExtendedStatistics["p100"] != 4 {
			t.Errorf("%+v", p)
		}
	}
	if stats.Label != "ms" || total != 38 {
		t.Errorf("%+v", stats)
	}
	var data struct {
		MetricDataResults []struct {
			Id, Label, StatusCode string
			Values                []float64
		}
	}
	queries := `[{"Id":"m","MetricStat":{"Metric":{"Namespace":"CLI","MetricName":"ms","Dimensions":[{"Name":"host","Value":"b"},{"Name":"az","Value":"a"}]},"Period":60,"Stat":"Sum"},` +
		`"Label":"${LAST} of ${PROP('Dim.host')}"},{"Id":"e","Expression":"RUNNING_SUM(m)"}]`
	decode(t, run(append([]string{"get-metric-data", "--scan-by", "TimestampAscending", "--metric-data-queries", queries}, span...)...), &data)
	if r := data.MetricDataResults; len(r) != 2 || r[0].Label != "4 of b" || !slices.Equal(r[0].Values, []float64{34, 4}) || !slices.Equal(r[1].Values, []float64{34, 38}) || r[1].StatusCode != "Complete" {
		t.Errorf("%+v", r)
	}
	refused("Error in expression 'e': ID 'x' not found", append([]string{"get-metric-data", "--metric-data-queries", `[{"Id":"e","Expression":"x"}]`}, span...)...)
	var list struct {
		Metrics []struct {
			Dimensions []struct{ Name, Value string }
		}
	}
	decode(t, run("list-metrics", "--namespace", "CLI", "--dimensions", "Name=host", "--recently-active", "PT3H"), &list)
	if len(list.Metrics) != 1 || list.Metrics[0].Dimensions[0].Name != "az" {
		t.Errorf("%+v", list)
	}
	refused("Request parameter recentlyActive value is invalid", "list-metrics", "--recently-active", "PT1H")
	refused("(InvalidAction)", "list-dashboards")
}

func cliAlarms(t *testing.T, run func(...string) string, refused func(string, ...string)) {
	put := []string{
		"put-metric-alarm", "--alarm-name", "cli", "--namespace", "CLI", "--metric-name", "quiet", "--dimensions", "Name=z,Value=1", "Name=a,Value=2",
		"--statistic", "Average", "--period", "60", "--evaluation-periods", "3", "--threshold", "10", "--comparison-operator", "GreaterThanThreshold",
		"--treat-missing-data", "ignore",
	}
	refused("Invalid arn syntax: nonsense", slices.Concat(put, []string{"--alarm-actions", "nonsense"})...)
	run(slices.Concat(put, []string{"--tags", "Key=team,Value=a"})...)
	run("wait", "alarm-exists", "--alarm-names", "cli")
	run("set-alarm-state", "--alarm-name", "cli", "--state-value", "ALARM", "--state-reason", "by hand", "--state-reason-data", `{ "raw": 1 }`)
	run("disable-alarm-actions", "--alarm-names", "cli", "nobody")
	var out struct {
		MetricAlarms []struct {
			AlarmArn, StateValue, StateReason, StateReasonData string
			ActionsEnabled                                     bool
			Dimensions                                         []struct{ Name string }
		}
		CompositeAlarms []struct{ StateValue, StateReason string }
	}
	decode(t, run("describe-alarms", "--alarm-name-prefix", "c", "--state-value", "ALARM"), &out)
	if x := out.MetricAlarms; len(x) != 1 || x[0].StateReasonData != `{ "raw": 1 }` || x[0].ActionsEnabled || x[0].Dimensions[0].Name != "z" {
		t.Fatalf("%+v", x)
	}
	arn := out.MetricAlarms[0].AlarmArn
	run("tag-resource", "--resource-arn", arn, "--tags", "Key=b,Value=2")
	run("untag-resource", "--resource-arn", arn, "--tag-keys", "team")
	if tags := run("list-tags-for-resource", "--resource-arn", arn, "--output", "text"); strings.TrimSpace(tags) != "TAGS\tb\t2" {
		t.Errorf("%q", tags)
	}
	refused("(AccessDenied)", "tag-resource", "--resource-arn", arn, "--tags", "Key=aws:x,Value=2")
	refused("at char 5, must be: <EOF>, 'AND', 'OR'", "put-composite-alarm", "--alarm-name", "all", "--alarm-rule", "TRUE and FALSE")
	run("put-composite-alarm", "--alarm-name", "all", "--alarm-rule", "ALARM(cli)")
	run("wait", "composite-alarm-exists", "--alarm-names", "all", "--alarm-types", "CompositeAlarm")
	decode(t, run("describe-alarms", "--alarm-names", "all", "--alarm-types", "CompositeAlarm"), &out)
	if x := out.CompositeAlarms; len(x) != 1 || x[0].StateValue != "ALARM" || !strings.HasSuffix(x[0].StateReason, ":all was created and its alarm rule evaluates to ALARM") {
		t.Errorf("%+v", x)
	}
	refused("Cannot delete cli as there are composite alarm(s) depending on it.", "delete-alarms", "--alarm-names", "cli", "all")
	run("delete-alarms", "--alarm-names", "all")
	run("delete-alarms", "--alarm-names", "cli", "nobody")
	refused("(ResourceNotFound)", "set-alarm-state", "--alarm-name", "cli", "--state-value", "OK", "--state-reason", "gone")
	var history struct {
		AlarmHistoryItems []struct{ HistorySummary, HistoryData string }
	}
	decode(t, run("describe-alarm-history", "--alarm-name", "cli", "--scan-by", "TimestampAscending", "--page-size", "1"), &history)
	want := []string{`Alarm "cli" created`, "Alarm updated from INSUFFICIENT_DATA to ALARM", `Alarm "cli" updated`, `Alarm "cli" deleted`}
	for i, x := range history.AlarmHistoryItems {
		if i >= len(want) || x.HistorySummary != want[i] {
			t.Errorf("%d: %s", i, x.HistorySummary)
		}
	}
	if x := history.AlarmHistoryItems; len(x) != 4 || !strings.Contains(x[1].HistoryData, `"stateReasonData":{ "raw": 1 }`) || !strings.Contains(x[2].HistoryData, `"originalUpdatedFields":{`) {
		t.Errorf("%+v", x)
	}
}

// The SDK for Go, which uses CBOR, with its paginators, waiters and typed errors.
func TestSDKForGoOnCloudWatch(t *testing.T) {
	t.Parallel()
	s := start(t, t.TempDir())
	c := s.cloudwatch()
	now := time.Now().UTC().Truncate(time.Minute)
	data := make([]cw.MetricDatum, 1000)
	for i := range data { // ten samples in each of ten minutes, of ten hosts
		data[i] = cw.MetricDatum{
			MetricName: aws.String("m"), Value: aws.Float64(float64(i % 10)), Timestamp: aws.Time(now.Add(-time.Duration(i/10%10) * time.Minute)),
			Dimensions: []cw.Dimension{{Name: aws.String("host"), Value: aws.String(string(rune('a' + i/100)))}},
		}
	}
	if _, err := c.PutMetricData(t.Context(), &cloudwatch.PutMetricDataInput{Namespace: aws.String("Go"), MetricData: data}); err != nil {
		t.Fatal(err)
	}
	goReads(t, c, now)
	goAlarms(t, c)
}

func goReads(t *testing.T, c *cloudwatch.Client, now time.Time) {
	listed, pages := 0, 0
	for p := cloudwatch.NewListMetricsPaginator(c, &cloudwatch.ListMetricsInput{Namespace: aws.String("Go"), RecentlyActive: cw.RecentlyActivePt3h}); p.HasMorePages(); pages++ {
		out, err := p.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		listed += len(out.Metrics)
	}
	if listed != 10 || pages != 1 {
		t.Errorf("%d metrics on %d pages", listed, pages)
	}
	host := []cw.Dimension{{Name: aws.String("host"), Value: aws.String("c")}}
	stats, err := c.GetMetricStatistics(t.Context(), &cloudwatch.GetMetricStatisticsInput{
		Namespace: aws.String("Go"), MetricName: aws.String("m"), Dimensions: host, Period: aws.Int32(3600), StartTime: aws.Time(now.Add(-time.Hour)),
		EndTime: aws.Time(now.Add(time.Hour)), Statistics: []cw.Statistic{cw.StatisticSum, cw.StatisticSampleCount}, ExtendedStatistics: []string{"p0", "p100"},
	})
	if err != nil {
		t.Fatal(err)
	}
	samples := 0.0
	for _, p := range stats.Datapoints {
		samples += *p.SampleCount
		if *p.Sum != 4.5**p.SampleCount || p.ExtendedStatistics["p0"] != 0 || p.ExtendedStatistics["p100"] != 9 {
			t.Errorf("%+v", p)
		}
	}
	if samples != 100 {
		t.Errorf("%v samples", samples)
	}
	var values []float64
	pages = 0
	for p := cloudwatch.NewGetMetricDataPaginator(c, &cloudwatch.GetMetricDataInput{
		StartTime: aws.Time(now.Add(-9 * time.Minute)), EndTime: aws.Time(now.Add(time.Minute)), MaxDatapoints: aws.Int32(4), ScanBy: cw.ScanByTimestampAscending,
		MetricDataQueries: []cw.MetricDataQuery{{Id: aws.String("q"), MetricStat: &cw.MetricStat{
			Metric: &cw.Metric{Namespace: aws.String("Go"), MetricName: aws.String("m"), Dimensions: host}, Period: aws.Int32(60), Stat: aws.String("SampleCount"),
		}}},
	}); p.HasMorePages(); pages++ {
		out, err := p.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		values = append(values, out.MetricDataResults[0].Values...)
	}
	if !slices.Equal(values, slices.Repeat([]float64{10}, 10)) || pages != 3 {
		t.Errorf("%v on %d pages", values, pages)
	}
	_, err = c.GetMetricData(t.Context(), &cloudwatch.GetMetricDataInput{
		StartTime: aws.Time(now), EndTime: aws.Time(now.Add(time.Minute)), NextToken: aws.String("nonsense"),
		MetricDataQueries: []cw.MetricDataQuery{{Id: aws.String("q"), Expression: aws.String("TIME_SERIES(1)"), Period: aws.Int32(60)}},
	})
	if bad := (*cw.InvalidNextToken)(nil); !errors.As(err, &bad) {
		t.Errorf("a token: %v", err)
	}
}

func goAlarms(t *testing.T, c *cloudwatch.Client) {
	ctx := t.Context()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	put := &cloudwatch.PutMetricAlarmInput{
		AlarmName: aws.String("go"), Namespace: aws.String("Go"), MetricName: aws.String("quiet"), ExtendedStatistic: aws.String("p90"), Period: aws.Int32(60),
		EvaluationPeriods: aws.Int32(3), DatapointsToAlarm: aws.Int32(2), Threshold: aws.Float64(1), ComparisonOperator: cw.ComparisonOperatorGreaterThanThreshold,
		TreatMissingData: aws.String("ignore"), EvaluateLowSampleCountPercentile: aws.String("ignore"), Tags: []cw.Tag{{Key: aws.String("k"), Value: aws.String("v")}},
	}
	_, err := c.PutMetricAlarm(ctx, put)
	check(err)
	check(cloudwatch.NewAlarmExistsWaiter(c).Wait(ctx, &cloudwatch.DescribeAlarmsInput{AlarmNames: []string{"go"}}, patience))
	_, err = c.PutCompositeAlarm(ctx, &cloudwatch.PutCompositeAlarmInput{AlarmName: aws.String("all"), AlarmRule: aws.String("AT_LEAST(1, ALARM, (go))")})
	check(err)
	composites := []cw.AlarmType{cw.AlarmTypeCompositeAlarm}
	check(cloudwatch.NewCompositeAlarmExistsWaiter(c).Wait(ctx, &cloudwatch.DescribeAlarmsInput{AlarmNames: []string{"all"}, AlarmTypes: composites}, patience))
	for _, state := range []cw.StateValue{cw.StateValueAlarm, cw.StateValueOk, cw.StateValueAlarm} {
		_, err = c.SetAlarmState(ctx, &cloudwatch.SetAlarmStateInput{AlarmName: aws.String("go"), StateValue: state, StateReason: aws.String("by hand")})
		check(err)
	}
	var summaries []string
	for p := cloudwatch.NewDescribeAlarmHistoryPaginator(c, &cloudwatch.DescribeAlarmHistoryInput{
		AlarmName: aws.String("all"), AlarmTypes: composites, HistoryItemType: cw.HistoryItemTypeStateUpdate, ScanBy: cw.ScanByTimestampAscending, MaxRecords: aws.Int32(1),
	}); p.HasMorePages(); {
		out, err := p.NextPage(ctx)
		check(err)
		for _, x := range out.AlarmHistoryItems {
			summaries = append(summaries, strings.TrimPrefix(*x.HistorySummary, "Alarm updated from "))
		}
	}
	if want := []string{"INSUFFICIENT_DATA to OK", "OK to ALARM", "ALARM to OK", "OK to ALARM"}; !slices.Equal(summaries, want) {
		t.Errorf("%q", summaries)
	}
	var names []string
	for p := cloudwatch.NewDescribeAlarmsPaginator(c, &cloudwatch.DescribeAlarmsInput{
		AlarmTypes: append(composites, cw.AlarmTypeMetricAlarm), MaxRecords: aws.Int32(1), StateValue: cw.StateValueAlarm,
	}); p.HasMorePages(); {
		out, err := p.NextPage(ctx)
		check(err)
		for _, x := range out.MetricAlarms {
			names = append(names, *x.AlarmName)
		}
		for _, x := range out.CompositeAlarms {
			names = append(names, *x.AlarmName)
		}
	}
	if !slices.Equal(names, []string{"all", "go"}) {
		t.Errorf("%q", names)
	}
	of, err := c.DescribeAlarmsForMetric(ctx, &cloudwatch.DescribeAlarmsForMetricInput{Namespace: aws.String("Go"), MetricName: aws.String("quiet"), ExtendedStatistic: aws.String("p90")})
	check(err)
	if len(of.MetricAlarms) != 1 || *of.MetricAlarms[0].EvaluateLowSampleCountPercentile != "ignore" {
		t.Errorf("%+v", of.MetricAlarms)
	}
	goRefusals(t, c, of.MetricAlarms[0].AlarmArn)
	_, err = c.DeleteAlarms(ctx, &cloudwatch.DeleteAlarmsInput{AlarmNames: []string{"all"}})
	check(err)
	_, err = c.DeleteAlarms(ctx, &cloudwatch.DeleteAlarmsInput{AlarmNames: []string{"go"}})
	check(err)
}

// goRefusals checks errors for which the SDK has types.
func goRefusals(t *testing.T, c *cloudwatch.Client, arn *string) {
	_, err := c.SetAlarmState(t.Context(), &cloudwatch.SetAlarmStateInput{AlarmName: aws.String("nobody"), StateValue: cw.StateValueOk, StateReason: aws.String("r")})
	if bad := (*cw.ResourceNotFound)(nil); !errors.As(err, &bad) {
		t.Errorf("an unknown alarm: %v", err)
	}
	_, err = c.SetAlarmState(t.Context(), &cloudwatch.SetAlarmStateInput{
		AlarmName: aws.String("go"), StateValue: cw.StateValueOk, StateReason: aws.String("r"), StateReasonData: aws.String("{"),
	})
	if bad := (*cw.InvalidFormatFault)(nil); !errors.As(err, &bad) {
		t.Errorf("StateReasonData that is not JSON: %v", err)
	}
	_, err = c.ListTagsForResource(t.Context(), &cloudwatch.ListTagsForResourceInput{ResourceARN: aws.String(*arn + "x")})
	if bad := (*cw.ResourceNotFoundException)(nil); !errors.As(err, &bad) {
		t.Errorf("tags of an unknown alarm: %v", err)
	}
	_, err = c.DescribeAlarmHistory(t.Context(), &cloudwatch.DescribeAlarmHistoryInput{NextToken: aws.String("nonsense")})
	if bad := (*cw.InvalidNextToken)(nil); !errors.As(err, &bad) {
		t.Errorf("an invalid token: %v", err)
	}
	tags, err := c.ListTagsForResource(t.Context(), &cloudwatch.ListTagsForResourceInput{ResourceARN: arn})
	if err != nil || len(tags.Tags) != 1 || *tags.Tags[0].Value != "v" {
		t.Errorf("%+v, %v", tags, err)
	}
}
