package e2e

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"net/url"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cw "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/fxamacker/cbor/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"bellows.dev/bellows/internal/awsapi/wire"
)

// response is a response to a client in any protocol: the output or the error.
type response struct {
	Status  int
	Code    string // code in the Query protocol, which all protocols contain
	Shape   string // "" in Query
	Message string
	Output  any
}

// viaJSON, viaCBOR and viaQuery make one call; out is empty, of the operation's output.
func (s *server) viaJSON(operation string, in, out any) response {
	s.t.Helper()
	a := s.raw("monitoring", "/", map[string]string{
		"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "GraniteServiceVersion20100801." + operation, "X-Amzn-Query-Mode": "true",
	}, wire.EncodeJSON(in), time.Now(), nil)
	return s.decodeResponse(operation, a, out, func(into any) error { return wire.DecodeJSON(a.body, into) })
}

func (s *server) viaCBOR(operation string, in, out any) response {
	s.t.Helper()
	a := s.raw("monitoring", cloudWatchCBOR+operation, map[string]string{
		"Content-Type": "application/cbor", "Smithy-Protocol": "rpc-v2-cbor", "X-Amzn-Query-Mode": "true",
	}, wire.EncodeCBOR(in), time.Now(), nil)
	return s.decodeResponse(operation, a, out, func(into any) error { return wire.DecodeCBOR(a.body, into) })
}

// decodeResponse parses the common parts of JSON and CBOR responses.
func (s *server) decodeResponse(operation string, a answer, out any, decode func(any) error) response {
	s.t.Helper()
	if a.status == 200 {
		if err := decode(out); err != nil {
			s.t.Fatalf("%s: %v", operation, err)
		}
		return response{Status: 200, Output: out}
	}
	code, party, _ := strings.Cut(a.header.Get("X-Amzn-Query-Error"), ";")
	if party != "Sender" {
		s.t.Errorf("%s: the query error is %q", operation, a.header.Get("X-Amzn-Query-Error"))
	}
	return response{Status: a.status, Code: code, Shape: a.header.Get("X-Amzn-Errortype"), Message: messageOf(a)}
}

// messageOf returns the message in a JSON or CBOR body.
func messageOf(a answer) string {
	var m map[string]string
	if json.Unmarshal(a.body, &m) != nil {
		_ = cbor.Unmarshal(a.body, &m) // other bodies have no message
	}
	return m["message"]
}

func (s *server) viaQuery(operation string, in, out any) response {
	s.t.Helper()
	form := url.Values{"Action": {operation}, "Version": {"2010-08-01"}}
	d := json.NewDecoder(bytes.NewReader(wire.EncodeJSON(in)))
	d.UseNumber()
	var tree any
	if err := d.Decode(&tree); err != nil {
		s.t.Fatal(err)
	}
	flatten(form, "", tree)
	a := s.raw("monitoring", "/", map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, []byte(form.Encode()), time.Now(), nil)
	if a.status != 200 {
		var e struct {
			Error struct{ Type, Code, Message string }
		}
		if err := xml.Unmarshal(a.body, &e); err != nil || e.Error.Type != "Sender" {
			s.t.Errorf("%s: %v in %s", operation, err, a.body)
		}
		return response{Status: a.status, Code: e.Error.Code, Message: e.Error.Message}
	}
	if err := wire.DecodeQuery(unfold(s.t, a.body, operation+"Result"), out); err != nil {
		s.t.Fatalf("%s: %v in %s", operation, err, a.body)
	}
	return response{Status: 200, Output: out}
}

// flatten converts a tree to parameters of the Query protocol.
func flatten(form url.Values, name string, x any) {
	join := func(next string) string { return strings.TrimPrefix(name+"."+next, ".") }
	switch x := x.(type) {
	case map[string]any:
		for k, v := range x {
			flatten(form, join(k), v)
		}
	case []any:
		for i, v := range x {
			flatten(form, join(fmt.Sprint("member.", i+1)), v)
		}
	case json.Number:
		at, err := x.Float64()
		if last := name[strings.LastIndex(name, ".")+1:]; err == nil && (strings.HasSuffix(last, "Time") || strings.HasSuffix(last, "Timestamp") || strings.HasSuffix(last, "Date")) {
			form.Set(name, time.UnixMilli(int64(math.Round(at*1000))).UTC().Format("2006-01-02T15:04:05.000Z"))
			return
		}
		form.Set(name, x.String())
	default:
		form.Set(name, fmt.Sprint(x))
	}
}

