// Package policies implements the service Bellows as an awsapi.Service: what AWS's APIs have no request for. Its operations put and describe
// scaling policies as named settings, of every policy type that can be written so (scaling.Parser), those that AWS does not have included.
// Members that AWS has too have AWS's names and constraints, and so do errors.
package policies

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/awsapi"
	"bellows.dev/bellows/internal/awsapi/wire"
	"bellows.dev/bellows/scaling"
)

// The names of the service on the wire.
const (
	Signing = "bellows" // the service that requests are signed for
	Target  = "Bellows" // the prefix of X-Amz-Target
)

// pageMax is the default and maximum page size of DescribePolicies.
const pageMax = 100

// API implements the operations.
type API struct{ backend awsapi.Backend }

// New returns the service.
func New(b awsapi.Backend) *awsapi.Service {
	a := &API{b}
	s := &awsapi.Service{Name: "Bellows", Signing: Signing, Target: Target}
	awsapi.Handle(s, "PutPolicy", a.putPolicy)
	awsapi.Handle(s, "DescribePolicies", a.describePolicies)
	awsapi.Handle(s, "DescribePolicyTypes", a.describePolicyTypes)
	return s
}

// PutPolicyInput makes or changes a policy of a scalable target. All members are required, but for ScalableDimension.
type PutPolicyInput struct {
	PolicyName        *string
	ResourceId        *string // the name on the wire
	ScalableDimension *string // default sagemaker:variant:DesiredInstanceCount
	PolicyType        *string
	Settings          map[string]string
}

// PutPolicyOutput names the policy and the alarms that it owns.
type PutPolicyOutput struct {
	PolicyARN  *string
	AlarmNames []string
}

// DescribePoliciesInput selects policies. All members are optional.
type DescribePoliciesInput struct {
	ResourceId  *string // the name on the wire
	PolicyNames []string
	MaxResults  *int32
	NextToken   *string
}

// DescribePoliciesOutput is a page of policies, by resource and name.
type DescribePoliciesOutput struct {
	Policies  []Policy
	NextToken *string
}

// Policy is a policy of a scalable target. Settings is nil where the configuration cannot be written as settings.
type Policy struct {
	PolicyARN         *string
	PolicyName        *string
	PolicyType        *string
	ResourceId        *string // the name on the wire
	ScalableDimension *string
	CreationTime      *time.Time
	Settings          map[string]string
}

// DescribePolicyTypesInput is empty.
type DescribePolicyTypesInput struct{}

// DescribePolicyTypesOutput lists the types whose policies PutPolicy puts.
type DescribePolicyTypesOutput struct{ PolicyTypes []PolicyType }

// PolicyType is a type with its settings.
type PolicyType struct {
	PolicyType *string
	Settings   []Setting
}

// Setting is a setting of a type.
type Setting struct {
	Name        *string
	Required    *bool
	Description *string
}

func (a *API) putPolicy(ctx context.Context, c awsapi.Call, in *PutPolicyInput) (*PutPolicyOutput, error) {
	if in.ScalableDimension == nil {
		in.ScalableDimension = aws.String(string(scaling.VariantInstances))
	}
	if err := check("PutScalingPolicy", &sdk.PutScalingPolicyInput{
		PolicyName: in.PolicyName, ResourceId: in.ResourceId, ServiceNamespace: types.ServiceNamespaceSagemaker,
		ScalableDimension: types.ScalableDimension(*in.ScalableDimension),
	}); err != nil {
		return nil, err
	}
	if in.PolicyType == nil {
		return nil, awsapi.Validation("PolicyType must be specified")
	}
	known, err := a.config(ctx)
	if err != nil {
		return nil, err
	}
	key, err := known.Dimensions.Parse(scaling.Dimension(*in.ScalableDimension).Namespace(), *in.ResourceId, *in.ScalableDimension)
	if err != nil {
		return nil, awsapi.ScalingRefusal(c.Scope, err)
	}
	kind, config, err := known.Policies.ParsePolicy(*in.PolicyType, in.Settings)
	if err != nil {
		return nil, awsapi.ScalingRefusal(c.Scope, err)
	}
	result, err := a.backend.Step(ctx, engine.PutScalingPolicy{Scope: c.Scope, Input: scaling.PolicyInput{
		Key: key, Name: *in.PolicyName, Type: kind, Configs: []scaling.Config{config},
	}})
	if err != nil {
		return nil, awsapi.ScalingRefusal(c.Scope, err)
	}
	r := result.(engine.PutScalingPolicyResult)
	t := &scaling.Target{Key: key, UUID: r.UUID}
	return &PutPolicyOutput{PolicyARN: aws.String(awsapi.PolicyARN(c.Scope, t, *in.PolicyName)), AlarmNames: slices.Clone(r.Alarms)}, nil
}

