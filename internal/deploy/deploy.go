package deploy

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker/types"

	"bellows.dev/bellows/internal/client"
	"bellows.dev/bellows/scaling"
)

// previousTag is the tag of an endpoint with the name of the configuration that it had before the last deployment.
const previousTag = "previous-endpoint-config"

// Deployment deploys a specification.
type Deployment struct {
	c      *client.Client
	spec   Spec
	report func(Event)

	// Hurry, once it is closed, ends a deployment that is being undone at once: the rest stays. Nil: it is undone completely.
	Hurry <-chan struct{}

	name   string // of the model and the configuration
	update bool   // the endpoint is there already
	result Result
	undo   []undo   // of the steps that were done, in order
	copies []string // that were seen while the endpoint was waited for, the newest last
}

// undo undoes a step.
type undo struct {
	what string
	f    func(ctx context.Context) error
}

// step is a part of a deployment.
type step struct {
	what string
	do   func(ctx context.Context) error
	undo func(ctx context.Context) error // nil: there is nothing to undo
}

// New returns a deployment, or says what is wrong with its specification.
func New(c *client.Client, s Spec) (*Deployment, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	return &Deployment{c: c, spec: s}, nil
}

// Run deploys: it makes the model, the endpoint configuration and the endpoint, or updates the endpoint that is there, waits until it is in service,
// registers the scalable target and puts the policy. report is called with what happens, one event at a time. Where a step fails, or ctx ends, all
// steps before it are undone; Run then fails with Error.
func (d *Deployment) Run(ctx context.Context, report func(Event)) (Result, error) {
	d.report = report
	began := time.Now()
	if err := d.look(ctx); err != nil {
		return Result{}, &Error{Step: "endpoint " + d.spec.Name, Err: err}
	}
	for _, s := range d.steps() {
		d.event(Started, s.what, "", nil)
		if s.undo != nil { // also where it fails: it may have been done in spite of that
			d.undo = append(d.undo, undo{s.what, s.undo})
		}
		if err := s.do(ctx); err != nil {
			if refused := (*notDoneError)(nil); errors.As(err, &refused) && s.undo != nil {
				d.undo = d.undo[:len(d.undo)-1]
			}
			d.event(Failed, s.what, reason(err), d.logOf(err))
			return Result{}, &Error{Step: s.what, Err: err, Made: len(d.undo) > 0, Left: d.back(context.WithoutCancel(ctx))}
		}
		d.event(Done, s.what, "", nil)
	}
	d.result.Seconds = time.Since(began).Seconds()
	return d.result, nil
}

func (d *Deployment) event(k Kind, what, text string, lines []string) {
	d.report(Event{At: time.Now(), Kind: k, Step: what, Text: text, Lines: lines})
}

// look reads whether the endpoint is there.
func (d *Deployment) look(ctx context.Context) error {
	s := &d.spec
	d.result = Result{Endpoint: s.Name, Variant: s.Variant}
	d.name = s.Name
	out, err := d.c.SageMaker.DescribeEndpoint(ctx, &sagemaker.DescribeEndpointInput{EndpointName: &s.Name})
	if e := (*client.Error)(nil); errors.As(client.Plain(err), &e) && e.NotFound() {
		return d.free(ctx)
	}
	if err != nil {
		return err
	}
	if out.EndpointStatus != types.EndpointStatusInService {
		return fmt.Errorf("the endpoint is %s: wait until it is InService, or delete it with `bellows delete %s`", out.EndpointStatus, s.Name)
	}
	found := false
	for _, v := range out.ProductionVariants {
		found = found || aws.ToString(v.VariantName) == s.Variant
	}
	if !found || len(out.ProductionVariants) > 1 {
		return fmt.Errorf("the endpoint is there with other variants than %s: UpdateEndpoint changes it", s.Variant)
	}
	d.update, d.result.Previous = true, aws.ToString(out.EndpointConfigName)
	d.name = s.Name + time.Now().UTC().Format("-20060102-150405")
	return nil
}

// free gives the model and the configuration a name that is not in use: that of the endpoint, unless an earlier one was left.
func (d *Deployment) free(ctx context.Context) error {
	_, modelErr := d.c.SageMaker.DescribeModel(ctx, &sagemaker.DescribeModelInput{ModelName: &d.name})
	_, configErr := d.c.SageMaker.DescribeEndpointConfig(ctx, &sagemaker.DescribeEndpointConfigInput{EndpointConfigName: &d.name})
	for _, err := range []error{modelErr, configErr} {
		if err != nil && !absent(err) {
			return err
		}
	}
	if modelErr == nil || configErr == nil {
		d.name += time.Now().UTC().Format("-20060102-150405")
	}
	return nil
}

