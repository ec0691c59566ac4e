// Package sagemaker implements the SageMaker control plane as an awsapi.Service: models, endpoint configs, endpoints and their tags. Each
// operation converts the SDK's input to an engine.Input, or reads a View, and converts refusals to SageMaker's texts.
package sagemaker

import (
	"context"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/awsapi"
)

// API implements the operations of SageMaker's control plane.
type API struct {
	backend awsapi.Backend

	o Options
}

// Options are checks of requests against the fleet.
type Options struct {
	// Image returns an error, whose text is for the client, for an image that no fleet can run.
	Image func(image string) error

	// ModelData returns an error, whose text is for the client, for model data that is known to be unusable.
	ModelData func(ctx context.Context, d hosting.ModelData) error

	// InstanceTypes returns the instance types whose sizes are known, sorted. Others are refused.
	InstanceTypes func() []string

	// Fits returns an error, whose text is for the client, for a known instance type that can never fit on the fleet's machine.
	Fits func(name string) error
}

// New returns the service.
func New(b awsapi.Backend, o Options) *awsapi.Service {
	a := &API{b, o}
	s := &awsapi.Service{Name: "SageMaker", Signing: "sagemaker", Target: "SageMaker"}
	awsapi.Handle(s, "CreateModel", a.createModel)
	awsapi.Handle(s, "DescribeModel", a.describeModel)
	awsapi.Handle(s, "ListModels", a.listModels)
	awsapi.Handle(s, "DeleteModel", a.deleteModel)
	awsapi.Handle(s, "CreateEndpointConfig", a.createEndpointConfig)
	awsapi.Handle(s, "DescribeEndpointConfig", a.describeEndpointConfig)
	awsapi.Handle(s, "ListEndpointConfigs", a.listEndpointConfigs)
	awsapi.Handle(s, "DeleteEndpointConfig", a.deleteEndpointConfig)
	awsapi.Handle(s, "CreateEndpoint", a.createEndpoint)
	awsapi.Handle(s, "DescribeEndpoint", a.describeEndpoint)
	awsapi.Handle(s, "ListEndpoints", a.listEndpoints)
	awsapi.Handle(s, "UpdateEndpoint", a.updateEndpoint)
	awsapi.Handle(s, "UpdateEndpointWeightsAndCapacities", a.updateWeightsAndCapacities)
	awsapi.Handle(s, "DeleteEndpoint", a.deleteEndpoint)
	awsapi.Handle(s, "AddTags", a.addTags)
	awsapi.Handle(s, "ListTags", a.listTags)
	awsapi.Handle(s, "DeleteTags", a.deleteTags)
	return s
}

// step applies an input and converts the engine's refusals to the service's errors.
func (a *API) step(ctx context.Context, c awsapi.Call, in engine.Input) (engine.Result, error) {
	result, err := a.backend.Step(ctx, in)
	return result, awsapi.HostingRefusal(c.Scope, err)
}

// region calls f with the state of the call's region, and not at all if there is none yet.
func (a *API) region(ctx context.Context, c awsapi.Call, f func(*hosting.Registry) error) error {
	var err error
	if failed := a.backend.View(ctx, func(_ time.Time, e *engine.Engine) {
		r := e.Region(c.Scope)
		if r == nil {
			err = f(hosting.NewRegistry(0, nil))
			return
		}
		err = f(r.Hosting)
	}); failed != nil {
		return failed
	}
	return awsapi.HostingRefusal(c.Scope, err)
}
