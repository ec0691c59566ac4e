package deploy

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	scalingtypes "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker/types"

	"bellows.dev/bellows/internal/client"
	"bellows.dev/bellows/internal/listing"
)

// Deletion deletes an endpoint with all that only it uses.
type Deletion struct {
	Endpoint string   `json:"endpoint"`
	Targets  []string `json:"scalable_targets"` // resource IDs; their policies, with the alarms that these own, and scheduled actions go with them
	Configs  []string `json:"endpoint_configs"`
	Models   []string `json:"models"`

	c *client.Client
}

// PlanDeletion reads what the deletion of an endpoint deletes: the endpoint, its scalable targets, and the configurations and models named after it
// or used by it that nothing else uses. With only, the endpoint and its targets alone.
func PlanDeletion(ctx context.Context, c *client.Client, endpoint string, only bool) (*Deletion, error) {
	d := &Deletion{Endpoint: endpoint, Targets: []string{}, Configs: []string{}, Models: []string{}, c: c}
	out, err := c.SageMaker.DescribeEndpoint(ctx, &sagemaker.DescribeEndpointInput{EndpointName: &endpoint})
	if err != nil {
		return nil, err
	}
	targets, err := listing.Targets(ctx, c, endpoint)
	if err != nil {
		return nil, err
	}
	d.Targets = append(d.Targets, targets...)
	if only {
		return d, nil
	}
	configs := []string{aws.ToString(out.EndpointConfigName)}
	if previous, err := previousOf(ctx, c, aws.ToString(out.EndpointArn)); err == nil && previous != "" {
		configs = append(configs, previous)
	}
	if out.PendingDeploymentSummary != nil {
		configs = append(configs, aws.ToString(out.PendingDeploymentSummary.EndpointConfigName))
	}
	return d, d.planConfigs(ctx, configs)
}

// planConfigs adds those configurations that no other endpoint uses, and those of their models that no other configuration uses.
func (d *Deletion) planConfigs(ctx context.Context, configs []string) error {
	used, err := d.usedByOthers(ctx)
	if err != nil {
		return err
	}
	models := map[string]bool{} // by whether another configuration uses them
	names, err := configNames(ctx, d.c)
	if err != nil {
		return err
	}
	made := regexp.MustCompile("^" + regexp.QuoteMeta(d.Endpoint) + `-\d{8}-\d{6}$`) // by deployments before
	for _, name := range names {
		if name == d.Endpoint || made.MatchString(name) {
			configs = append(configs, name)
		}
	}
	slices.Sort(configs)
	for _, name := range slices.Compact(configs) {
		if slices.Contains(names, name) && !used[name] {
			d.Configs = append(d.Configs, name)
		}
	}
	for _, name := range names {
		out, err := d.c.SageMaker.DescribeEndpointConfig(ctx, &sagemaker.DescribeEndpointConfigInput{EndpointConfigName: &name})
		if absent(err) {
			continue
		}
		if err != nil {
			return err
		}
		for _, v := range out.ProductionVariants {
			m := aws.ToString(v.ModelName)
			models[m] = models[m] || !slices.Contains(d.Configs, name)
			if slices.Contains(d.Configs, name) && !slices.Contains(d.Models, m) {
				d.Models = append(d.Models, m)
			}
		}
	}
	d.Models = slices.DeleteFunc(d.Models, func(m string) bool { return models[m] })
	return nil
}