// unfold converts an XML response to parameters of the Query protocol, so that one decoder reads both.
func unfold(t *testing.T, body []byte, result string) url.Values {
	t.Helper()
	form := url.Values{}
	d := xml.NewDecoder(bytes.NewReader(body))
	type level struct {
		path    string
		members int
		text    strings.Builder
		kids    bool
	}
	var stack []*level
	within := false
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return form
		} else if err != nil {
			t.Fatalf("%v in %s", err, body)
		}
		switch x := token.(type) {
		case xml.StartElement:
			if x.Name.Local == result {
				within = true
				stack = []*level{{}}
				continue
			}
			if !within {
				continue
			}
			up := stack[len(stack)-1]
			up.kids = true
			path := up.path + "." + x.Name.Local
			if x.Name.Local == "member" || x.Name.Local == "entry" {
				up.members++
				path = fmt.Sprintf("%s.%s.%d", up.path, x.Name.Local, up.members)
			}
			stack = append(stack, &level{path: path})
		case xml.CharData:
			if within {
				stack[len(stack)-1].text.Write(x)
			}
		case xml.EndElement:
			if !within {
				continue
			}
			top := stack[len(stack)-1]
			if stack = stack[:len(stack)-1]; len(stack) == 0 {
				within = false
			} else if !top.kids {
				form.Set(strings.TrimPrefix(top.path, "."), top.text.String())
			}
		}
	}
}

// exchange is one call whose responses must be equal in all protocols; out is an empty output, or nil if the call is to be refused.
type exchange struct {
	operation string
	in, out   any
	code      string // of the refusal
}

// All served operations of CloudWatch and their refusals over CBOR, JSON and Query.
func TestCloudWatchOperationsAreEqualInEveryProtocol(t *testing.T) {
	t.Parallel()
	s := start(t, t.TempDir())
	covered := map[string]bool{}
	for i, x := range slices.Concat(metricExchanges(time.Now()), alarmExchanges(), refusalExchanges(time.Now())) {
		covered[x.operation] = true
		for attempt := range 3 { // an alarm may be evaluated between two of the calls
			fresh := func() any {
				if x.out == nil {
					return &struct{}{}
				}
				return reflect.New(reflect.TypeOf(x.out).Elem()).Interface()
			}
			answers := map[string]response{
				"JSON": s.viaJSON(x.operation, x.in, fresh()), "CBOR": s.viaCBOR(x.operation, x.in, fresh()), "Query": s.viaQuery(x.operation, x.in, fresh()),
			}
			problem := differ(x, answers)
			if problem == "" {
				break
			}
			if attempt == 2 {
				t.Errorf("%d. %s: %s", i, x.operation, problem)
			}
		}
	}
	text, err := os.ReadFile("../internal/awsapi/cloudwatch/service.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`awsapi\.Handle\(s, "(\w+)"`).FindAllStringSubmatch(string(text), -1) {
		if !covered[m[1]] {
			t.Errorf("%s is not compared", m[1])
		}
	}
}

// differ describes how responses differ from each other or from the expected error.
func differ(x exchange, answers map[string]response) string {
	want := answers["JSON"]
	if want.Code != x.code || (want.Status == 200) != (x.code == "") {
		return fmt.Sprintf("JSON: %+v, want %q", want, x.code)
	}
	options := cmp.Options{
		cmpopts.EquateEmpty(), cmpopts.EquateApproxTime(2 * time.Millisecond),
		cmp.FilterPath(func(p cmp.Path) bool {
			return strings.HasPrefix(p.Last().String(), ".noSmithy") || p.Last().String() == ".ResultMetadata"
		}, cmp.Ignore()),
		cmp.FilterPath(func(p cmp.Path) bool { return p.String() == "Shape" }, cmp.Ignore()),
	}
	for _, name := range []string{"CBOR", "Query"} {
		if d := cmp.Diff(want, answers[name], options, cmp.Exporter(func(reflect.Type) bool { return true })); d != "" {
			return fmt.Sprintf("%s differs: -JSON +%s\n%s", name, name, d)
		}
	}
	if got := answers["CBOR"].Shape; got != want.Shape {
		return fmt.Sprintf("CBOR's shape is %s, JSON's %s", got, want.Shape)
	}
	return ""
}

