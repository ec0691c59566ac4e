package sagemaker

import (
	"context"
	"errors"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sagemaker"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker/types"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/awsapi"
)

// newTags checks the tags of a resource to be created.
func newTags(in []types.Tag) (hosting.Tags, error) {
	tags, err := checkTags(in)
	return hosting.Tags{}.With(tags), err
}

func checkTags(in []types.Tag) ([]hosting.Tag, error) {
	var out []hosting.Tag
	for _, t := range in {
		if strings.HasPrefix(aws.ToString(t.Key), "aws:") {
			return nil, awsapi.Validation("Tag keys starting with \"aws:\" are reserved for system use. Please update request.")
		}
		if err := awsapi.CheckOwnTag(aws.ToString(t.Key), aws.ToString(t.Value)); err != nil {
			return nil, err
		}
		out = append(out, hosting.Tag{Key: aws.ToString(t.Key), Value: aws.ToString(t.Value)})
	}
	return out, nil
}

func describeTags(tags hosting.Tags) []types.Tag {
	out := []types.Tag{}
	for _, t := range tags {
		out = append(out, types.Tag{Key: aws.String(t.Key), Value: aws.String(t.Value)})
	}
	return out
}

func unknownARN(text string) error {
	return awsapi.Validation("Could not find a resource with the ARN %q.", text)
}

func (a *API) setTags(ctx context.Context, c awsapi.Call, text string, add []hosting.Tag, remove []string) (hosting.Tags, error) {
	kind, name, ok := awsapi.ParseHostingARN(c.Scope, text)
	if !ok {
		return nil, unknownARN(text)
	}
	result, err := a.step(ctx, c, engine.SetTags{Scope: c.Scope, Resource: kind, Name: name, Add: add, Remove: remove})
	if err != nil {
		return nil, err
	}
	return result.(hosting.Tags), nil
}

func (a *API) addTags(ctx context.Context, c awsapi.Call, in *sdk.AddTagsInput) (*sdk.AddTagsOutput, error) {
	add, err := checkTags(in.Tags)
	if err != nil {
		return nil, err
	}
	tags, err := a.setTags(ctx, c, *in.ResourceArn, add, nil)
	return &sdk.AddTagsOutput{Tags: describeTags(tags)}, err
}

func (a *API) deleteTags(ctx context.Context, c awsapi.Call, in *sdk.DeleteTagsInput) (*sdk.DeleteTagsOutput, error) {
	_, err := a.setTags(ctx, c, *in.ResourceArn, nil, in.TagKeys)
	return &sdk.DeleteTagsOutput{}, err
}

func (a *API) listTags(ctx context.Context, c awsapi.Call, in *sdk.ListTagsInput) (*sdk.ListTagsOutput, error) {
	kind, name, ok := awsapi.ParseHostingARN(c.Scope, *in.ResourceArn)
	if !ok {
		return nil, unknownARN(*in.ResourceArn)
	}
	var tags hosting.Tags
	if err := a.region(ctx, c, func(r *hosting.Registry) (err error) {
		tags, err = r.TagsOf(kind, name)
		return err
	}); err != nil {
		return nil, err
	}
	limit := hosting.TagsMax
	if in.MaxResults != nil {
		limit = int(*in.MaxResults)
	}
	page, next, err := awsapi.Page(append(hosting.Tags{}, tags...), func(t hosting.Tag) string { return t.Key }, false,
		aws.ToString(in.NextToken), "tags "+*in.ResourceArn, limit)
	if bad := (*awsapi.ErrToken)(nil); errors.As(err, &bad) {
		return nil, awsapi.Validation("The NextToken value is not valid.")
	}
	return &sdk.ListTagsOutput{Tags: describeTags(page), NextToken: awsapi.Optional(next)}, err
}