// check checks members by the constraints of the operation of Application Auto Scaling that has them too.
func check(operation string, in any) error {
	if found := wire.Validate("application-autoscaling", operation, in); len(found) > 0 {
		return awsapi.Validation("%s", wire.Message(found))
	}
	return nil
}

// config returns the configuration of the engine, which has its policy types and scalable dimensions.
func (a *API) config(ctx context.Context) (c engine.Config, err error) {
	err = a.backend.View(ctx, func(_ time.Time, e *engine.Engine) { c = e.Config() })
	return c, err
}

func (a *API) describePolicies(ctx context.Context, c awsapi.Call, in *DescribePoliciesInput) (*DescribePoliciesOutput, error) {
	if err := check("DescribeScalingPolicies", &sdk.DescribeScalingPoliciesInput{
		ServiceNamespace: types.ServiceNamespaceSagemaker, ResourceId: in.ResourceId, PolicyNames: in.PolicyNames, NextToken: in.NextToken,
	}); err != nil {
		return nil, err
	}
	limit := int(aws.ToInt32(in.MaxResults))
	if in.MaxResults != nil && limit < 1 {
		return nil, awsapi.Validation("MaxResults must be at least 1")
	}
	if limit == 0 || limit > pageMax {
		limit = pageMax
	}
	type row struct {
		target *scaling.Target
		policy *scaling.Policy
	}
	out := &DescribePoliciesOutput{Policies: []Policy{}}
	var invalid error
	err := a.backend.View(ctx, func(_ time.Time, e *engine.Engine) {
		r := e.Region(c.Scope)
		if r == nil {
			return
		}
		var rows []row
		for _, t := range r.Targets.Sorted() {
			for _, p := range t.Policies {
				if (in.ResourceId == nil || *in.ResourceId == t.Key.ResourceID) && (len(in.PolicyNames) == 0 || slices.Contains(in.PolicyNames, p.Name)) {
					rows = append(rows, row{t, p})
				}
			}
		}
		key := func(x row) string {
			return fmt.Sprintf("%s\x00%s\x00%s", x.target.Key.ResourceID, x.target.Key.Dimension, x.policy.Name)
		}
		bind := fmt.Sprintf("bellows policies %q %q", aws.ToString(in.ResourceId), in.PolicyNames)
		page, next, err := awsapi.Page(rows, key, false, aws.ToString(in.NextToken), bind, limit)
		for _, x := range page {
			out.Policies = append(out.Policies, describe(c, x.target, x.policy))
		}
		invalid, out.NextToken = err, awsapi.Optional(next)
	})
	if bad := (*awsapi.ErrToken)(nil); errors.As(invalid, &bad) {
		return nil, &awsapi.Error{Code: "InvalidNextTokenException", Message: "The NextToken value is not valid."}
	}
	return out, errors.Join(err, invalid)
}

func describe(c awsapi.Call, t *scaling.Target, p *scaling.Policy) Policy {
	out := Policy{
		PolicyARN: aws.String(awsapi.PolicyARN(c.Scope, t, p.Name)), PolicyName: aws.String(p.Name), PolicyType: aws.String(p.Type()),
		ResourceId: aws.String(t.Key.ResourceID), ScalableDimension: aws.String(string(t.Key.Dimension)), CreationTime: aws.Time(p.Created),
	}
	if x, ok := p.Rule.Type().(scaling.Parser); ok {
		out.Settings = x.Format(p.Rule.Config())
	}
	return out
}

func (a *API) describePolicyTypes(ctx context.Context, _ awsapi.Call, _ *DescribePolicyTypesInput) (*DescribePolicyTypesOutput, error) {
	known, err := a.config(ctx)
	out := &DescribePolicyTypesOutput{PolicyTypes: []PolicyType{}}
	for _, t := range known.Policies {
		x, ok := t.(scaling.Parser)
		if !ok {
			continue
		}
		listed := PolicyType{PolicyType: aws.String(t.Name())}
		for _, s := range x.Settings() {
			listed.Settings = append(listed.Settings, Setting{Name: aws.String(s.Name), Required: aws.Bool(s.Required), Description: aws.String(s.Help)})
		}
		out.PolicyTypes = append(out.PolicyTypes, listed)
	}
	return out, err
}
