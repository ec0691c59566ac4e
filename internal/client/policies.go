package client

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"

	"bellows.dev/bellows/internal/awsapi/policies"
	"bellows.dev/bellows/scaling"
)

// Policy is a scaling policy.
type Policy struct {
	Name     string            `json:"name"`
	Type     string            `json:"type"`
	Target   string            `json:"target"`             // the resource ID, such as endpoint/iris/variant/AllTraffic
	ARN      string            `json:"arn"`                // for actions of alarms
	Settings map[string]string `json:"settings,omitempty"` // none where the configuration cannot be written as settings
}

// PolicyType is a policy type that can be put as settings.
type PolicyType struct {
	Name     string            `json:"name"`
	Settings []scaling.Setting `json:"settings"`
}

// PutPolicy makes a policy of a target or replaces its configuration, and returns its ARN.
func (c *Client) PutPolicy(ctx context.Context, k scaling.TargetKey, name, kind string, settings map[string]string) (arn string, err error) {
	var out policies.PutPolicyOutput
	err = c.call(ctx, policies.Target+".PutPolicy", &policies.PutPolicyInput{
		PolicyName: &name, ResourceId: &k.ResourceID, ScalableDimension: aws.String(string(k.Dimension)), PolicyType: &kind, Settings: settings,
	}, &out)
	return aws.ToString(out.PolicyARN), err
}

// Policies returns the policies of a scalable resource, or of all with "".
func (c *Client) Policies(ctx context.Context, resourceID string) ([]Policy, error) {
	all := []Policy{}
	in := policies.DescribePoliciesInput{}
	if resourceID != "" {
		in.ResourceId = &resourceID
	}
	for {
		var out policies.DescribePoliciesOutput
		if err := c.call(ctx, policies.Target+".DescribePolicies", &in, &out); err != nil {
			return nil, err
		}
		for _, p := range out.Policies {
			all = append(all, Policy{
				aws.ToString(p.PolicyName), aws.ToString(p.PolicyType), aws.ToString(p.ResourceId), aws.ToString(p.PolicyARN), p.Settings,
			})
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			return all, nil
		}
	}
}

// PolicyTypes returns the policy types that can be put as settings.
func (c *Client) PolicyTypes(ctx context.Context) ([]PolicyType, error) {
	var out policies.DescribePolicyTypesOutput
	if err := c.call(ctx, policies.Target+".DescribePolicyTypes", &policies.DescribePolicyTypesInput{}, &out); err != nil {
		return nil, err
	}
	all := []PolicyType{}
	for _, t := range out.PolicyTypes {
		x := PolicyType{Name: aws.ToString(t.PolicyType), Settings: []scaling.Setting{}}
		for _, s := range t.Settings {
			x.Settings = append(x.Settings, scaling.Setting{Name: aws.ToString(s.Name), Required: aws.ToBool(s.Required), Help: aws.ToString(s.Description)})
		}
		all = append(all, x)
	}
	return all, nil
}

// DeletePolicy deletes a policy of any type, with the alarms that it owns.
func (c *Client) DeletePolicy(ctx context.Context, k scaling.TargetKey, name string) error {
	_, err := c.Scaling.DeleteScalingPolicy(ctx, &sdk.DeleteScalingPolicyInput{
		PolicyName: &name, ResourceId: &k.ResourceID, ScalableDimension: types.ScalableDimension(k.Dimension),
		ServiceNamespace: types.ServiceNamespace(k.Dimension.Namespace()),
	})
	return err
}
