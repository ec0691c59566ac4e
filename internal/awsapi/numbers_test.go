package awsapi_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/awsapi"
	"bellows.dev/bellows/internal/awsapi/autoscaling"
	"bellows.dev/bellows/internal/awsapi/cloudwatch"
	"bellows.dev/bellows/internal/awsapi/ec2autoscaling"
	"bellows.dev/bellows/internal/awsapi/sagemaker"
	"bellows.dev/bellows/internal/awsapi/sts"
	"bellows.dev/bellows/internal/log"
)

// unreached is a backend that no request may reach.
type unreached struct{}

var errReached = errors.New("the request has reached the backend")

func (unreached) Step(context.Context, engine.Input) (engine.Result, error) { return nil, errReached }

func (unreached) View(context.Context, func(time.Time, *engine.Engine)) error { return errReached }

func (unreached) Events(context.Context, log.EventQuery) ([]engine.Recorded, string, error) {
	return nil, "", errReached
}

func servedServices() []*awsapi.Service {
	b := unreached{}
	return []*awsapi.Service{
		sagemaker.New(b, sagemaker.Options{}), autoscaling.New(b), ec2autoscaling.New(b), cloudwatch.New(b, nil), sts.New(), sts.NewIAM(time.Time{}),
	}
}

// path is the path of a member: "" is an item of a list.
type path []string

// doubles returns the paths of all floating-point members below a type.
func doubles(t reflect.Type, at path) []path {
	switch t.Kind() {
	case reflect.Float32, reflect.Float64:
		return []path{at}
	case reflect.Pointer:
		return doubles(t.Elem(), at)
	case reflect.Slice:
		return doubles(t.Elem(), append(at[:len(at):len(at)], ""))
	case reflect.Struct:
		var out []path
		for i := range t.NumField() {
			if f := t.Field(i); f.IsExported() && f.Name != "ResultMetadata" && f.Type != reflect.TypeFor[time.Time]() {
				out = append(out, doubles(f.Type, append(at[:len(at):len(at)], f.Name))...)
			}
		}
		return out
	default:
		return nil
	}
}

// json returns a JSON request in which only the member at the path is set.
func (p path) json(value string) string {
	if len(p) == 0 {
		return value
	}
	if p[0] == "" {
		return "[" + p[1:].json(value) + "]"
	}
	return fmt.Sprintf("{%q:%s}", p[0], p[1:].json(value))
}

// cbor does the same in CBOR, for texts of less than 256 bytes.
func (p path) cbor(value string) string {
	if len(p) == 0 {
		return value
	}
	if p[0] == "" {
		return "\x81" + p[1:].cbor(value)
	}
	return "\xa1\x78" + string(rune(len(p[0]))) + p[0] + p[1:].cbor(value)
}

// form returns the name of the member as a parameter of a Query request.
func (p path) form() string {
	parts := make([]string, len(p))
	for i, s := range p {
		if parts[i] = s; s == "" {
			parts[i] = "member.1"
		}
	}
	return strings.Join(parts, ".")
}

func float64CBOR(f float64) string {
	return "\xfb" + string(binary.BigEndian.AppendUint64(nil, math.Float64bits(f)))
}

// requests returns requests that send a non-finite value as a member in every protocol; the first are numbers in the protocol.
func requests(s *awsapi.Service, operation string, p path) map[string]*http.Request {
	out := map[string]*http.Request{}
	add := func(name, path, body string, header http.Header) {
		r := httptest.NewRequestWithContext(context.Background(), http.MethodPost, path, strings.NewReader(body))
		r.Header = header
		out[name] = r
	}
	if s.Target != "" {
		for _, v := range []string{`"NaN"`, `"Infinity"`, `"-Infinity"`, "1e400", "-1e400", `"nan"`, `"inf"`, `"+Infinity"`, `"1e400"`, "NaN", "Infinity", "-Infinity"} {
			add("JSON "+v, "/", p.json(v), http.Header{"X-Amz-Target": {s.Target + "." + operation}, "Content-Type": {"application/x-amz-json-1.1"}})
		}
	}
	if s.CBOR != "" {
		for name, v := range map[string]string{
			"half NaN": "\xf9\x7e\x00", "half Infinity": "\xf9\x7c\x00", "half -Infinity": "\xf9\xfc\x00",
			"single NaN": "\xfa\x7f\xc0\x00\x00", "single Infinity": "\xfa\x7f\x80\x00\x00", "double NaN": float64CBOR(math.NaN()),
			"double Infinity": float64CBOR(math.Inf(1)), "double -Infinity": float64CBOR(math.Inf(-1)), "text NaN": "\x63NaN", "text Infinity": "\x68Infinity",
		} {
			add("CBOR "+name, "/service/"+s.CBOR+"/operation/"+operation, p.cbor(v),
				http.Header{"Smithy-Protocol": {"rpc-v2-cbor"}, "Content-Type": {"application/cbor"}})
		}
	}
	if s.Version != "" {
		for _, v := range []string{"NaN", "Infinity", "-Infinity", "1e400", "nan", "inf", "+Inf", "infinity", "0x1p2000"} {
			form := url.Values{"Action": {operation}, "Version": {s.Version}, p.form(): {v}}
			add("Query "+v, "/", form.Encode(), http.Header{"Content-Type": {"application/x-www-form-urlencoded"}})
		}
	}
	return out
}

