package e2e

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	scaling "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cw "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/smithy-go"
	"github.com/fxamacker/cbor/v2"
)

// answer is the response to a raw request.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// raw signs and sends a request. change may modify it after signing.
func (s *server) raw(service, path string, header map[string]string, body []byte, at time.Time, change func(*http.Request)) answer {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.url+path, bytes.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	for k, v := range header {
		req.Header.Set(k, v)
	}
	sum := sha256.Sum256(body)
	credentials := aws.Credentials{AccessKeyID: s.env["AWS_ACCESS_KEY_ID"], SecretAccessKey: s.env["AWS_SECRET_ACCESS_KEY"]}
	if err := v4.NewSigner().SignHTTP(s.t.Context(), credentials, req, hex.EncodeToString(sum[:]), service, "us-east-1", at); err != nil {
		s.t.Fatal(err)
	}
	if change != nil {
		change(req)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, text}
}

// alarmsAnswer contains the parts of DescribeAlarms' response that the test compares in any protocol.
type alarmsAnswer struct {
	MetricAlarms []alarmAnswer `xml:"DescribeAlarmsResult>MetricAlarms>member"`
}

type alarmAnswer struct {
	AlarmName, StateValue, StateReason, MetricName, ComparisonOperator string

	Threshold         float64
	EvaluationPeriods int
	ActionsEnabled    bool
	Dimensions        []struct{ Name, Value string } `xml:"Dimensions>member"`
}

const cloudWatchCBOR = "/service/GraniteServiceVersion20100801/operation/"

// The same calls over CBOR, JSON and Query get the same responses and errors.
func TestCloudWatchIsEqualInEveryProtocol(t *testing.T) {
	t.Parallel()
	s := start(t, t.TempDir())
	_, err := s.cloudwatch().PutMetricAlarm(t.Context(), &cloudwatch.PutMetricAlarmInput{ // the SDK for Go uses CBOR
		AlarmName: aws.String("a"), Namespace: aws.String("N"), MetricName: aws.String("m"), Statistic: cw.StatisticSum, Period: aws.Int32(60),
		Dimensions:        []cw.Dimension{{Name: aws.String("d"), Value: aws.String("v & <w>")}},
		EvaluationPeriods: aws.Int32(2), Threshold: aws.Float64(1.5), ComparisonOperator: cw.ComparisonOperatorLessThanThreshold,
	})
	if err != nil {
		t.Fatal(err)
	}
	var viaJSON, viaCBOR, viaQuery alarmsAnswer
	a := s.raw("monitoring", "/", map[string]string{
		"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "GraniteServiceVersion20100801.DescribeAlarms",
	}, []byte(`{"AlarmNames":["a"]}`), time.Now(), nil)
	if err := json.Unmarshal(a.body, &viaJSON); err != nil || a.header.Get("Content-Type") != "application/x-amz-json-1.0" {
		t.Errorf("JSON: %v: %s", err, a.body)
	}
	body, err := cbor.Marshal(map[string]any{"AlarmNames": []string{"a"}})
	if err != nil {
		t.Fatal(err)
	}
	a = s.raw("monitoring", cloudWatchCBOR+"DescribeAlarms", map[string]string{
		"Content-Type": "application/cbor", "Smithy-Protocol": "rpc-v2-cbor",
	}, body, time.Now(), nil)
	if err := cbor.Unmarshal(a.body, &viaCBOR); err != nil || a.header.Get("Smithy-Protocol") != "rpc-v2-cbor" {
		t.Errorf("CBOR: %v: %x", err, a.body)
	}
	a = s.raw("monitoring", "/", map[string]string{"Content-Type": "application/x-www-form-urlencoded"},
		[]byte("Action=DescribeAlarms&Version=2010-08-01&AlarmNames.member.1=a"), time.Now(), nil)
	if err := xml.Unmarshal(a.body, &viaQuery); err != nil {
		t.Errorf("Query: %v: %s", err, a.body)
	}
	want := "{[{a INSUFFICIENT_DATA Unchecked: Initial alarm creation m LessThanThreshold 1.5 2 true [{d v & <w>}]}]}"
	for name, got := range map[string]alarmsAnswer{"JSON": viaJSON, "CBOR": viaCBOR, "Query": viaQuery} {
		if fmt.Sprint(got) != want {
			t.Errorf("%s: %v\nwant %s", name, got, want)
		}
	}
	errorsAlike(t, s)
}