func metricExchanges(now time.Time) []exchange {
	at := now.Add(-10 * time.Minute).Truncate(time.Minute)
	start, end := aws.Time(at.Add(-time.Minute)), aws.Time(at.Add(3*time.Minute))
	host := []cw.Dimension{{Name: aws.String("Host"), Value: aws.String("a <&> \"b\"")}}
	data := []cw.MetricDatum{
		{MetricName: aws.String("m"), Timestamp: aws.Time(at), Values: []float64{1, 2.5, 4}, Counts: []float64{2, 1, 0.5}, Unit: cw.StandardUnitSeconds, Dimensions: host},
		{MetricName: aws.String("m"), Timestamp: aws.Time(at.Add(time.Minute)), Value: aws.Float64(-7e-3), StorageResolution: aws.Int32(1), Dimensions: host},
		{MetricName: aws.String("n"), Timestamp: aws.Time(at), StatisticValues: &cw.StatisticSet{
			SampleCount: aws.Float64(3), Sum: aws.Float64(6), Minimum: aws.Float64(1), Maximum: aws.Float64(3),
		}},
	}
	of := &cw.Metric{Namespace: aws.String("D"), MetricName: aws.String("m"), Dimensions: host}
	return []exchange{
		{"PutMetricData", &sdk.PutMetricDataInput{Namespace: aws.String("D"), MetricData: data}, &sdk.PutMetricDataOutput{}, ""},
		{"PutMetricData", &sdk.PutMetricDataInput{
			Namespace: aws.String("D"), EntityMetricData: []cw.EntityMetricData{{MetricData: data[2:]}}, StrictEntityValidation: aws.Bool(false),
		}, &sdk.PutMetricDataOutput{}, ""},
		{"ListMetrics", &sdk.ListMetricsInput{Namespace: aws.String("D")}, &sdk.ListMetricsOutput{}, ""},
		{"ListMetrics", &sdk.ListMetricsInput{
			IncludeLinkedAccounts: aws.Bool(true), Dimensions: []cw.DimensionFilter{{Name: aws.String("Host")}}, RecentlyActive: cw.RecentlyActivePt3h,
		}, &sdk.ListMetricsOutput{}, ""},
		{"GetMetricStatistics", &sdk.GetMetricStatisticsInput{
			Namespace: of.Namespace, MetricName: of.MetricName, Dimensions: host, StartTime: start, EndTime: end, Period: aws.Int32(60),
			Statistics: []cw.Statistic{cw.StatisticSum, cw.StatisticAverage, cw.StatisticMinimum, cw.StatisticMaximum, cw.StatisticSampleCount},
		}, &sdk.GetMetricStatisticsOutput{}, ""},
		{"GetMetricStatistics", &sdk.GetMetricStatisticsInput{
			Namespace: of.Namespace, MetricName: of.MetricName, Dimensions: host, StartTime: start, EndTime: end, Period: aws.Int32(60),
			ExtendedStatistics: []string{"p50", "tm90", "PR(:2)"}, Unit: cw.StandardUnitSeconds,
		}, &sdk.GetMetricStatisticsOutput{}, ""},
		{"GetMetricData", &sdk.GetMetricDataInput{StartTime: start, EndTime: end, ScanBy: cw.ScanByTimestampAscending, MetricDataQueries: []cw.MetricDataQuery{
			{Id: aws.String("a"), MetricStat: &cw.MetricStat{Metric: of, Period: aws.Int32(60), Stat: aws.String("Sum")}},
			{Id: aws.String("b"), Expression: aws.String("a * 2 + PERIOD(a)"), Label: aws.String("twice <a>")},
			{Id: aws.String("c"), Expression: aws.String("SEARCH('{D,Host} m', 'Average', 60)")},
		}}, &sdk.GetMetricDataOutput{}, ""},
	}
}

