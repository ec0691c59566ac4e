package cloudwatch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/awsapi"
	"bellows.dev/bellows/metric"
)

// AWS: ListMetrics, API reference. Limits of dimensions are in the constraints.
const (
	metricsPage  = 500
	listedFor    = 14 * 24 * time.Hour
	recentlyUsed = 3 * time.Hour
)

func (a *API) listMetrics(ctx context.Context, c awsapi.Call, in *sdk.ListMetricsInput) (*sdk.ListMetricsOutput, error) {
	linked := aws.ToBool(in.IncludeLinkedAccounts)
	if in.OwningAccount != nil && !linked {
		return nil, invalidCombination("The parameter OwningAccount can only be specified together with IncludeLinkedAccounts.")
	}
	f := metric.Filter{Namespace: aws.ToString(in.Namespace), Name: aws.ToString(in.MetricName)}
	for _, d := range in.Dimensions {
		f.Dimensions = append(f.Dimensions, metric.Dimension{Name: aws.ToString(d.Name), Value: aws.ToString(d.Value)})
	}
	out := &sdk.ListMetricsOutput{Metrics: []types.Metric{}}
	if linked {
		out.OwningAccounts = []string{}
	}
	if in.OwningAccount != nil && *in.OwningAccount != c.Account {
		return out, nil // there are no linked accounts
	}
	var all []metric.ID
	if err := a.region(ctx, c, func(now time.Time, r *engine.Region) error {
		f.Since = now.Add(-listedFor)
		if in.RecentlyActive != "" {
			f.Since = now.Add(-recentlyUsed)
		}
		all = r.Metrics.List(f)
		return nil
	}); err != nil {
		return nil, err
	}
	// Identities are immutable, so they can be sorted, which is slow for many, without the engine's lock.
	bind := fmt.Sprintf("metrics %q %q %q %q %v", f.Namespace, f.Name, f.Dimensions, in.RecentlyActive, linked)
	page, next, err := awsapi.Page(all, metric.ID.Key, false, aws.ToString(in.NextToken), bind, metricsPage)
	for _, id := range page {
		out.Metrics = append(out.Metrics, types.Metric{
			Namespace: aws.String(id.Namespace), MetricName: aws.String(id.Name), Dimensions: describeDimensions(id.Dimensions),
		})
		if linked {
			out.OwningAccounts = append(out.OwningAccounts, c.Account)
		}
	}
	out.NextToken = awsapi.Optional(next)
	if bad := (*awsapi.ErrToken)(nil); errors.As(err, &bad) {
		return nil, invalidValue("Request parameter NextToken is invalid") // recorded
	}
	return out, err
}