// usedByOthers returns the configurations that other endpoints use.
func (d *Deletion) usedByOthers(ctx context.Context) (map[string]bool, error) {
	names, err := listing.EndpointNames(ctx, d.c, "")
	if err != nil {
		return nil, err
	}
	used := map[string]bool{}
	for _, name := range names {
		if name == d.Endpoint {
			continue
		}
		out, err := d.c.SageMaker.DescribeEndpoint(ctx, &sagemaker.DescribeEndpointInput{EndpointName: &name})
		if absent(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		used[aws.ToString(out.EndpointConfigName)] = true
		if out.PendingDeploymentSummary != nil {
			used[aws.ToString(out.PendingDeploymentSummary.EndpointConfigName)] = true
		}
	}
	return used, nil
}

// configNames returns the names of all endpoint configurations.
func configNames(ctx context.Context, c *client.Client) (names []string, err error) {
	pages := sagemaker.NewListEndpointConfigsPaginator(c.SageMaker, &sagemaker.ListEndpointConfigsInput{MaxResults: aws.Int32(100)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, x := range page.EndpointConfigs {
			names = append(names, aws.ToString(x.EndpointConfigName))
		}
	}
	return names, nil
}

// Run deletes what is planned, in an order that AWS takes: what refers to something goes first. What is gone already is no error. It ends at the first
// failure; it can be run again.
func (d *Deletion) Run(ctx context.Context, report func(Event)) error {
	all := []step{}
	for _, id := range d.Targets {
		all = append(all, step{what: "scalable target " + id, do: func(ctx context.Context) error { return deregister(ctx, d.c, id) }})
	}
	all = append(all, step{what: "endpoint " + d.Endpoint, do: func(ctx context.Context) error { return deleteEndpoint(ctx, d.c, d.Endpoint, defaultPoll) }})
	for _, name := range d.Configs {
		all = append(all, step{what: "endpoint config " + name, do: func(ctx context.Context) error {
			_, err := d.c.SageMaker.DeleteEndpointConfig(ctx, &sagemaker.DeleteEndpointConfigInput{EndpointConfigName: &name})
			return err
		}})
	}
	for _, name := range d.Models {
		all = append(all, step{what: "model " + name, do: func(ctx context.Context) error {
			_, err := d.c.SageMaker.DeleteModel(ctx, &sagemaker.DeleteModelInput{ModelName: &name})
			return err
		}})
	}
	run := &Deployment{report: report}
	for _, s := range all {
		run.event(Started, s.what, "", nil)
		if err := s.do(ctx); err != nil && !absent(err) {
			run.event(Failed, s.what, client.Plain(err).Error(), nil)
			return fmt.Errorf("%s: %w", s.what, client.Plain(err))
		}
		run.event(Done, s.what, "", nil)
	}
	return nil
}

// deregister removes a scalable target with its policies and scheduled actions.
func deregister(ctx context.Context, c *client.Client, id string) error {
	_, err := c.Scaling.DeregisterScalableTarget(ctx, &applicationautoscaling.DeregisterScalableTargetInput{
		ServiceNamespace: scalingtypes.ServiceNamespaceSagemaker, ScalableDimension: dimension, ResourceId: &id,
	})
	return err
}

// previousOf returns the configuration that an endpoint had before its last deployment; "" where none is known.
func previousOf(ctx context.Context, c *client.Client, arn string) (string, error) {
	pages := sagemaker.NewListTagsPaginator(c.SageMaker, &sagemaker.ListTagsInput{ResourceArn: &arn})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return "", err
		}
		for _, t := range page.Tags {
			if aws.ToString(t.Key) == previousTag {
				return aws.ToString(t.Value), nil
			}
		}
	}
	return "", nil
}

// ErrNoPrevious is the error of an endpoint whose previous configuration is not known.
var ErrNoPrevious = errors.New("the configuration that the endpoint had before is not known: it was not changed by `bellows deploy`. Name one with --to")

// Rollback returns an endpoint to a configuration; with "" to the one that it had before the last deployment. It waits until the endpoint is in
// service with it. The number of instances stays as it is.
func Rollback(ctx context.Context, c *client.Client, endpoint, to string, report func(Event)) (Result, error) {
	out, err := c.SageMaker.DescribeEndpoint(ctx, &sagemaker.DescribeEndpointInput{EndpointName: &endpoint})
	if err != nil {
		return Result{}, err
	}
	now := aws.ToString(out.EndpointConfigName)
	if to == "" {
		if to, err = previousOf(ctx, c, aws.ToString(out.EndpointArn)); err != nil {
			return Result{}, err
		}
		if to == "" {
			return Result{}, ErrNoPrevious
		}
	}
	r := Result{Endpoint: endpoint, Config: to, Previous: now}
	if to == now && out.EndpointStatus == types.EndpointStatusInService {
		return r, fmt.Errorf("%s has the configuration %s already", endpoint, to)
	}
	for _, v := range out.ProductionVariants {
		r.Variant = aws.ToString(v.VariantName)
	}
	d := &Deployment{c: c, spec: Spec{Name: endpoint, Variant: r.Variant, Poll: defaultPoll}, report: report}
	what := "endpoint " + endpoint
	d.event(Started, what, "to "+to, nil)
	if err = beginUpdate(ctx, c, endpoint, to); err == nil {
		err = d.inService(ctx, to)
	}
	if err == nil {
		err = tagPrevious(ctx, c, endpoint, now)
	}
	if err != nil {
		d.event(Failed, what, client.Plain(err).Error(), d.logOf(err))
		return r, err
	}
	d.event(Done, what, "", nil)
	return r, nil
}
