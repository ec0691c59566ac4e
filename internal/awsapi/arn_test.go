package awsapi_test

import (
	"testing"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/awsapi"
	"bellows.dev/bellows/scaling"
)

// Actions name policies by ARN, whatever characters the policies' names contain.
func TestPolicyARNs(t *testing.T) {
	const uuid, by = "605c1f9e-b83f-443f-b355-a60e7b8cb45e", "738227f4-94ee-4d98-8c10-21c6991313ac"
	s := engine.Scope{Account: "123456789012", Region: "us-east-1"}
	target := &scaling.Target{Key: scaling.VariantTarget("e", "v"), UUID: uuid}
	for _, name := range []string{"p", "a b", "naïve", "x:policyName/y", "x:createdBy/y", "arn:aws:x", "*/-_.", "x:createdBy/" + by + "/z"} {
		own := &scaling.Policy{Name: name, CreatedBy: by}
		for _, arn := range []string{
			awsapi.PolicyARN(s, target, name), awsapi.ActionARN(s, target, own), awsapi.ActionARN(s, target, &scaling.Policy{Name: name}),
		} {
			if id, policy, ok := awsapi.ParsePolicyARN(s, arn); !ok || id != target.ID36() || policy != name {
				t.Errorf("%s: %q, %q, %t", arn, id, policy, ok)
			}
		}
	}
	for _, arn := range []string{
		"", "arn:aws:autoscaling:us-east-1:123456789012:scalingPolicy:" + uuid + ":resource/sagemaker/endpoint/e/variant/v",
		"arn:aws:autoscaling:us-east-1:123456789012:scalingPolicy:short:resource/sagemaker/endpoint/e/variant/v:policyName/p",
		"arn:aws:autoscaling:us-west-2:123456789012:scalingPolicy:" + uuid + ":resource/sagemaker/endpoint/e/variant/v:policyName/p",
	} {
		if id, policy, ok := awsapi.ParsePolicyARN(s, arn); ok {
			t.Errorf("%s: %q, %q", arn, id, policy)
		}
	}
}
