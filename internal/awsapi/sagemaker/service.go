// Package sagemaker is the SageMaker control plane as an awsapi.Service: models, endpoint configs, endpoints and their tags. Each
// operation turns the SDK's input into an engine.Input, or reads a View, and its refusals into SageMaker's own texts.
package sagemaker

import (
	"context"
	"strings"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/awsapi"
)

// API is SageMaker's control plane.
type API struct {
	backend awsapi.Backend

	o Options
}

// Options are what the service asks about the fleet before it takes what a client wants.
type Options struct {
	// Image refuses, with a sentence for the client, an image that no fleet can run.
	Image func(image string) error

	// ModelData refuses model data that is known to be unusable. Its error's text is the client's.
	ModelData func(ctx context.Context, d hosting.ModelData) error

	// InstanceType refuses an instance type that is not known, or that can never fit on the fleet's machine.
	InstanceType func(name string) error
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

// arn names a resource; SageMaker's ARNs carry names in lower case.
func arn(s engine.Scope, r hosting.Resource, name string) string {
	return awsapi.ARN(s, "sagemaker", kinds[r]+"/"+strings.ToLower(name))
}

var kinds = map[hosting.Resource]string{
	hosting.ResourceModel: "model", hosting.ResourceConfig: "endpoint-config", hosting.ResourceEndpoint: "endpoint",
}

// step takes an input and words the engine's refusals.
func (a *API) step(ctx context.Context, c awsapi.Call, in engine.Input) (engine.Result, error) {
	result, err := a.backend.Step(ctx, in)
	return result, Refusal(c.Scope, err)
}

// region calls f with the call's region, or not at all where it has no state yet.
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
	return Refusal(c.Scope, err)
}