// Non-finite doubles are refused as the caller's error in every member of every operation and every protocol, before the operation is
// called.
func TestDoublesAreFinite(t *testing.T) {
	server := &awsapi.Server{
		Auth: &awsapi.Authenticator{Now: time.Now, Account: "123456789012", Region: "us-east-1"}, Services: servedServices(),
		NewID: func() string { return "r" }, Log: slog.New(slog.DiscardHandler),
	}
	seen := map[string]bool{}
	for _, s := range server.Services {
		for _, operation := range s.Operations() {
			for _, p := range doubles(reflect.TypeOf(s.NewInput(operation)), nil) {
				seen[operation+" "+p.form()] = true
				for name, r := range requests(s, operation, p) {
					w := httptest.NewRecorder()
					server.ServeHTTP(w, r)
					body := w.Body.String()
					if w.Code != http.StatusBadRequest || !refusesNumber(body) {
						t.Errorf("%s %s, %s: %d %s", operation, p.form(), name, w.Code, body)
					}
				}
			}
		}
	}
	for _, known := range []string{ // one of each kind, to check that the walk above finds them
		"PutScalingPolicy TargetTrackingScalingPolicyConfiguration.TargetValue",
		"PutScalingPolicy StepScalingPolicyConfiguration.StepAdjustments.member.1.MetricIntervalLowerBound",
		"PutScalingPolicy PredictiveScalingPolicyConfiguration.MetricSpecifications.member.1.TargetValue",
		"PutScalingPolicy StepAdjustments.member.1.MetricIntervalUpperBound", "PutScalingPolicy TargetTrackingConfiguration.TargetValue",
		"ExecutePolicy MetricValue", "ExecutePolicy BreachThreshold", "PutMetricAlarm Threshold",
		"PutMetricData MetricData.member.1.Value", "PutMetricData MetricData.member.1.Values.member.1", "PutMetricData MetricData.member.1.Counts.member.1",
		"PutMetricData MetricData.member.1.StatisticValues.Sum", "PutMetricData EntityMetricData.member.1.MetricData.member.1.StatisticValues.SampleCount",
		"CreateEndpointConfig ProductionVariants.member.1.InitialVariantWeight",
		"UpdateEndpointWeightsAndCapacities DesiredWeightsAndCapacities.member.1.DesiredWeight",
	} {
		if !seen[known] {
			t.Errorf("%s is not among the tested members", known)
		}
	}
}

// refusesNumber reports whether a response refuses a number, not another member of the request.
func refusesNumber(body string) bool {
	for _, text := range []string{
		"Member must be a finite number", "cannot be converted to a Double", "is not valid JSON", "for parameter", "should have valid Threshold parameter",
	} {
		if strings.Contains(body, text) {
			return true
		}
	}
	return false
}

// Where AWS has its own text the refusal uses it; otherwise it is that of a violated constraint.
func TestDoublesThatAreNotFiniteAreNamed(t *testing.T) {
	server := &awsapi.Server{
		Auth: &awsapi.Authenticator{Now: time.Now, Account: "123456789012", Region: "us-east-1"}, Services: servedServices(),
		NewID: func() string { return "r" }, Log: slog.New(slog.DiscardHandler),
	}
	for _, c := range []struct{ target, body, want string }{
		{"AnyScaleFrontendService.PutScalingPolicy", `{"TargetTrackingScalingPolicyConfiguration":{"TargetValue":"NaN"}}`,
			`{"__type":"ValidationException","message":"1 validation error detected: Value 'NaN' at 'targetTrackingScalingPolicyConfiguration.targetValue' failed to satisfy constraint: Member must be a finite number"}`},
		{"GraniteServiceVersion20100801.PutMetricData", `{"MetricData":[{"StatisticValues":{"Sum":"-Infinity"}}]}`,
			"The value -Infinity for parameter MetricData.member.1.StatisticValues.Sum is invalid."},
		{"GraniteServiceVersion20100801.PutMetricAlarm", `{"Threshold":"Infinity"}`, "PutMetricAlarm request should have valid Threshold parameter"},
		{"SageMaker.CreateEndpointConfig", `{"ProductionVariants":[{"InitialVariantWeight":1e300}]}`, // a float of 32 bits
			`{"__type":"SerializationException","message":"A number cannot be converted to a Float at 'productionVariants.1.member.initialVariantWeight'"}`},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(c.body))
		r.Header = http.Header{"X-Amz-Target": {c.target}, "Content-Type": {"application/x-amz-json-1.1"}}
		w := httptest.NewRecorder()
		server.ServeHTTP(w, r)
		if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), c.want) {
			t.Errorf("%s: %d %s\nwant %s", c.target, w.Code, w.Body, c.want)
		}
	}
}