func alarmExchanges() []exchange {
	alarm := func(name string) *sdk.PutMetricAlarmInput {
		return &sdk.PutMetricAlarmInput{
			AlarmName: aws.String(name), AlarmDescription: aws.String("says <why> & 'how'"), Namespace: aws.String("D"), MetricName: aws.String("n"),
			ExtendedStatistic: aws.String("p99.9"), Period: aws.Int32(86400), EvaluationPeriods: aws.Int32(1), DatapointsToAlarm: aws.Int32(1), Threshold: aws.Float64(0.1),
			ComparisonOperator: cw.ComparisonOperatorGreaterThanThreshold, TreatMissingData: aws.String("ignore"), ActionsEnabled: aws.Bool(false),
			AlarmActions: []string{"arn:aws:sns:us-east-1:123456789012:ops"}, Tags: []cw.Tag{{Key: aws.String("k"), Value: aws.String("v")}},
		}
	}
	arn := aws.String("arn:aws:cloudwatch:us-east-1:123456789012:alarm:d-1")
	names := []string{"d-1", "d-2", "d-c", "d-p"}
	both := []cw.AlarmType{cw.AlarmTypeMetricAlarm, cw.AlarmTypeCompositeAlarm}
	return []exchange{
		{"PutMetricAlarm", alarm("d-1"), &sdk.PutMetricAlarmOutput{}, ""},
		{"PutMetricAlarm", alarm("d-2"), &sdk.PutMetricAlarmOutput{}, ""},
		{"PutCompositeAlarm", &sdk.PutCompositeAlarmInput{AlarmName: aws.String("d-c"), AlarmRule: aws.String(`ALARM("d-1") OR NOT OK(d-2)`)}, &sdk.PutCompositeAlarmOutput{}, ""},
		{"DescribeAlarms", &sdk.DescribeAlarmsInput{AlarmNamePrefix: aws.String("d-"), AlarmTypes: both}, &sdk.DescribeAlarmsOutput{}, ""},
		{"DescribeAlarms", &sdk.DescribeAlarmsInput{MaxRecords: aws.Int32(1)}, &sdk.DescribeAlarmsOutput{}, ""},
		{"DescribeAlarmsForMetric", &sdk.DescribeAlarmsForMetricInput{Namespace: aws.String("D"), MetricName: aws.String("n")}, &sdk.DescribeAlarmsForMetricOutput{}, ""},
		{"SetAlarmState", &sdk.SetAlarmStateInput{
			AlarmName: aws.String("d-1"), StateValue: cw.StateValueAlarm, StateReason: aws.String("by <hand>"), StateReasonData: aws.String(`{"a":[1,"&"]}`),
		}, &sdk.SetAlarmStateOutput{}, ""},
		{"EnableAlarmActions", &sdk.EnableAlarmActionsInput{AlarmNames: names}, &sdk.EnableAlarmActionsOutput{}, ""},
		{"DisableAlarmActions", &sdk.DisableAlarmActionsInput{AlarmNames: names}, &sdk.DisableAlarmActionsOutput{}, ""},
		{"TagResource", &sdk.TagResourceInput{ResourceARN: arn, Tags: []cw.Tag{{Key: aws.String("x"), Value: aws.String("")}}}, &sdk.TagResourceOutput{}, ""},
		{"UntagResource", &sdk.UntagResourceInput{ResourceARN: arn, TagKeys: []string{"k"}}, &sdk.UntagResourceOutput{}, ""},
		{"ListTagsForResource", &sdk.ListTagsForResourceInput{ResourceARN: arn}, &sdk.ListTagsForResourceOutput{}, ""},
		{"DescribeAlarmContributors", &sdk.DescribeAlarmContributorsInput{AlarmName: aws.String("d-1")}, &sdk.DescribeAlarmContributorsOutput{}, ""},
		{"PutAlarmMuteRule", &sdk.PutAlarmMuteRuleInput{
			Name: aws.String("d-m"), Description: aws.String("<nightly>"), MuteTargets: &cw.MuteTargets{AlarmNames: names},
			Rule: &cw.Rule{Schedule: &cw.Schedule{Expression: aws.String("cron(0 2 * * SUN)"), Duration: aws.String("PT4H"), Timezone: aws.String("Asia/Tokyo")}},
		}, &sdk.PutAlarmMuteRuleOutput{}, ""},
		{"GetAlarmMuteRule", &sdk.GetAlarmMuteRuleInput{AlarmMuteRuleName: aws.String("d-m")}, &sdk.GetAlarmMuteRuleOutput{}, ""},
		{"ListAlarmMuteRules", &sdk.ListAlarmMuteRulesInput{AlarmName: aws.String("d-1"), MaxRecords: aws.Int32(9)}, &sdk.ListAlarmMuteRulesOutput{}, ""},
		{"DeleteAlarmMuteRule", &sdk.DeleteAlarmMuteRuleInput{AlarmMuteRuleName: aws.String("d-m")}, &sdk.DeleteAlarmMuteRuleOutput{}, ""},
		{"GetAlarmMuteRule", &sdk.GetAlarmMuteRuleInput{AlarmMuteRuleName: aws.String("d-m")}, nil, "ResourceNotFoundException"},
		{"DeleteAlarms", &sdk.DeleteAlarmsInput{AlarmNames: []string{"d-c"}}, &sdk.DeleteAlarmsOutput{}, ""},
		{"DeleteAlarms", &sdk.DeleteAlarmsInput{AlarmNames: []string{"d-1", "d-2"}}, &sdk.DeleteAlarmsOutput{}, ""},
		{"DescribeAlarmHistory", &sdk.DescribeAlarmHistoryInput{
			AlarmName: aws.String("d-1"), AlarmTypes: both, ScanBy: cw.ScanByTimestampAscending, MaxRecords: aws.Int32(2),
		}, &sdk.DescribeAlarmHistoryOutput{}, ""},
	}
}

