package autoscaling

import (
	"context"
	"errors"
	"maps"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/awsapi"
)

// target parses a scalable target's ARN. One of another account or region is unknown.
func target(c awsapi.Call, arn string) string {
	id, _ := strings.CutPrefix(arn, targetARN(c, ""))
	return id
}

// named adds the resource's name to exceptions that have this member.
func named(err error, arn string) error {
	var e *awsapi.Error
	if errors.As(err, &e) && (e.Code == "ResourceNotFoundException" || e.Code == "TooManyTagsException") {
		e.Members = map[string]string{"ResourceName": arn}
	}
	return err
}

func (a *API) tagResource(ctx context.Context, c awsapi.Call, in *sdk.TagResourceInput) (*sdk.TagResourceOutput, error) {
	if err := awsapi.CheckOwnTags(in.Tags); err != nil {
		return nil, err
	}
	_, err := a.step(ctx, c, engine.TagScalableTarget{Scope: c.Scope, ID: target(c, *in.ResourceARN), Tags: in.Tags})
	return &sdk.TagResourceOutput{}, named(err, *in.ResourceARN)
}

func (a *API) untagResource(ctx context.Context, c awsapi.Call, in *sdk.UntagResourceInput) (*sdk.UntagResourceOutput, error) {
	_, err := a.step(ctx, c, engine.UntagScalableTarget{Scope: c.Scope, ID: target(c, *in.ResourceARN), Keys: in.TagKeys})
	return &sdk.UntagResourceOutput{}, named(err, *in.ResourceARN)
}

func (a *API) listTagsForResource(
	ctx context.Context, c awsapi.Call, in *sdk.ListTagsForResourceInput,
) (*sdk.ListTagsForResourceOutput, error) {
	out := &sdk.ListTagsForResourceOutput{Tags: map[string]string{}}
	err := a.region(ctx, c, func(r *engine.Region) error {
		t, err := r.Targets.ByID(target(c, *in.ResourceARN))
		if err != nil {
			return err
		}
		maps.Copy(out.Tags, t.Tags)
		return nil
	})
	return out, named(err, *in.ResourceARN)
}