func errorsAlike(t *testing.T, s *server) {
	t.Helper()
	const text = "1 validation error detected: Value 'X' at 'stateValue' failed to satisfy constraint: Member must satisfy enum value set: [INSUFFICIENT_DATA, ALARM, OK]"
	jsonHeader := map[string]string{
		"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "GraniteServiceVersion20100801.SetAlarmState", "X-Amzn-Query-Mode": "true",
	}
	a := s.raw("monitoring", "/", jsonHeader, []byte(`{"AlarmName":"a","StateValue":"X","StateReason":"r"}`), time.Now(), nil)
	if got := a.header.Get("X-Amzn-Query-Error"); a.status != 400 || got != "ValidationError;Sender" || !strings.Contains(string(a.body), text) {
		t.Errorf("JSON: %d %s %s", a.status, got, a.body)
	}
	a = s.raw("monitoring", "/", jsonHeader, []byte(`{"AlarmName":"none","StateValue":"OK","StateReason":"r"}`), time.Now(), nil)
	if got := a.header.Get("X-Amzn-Query-Error"); a.status != 404 || got != "ResourceNotFound;Sender" ||
		string(a.body) != `{"__type":"com.amazonaws.cloudwatch.v2010_08_01#ResourceNotFound"}` {
		t.Errorf("JSON, not found: %d %s %s", a.status, got, a.body)
	}
	delete(jsonHeader, "X-Amzn-Query-Mode")
	if a = s.raw("monitoring", "/", jsonHeader, []byte(`{"AlarmName":"none","StateValue":"OK","StateReason":"r"}`), time.Now(), nil); a.status != 400 {
		t.Errorf("JSON without query mode, not found: %d", a.status)
	}
	a = s.raw("monitoring", "/", map[string]string{"Content-Type": "application/x-www-form-urlencoded"},
		[]byte("Action=SetAlarmState&Version=2010-08-01&AlarmName=a&StateValue=X&StateReason=r"), time.Now(), nil)
	if a.status != 400 || !strings.Contains(string(a.body), "<Type>Sender</Type><Code>ValidationError</Code><Message>1 validation error detected: Value &#39;X&#39;") {
		t.Errorf("Query: %d %s", a.status, a.body)
	}
	_, err := s.cloudwatch().SetAlarmState(t.Context(), &cloudwatch.SetAlarmStateInput{AlarmName: aws.String("none"), StateValue: cw.StateValueOk, StateReason: aws.String("r")})
	var missing *cw.ResourceNotFound
	if !errors.As(err, &missing) {
		t.Errorf("the SDK for Go: %v", err)
	}
}

