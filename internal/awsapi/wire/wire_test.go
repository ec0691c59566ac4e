package wire

import (
	"encoding/hex"
	"errors"
	"math"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker"
	sm "github.com/aws/aws-sdk-go-v2/service/sagemaker/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var moment = time.Date(2026, 11, 23, 19, 0, 0, 0, time.UTC)

// datum is a request that all three protocols can express.
func datum() *cloudwatch.PutMetricDataInput {
	return &cloudwatch.PutMetricDataInput{Namespace: aws.String("N"), MetricData: []types.MetricDatum{{
		MetricName: aws.String("m"), Value: aws.Float64(1.5), Timestamp: aws.Time(moment), Unit: types.StandardUnitCount,
	}}}
}

// same compares SDK structs by their exported members.
func same(t *testing.T, name string, got, want any) {
	t.Helper()
	if d := cmp.Diff(want, got, cmpopts.IgnoreUnexported(cloudwatch.PutMetricDataInput{}, types.MetricDatum{}, cloudwatch.DescribeAlarmsInput{},
		sagemaker.CreateModelInput{}, sm.ContainerDefinition{}, sm.Tag{}, types.Dimension{}, types.StatisticSet{})); d != "" {
		t.Errorf("%s: -want +got\n%s", name, d)
	}
}

// Bodies as botocore and the SDKs serialise them.
func TestDecodeVectors(t *testing.T) {
	body, err := hex.DecodeString("a2694e616d657370616365614e6a4d65747269634461746181a46a4d65747269634e616d65616d6556616c7565fb3ff80000000000006954696d657374616d70c11a6b048d3064556e697465436f756e74")
	if err != nil {
		t.Fatal(err)
	}
	var viaCBOR, viaJSON, viaQuery cloudwatch.PutMetricDataInput
	if err := DecodeCBOR(body, &viaCBOR); err != nil {
		t.Fatal(err)
	}
	same(t, "CBOR", &viaCBOR, datum())
	if err := DecodeJSON([]byte(`{"Namespace":"N","MetricData":[{"MetricName":"m","Value":1.5,"Timestamp":1795460400,"Unit":"Count","Dimensions":null,"New":{}}]}`), &viaJSON); err != nil {
		t.Fatal(err)
	}
	same(t, "JSON", &viaJSON, datum())
	form, err := url.ParseQuery("Action=PutMetricData&Version=2010-08-01&Namespace=N&MetricData.member.1.MetricName=m&MetricData.member.1.Value=1.5&" +
		"MetricData.member.1.Timestamp=2026-11-23T19%3A00%3A00Z&MetricData.member.1.Unit=Count")
	if err != nil {
		t.Fatal(err)
	}
	if err := DecodeQuery(form, &viaQuery); err != nil {
		t.Fatal(err)
	}
	same(t, "Query", &viaQuery, datum())
	body, err = hex.DecodeString("a26a416c61726d4e616d65738161616a4d61785265636f72647305")
	if err != nil {
		t.Fatal(err)
	}
	var names cloudwatch.DescribeAlarmsInput
	if err := DecodeCBOR(body, &names); err != nil {
		t.Fatal(err)
	}
	same(t, "CBOR", &names, &cloudwatch.DescribeAlarmsInput{AlarmNames: []string{"a"}, MaxRecords: aws.Int32(5)})
}

// What is encoded can be decoded; unset members are omitted, neither null nor empty.
func TestRoundTrips(t *testing.T) {
	in := &sagemaker.CreateModelInput{
		ModelName: aws.String("m"), EnableNetworkIsolation: aws.Bool(false), Tags: []sm.Tag{},
		PrimaryContainer: &sm.ContainerDefinition{Image: aws.String("i \"<&> ü"), Environment: map[string]string{"b": "2", "a": ""}},
	}
	text := EncodeJSON(in)
	if want := `{"ModelName":"m","EnableNetworkIsolation":false,"PrimaryContainer":{"Environment":{"a":"","b":"2"},"Image":"i \"<&> ü"},"Tags":[]}`; string(text) != want {
		t.Errorf("JSON %s\nwant %s", text, want)
	}
	var viaJSON, viaCBOR sagemaker.CreateModelInput
	if err := errors.Join(DecodeJSON(text, &viaJSON), DecodeCBOR(EncodeCBOR(in), &viaCBOR)); err != nil {
		t.Fatal(err)
	}
	same(t, "JSON", &viaJSON, in)
	same(t, "CBOR", &viaCBOR, in)
	out := &cloudwatch.GetMetricDataOutput{MetricDataResults: []types.MetricDataResult{{
		Id: aws.String("a<"), Timestamps: []time.Time{moment}, Values: []float64{-0.5}, StatusCode: types.StatusCodeComplete,
	}}}
	if got, want := string(EncodeQuery("GetMetricData", "ns", "id", out)), `<GetMetricDataResponse xmlns="ns"><GetMetricDataResult><MetricDataResults><member>`+
		`<Id>a&lt;</Id><StatusCode>Complete</StatusCode><Timestamps><member>2026-11-23T19:00:00Z</member></Timestamps><Values><member>-0.5</member></Values>`+
		`</member></MetricDataResults></GetMetricDataResult><ResponseMetadata><RequestId>id</RequestId></ResponseMetadata></GetMetricDataResponse>`; got != want {
		t.Errorf("XML %s\nwant %s", got, want)
	}
	if got := string(EncodeQuery("PutMetricData", "ns", "id", &cloudwatch.PutMetricDataOutput{})); strings.Contains(got, "Result>") {
		t.Errorf("an empty output has a result: %s", got)
	}
}

// Operations whose API model has a resultWrapper have it in their response even though it is empty: botocore's Query parser requires it.
func TestEmptyResultsOfQuery(t *testing.T) {
	for operation, out := range map[string]any{"TagResource": &cloudwatch.TagResourceOutput{}, "UntagResource": &cloudwatch.UntagResourceOutput{}} {
		want := "<" + operation + `Response xmlns="ns"><` + operation + "Result></" + operation + "Result><ResponseMetadata>"
		if got := string(EncodeQuery(operation, "ns", "id", out)); !strings.HasPrefix(got, want) {
			t.Errorf("%s answers %s", operation, got)
		}
	}
}

// A namespace may begin with a colon, though the API model says otherwise. AWS: recorded.
func TestNamespacesMayBeginWithAColon(t *testing.T) {
	if found := Validate("monitoring", "PutMetricData", &cloudwatch.PutMetricDataInput{Namespace: aws.String(":N")}); len(found) > 0 {
		t.Errorf("refused: %s", Message(found))
	}
}

// Doubles have a fraction in every text protocol, and so have timestamps in JSON. AWS: recorded.
func TestDoublesHaveAFraction(t *testing.T) {
	at := moment
	for v, want := range map[float64][2]string{
		41: {"41.0", "41.0"}, 0: {"0.0", "0.0"}, -2: {"-2.0", "-2.0"}, 0.5: {"0.5", "0.5"}, 0.001: {"0.001", "0.001"},
		123456789.25: {"123456789.25", "123456789.25"}, 1e21: {"1e+21", "1e+21"}, 1e-9: {"1e-09", "1e-09"},
		math.Inf(1): {`"Infinity"`, "Infinity"}, math.Inf(-1): {`"-Infinity"`, "-Infinity"},
	} {
		out := &cloudwatch.GetMetricStatisticsOutput{Datapoints: []types.Datapoint{{Average: &v, Timestamp: &at}}}
		if got := string(EncodeJSON(out)); got != `{"Datapoints":[{"Average":`+want[0]+`,"Timestamp":1795460400.0}]}` {
			t.Errorf("%v in JSON: %s", v, got)
		}
		if got := string(EncodeQuery("GetMetricStatistics", "ns", "id", out)); !strings.Contains(got, "<Average>"+want[1]+"</Average>") {
			t.Errorf("%v in XML: %s", v, got)
		}
	}
	at = moment.Add(123 * time.Millisecond)
	if got := string(EncodeJSON(&types.Datapoint{Timestamp: &at})); got != `{"Timestamp":1795460400.123}` {
		t.Errorf("a moment in JSON: %s", got)
	}
}

func TestMismatchesNameTheirMember(t *testing.T) {
	for body, want := range map[string]string{
		`{"MaxCapacity":"many"}`:                                 "A String cannot be converted to an Integer at 'maxCapacity'",
		`{"MaxCapacity":1.5}`:                                    "A number cannot be converted to an Integer at 'maxCapacity'",
		`{"MaxCapacity":3000000000}`:                             "A number cannot be converted to an Integer at 'maxCapacity'",
		`{"SuspendedState":[]}`:                                  "A list cannot be converted to a structure at 'suspendedState'",
		`{"SuspendedState":{"DynamicScalingInSuspended":"yes"}}`: "A String cannot be converted to a Boolean at 'suspendedState.dynamicScalingInSuspended'",
		`{"Tags":{"a":{}}}`:                                      "A structure cannot be converted to a String at 'tags.a.member'",
		`[]`:                                                     "A list cannot be converted to a structure",
		`{"a"`:                                                   "not valid JSON",
		`{}{}`:                                                   "more than one JSON value",
	} {
		var in applicationautoscaling.RegisterScalableTargetInput
		if err := DecodeJSON([]byte(body), &in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", body, err, want)
		}
	}
	for form, want := range map[string]string{
		"MaxRecords=x":                  "at 'maxRecords'",
		"AlarmNames.member.2=a":         "must be numbered from 1 without gaps at 'alarmNames'",
		"AlarmNames=a":                  "has the form Name.member.N at 'alarmNames'",
		"StateValue.x=1":                "at 'stateValue'",
		strings.Repeat("a.", 60) + "=1": "nests too deeply",
	} {
		values, err := url.ParseQuery(form)
		if err != nil {
			t.Fatal(err)
		}
		var in cloudwatch.DescribeAlarmsInput
		if err := DecodeQuery(values, &in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", form, err, want)
		}
	}
}

// The texts are AWS's, as recorded.
func TestValidate(t *testing.T) {
	long := strings.Repeat("x", 64)
	for _, c := range []struct {
		service, operation string
		in                 any
		want               string
	}{
		{"sagemaker", "DescribeEndpoint", &sagemaker.DescribeEndpointInput{EndpointName: aws.String("ok-1")}, ""},
		{"sagemaker", "DescribeEndpoint", &sagemaker.DescribeEndpointInput{},
			"1 validation error detected: Value null at 'endpointName' failed to satisfy constraint: Member must not be null"},
		{"sagemaker", "DescribeEndpoint", &sagemaker.DescribeEndpointInput{EndpointName: aws.String(long)},
			"2 validation errors detected: Value '" + long + "' at 'endpointName' failed to satisfy constraint: Member must have length less than or equal to 63; " +
				"Value '" + long + "' at 'endpointName' failed to satisfy constraint: Member must satisfy regular expression pattern: ^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}"},
		{"application-autoscaling", "TagResource", &applicationautoscaling.TagResourceInput{ResourceARN: aws.String("arn:x"), Tags: map[string]string{"": "x"}},
			"Value '{=x}' at 'tags' failed to satisfy constraint: Map keys must satisfy constraint: [Member must have length less than or equal to 128, Member must have length greater than or equal to 1]"},
		{"application-autoscaling", "RegisterScalableTarget", &applicationautoscaling.RegisterScalableTargetInput{ResourceId: aws.String("")},
			"Value '' at 'resourceId' failed to satisfy constraint: Member must have length greater than or equal to 1"},
		{"monitoring", "PutMetricAlarm", &cloudwatch.PutMetricAlarmInput{AlarmName: aws.String("a"), EvaluationPeriods: aws.Int32(0), ComparisonOperator: "Above"},
			"Value 'Above' at 'comparisonOperator' failed to satisfy constraint: Member must satisfy enum value set: [GreaterThanOrEqualToThreshold, "},
		{"monitoring", "DeleteAlarms", &cloudwatch.DeleteAlarmsInput{AlarmNames: []string{"a", strings.Repeat("x", 256)}},
			"1 validation error detected: Value '[a, " + strings.Repeat("x", 256) + "]' at 'alarmNames' failed to satisfy constraint: Member must satisfy " +
				"constraint: [Member must have length less than or equal to 255, Member must have length greater than or equal to 1]"},
		{"monitoring", "DescribeAlarms", &cloudwatch.DescribeAlarmsInput{AlarmTypes: []types.AlarmType{"metric"}},
			"Value '[metric]' at 'alarmTypes' failed to satisfy constraint: Member must satisfy constraint: [Member must satisfy enum value set: [CompositeAlarm, "},
		{"monitoring", "NoSuchOperation", nil, ""},
	} {
		got := Validate(c.service, c.operation, c.in)
		if c.want == "" && len(got) > 0 || c.want != "" && !strings.Contains(Message(got), c.want) {
			t.Errorf("%s: %s\nwant %s", c.operation, Message(got), c.want)
		}
	}
}

// Every pattern of the models is checked, except those that RE2 cannot express.
func TestPatternsTranslate(t *testing.T) {
	unchecked := 0
	for name, s := range table() {
		for shape, sh := range s.Shapes {
			if sh.Pattern != "" && sh.regexp == nil {
				unchecked++
				t.Logf("%s: %s: %s", name, shape, sh.Pattern)
			}
		}
	}
	if unchecked > 3 {
		t.Errorf("%d patterns are not checked", unchecked)
	}
}

// Forbidden names are checked too: AWS writes them as a negative lookahead.
func TestNamesOfScheduledActions(t *testing.T) {
	for name, ok := range map[string]bool{
		"nightly": true, "a b": true, "ünïcode (1)": true, "x": true, " x": false, "x ": false, "a:b": false, "a/b": false, "a|b": false,
		"a\nb": false, "a\u0085": false, "\x00": false, " ": false, ":": false, "a\n": false,
	} {
		got := Validate("application-autoscaling", "PutScheduledAction", &applicationautoscaling.PutScheduledActionInput{
			ServiceNamespace: "sagemaker", ResourceId: aws.String("r"), ScalableDimension: "sagemaker:variant:DesiredInstanceCount",
			ScheduledActionName: aws.String(name),
		})
		const pattern = "Member must satisfy regular expression pattern: (?!((^[ ]+.*)|(.*([\\u0000-\\u001f]|[\\u007f-\\u009f]|[:/|])+.*)|(.*[ ]+$))).+"
		if (len(got) == 0) != ok || (!ok && !strings.Contains(Message(got), pattern)) {
			t.Errorf("%q: %s", name, Message(got))
		}
	}
}

// No body makes a decoder panic, and what it accepts survives a round trip.
func FuzzDecodeJSON(f *testing.F) {
	f.Add([]byte(`{"Namespace":"N","MetricData":[{"MetricName":"m","Values":[1,"NaN"],"Timestamp":1e9,"Dimensions":[{"Name":"a"}]}]}`))
	f.Add([]byte(`[[[[`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var in cloudwatch.PutMetricDataInput
		if DecodeJSON(body, &in) == nil {
			roundTrip(t, &in)
		}
	})
}

func FuzzDecodeCBOR(f *testing.F) {
	f.Add(EncodeCBOR(datum()))
	f.Add([]byte{0xbf, 0x9f, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, body []byte) {
		var in cloudwatch.PutMetricDataInput
		if DecodeCBOR(body, &in) == nil {
			roundTrip(t, &in)
		}
	})
}

func FuzzDecodeQuery(f *testing.F) {
	f.Add("Namespace=N&MetricData.member.1.MetricName=m&MetricData.member.1.Values.member.1=2")
	f.Add("MetricData.member.1=&MetricData=")
	f.Fuzz(func(t *testing.T, body string) {
		form, err := url.ParseQuery(body)
		if err != nil {
			return
		}
		var in cloudwatch.PutMetricDataInput
		if DecodeQuery(form, &in) == nil {
			roundTrip(t, &in)
		}
	})
}

func roundTrip(t *testing.T, in *cloudwatch.PutMetricDataInput) {
	t.Helper()
	Validate("monitoring", "PutMetricData", in)
	var back cloudwatch.PutMetricDataInput
	if err := DecodeJSON(EncodeJSON(in), &back); err != nil {
		t.Errorf("it cannot be decoded again: %v: %s", err, EncodeJSON(in))
	}
	if reflect.ValueOf(back.MetricData).Len() != len(in.MetricData) {
		t.Errorf("%d datums became %d", len(in.MetricData), len(back.MetricData))
	}
}

func BenchmarkDecodePutMetricData(b *testing.B) {
	in := &cloudwatch.PutMetricDataInput{Namespace: aws.String("N")}
	for range 1000 {
		in.MetricData = append(in.MetricData, datum().MetricData...)
	}
	body := EncodeJSON(in)
	for b.Loop() {
		var got cloudwatch.PutMetricDataInput
		if err := DecodeJSON(body, &got); err != nil {
			b.Fatal(err)
		}
	}
}

// Query can express bytes that are no text; JSON and CBOR cannot.
func TestTextsOfQueryAreUTF8(t *testing.T) {
	for form, want := range map[string]string{
		"AlarmMuteRuleName=a%ff":   "A text that is not UTF-8 cannot be converted to a String at 'alarmMuteRuleName'",
		"AlarmMuteRuleName=%c3%a4": "",
	} {
		values, err := url.ParseQuery(form)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if err := DecodeQuery(values, &cloudwatch.DeleteAlarmMuteRuleInput{}); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: %q, want %q", form, got, want)
		}
	}
	values, err := url.ParseQuery("Namespace=N&MetricData.member.1.MetricName=m&MetricData.member.1.Dimensions.member.1.Name=%fe&MetricData.member.1.Dimensions.member.1.Value=v")
	if err != nil {
		t.Fatal(err)
	}
	if err := DecodeQuery(values, &cloudwatch.PutMetricDataInput{}); err == nil || !strings.HasSuffix(err.Error(), "at 'metricData.1.member.dimensions.1.member.name'") {
		t.Error(err)
	}
}
