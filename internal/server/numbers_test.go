package server

import (
	"net/http"
	"testing"
)

// What the journal cannot hold is the caller's mistake in every protocol, whether it arrives so or becomes so on the way in.
func TestWhatCannotBeWrittenIsAValidationError(t *testing.T) {
	r := startServer(t, nil)
	json := func(target string) http.Header {
		return http.Header{"X-Amz-Target": {target}, "Content-Type": {"application/x-amz-json-1.1"}, "Connection": {"close"}}
	}
	form := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Connection": {"close"}}
	const alarm = "Action=PutMetricAlarm&Version=2010-08-01&AlarmName=a&MetricName=m&Namespace=N&Statistic=Sum&Period=60&EvaluationPeriods=1" +
		"&ComparisonOperator=GreaterThanThreshold&Threshold="
	const target = `"ServiceNamespace":"sagemaker","ResourceId":"endpoint/e/variant/v","ScalableDimension":"sagemaker:variant:DesiredInstanceCount"`
	const predefined = `"PredefinedMetricSpecification":{"PredefinedMetricType":"SageMakerVariantInvocationsPerInstance"}`
	policy := func(value string) string {
		return `{"PolicyName":"p","PolicyType":"TargetTrackingScaling",` + target + `,"TargetTrackingScalingPolicyConfiguration":{"TargetValue":` + value + `,` + predefined + `}}`
	}
	const put, weights = "AnyScaleFrontendService.PutScalingPolicy", "SageMaker.UpdateEndpointWeightsAndCapacities"
	for _, c := range []struct {
		name, service, body string
		header              http.Header
		code, want          string
	}{
		{"NaN", "application-autoscaling", policy(`"NaN"`), json(put), "ValidationException", "Member must be a finite number"},
		{"an infinity", "application-autoscaling", policy(`"-Infinity"`), json(put), "ValidationException", "Member must be a finite number"},
		{"a number that overflows", "application-autoscaling", policy(`1e400`), json(put), "SerializationException", "__type"},
		{"a weight that overflows 32 bits", "sagemaker", `{"EndpointName":"e","DesiredWeightsAndCapacities":[{"VariantName":"v","DesiredWeight":-1e39}]}`,
			json(weights), "SerializationException", "cannot be converted to a Float"},
		{"an infinite threshold", "monitoring", alarm + "Infinity", form, "ValidationError", "should have valid Threshold parameter"},
		{"a threshold that overflows", "monitoring", alarm + "1e400", form, "MalformedInput", "cannot be converted to a Double"},
		{"text that is not UTF-8", "monitoring", alarm + "1&AlarmDescription=%ff", form, "MalformedInput", "not UTF-8 cannot be converted to a String"},
	} {
		r.expect(c.name, r.raw(r.signed(c.service, http.MethodPost, "/", c.body, c.header)+c.body), http.StatusBadRequest, c.code, c.want)
	}
}