// steps are the parts of the deployment, in order.
func (d *Deployment) steps() []step {
	sm, name, endpoint := d.c.SageMaker, &d.name, &d.spec.Name
	d.result.Model, d.result.Config = d.name, d.name
	all := []step{
		{
			"model " + d.name, d.createModel,
			func(ctx context.Context) error {
				_, err := sm.DeleteModel(ctx, &sagemaker.DeleteModelInput{ModelName: name})
				return err
			},
		},
		{
			"endpoint config " + d.name, d.createConfig,
			func(ctx context.Context) error {
				_, err := sm.DeleteEndpointConfig(ctx, &sagemaker.DeleteEndpointConfigInput{EndpointConfigName: name})
				return err
			},
		},
	}
	if d.update {
		all = append(all, step{"endpoint " + *endpoint, d.updateEndpoint, d.restoreEndpoint})
	} else {
		all = append(all, step{
			"endpoint " + *endpoint, d.createEndpoint,
			func(ctx context.Context) error { return deleteEndpoint(ctx, d.c, *endpoint, d.spec.Poll) },
		})
	}
	if d.spec.Target > 0 || d.spec.Max > max(1, d.spec.Min) {
		all = append(all, d.targetStep())
	}
	if d.spec.Target > 0 {
		all = append(all, d.policyStep())
	}
	return all
}

func (d *Deployment) createModel(ctx context.Context) error {
	s := &d.spec
	c := &types.ContainerDefinition{Image: &s.Image, Environment: s.Environment}
	if s.ModelData != "" {
		from := &types.S3ModelDataSource{S3Uri: &s.ModelData, S3DataType: types.S3ModelDataTypeS3Prefix, CompressionType: types.ModelCompressionTypeNone}
		switch {
		case strings.HasSuffix(s.ModelData, ".tar.gz"), strings.HasSuffix(s.ModelData, ".tgz"):
			from.S3DataType, from.CompressionType = types.S3ModelDataTypeS3Object, types.ModelCompressionTypeGzip
		case !strings.HasSuffix(s.ModelData, "/"):
			from.S3Uri = aws.String(s.ModelData + "/")
		}
		c.ModelDataSource = &types.ModelDataSource{S3DataSource: from}
	}
	in := &sagemaker.CreateModelInput{ModelName: &d.name, PrimaryContainer: c}
	if s.Role != "" {
		in.ExecutionRoleArn = &s.Role
	}
	_, err := d.c.SageMaker.CreateModel(ctx, in)
	return refusedFirst(err)
}

func (d *Deployment) createConfig(ctx context.Context) error {
	s := &d.spec
	v := types.ProductionVariant{
		VariantName: &s.Variant, ModelName: &d.name, InitialInstanceCount: aws.Int32(int32(max(1, s.Min))), InitialVariantWeight: aws.Float32(1),
		InstanceType: types.ProductionVariantInstanceType(s.Type),
	}
	if s.StartupTimeout > 0 {
		v.ContainerStartupHealthCheckTimeoutInSeconds = aws.Int32(int32(s.StartupTimeout / time.Second))
	}
	_, err := d.c.SageMaker.CreateEndpointConfig(ctx, &sagemaker.CreateEndpointConfigInput{EndpointConfigName: &d.name, ProductionVariants: []types.ProductionVariant{v}})
	return refusedFirst(err)
}

func (d *Deployment) createEndpoint(ctx context.Context) error {
	if _, err := d.c.SageMaker.CreateEndpoint(ctx, &sagemaker.CreateEndpointInput{EndpointName: &d.spec.Name, EndpointConfigName: &d.name}); err != nil {
		return refusedFirst(err)
	}
	return d.inService(ctx, d.name)
}

func (d *Deployment) updateEndpoint(ctx context.Context) error {
	if err := beginUpdate(ctx, d.c, d.spec.Name, d.name); err != nil {
		return refusedFirst(err)
	}
	if err := d.inService(ctx, d.name); err != nil {
		return err
	}
	return tagPrevious(ctx, d.c, d.spec.Name, d.result.Previous)
}

