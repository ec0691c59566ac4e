package engine

import (
	"slices"

	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/scaling"
)

// Tick advances time.
type Tick struct{}

// Reported is a fleet's report of a copy of an instance.
type Reported struct{ Report hosting.InstanceReport }

// CreateModel registers a model.
type CreateModel struct {
	Scope Scope
	Model hosting.Model
}

// DeleteModel forgets a model.
type DeleteModel struct {
	Scope Scope
	Name  string
}

// CreateEndpointConfig registers an endpoint config.
type CreateEndpointConfig struct {
	Scope  Scope
	Config hosting.EndpointConfig
}

// DeleteEndpointConfig forgets an endpoint config.
type DeleteEndpointConfig struct {
	Scope Scope
	Name  string
}

// CreateEndpoint starts an endpoint.
type CreateEndpoint struct {
	Key    EndpointKey
	Config string
	Tags   hosting.Tags
}

// UpdateEndpoint moves an endpoint to another config.
type UpdateEndpoint struct {
	Scope  Scope
	Update hosting.Update
}

// UpdateEndpointWeightsAndCapacities changes variants by hand.
type UpdateEndpointWeightsAndCapacities struct {
	Key     EndpointKey
	Changes []hosting.Change
}

// DeleteEndpoint drains an endpoint and deregisters its variants' scalable targets.
type DeleteEndpoint struct{ Key EndpointKey }

// RegisterScalableTarget makes or changes a scalable target. Its Result is a
// RegisterScalableTargetResult.
type RegisterScalableTarget struct {
	Scope        Scope
	Registration scaling.Registration
}

// DeregisterScalableTarget removes a target with its policies and their alarms.
type DeregisterScalableTarget struct {
	Scope Scope
	Key   scaling.TargetKey
}

// PutScalingPolicy makes or changes a policy and the alarms it owns. Its Result is a PutScalingPolicyResult.
type PutScalingPolicy struct {
	Scope Scope
	Input scaling.PolicyInput
}

// DeleteScalingPolicy removes a policy, the alarms it owns and the actions that name it.
type DeleteScalingPolicy struct {
	Scope Scope
	Key   scaling.TargetKey
	Name  string
}

// PutMetricData records samples.
type PutMetricData struct {
	Scope Scope
	Data  []metric.Datum
}

// SetTags adds or replaces tags of a model, config or endpoint, and removes those of the keys in Remove. Its Result is the
// hosting.Tags that the resource has then.
type SetTags struct {
	Scope    Scope
	Resource hosting.Resource
	Name     string
	Add      []hosting.Tag
	Remove   []string
}

// TagScalableTarget adds or replaces tags of a scalable target, by the identifier in its ARN.
type TagScalableTarget struct {
	Scope Scope
	ID    string
	Tags  map[string]string
}

// UntagScalableTarget removes tags of a scalable target.
type UntagScalableTarget struct {
	Scope Scope
	ID    string
	Keys  []string
}

// Inputs returns one value of each type of Input, for those who write inputs down and read them again.
func Inputs() []Input {
	return []Input{
		Tick{}, Configured{}, Reported{}, Observed{}, CreateModel{}, DeleteModel{}, CreateEndpointConfig{}, DeleteEndpointConfig{},
		CreateEndpoint{}, UpdateEndpoint{}, UpdateEndpointWeightsAndCapacities{}, DeleteEndpoint{}, SetTags{},
		RegisterScalableTarget{}, DeregisterScalableTarget{}, TagScalableTarget{}, UntagScalableTarget{}, PutScalingPolicy{},
		DeleteScalingPolicy{}, PutMetricAlarm{}, DeleteAlarms{}, SetAlarmState{}, SetAlarmActions{}, Notified{}, TagAlarm{}, PutMetricData{},
		LoadHistory{},
		KeepHistory{}, HistoryKept{},
		PutCompositeAlarm{}, PromQLEvaluated{}, InstancesEjected{}, WakeRequested{},
		UpdateGroup{}, SetDesiredCapacity{}, PutGroupPolicy{}, DeleteGroupPolicy{}, ExecuteGroupPolicy{}, SetGroupProcesses{},
		PutGroupSchedule{}, DeleteGroupSchedule{},
		PutScheduledAction{}, DeleteScheduledAction{}, PutMuteRule{}, DeleteMuteRule{},
	}
}

func (Tick) apply(*Engine) (Result, error) { return nil, nil }

func (in Reported) apply(e *Engine) (Result, error) {
	key, found := e.where[in.Report.ID]
	if !found {
		return nil, nil
	}
	r := e.regions[key.Scope]
	x, err := r.Hosting.Endpoint(key.Endpoint)
	if err != nil {
		return nil, nil //nolint:nilerr // a report of an instance whose endpoint is gone changes nothing
	}
	reported := x.Report(e.now, in.Report)
	if reported.Changed {
		changed := InstanceChanged{Key: VariantKey{key.Scope, key.Endpoint, reported.Variant}, Report: in.Report}
		if in.Report.State == hosting.FleetFailed {
			changed.Delays = x.Delayed(in.Report.CopyID())
		}
		e.emit(changed)
	}
	e.publishStart(r, key.Endpoint, reported)
	e.touch(r, key.Endpoint)
	return nil, nil
}

func (in CreateModel) apply(e *Engine) (Result, error) {
	return nil, e.region(in.Scope).Hosting.CreateModel(e.now, in.Model)
}

