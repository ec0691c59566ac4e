// Package logs implements the reading operations of CloudWatch Logs as an awsapi.Service: the logs that a fleet keeps of an endpoint's instances are
// the log group /aws/sagemaker/Endpoints/NAME, with a stream VARIANT/INSTANCE-ID for each. Times are wall time, those at which lines arrived.
package logs

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"slices"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/awsapi"
	"bellows.dev/bellows/internal/fleet"
)

// GroupPrefix begins the names of log groups. AWS: SageMaker developer guide, CloudWatch logs for SageMaker AI.
const GroupPrefix = "/aws/sagemaker/Endpoints/"

// Source is what is read: a fleet.
type Source interface {
	Logs(account, region string) ([]fleet.Log, error)
	ReadLog(ctx context.Context, id hosting.CopyID, r fleet.LogRange) iter.Seq2[fleet.Line, error]
}

// API implements the operations.
type API struct {
	source Source
	now    func() time.Time // wall time
}

// New returns the service.
func New(source Source, now func() time.Time) *awsapi.Service {
	a := &API{source, now}
	s := &awsapi.Service{
		Name: "CloudWatch Logs", Signing: "logs", Target: "Logs_20140328", Invalid: "InvalidParameterException",
		Queries: []string{"FilterLogEvents", "GetLogEvents"},
	}
	awsapi.Handle(s, "DescribeLogGroups", a.groups)
	awsapi.Handle(s, "DescribeLogStreams", a.streams)
	awsapi.Handle(s, "GetLogEvents", a.getEvents)
	awsapi.Handle(s, "FilterLogEvents", a.filterEvents)
	return s
}

func invalid(message string) *awsapi.Error {
	return &awsapi.Error{Code: "InvalidParameterException", Message: message, Lower: true}
}

func notFound(what string) *awsapi.Error {
	return &awsapi.Error{Code: "ResourceNotFoundException", Message: "The specified " + what + " does not exist.", Lower: true}
}

// only refuses members that are not served, with the service's own code.
func only(in any, names ...string) error {
	err := awsapi.Only(in, "", names...)
	if e := (*awsapi.Error)(nil); errors.As(err, &e) {
		return invalid(e.Message)
	}
	return err
}

// tokenOf converts errors of tokens.
func tokenOf(err error) error {
	if e := (*awsapi.ErrToken)(nil); errors.As(err, &e) {
		return invalid("The specified nextToken is invalid.")
	}
	return err
}

// bindOf returns what a token is bound to: the operation and its filters.
func bindOf(operation string, filters any) string {
	text, _ := json.Marshal(filters) //nolint:errchkjson // texts, numbers and lists of them
	return operation + string(text)
}

// stream is one copy's log as a log stream.
type stream struct {
	fleet.Log
	name string
}

// group returns the streams of a log group, sorted by name. AWS creates a group with its first stream.
func (a *API) group(s engine.Scope, name, identifier *string) (group string, all []stream, _ error) {
	switch {
	case name != nil && identifier != nil:
		return "", nil, invalid("LogGroupName and LogGroupIdentifier cannot both be specified.")
	case name == nil && identifier == nil:
		return "", nil, invalid("Either LogGroupName or LogGroupIdentifier must be specified.")
	case name != nil:
		group = *name
	default:
		group = strings.TrimSuffix(strings.TrimPrefix(*identifier, groupARN(s, "")), ":*")
	}
	logs, err := a.source.Logs(s.Account, s.Region)
	if err != nil {
		return "", nil, err
	}
	for _, l := range logs {
		if GroupPrefix+l.Endpoint == group {
			all = append(all, stream{l, l.Variant + "/" + string(l.Copy)})
		}
	}
	if len(all) == 0 {
		return "", nil, notFound("log group")
	}
	slices.SortFunc(all, func(a, b stream) int { return strings.Compare(a.name, b.name) })
	return group, all, nil
}

func groupARN(s engine.Scope, name string) string { return awsapi.ARN(s, "logs", "log-group:"+name) }

func (a *API) groups(_ context.Context, c awsapi.Call, in *sdk.DescribeLogGroupsInput) (*sdk.DescribeLogGroupsOutput, error) {
	if err := only(in, "LogGroupNamePrefix", "LogGroupNamePattern", "NextToken", "Limit", "LogGroupClass", "LogGroupIdentifiers"); err != nil {
		return nil, err
	}
	if in.LogGroupNamePrefix != nil && in.LogGroupNamePattern != nil {
		return nil, invalid("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.")
	}
	logs, err := a.source.Logs(c.Account, c.Region)
	if err != nil {
		return nil, err
	}
	byName := map[string]*types.LogGroup{}
	var all []*types.LogGroup
	for _, l := range logs {
		name, created := GroupPrefix+l.Endpoint, l.Created.UnixMilli()
		g := byName[name]
		if g == nil {
			if !groupMatches(c.Scope, in, name) {
				continue
			}
			g = &types.LogGroup{
				LogGroupName: &name, Arn: new(groupARN(c.Scope, name) + ":*"), LogGroupArn: new(groupARN(c.Scope, name)),
				CreationTime: &created, StoredBytes: new(int64(0)), MetricFilterCount: new(int32(0)), LogGroupClass: types.LogGroupClassStandard,
			}
			byName[name] = g
			all = append(all, g)
		}
		*g.StoredBytes += l.Bytes
		*g.CreationTime = min(*g.CreationTime, created)
	}
	filters := []any{in.LogGroupNamePrefix, in.LogGroupNamePattern, in.LogGroupClass, in.LogGroupIdentifiers}
	page, next, err := awsapi.Page(all, func(g *types.LogGroup) string { return *g.LogGroupName }, false, text(in.NextToken),
		bindOf(c.Operation, filters), limitOf(in.Limit, pageMax))
	if err != nil {
		return nil, tokenOf(err)
	}
	out := &sdk.DescribeLogGroupsOutput{LogGroups: []types.LogGroup{}, NextToken: optional(next)}
	for _, g := range page {
		out.LogGroups = append(out.LogGroups, *g)
	}
	return out, nil
}

// groupMatches reports whether a group passes the filters of DescribeLogGroups. AWS: logGroupNamePattern, case does not matter.
func groupMatches(s engine.Scope, in *sdk.DescribeLogGroupsInput, name string) bool {
	listed := len(in.LogGroupIdentifiers) == 0 || slices.ContainsFunc(in.LogGroupIdentifiers, func(id string) bool {
		return id == name || strings.TrimSuffix(id, ":*") == groupARN(s, name)
	})
	return listed && strings.HasPrefix(name, text(in.LogGroupNamePrefix)) &&
		strings.Contains(strings.ToLower(name), strings.ToLower(text(in.LogGroupNamePattern))) &&
		(in.LogGroupClass == "" || in.LogGroupClass == types.LogGroupClassStandard)
}

// pageMax is how many groups and streams a page has. AWS: DescribeLogStreams, limit.
const pageMax = 50

func limitOf(limit *int32, most int) int {
	if limit == nil {
		return most
	}
	return int(*limit)
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