// beginUpdate begins the change of an endpoint to a configuration. The number of instances stays as it is: a policy may have set it.
func beginUpdate(ctx context.Context, c *client.Client, endpoint, config string) error {
	_, err := c.SageMaker.UpdateEndpoint(ctx, &sagemaker.UpdateEndpointInput{
		EndpointName: &endpoint, EndpointConfigName: &config, RetainAllVariantProperties: aws.Bool(true),
	})
	return err
}

// restoreEndpoint returns to the configuration before. While the endpoint changes, AWS refuses another change, so it waits for that first.
func (d *Deployment) restoreEndpoint(ctx context.Context) error {
	config, err := settled(ctx, d.c, d.spec.Name, d.spec.Poll)
	if err != nil || config == d.result.Previous { // it has rolled back by itself
		return err
	}
	if err := beginUpdate(ctx, d.c, d.spec.Name, d.result.Previous); err != nil {
		return err
	}
	_, err = settled(ctx, d.c, d.spec.Name, d.spec.Poll)
	return err
}

// settled waits until an endpoint is no longer changing, and returns its configuration.
func settled(ctx context.Context, c *client.Client, endpoint string, poll time.Duration) (config string, err error) {
	err = wait(ctx, poll, func() (bool, error) {
		out, err := c.SageMaker.DescribeEndpoint(ctx, &sagemaker.DescribeEndpointInput{EndpointName: &endpoint})
		if err != nil {
			return false, err
		}
		config = aws.ToString(out.EndpointConfigName)
		return out.EndpointStatus == types.EndpointStatusInService || out.EndpointStatus == types.EndpointStatusFailed, nil
	})
	return config, err
}

// deleteEndpoint deletes an endpoint and waits until it is gone. An endpoint that is not there is no error.
func deleteEndpoint(ctx context.Context, c *client.Client, endpoint string, poll time.Duration) error {
	gone := func(err error) bool {
		e := (*client.Error)(nil)
		return errors.As(client.Plain(err), &e) && e.NotFound()
	}
	deleting := false
	return wait(ctx, poll, func() (bool, error) {
		out, err := c.SageMaker.DescribeEndpoint(ctx, &sagemaker.DescribeEndpointInput{EndpointName: &endpoint})
		switch {
		case gone(err):
			return true, nil
		case err != nil:
			return false, err
		case deleting, out.EndpointStatus == types.EndpointStatusUpdating, out.EndpointStatus == types.EndpointStatusRollingBack,
			out.EndpointStatus == types.EndpointStatusDeleting, out.EndpointStatus == types.EndpointStatusCreating && c.AWS():
			return false, nil // it is refused while the endpoint changes
		}
		_, err = c.SageMaker.DeleteEndpoint(ctx, &sagemaker.DeleteEndpointInput{EndpointName: &endpoint})
		deleting = err == nil
		if gone(err) {
			return true, nil
		}
		return false, err
	})
}

// tagPrevious notes the configuration that an endpoint had before, for Rollback.
func tagPrevious(ctx context.Context, c *client.Client, endpoint, config string) error {
	out, err := c.SageMaker.DescribeEndpoint(ctx, &sagemaker.DescribeEndpointInput{EndpointName: &endpoint})
	if err != nil {
		return err
	}
	_, err = c.SageMaker.AddTags(ctx, &sagemaker.AddTagsInput{ResourceArn: out.EndpointArn, Tags: []types.Tag{{Key: aws.String(previousTag), Value: &config}}})
	return err
}

// back undoes what was done, the last first, and returns what is left. Once Hurry is closed, the rest is left.
func (d *Deployment) back(ctx context.Context) (left []string) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		select {
		case <-d.Hurry:
			cancel()
		case <-done:
		}
	}()
	defer func() { close(done); <-ended }()
	for i := len(d.undo) - 1; i >= 0; i-- {
		u := d.undo[i]
		if ctx.Err() != nil {
			left = append(left, u.what)
			d.event(Left, u.what, "", nil)
			continue
		}
		d.event(Undoing, u.what, "", nil)
		if err := u.f(ctx); err != nil && !absent(err) {
			left = append(left, u.what)
			d.event(Left, u.what, client.Plain(err).Error(), nil)
			continue
		}
		d.event(Undone, u.what, "", nil)
	}
	return left
}

// absent reports whether an error says that what is to be deleted does not exist.
func absent(err error) bool {
	e := (*client.Error)(nil)
	return errors.As(client.Plain(err), &e) && e.NotFound()
}

func targetOf(endpoint, variant string) scaling.TargetKey {
	return scaling.VariantTarget(endpoint, variant)
}