func (in DeleteModel) apply(e *Engine) (Result, error) {
	return nil, e.region(in.Scope).Hosting.DeleteModel(in.Name)
}

func (in CreateEndpointConfig) apply(e *Engine) (Result, error) {
	return nil, e.region(in.Scope).Hosting.CreateConfig(e.now, in.Config)
}

func (in DeleteEndpointConfig) apply(e *Engine) (Result, error) {
	return nil, e.region(in.Scope).Hosting.DeleteConfig(in.Name)
}

func (in CreateEndpoint) apply(e *Engine) (Result, error) {
	r := e.region(in.Key.Scope)
	if err := r.Hosting.CreateEndpoint(e.now, in.Key.Endpoint, in.Config, in.Tags); err != nil {
		return nil, err
	}
	e.touch(r, in.Key.Endpoint)
	e.noteCauseForAll(r, r.Hosting.Endpoints[in.Key.Endpoint], scaling.CauseCreated)
	e.emit(EndpointChanged{Key: in.Key, To: hosting.Creating})
	return nil, nil
}

func (in UpdateEndpoint) apply(e *Engine) (Result, error) {
	r := e.region(in.Scope)
	in.Update.Scaled = func(variant string) bool {
		x := r.Hosting.Endpoints[in.Update.Endpoint]
		return slices.ContainsFunc(r.targetsOfVariant(x, variant), func(t *scaling.Target) bool { return r.Targets.Targets[t.Key] == t })
	}
	return nil, e.change(r, in.Update.Endpoint, func() error {
		if err := r.Hosting.UpdateEndpoint(e.now, in.Update); err != nil {
			return err
		}
		e.noteCauseForAll(r, r.Hosting.Endpoints[in.Update.Endpoint], scaling.CauseReplaced)
		return nil
	})
}

func (in UpdateEndpointWeightsAndCapacities) apply(e *Engine) (Result, error) {
	r := e.region(in.Key.Scope)
	return nil, e.change(r, in.Key.Endpoint, func() error {
		before := r.desired(in.Key.Endpoint)
		if err := r.Hosting.UpdateWeightsAndCapacities(e.now, in.Key.Endpoint, in.Changes); err != nil {
			return err
		}
		e.byHand(r, in.Key.Endpoint, before, in.Changes)
		return nil
	})
}

func (in DeleteEndpoint) apply(e *Engine) (Result, error) {
	r := e.region(in.Key.Scope)
	err := e.change(r, in.Key.Endpoint, func() error { return r.Hosting.DeleteEndpoint(e.now, in.Key.Endpoint) })
	if err != nil {
		return nil, err
	}
	x := r.Hosting.Endpoints[in.Key.Endpoint]
	e.noteCauseForAll(r, x, scaling.CauseDeleted)
	for _, t := range r.targetsOf(x) {
		e.removeGroup(r, t.Key)
		if r.Targets.Targets[t.Key] == nil {
			continue
		}
		if err := e.deregister(r, t.Key); err != nil {
			panic("engine: a registered target cannot be deregistered: " + err.Error())
		}
	}
	return nil, nil
}

func (in SetTags) apply(e *Engine) (Result, error) {
	h := e.region(in.Scope).Hosting
	tags, err := h.TagsOf(in.Resource, in.Name)
	if err != nil {
		return nil, err
	}
	tags = tags.With(in.Add).Without(in.Remove)
	if err := h.SetTags(in.Resource, in.Name, tags); err != nil {
		return nil, err
	}
	if in.Resource == hosting.ResourceEndpoint {
		e.touch(e.region(in.Scope), in.Name) // routes depend on its tags
	}
	return tags, nil
}

func (in TagScalableTarget) apply(e *Engine) (Result, error) {
	return nil, e.retag(in.Scope, in.ID, func(r *scaling.Registry) error { return r.Tag(in.ID, in.Tags) })
}

func (in UntagScalableTarget) apply(e *Engine) (Result, error) {
	return nil, e.retag(in.Scope, in.ID, func(r *scaling.Registry) error { return r.Untag(in.ID, in.Keys) })
}

// retag changes a target's tags. A dry run that ends so lets its range count again.
func (e *Engine) retag(s Scope, id string, change func(*scaling.Registry) error) error {
	r := e.region(s)
	if err := change(r.Targets); err != nil {
		return err
	}
	t, err := r.Targets.ByID(id)
	if err != nil {
		return err
	}
	e.touchTarget(r, t.Key)
	return nil
}

// change does something to an endpoint and tells of the status it leads to.
func (e *Engine) change(r *Region, name string, do func() error) error {
	var from hosting.Status
	if x, err := r.Hosting.Endpoint(name); err == nil {
		from = x.Status
	}
	if err := do(); err != nil {
		return err
	}
	e.touch(r, name)
	e.emit(EndpointChanged{Key: EndpointKey{r.Scope, name}, From: from, To: r.Hosting.Endpoints[name].Status})
	return nil
}

func (in PutMetricData) apply(e *Engine) (Result, error) {
	w := e.region(in.Scope).Metrics
	if w.Behind() {
		return nil, metric.ErrPending // at once, so that a refusal leaves nothing recorded
	}
	for i := range in.Data {
		w.Record(&in.Data[i])
	}
	return nil, nil
}
