package client

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

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

// operation names an operation of the Bellows API.
func operation(name string) Operation {
	return Operation{Signing: policies.Signing, Target: policies.Target + "." + name}
}

// PutPolicy makes a policy of a target or replaces its configuration, and returns its ARN.
func (c *Client) PutPolicy(ctx context.Context, k scaling.TargetKey, name, kind string, settings map[string]string) (arn string, err error) {
	var out policies.PutPolicyOutput
	err = c.Call(ctx, operation("PutPolicy"), &policies.PutPolicyInput{
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
		if err := c.Call(ctx, operation("DescribePolicies"), &in, &out); err != nil {
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
	if err := c.Call(ctx, operation("DescribePolicyTypes"), &policies.DescribePolicyTypesInput{}, &out); err != nil {
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
	return c.Call(ctx, Operation{Signing: "application-autoscaling", Target: "AnyScaleFrontendService.DeleteScalingPolicy"}, &sdk.DeleteScalingPolicyInput{
		PolicyName: &name, ResourceId: &k.ResourceID, ScalableDimension: types.ScalableDimension(k.Dimension),
		ServiceNamespace: types.ServiceNamespace(k.Dimension.Namespace()),
	}, &sdk.DeleteScalingPolicyOutput{})
}

// RenderPolicies writes a line for each policy: target, name, type, settings.
func RenderPolicies(w io.Writer, all []Policy) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, p := range all {
		settings := "(its configuration cannot be written as settings: see DescribeScalingPolicies)"
		if p.Settings != nil {
			var parts []string
			for _, name := range slices.Sorted(maps.Keys(p.Settings)) {
				parts = append(parts, name+"="+p.Settings[name])
			}
			settings = strings.Join(parts, " ")
		}
		if _, err := fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", p.Target, p.Name, p.Type, settings); err != nil {
			return err
		}
	}
	return t.Flush()
}

// RenderPolicyTypes writes each type with a line for each of its settings.
func RenderPolicyTypes(w io.Writer, all []PolicyType) error {
	for _, t := range all {
		if _, err := fmt.Fprintln(w, t.Name); err != nil {
			return err
		}
		lines := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		for _, s := range t.Settings {
			need := ""
			if s.Required {
				need = "(required) "
			}
			if _, err := fmt.Fprintf(lines, "  %s\t%s%s\n", s.Name, need, s.Help); err != nil {
				return err
			}
		}
		if err := lines.Flush(); err != nil {
			return err
		}
	}
	return nil
}
