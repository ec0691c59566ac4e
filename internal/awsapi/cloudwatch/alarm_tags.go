package cloudwatch

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/awsapi"
)

// newTags reads a request's tags. Keys that begin with aws: are AWS's own, and a key may be there once. AWS: TagResource, API reference.
func newTags(in []types.Tag) (map[string]string, error) {
	if len(in) > engine.TagsMax {
		return nil, refusal(engine.ErrTooManyTags)
	}
	var out map[string]string
	for _, t := range in {
		key := aws.ToString(t.Key)
		if err := checkTagKey(key); err != nil {
			return nil, err
		}
		if _, twice := out[key]; twice {
			return nil, invalidValue("The parameter Tags contains the duplicate key: %s.", key)
		}
		if out == nil {
			out = map[string]string{}
		}
		out[key] = aws.ToString(t.Value)
	}
	return out, nil
}

func checkTagKey(key string) error {
	if strings.HasPrefix(strings.ToLower(key), "aws:") {
		return invalidValue("aws: prefixed tag key names are not allowed for external use.")
	}
	return nil
}

// alarmName reads an alarm's ARN. What is no ARN is refused; what is one of another kind, region or account is not there.
func alarmName(c awsapi.Call, arn string) (string, error) {
	if parts := strings.SplitN(arn, ":", 6); len(parts) < 6 || parts[0] != "arn" || parts[2] != "cloudwatch" {
		return "", invalidValue("The value %s for parameter ResourceARN is invalid.", arn)
	}
	name, ok := strings.CutPrefix(arn, alarmPrefix(c.Scope))
	if !ok || name == "" {
		return "", unknownAlarm(arn)
	}
	return name, nil
}

func (a *API) tag(ctx context.Context, c awsapi.Call, arn string, add map[string]string, remove []string) error {
	name, err := alarmName(c, arn)
	if err != nil {
		return err
	}
	_, err = a.backend.Step(ctx, engine.TagAlarm{Scope: c.Scope, Name: name, Add: add, Remove: remove})
	if err == engine.ErrNoAlarm { //nolint:errorlint // the engine wraps none
		return unknownAlarm(arn)
	}
	return refusal(err)
}

func (a *API) tagResource(ctx context.Context, c awsapi.Call, in *sdk.TagResourceInput) (*sdk.TagResourceOutput, error) {
	add, err := newTags(in.Tags)
	if err != nil {
		return nil, err
	}
	return &sdk.TagResourceOutput{}, a.tag(ctx, c, *in.ResourceARN, add, nil)
}

func (a *API) untagResource(ctx context.Context, c awsapi.Call, in *sdk.UntagResourceInput) (*sdk.UntagResourceOutput, error) {
	for _, key := range in.TagKeys {
		if err := checkTagKey(key); err != nil {
			return nil, err
		}
	}
	return &sdk.UntagResourceOutput{}, a.tag(ctx, c, *in.ResourceARN, nil, in.TagKeys)
}

func (a *API) listTagsForResource(
	ctx context.Context, c awsapi.Call, in *sdk.ListTagsForResourceInput,
) (*sdk.ListTagsForResourceOutput, error) {
	name, err := alarmName(c, *in.ResourceARN)
	if err != nil {
		return nil, err
	}
	out := &sdk.ListTagsForResourceOutput{Tags: []types.Tag{}}
	return out, a.region(ctx, c, func(_ time.Time, r *engine.Region) error {
		var tags map[string]string
		if x := r.Alarms[name]; x != nil {
			tags = x.Tags
		} else if x := r.Composites[name]; x != nil {
			tags = x.Tags
		} else {
			return unknownAlarm(*in.ResourceARN)
		}
		for _, k := range slices.Sorted(maps.Keys(tags)) {
			out.Tags = append(out.Tags, types.Tag{Key: aws.String(k), Value: aws.String(tags[k])})
		}
		return nil
	})
}