// Every kind of wrong signature gets AWS's refusal in the protocol of the request.
func TestSignatures(t *testing.T) {
	t.Parallel()
	s := start(t, t.TempDir())
	target := map[string]string{"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "SageMaker.ListModels"}
	for _, c := range []struct {
		name   string
		at     time.Time
		change func(*http.Request)
		status int
		want   string
	}{
		{"right", time.Now(), nil, 200, `{"Models":[]}`},
		{"no signature", time.Now(), func(r *http.Request) { r.Header.Del("Authorization") }, 403,
			`{"__type":"MissingAuthenticationTokenException","message":"Missing Authentication Token"}`},
		{"unknown key", time.Now(), func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), s.env["AWS_ACCESS_KEY_ID"], "AKIANOBODY", 1))
		}, 403, `{"__type":"UnrecognizedClientException","message":"The security token included in the request is invalid."}`},
		{"wrong signature", time.Now(), func(r *http.Request) { r.Header.Set("X-Amz-Target", "SageMaker.ListEndpoints") }, 403,
			`"__type":"InvalidSignatureException","message":"The request signature we calculated does not match`},
		{"too old", time.Now().Add(-time.Hour), nil, 403, `"message":"Signature expired: `},
		{"not yet", time.Now().Add(time.Hour), nil, 403, `"message":"Signature not yet current: `},
	} {
		got := s.raw("sagemaker", "/", target, []byte("{}"), c.at, c.change)
		if got.status != c.status || !strings.Contains(string(got.body), c.want) {
			t.Errorf("%s: %d %s\nwant %d %s", c.name, got.status, got.body, c.status, c.want)
		}
	}
	got := s.raw("sagemaker", "/", map[string]string{
		"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "GraniteServiceVersion20100801.ListMetrics",
	}, nil, time.Now(), nil)
	if got.status != 403 || !strings.Contains(string(got.body), "Credential should be scoped to correct service: 'monitoring'.") {
		t.Errorf("another service: %d %s", got.status, got.body)
	}
	unsigned := func(r *http.Request) { r.Header.Del("Authorization") }
	got = s.raw("monitoring", "/", map[string]string{"Content-Type": "application/x-www-form-urlencoded"},
		[]byte("Action=ListMetrics&Version=2010-08-01"), time.Now(), unsigned)
	if got.status != 403 || !strings.Contains(string(got.body), "<Code>MissingAuthenticationToken</Code>") {
		t.Errorf("Query: %d %s", got.status, got.body)
	}
	got = s.raw("sagemaker", "/endpoints/x/invocations", nil, []byte("x"), time.Now(), unsigned)
	if got.status != 403 || !strings.HasPrefix(got.header.Get("X-Amzn-Errortype"), "MissingAuthenticationTokenException") {
		t.Errorf("runtime: %d %v %s", got.status, got.header, got.body)
	}
}

