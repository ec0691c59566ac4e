// Package act changes what a server runs, in one call for people: the capacity of a variant, or an invocation of it.
package act

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	scalingtypes "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker/types"
	"github.com/aws/aws-sdk-go-v2/service/sagemakerruntime"

	"bellows.dev/bellows/internal/client"
	"bellows.dev/bellows/internal/term"
	"bellows.dev/bellows/plural"
	"bellows.dev/bellows/scaling"
)

// poll is how often the state of an endpoint is read while it changes.
const poll = 200 * time.Millisecond

// Scaling is a change of a variant's capacity by hand.
type Scaling struct {
	Endpoint, Variant string
	Desired           *int // instances now
	Min, Max          *int // the range of the scalable target
}

// Scaled is what a change led to.
type Scaled struct {
	Endpoint string `json:"endpoint"`
	Variant  string `json:"variant"`
	Desired  *int   `json:"desired,omitempty"`
	Min      *int   `json:"min,omitempty"`
	Max      *int   `json:"max,omitempty"`
	Status   string `json:"status"` // of the endpoint
}

// Answer is what a command prints.
func (s Scaled) Answer() term.Answer {
	var parts []string
	if s.Desired != nil {
		parts = append(parts, plural.Of(*s.Desired, "instance")+" wanted")
	}
	if s.Min != nil && s.Max != nil {
		parts = append(parts, fmt.Sprintf("policies scale between %d and %d", *s.Min, *s.Max))
	}
	return term.Answer{JSON: s, Blocks: []term.Block{
		term.Line(term.Plain(fmt.Sprintf("%s/%s: %s; the endpoint is %s", s.Endpoint, s.Variant, strings.Join(parts, ", "), s.Status))),
	}}
}

// Scale changes the range first, then the capacity. With wait it returns when the endpoint is in service again.
func Scale(ctx context.Context, c *client.Client, q Scaling, wait bool) (Scaled, error) {
	out := Scaled{Endpoint: q.Endpoint, Variant: q.Variant, Desired: q.Desired}
	if q.Min != nil || q.Max != nil {
		if err := register(ctx, c, q, &out); err != nil {
			return out, err
		}
	}
	if q.Desired != nil {
		if _, err := c.SageMaker.UpdateEndpointWeightsAndCapacities(ctx, &sagemaker.UpdateEndpointWeightsAndCapacitiesInput{
			EndpointName: &q.Endpoint, DesiredWeightsAndCapacities: []types.DesiredWeightAndCapacity{
				{VariantName: &q.Variant, DesiredInstanceCount: aws.Int32(int32(*q.Desired))},
			},
		}); err != nil {
			return out, err
		}
	}
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		x, err := c.SageMaker.DescribeEndpoint(ctx, &sagemaker.DescribeEndpointInput{EndpointName: &q.Endpoint})
		if err != nil {
			return out, err
		}
		out.Status = string(x.EndpointStatus)
		if !wait || x.EndpointStatus == types.EndpointStatusInService {
			return out, nil
		}
		if x.EndpointStatus == types.EndpointStatusFailed {
			return out, fmt.Errorf("%s failed: %s", q.Endpoint, aws.ToString(x.FailureReason))
		}
		select {
		case <-ctx.Done():
			return out, ctx.Err()
		case <-tick.C:
		}
	}
}

// register changes the range of the scalable target, or makes one. AWS: RegisterScalableTarget keeps what is not given.
func register(ctx context.Context, c *client.Client, q Scaling, out *Scaled) error {
	id := scaling.VariantTarget(q.Endpoint, q.Variant).ResourceID
	in := &applicationautoscaling.RegisterScalableTargetInput{
		ServiceNamespace: scalingtypes.ServiceNamespaceSagemaker, ResourceId: &id,
		ScalableDimension: scalingtypes.ScalableDimensionSageMakerVariantDesiredInstanceCount, MinCapacity: number(q.Min), MaxCapacity: number(q.Max),
	}
	if _, err := c.Scaling.RegisterScalableTarget(ctx, in); err != nil {
		return err
	}
	x, err := c.Scaling.DescribeScalableTargets(ctx, &applicationautoscaling.DescribeScalableTargetsInput{
		ServiceNamespace: in.ServiceNamespace, ScalableDimension: in.ScalableDimension, ResourceIds: []string{id},
	})
	if err != nil || len(x.ScalableTargets) == 0 {
		return err
	}
	least, most := int(aws.ToInt32(x.ScalableTargets[0].MinCapacity)), int(aws.ToInt32(x.ScalableTargets[0].MaxCapacity))
	out.Min, out.Max = &least, &most
	return nil
}

func number(n *int) *int32 {
	if n == nil {
		return nil
	}
	return aws.Int32(int32(*n))
}

// Invocation is a request to a model.
type Invocation struct {
	Endpoint, Variant   string // Variant: "" for any
	Body                []byte
	ContentType, Accept string
	Attributes          string
}

// Invoked is the model's answer.
type Invoked struct {
	Body        []byte
	ContentType string
	Variant     string
	Took        time.Duration // wall time
}

// Invoke sends a request to a model. The content type of a body that looks like JSON is application/json, else text/csv, where none is given.
func Invoke(ctx context.Context, c *client.Client, q Invocation) (Invoked, error) {
	if q.ContentType == "" {
		q.ContentType = "text/csv"
		if b := bytes.TrimSpace(q.Body); len(b) > 0 && (b[0] == '{' || b[0] == '[') {
			q.ContentType = "application/json"
		}
	}
	began := time.Now()
	out, err := c.Runtime.InvokeEndpoint(ctx, &sagemakerruntime.InvokeEndpointInput{
		EndpointName: &q.Endpoint, Body: q.Body, ContentType: &q.ContentType, Accept: optional(q.Accept), TargetVariant: optional(q.Variant),
		CustomAttributes: optional(q.Attributes),
	})
	if err != nil {
		return Invoked{}, err
	}
	return Invoked{out.Body, aws.ToString(out.ContentType), aws.ToString(out.InvokedProductionVariant), time.Since(began)}, nil
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
