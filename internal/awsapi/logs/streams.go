package logs

import (
	"context"
	"fmt"
	"slices"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"bellows.dev/bellows/internal/awsapi"
)

func (a *API) streams(_ context.Context, c awsapi.Call, in *sdk.DescribeLogStreamsInput) (*sdk.DescribeLogStreamsOutput, error) {
	byTime := in.OrderBy == types.OrderByLastEventTime
	if byTime && in.LogStreamNamePrefix != nil {
		return nil, invalid("Cannot order by LastEventTime with a logStreamNamePrefix.")
	}
	group, all, err := a.group(c.Scope, in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(s stream) bool { return !strings.HasPrefix(s.name, text(in.LogStreamNamePrefix)) })
	key := func(s stream) string {
		if !byTime {
			return s.name
		}
		at := s.Last
		if at.IsZero() {
			at = s.Created
		}
		return fmt.Sprintf("%020d/%s", max(0, at.UnixMilli()), s.name)
	}
	descending := in.Descending != nil && *in.Descending
	page, next, err := awsapi.Page(all, key, descending, text(in.NextToken),
		bindOf(c.Operation, []any{group, in.LogStreamNamePrefix, byTime, descending}), limitOf(in.Limit, pageMax))
	if err != nil {
		return nil, tokenOf(err)
	}
	out := &sdk.DescribeLogStreamsOutput{LogStreams: []types.LogStream{}, NextToken: optional(next)}
	for _, s := range page {
		d := types.LogStream{
			LogStreamName: new(s.name), CreationTime: new(s.Created.UnixMilli()), Arn: new(groupARN(c.Scope, group) + ":log-stream:" + s.name),
			StoredBytes: new(int64(0)), //nolint:staticcheck // AWS: LogStream, storedBytes: reported as zero
		}
		if !s.Last.IsZero() {
			d.FirstEventTimestamp, d.LastEventTimestamp, d.LastIngestionTime = new(s.First.UnixMilli()), new(s.Last.UnixMilli()), new(s.Last.UnixMilli())
		}
		out.LogStreams = append(out.LogStreams, d)
	}
	return out, nil
}
