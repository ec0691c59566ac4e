package sagemaker

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sagemaker"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker/types"

	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/awsapi"
)

// listDefault is the default page size. AWS: ListEndpoints, MaxResults.
const listDefault = 10

// listing contains the parameters common to the three lists.
type listing struct {
	sortBy, order, contains       string
	createdAfter, createdBefore   *time.Time // after inclusive, before exclusive
	modifiedAfter, modifiedBefore *time.Time
	status                        string
	token                         *string
	limit                         *int32
}

// item is one resource in a list.
type item struct {
	name, status      string
	created, modified time.Time
}

func (l *listing) takes(x item) bool {
	in := func(t time.Time, after, before *time.Time) bool {
		return (after == nil || !t.Before(*after)) && (before == nil || t.Before(*before))
	}
	return strings.Contains(strings.ToLower(x.name), strings.ToLower(l.contains)) && (l.status == "" || l.status == x.status) &&
		in(x.created, l.createdAfter, l.createdBefore) && in(x.modified, l.modifiedAfter, l.modifiedBefore)
}

func (l *listing) key(x item) string {
	switch l.sortBy {
	case "Name":
		return x.name
	case "Status":
		return x.status + "\x00" + x.name
	default:
		return fmt.Sprintf("%020d\x00%s", x.created.UnixNano(), x.name)
	}
}

func (l *listing) page(operation string, items []item) ([]item, *string, error) {
	kept := items[:0]
	for _, x := range items {
		if l.takes(x) {
			kept = append(kept, x)
		}
	}
	limit := listDefault
	if l.limit != nil {
		limit = int(*l.limit)
	}
	bind := fmt.Sprint(operation, l.sortBy, l.order, l.contains, l.status, l.createdAfter, l.createdBefore, l.modifiedAfter, l.modifiedBefore)
	page, next, err := awsapi.Page(kept, l.key, l.order != "Ascending", aws.ToString(l.token), bind, limit)
	if bad := (*awsapi.ErrToken)(nil); errors.As(err, &bad) {
		return nil, nil, awsapi.Validation("The NextToken value is not valid.")
	}
	return page, awsapi.Optional(next), err
}

func (a *API) listModels(ctx context.Context, c awsapi.Call, in *sdk.ListModelsInput) (*sdk.ListModelsOutput, error) {
	l := listing{
		sortBy: string(in.SortBy), order: string(in.SortOrder), contains: aws.ToString(in.NameContains),
		createdAfter: in.CreationTimeAfter, createdBefore: in.CreationTimeBefore, token: in.NextToken, limit: in.MaxResults,
	}
	out := &sdk.ListModelsOutput{Models: []types.ModelSummary{}}
	return out, a.region(ctx, c, func(r *hosting.Registry) error {
		var items []item
		for _, m := range r.Models {
			items = append(items, item{name: m.Name, created: m.Created, modified: m.Created})
		}
		page, next, err := l.page("models", items)
		for _, x := range page {
			out.Models = append(out.Models, types.ModelSummary{
				ModelName: aws.String(x.name), ModelArn: aws.String(awsapi.HostingARN(c.Scope, hosting.ResourceModel, x.name)), CreationTime: aws.Time(x.created),
			})
		}
		out.NextToken = next
		return err
	})
}

func (a *API) listEndpointConfigs(
	ctx context.Context, c awsapi.Call, in *sdk.ListEndpointConfigsInput,
) (*sdk.ListEndpointConfigsOutput, error) {
	l := listing{
		sortBy: string(in.SortBy), order: string(in.SortOrder), contains: aws.ToString(in.NameContains),
		createdAfter: in.CreationTimeAfter, createdBefore: in.CreationTimeBefore, token: in.NextToken, limit: in.MaxResults,
	}
	out := &sdk.ListEndpointConfigsOutput{EndpointConfigs: []types.EndpointConfigSummary{}}
	return out, a.region(ctx, c, func(r *hosting.Registry) error {
		var items []item
		for _, x := range r.Configs {
			items = append(items, item{name: x.Name, created: x.Created, modified: x.Created})
		}
		page, next, err := l.page("configs", items)
		for _, x := range page {
			out.EndpointConfigs = append(out.EndpointConfigs, types.EndpointConfigSummary{
				EndpointConfigName: aws.String(x.name), EndpointConfigArn: aws.String(awsapi.HostingARN(c.Scope, hosting.ResourceConfig, x.name)),
				CreationTime: aws.Time(x.created),
			})
		}
		out.NextToken = next
		return err
	})
}

func (a *API) listEndpoints(ctx context.Context, c awsapi.Call, in *sdk.ListEndpointsInput) (*sdk.ListEndpointsOutput, error) {
	l := listing{
		sortBy: string(in.SortBy), order: string(in.SortOrder), contains: aws.ToString(in.NameContains), status: string(in.StatusEquals),
		createdAfter: in.CreationTimeAfter, createdBefore: in.CreationTimeBefore,
		modifiedAfter: in.LastModifiedTimeAfter, modifiedBefore: in.LastModifiedTimeBefore, token: in.NextToken, limit: in.MaxResults,
	}
	out := &sdk.ListEndpointsOutput{Endpoints: []types.EndpointSummary{}}
	return out, a.region(ctx, c, func(r *hosting.Registry) error {
		var items []item
		for _, x := range r.Endpoints {
			items = append(items, item{name: x.Name, status: x.Status.String(), created: x.Created, modified: x.Modified})
		}
		page, next, err := l.page("endpoints", items)
		for _, x := range page {
			out.Endpoints = append(out.Endpoints, types.EndpointSummary{
				EndpointName: aws.String(x.name), EndpointArn: aws.String(awsapi.HostingARN(c.Scope, hosting.ResourceEndpoint, x.name)),
				EndpointStatus: types.EndpointStatus(x.status), CreationTime: aws.Time(x.created), LastModifiedTime: aws.Time(x.modified),
			})
		}
		out.NextToken = next
		return err
	})
}
