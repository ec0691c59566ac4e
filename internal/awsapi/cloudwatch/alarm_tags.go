package cloudwatch

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/awsapi"
)

// newTags reads a new alarm's tags. AWS: recorded.
func newTags(in []types.Tag) (map[string]string, error) {
	tags, err := readTags(in)
	if err == nil && len(tags) > alarm.TagsMax {
		return nil, awsapi.Validation("The resultant tag set must not have more than %d user tags.", alarm.TagsMax)
	}
	return tags, err
}

// readTags reads a request's tags. Keys that begin with aws: are reserved; of a duplicate key the last value is used. AWS: recorded.
func readTags(in []types.Tag) (map[string]string, error) {
	var out map[string]string
	for _, t := range in {
		key := aws.ToString(t.Key)
		if err := checkTagKey(key); err != nil {
			return nil, err
		}
		if out == nil {
			out = map[string]string{}
		}
		out[key] = aws.ToString(t.Value)
	}
	return out, nil
}

// untaggable is the error of tag operations for an unknown alarm, without a message. AWS: recorded.
func untaggable() *awsapi.Error {
	return &awsapi.Error{Code: "ResourceNotFoundException", Status: http.StatusNotFound}
}

func checkTagKey(key string) error {
	if strings.HasPrefix(strings.ToLower(key), "aws:") {
		return &awsapi.Error{
			Code: "AccessDeniedException", Query: "AccessDenied", Status: http.StatusForbidden,
			Message: `The provided tag keys must not start with any case of "aws:"`,
		}
	}
	return nil
}

// alarmName parses an alarm's ARN. Invalid ARNs are refused; ARNs of other kinds, regions or accounts are not found.
func alarmName(c awsapi.Call, arn string) (string, error) {
	if parts := strings.SplitN(arn, ":", 6); len(parts) < 6 || parts[0] != "arn" || parts[2] != "cloudwatch" {
		return "", invalidValue("'%s' is not a valid ARN", arn) // recorded
	}
	name, ok := strings.CutPrefix(arn, alarmPrefix(c.Scope))
	if !ok || name == "" {
		return "", untaggable()
	}
	return name, nil
}

func (a *API) tag(ctx context.Context, c awsapi.Call, arn string, add map[string]string, remove []string) error {
	name, mutes := strings.CutPrefix(arn, muteRulePrefix(c.Scope))
	if !mutes {
		var err error
		if name, err = alarmName(c, arn); err != nil {
			return err
		}
	}
	_, err := a.backend.Step(ctx, engine.TagAlarm{Scope: c.Scope, Name: name, Add: add, Remove: remove, MuteRule: mutes})
	if err == alarm.ErrNoAlarm { //nolint:errorlint // it is not wrapped
		return untaggable()
	}
	return refusal(err)
}

func (a *API) tagResource(ctx context.Context, c awsapi.Call, in *sdk.TagResourceInput) (*sdk.TagResourceOutput, error) {
	add, err := readTags(in.Tags)
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
	rule, mutes := strings.CutPrefix(*in.ResourceARN, muteRulePrefix(c.Scope))
	name := ""
	if !mutes {
		var err error
		if name, err = alarmName(c, *in.ResourceARN); err != nil {
			return nil, err
		}
	}
	out := &sdk.ListTagsForResourceOutput{Tags: []types.Tag{}}
	return out, a.region(ctx, c, func(_ time.Time, r *engine.Region) error {
		var tags map[string]string
		if x := r.Alarms.MuteRules[rule]; mutes && x != nil {
			tags = x.Tags
		} else if x := r.Alarms.Metric[name]; x != nil {
			tags = x.Tags
		} else if x := r.Alarms.Composite[name]; x != nil {
			tags = x.Tags
		} else {
			return untaggable()
		}
		for _, k := range slices.Sorted(maps.Keys(tags)) {
			out.Tags = append(out.Tags, types.Tag{Key: aws.String(k), Value: aws.String(tags[k])})
		}
		return nil
	})
}