// Invalid requests are refused with AWS's texts, and nothing changes.
func TestInvalidRequests(t *testing.T) {
	t.Parallel()
	s := start(t, t.TempDir())
	for _, c := range []struct {
		service, target, body string
		status                int
		want                  string
	}{
		{"sagemaker", "SageMaker.CreateModel", `{`, 400, `SerializationException`},
		{"sagemaker", "SageMaker.CreateModel", `{"ModelName":5}`, 400, "A number cannot be converted to a String at 'modelName'"},
		{"sagemaker", "SageMaker.CreateModel", `{}`, 400, "Value null at 'modelName' failed to satisfy constraint: Member must not be null"},
		{"sagemaker", "SageMaker.CreateModel", `{"ModelName":"a"}`, 400, "Either PrimaryContainer or Containers must be specified."},
		{"sagemaker", "SageMaker.CreateModel", `{"ModelName":"a","PrimaryContainer":{"Image":"nobody/knows"}}`, 400, `no command is known for the image`},
		{"sagemaker", "SageMaker.CreateModel", `{"ModelName":"a","PrimaryContainer":{"Image":"bellows/demo-model","ModelPackageName":"p"}}`, 400,
			"The member 'primaryContainer.modelPackageName' asks for something that this server does not do."},
		{"sagemaker", "SageMaker.CreateEndpoint", `{"EndpointName":"e","EndpointConfigName":"none"}`, 400,
			`Could not find endpoint configuration \"arn:aws:sagemaker:us-east-1:123456789012:endpoint-config/none\".`},
		{"sagemaker", "SageMaker.ListEndpoints", `{"MaxResults":0}`, 400, "Value '0' at 'maxResults' failed to satisfy constraint: Member must have value greater than or equal to 1"},
		{"sagemaker", "SageMaker.ListEndpoints", `{"NextToken":"xyz"}`, 400, "NextToken"},
		{"sagemaker", "SageMaker.CreateCluster", `{}`, 404, "This server does not serve the operation CreateCluster of SageMaker."},
		{"application-autoscaling", "AnyScaleFrontendService.RegisterScalableTarget",
			`{"ServiceNamespace":"ecs","ResourceId":"service/a/b","ScalableDimension":"ecs:service:DesiredCount"}`, 400,
			"Unsupported service namespace, resource type or scalable dimension"},
		{"application-autoscaling", "AnyScaleFrontendService.RegisterScalableTarget",
			`{"ServiceNamespace":"sagemaker","ResourceId":"endpoint/e/variant/v","ScalableDimension":"sagemaker:variant:DesiredInstanceCount"}`, 400,
			`Could not find endpoint \"arn:aws:sagemaker:us-east-1:123456789012:endpoint/e\".`},
		{"application-autoscaling", "AnyScaleFrontendService.DescribeScalableTargets", `{"ServiceNamespace":"moon"}`, 400, "Value 'moon' at 'serviceNamespace'"},
		{"application-autoscaling", "AnyScaleFrontendService.DescribeScalingPolicies", `{"ServiceNamespace":"sagemaker","NextToken":"x"}`, 400,
			"InvalidNextTokenException"},
		{"application-autoscaling", "AnyScaleFrontendService.ListTagsForResource",
			`{"ResourceARN":"arn:aws:application-autoscaling:us-east-1:123456789012:scalable-target/x"}`, 400,
			`{"Message":"Scalable Target not found","ResourceName":"arn:aws:application-autoscaling:us-east-1:123456789012:scalable-target/x","__type":"ResourceNotFoundException"}`},
		{"monitoring", "GraniteServiceVersion20100801.PutMetricData", `{"MetricData":[]}`, 400, "The parameter Namespace is required."},
		{"monitoring", "GraniteServiceVersion20100801.PutMetricData", `{"Namespace":"N","MetricData":[{"MetricName":"m","Value":1,"Values":[2]}]}`, 400,
			"The parameters MetricData.member.1.Value and MetricData.member.1.Values are mutually exclusive and you have specified both."},
		{"monitoring", "GraniteServiceVersion20100801.PutMetricData", `{"Namespace":"N","MetricData":[{"MetricName":"m","Value":"NaN"}]}`, 400,
			"The value NaN for parameter MetricData.member.1.Value is invalid."},
		{"monitoring", "GraniteServiceVersion20100801.PutMetricData", `{"Namespace":"AWS/SageMaker","MetricData":[{"MetricName":"m","Value":1}]}`, 400, "Namespace is invalid"},
		{"monitoring", "GraniteServiceVersion20100801.PutMetricAlarm", `{"AlarmName":"a","EvaluationPeriods":1,"ComparisonOperator":"GreaterThanThreshold","MetricName":"m","Namespace":"N","Statistic":"Sum","Period":17,"Threshold":1}`, 400,
			"Period must be 10, 20, 30 or a multiple of 60"},
	} {
		got := s.raw(c.service, "/", map[string]string{"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": c.target}, []byte(c.body), time.Now(), nil)
		if got.status != c.status || !strings.Contains(string(got.body), c.want) {
			t.Errorf("%s %s: %d %s\nwant %d %s", c.target, c.body, got.status, got.body, c.status, c.want)
		}
	}
	if got := s.raw("sagemaker", "/", map[string]string{"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "SageMaker.ListModels"},
		[]byte("{}"), time.Now(), nil); string(got.body) != `{"Models":[]}` {
		t.Errorf("something was created: %s", got.body)
	}
}

// Large bodies of PutMetricData are compressed; the signature covers the compressed bytes.
func TestCompressedBodies(t *testing.T) {
	t.Parallel()
	s := start(t, t.TempDir())
	form := url.Values{"Action": {"PutMetricData"}, "Version": {"2010-08-01"}, "Namespace": {"N"}}
	for i := range 900 {
		form.Set(fmt.Sprintf("MetricData.member.%d.MetricName", i+1), "m")
		form.Set(fmt.Sprintf("MetricData.member.%d.Value", i+1), fmt.Sprint(i))
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write([]byte(form.Encode()))
	_ = z.Close()
	header := map[string]string{"Content-Type": "application/x-www-form-urlencoded", "Content-Encoding": "gzip"}
	if a := s.raw("monitoring", "/", header, packed.Bytes(), time.Now(), nil); a.status != 200 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if a := s.raw("monitoring", "/", header, []byte("no gzip"), time.Now(), nil); a.status != 400 {
		t.Errorf("not gzip: %d %s", a.status, a.body)
	}
	var many []cw.MetricDatum // the SDK compresses what is larger than 10 KB
	for range 900 {
		many = append(many, cw.MetricDatum{MetricName: aws.String("m"), Values: []float64{1, 2}, Counts: []float64{3, 4}})
	}
	if _, err := s.cloudwatch().PutMetricData(t.Context(), &cloudwatch.PutMetricDataInput{Namespace: aws.String("N"), MetricData: many}); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	out, err := s.cloudwatch().GetMetricStatistics(t.Context(), &cloudwatch.GetMetricStatisticsInput{
		Namespace: aws.String("N"), MetricName: aws.String("m"), StartTime: aws.Time(now.Add(-time.Hour)), EndTime: aws.Time(now.Add(time.Hour)),
		Period: aws.Int32(7200), Statistics: []cw.Statistic{cw.StatisticSampleCount, cw.StatisticSum},
	})
	if err != nil {
		t.Fatal(err)
	}
	count, sum := 0.0, 0.0
	for _, d := range out.Datapoints {
		count, sum = count+*d.SampleCount, sum+*d.Sum
	}
	if want := 899.0 * 900 / 2; count != 900+900*7 || sum != want+900*11 {
		t.Errorf("%v samples, sum %v; want %v and %v", count, sum, 900+900*7, want+900*11)
	}
}

// State is kept per region: two regions share nothing.
func TestRegionsShareNothing(t *testing.T) {
	t.Parallel()
	s := start(t, t.TempDir())
	s.deploy("here", 1, nil)
	elsewhere := s.config()
	elsewhere.Region = "eu-west-1"
	out, err := applicationautoscaling.NewFromConfig(elsewhere).RegisterScalableTarget(t.Context(), &applicationautoscaling.RegisterScalableTargetInput{
		ServiceNamespace: scaling.ServiceNamespaceSagemaker, ResourceId: aws.String("endpoint/here/variant/AllTraffic"),
		ScalableDimension: scaling.ScalableDimensionSageMakerVariantDesiredInstanceCount, MinCapacity: aws.Int32(1), MaxCapacity: aws.Int32(2),
	})
	var refusal smithy.APIError
	if !errors.As(err, &refusal) || refusal.ErrorMessage() != `Could not find endpoint "arn:aws:sagemaker:eu-west-1:123456789012:endpoint/here".` {
		t.Errorf("%v, %v", out, err)
	}
}

// Without authentication the server accepts every request, on a loopback address only.
func TestNoAuthentication(t *testing.T) {
	t.Parallel()
	s := start(t, t.TempDir(), "--auth", "none")
	got := s.raw("sagemaker", "/", map[string]string{"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "SageMaker.ListModels"},
		[]byte("{}"), time.Now(), func(r *http.Request) { r.Header.Del("Authorization") })
	if got.status != 200 {
		t.Errorf("%d %s", got.status, got.body)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if out, err := runBinary(ctx, "serve", "--auth", "none", "--listen", "0.0.0.0:0", "--data-dir", t.TempDir()); err == nil || !strings.Contains(out, "loopback") {
		t.Errorf("on every address: %v %s", err, out)
	}
}