func refusalExchanges(now time.Time) []exchange {
	datum := func(d cw.MetricDatum) *sdk.PutMetricDataInput {
		d.MetricName = aws.String("m")
		return &sdk.PutMetricDataInput{Namespace: aws.String("D"), MetricData: []cw.MetricDatum{d}}
	}
	return []exchange{
		{"PutMetricData", &sdk.PutMetricDataInput{MetricData: datum(cw.MetricDatum{}).MetricData}, nil, "MissingParameter"},
		{"PutMetricData", datum(cw.MetricDatum{}), nil, "InvalidParameterCombination"},
		{"PutMetricData", datum(cw.MetricDatum{Value: aws.Float64(math.NaN())}), nil, "InvalidParameterValue"},
		{"PutMetricData", datum(cw.MetricDatum{Value: aws.Float64(math.Inf(-1))}), nil, "InvalidParameterValue"},
		{"PutMetricData", datum(cw.MetricDatum{Value: aws.Float64(1), Values: []float64{2}}), nil, "InvalidParameterCombination"},
		{"PutMetricData", datum(cw.MetricDatum{Value: aws.Float64(1), Unit: "Parsecs & <more>"}), nil, "InvalidParameterValue"},
		{"PutMetricData", datum(cw.MetricDatum{Value: aws.Float64(1), Timestamp: aws.Time(now.Add(-400 * time.Hour))}), nil, "InvalidParameterValue"},
		{"ListMetrics", &sdk.ListMetricsInput{NextToken: aws.String("no token")}, nil, "InvalidParameterValue"},
		{"ListMetrics", &sdk.ListMetricsInput{Dimensions: slices.Repeat([]cw.DimensionFilter{{Name: aws.String("d")}}, 11)}, nil, "ValidationError"},
		{"GetMetricStatistics", &sdk.GetMetricStatisticsInput{
			Namespace: aws.String("D"), MetricName: aws.String("m"), StartTime: aws.Time(now), EndTime: aws.Time(now.Add(time.Hour)), Period: aws.Int32(60),
		}, nil, "InvalidParameterCombination"},
		{"GetMetricStatistics", &sdk.GetMetricStatisticsInput{
			Namespace: aws.String("D"), MetricName: aws.String("m"), StartTime: aws.Time(now), EndTime: aws.Time(now.Add(time.Hour)), Period: aws.Int32(1),
			Statistics: []cw.Statistic{"Median"},
		}, nil, "InvalidParameterValue"},
		{"GetMetricData", &sdk.GetMetricDataInput{StartTime: aws.Time(now), EndTime: aws.Time(now.Add(time.Hour)), MetricDataQueries: []cw.MetricDataQuery{
			{Id: aws.String("a"), Expression: aws.String("b + 1")},
		}}, nil, "ValidationError"},
		{"PutMetricAlarm", &sdk.PutMetricAlarmInput{AlarmName: aws.String("x")}, nil, "MissingParameter"},
		{"PutCompositeAlarm", &sdk.PutCompositeAlarmInput{AlarmName: aws.String("x"), AlarmRule: aws.String("ALARM(")}, nil, "ValidationError"},
		{"DescribeAlarms", &sdk.DescribeAlarmsInput{MaxRecords: aws.Int32(101)}, nil, "ValidationError"},
		{"DescribeAlarms", &sdk.DescribeAlarmsInput{StateValue: "BAD"}, nil, "ValidationError"},
		{"DescribeAlarmHistory", &sdk.DescribeAlarmHistoryInput{NextToken: aws.String("no token")}, nil, "InvalidNextToken"},
		{"SetAlarmState", &sdk.SetAlarmStateInput{AlarmName: aws.String("none"), StateValue: cw.StateValueOk, StateReason: aws.String("r")}, nil, "ResourceNotFound"},
		{"SetAlarmState", &sdk.SetAlarmStateInput{
			AlarmName: aws.String("none"), StateValue: cw.StateValueOk, StateReason: aws.String("r"), StateReasonData: aws.String("{"),
		}, nil, "InvalidFormat"},
		{"TagResource", &sdk.TagResourceInput{
			ResourceARN: aws.String("arn:aws:cloudwatch:us-east-1:123456789012:alarm:none"), Tags: []cw.Tag{{Key: aws.String("k"), Value: aws.String("v")}},
		}, nil, "ResourceNotFoundException"},
	}
}
