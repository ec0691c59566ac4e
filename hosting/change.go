package hosting

import (
	"slices"
	"time"
)

// CreateEndpoint starts an endpoint: it is Creating until every instance is healthy. It fails with an *Error where the name is taken, the
// config does not exist, or it wants more instances than an endpoint may have, and changes nothing then. AWS: SageMaker API reference,
// CreateEndpoint.
func (r *Registry) CreateEndpoint(now time.Time, name, config string, tags Tags) error {
	if r.endpointLike(name) {
		return exists(ResourceEndpoint, name)
	}
	c, found := r.Configs[config]
	if !found {
		return notFound(ResourceConfig, config)
	}
	variants, err := r.provision(now, c, 1)
	if err != nil {
		return err
	}
	r.Endpoints[name] = &Endpoint{
		Name: name, Config: config, Status: Creating, Created: now, Modified: now, Tags: tags, Variants: variants, Newest: 1,
	}
	return nil
}

// provision makes the fleets of a config's variants with their initial instances, all starting.
func (r *Registry) provision(now time.Time, c *EndpointConfig, g Generation) ([]*Variant, error) {
	for _, vc := range c.Variants {
		if _, found := r.Models[vc.Model]; !found {
			return nil, notFound(ResourceModel, vc.Model)
		}
	}
	if c.instances() > InstancesMax {
		return nil, tooMany() // a config of an earlier version
	}
	variants := make([]*Variant, 0, len(c.Variants))
	for _, vc := range c.Variants {
		v := &Variant{
			Config: vc, Generation: g, Model: *r.Models[vc.Model],
			CurrentWeight: vc.InitialWeight, DesiredWeight: vc.InitialWeight, ChangeStarted: now,
		}
		r.resize(now, v, vc.InitialCount)
		variants = append(variants, v)
	}
	return variants, nil
}

// Change asks for another weight or capacity of a variant; nil leaves it as it is.
type Change struct {
	Variant string
	Weight  *float64
	Desired *int
}

// UpdateWeightsAndCapacities starts the changes; the endpoint is Updating until they are reached. It fails with an *Error where a change
// cannot be made, and makes none then.
// AWS: SageMaker API reference, UpdateEndpointWeightsAndCapacities.
func (r *Registry) UpdateWeightsAndCapacities(now time.Time, name string, changes []Change) error {
	e, err := r.changeable(name)
	if err != nil {
		return err
	}
	for i, c := range changes {
		if e.Variant(c.Variant) == nil {
			return &Error{Kind: KindNotFound, Resource: ResourceVariant, Name: c.Variant}
		}
		if c.Weight != nil && !validWeight(*c.Weight) {
			return invalid("DesiredWeight of variant %q must be a finite number of 0 or more.", c.Variant)
		}
		if c.Desired != nil && *c.Desired < 0 {
			return invalid("DesiredInstanceCount of variant %q must not be negative.", c.Variant)
		}
		if slices.ContainsFunc(changes[:i], func(x Change) bool { return x.Variant == c.Variant }) {
			return invalid("Production variant names must be unique. Found the name %q more than once.", c.Variant)
		}
	}
	if e.desiredAfter(changes) > InstancesMax {
		return tooMany()
	}
	e.FailureReason = ""
	for _, c := range changes {
		r.change(now, e.Variant(c.Variant), c)
	}
	e.Status, e.Modified = Updating, now
	return nil
}

// desiredAfter returns how many instances the endpoint's variants want in all once the changes, which name each variant once, are made.
func (e *Endpoint) desiredAfter(changes []Change) int {
	n := 0
	for _, v := range e.Variants {
		desired := v.Desired
		for _, c := range changes {
			if c.Variant == v.Config.Name && c.Desired != nil {
				desired = *c.Desired
			}
		}
		n += min(desired, InstancesMax+1) // no sum overflows
	}
	return n
}

func (r *Registry) change(now time.Time, v *Variant, c Change) {
	v.ChangeStarted, v.Previous = now, v.Desired
	if c.Weight != nil {
		v.DesiredWeight = *c.Weight
	}
	if c.Desired != nil {
		r.resize(now, v, *c.Desired)
	}
}

// resize makes n the number of instances that the variant wants: it adds starting instances, or drains those that serve least.
func (r *Registry) resize(now time.Time, v *Variant, n int) {
	v.Desired = n
	have := v.provisioned()
	for ; have < n; have++ {
		v.Instances = append(v.Instances, newInstance(now, r.NewID()))
	}
	for ; have > n; have-- {
		v.expendable().drain()
	}
}

// expendable returns the instance to remove: one that does not serve if there is any, else the youngest, since older ones have
// warmer caches.
func (v *Variant) expendable() *Instance {
	var pick *Instance
	for _, i := range v.Instances {
		if i.State == InstanceDraining {
			continue
		}
		if pick == nil || i.State == InstanceStarting || pick.State == InstanceInService {
			pick = i
		}
	}
	return pick
}

// changeable returns the endpoint if its state allows an update.
func (r *Registry) changeable(name string) (*Endpoint, error) {
	e, err := r.Endpoint(name)
	if err != nil {
		return nil, err
	}
	switch e.Status {
	case InService:
		return e, nil
	case Failed:
		return nil, &Error{Kind: KindFailed, Resource: ResourceEndpoint, Name: name}
	default:
		return nil, inProgress(name)
	}
}

// Update is UpdateEndpoint's request.
type Update struct {
	Endpoint string
	Config   string

	// RetainAll keeps each variant's current instance count and weight, less the two exclusions.
	RetainAll     bool
	ExcludeCount  bool
	ExcludeWeight bool

	// Bake is how long the old fleets are kept after traffic moved.
	Bake time.Duration

	// Scaled reports whether a variant is a registered scalable target: such a variant may not go or change its instance type.
	Scaled func(variant string) bool `json:"-"`
}

// UpdateEndpoint starts new fleets for another config beside those in use. Traffic moves when all of them are healthy. It fails with an
// *Error where the endpoint cannot be updated now or to that config, and changes nothing then.
// AWS: SageMaker API reference, UpdateEndpoint.
func (r *Registry) UpdateEndpoint(now time.Time, u Update) error {
	e, err := r.changeable(u.Endpoint)
	if err != nil {
		return err
	}
	c, found := r.Configs[u.Config]
	if !found {
		return notFound(ResourceConfig, u.Config)
	}
	if u.Bake < 0 || u.Bake > timeoutMax {
		return invalid("The old fleet of endpoint %q can be kept for 0 to %d seconds.", e.Name, timeoutMax/time.Second)
	}
	if u.Config == e.Config {
		return invalid("Endpoint %q uses endpoint configuration %q already. Update it to another one.", e.Name, u.Config)
	}
	if err := e.mayReplace(c, u.Scaled); err != nil {
		return err
	}
	variants, err := r.provision(now, c, e.Newest+1)
	if err != nil {
		return err
	}
	e.Newest++
	for _, v := range variants {
		r.retain(now, e.Variant(v.Config.Name), v, u)
	}
	e.Deployment = &Deployment{Config: u.Config, Started: now, Variants: variants, Bake: u.Bake}
	e.Status, e.Modified, e.FailureReason = Updating, now, ""
	return nil
}

// mayReplace refuses a config that would take a scalable target's variant away or give it another instance type.
// AWS: SageMaker developer guide, updating endpoints that use automatic scaling; the text is not recorded.
func (e *Endpoint) mayReplace(c *EndpointConfig, scaled func(string) bool) error {
	for _, old := range e.Variants {
		if !scaled(old.Config.Name) {
			continue
		}
		at := slices.IndexFunc(c.Variants, func(v VariantConfig) bool { return v.Name == old.Config.Name })
		if at < 0 {
			return invalid("Variant(s) %q would be deleted as part of this update, but it has an Application Auto Scaling "+
				"scalable target registered. Deregister it first.", old.Config.Name)
		}
		if c.Variants[at].InstanceType != old.Config.InstanceType {
			return invalid("The instance type of variant(s) %q would change from %s to %s as part of this update, but it has an "+
				"Application Auto Scaling scalable target registered. Deregister it first.",
				old.Config.Name, old.Config.InstanceType, c.Variants[at].InstanceType)
		}
	}
	return nil
}

// retain gives a new variant the count and weight of the one it replaces, where the caller wants them kept.
func (r *Registry) retain(now time.Time, old, v *Variant, u Update) {
	if old == nil || !u.RetainAll {
		return
	}
	if !u.ExcludeCount {
		r.resize(now, v, old.Desired)
		v.dropUnannounced()
	}
	if !u.ExcludeWeight {
		v.CurrentWeight, v.DesiredWeight = old.DesiredWeight, old.DesiredWeight
	}
}

// dropUnannounced drops instances that drain before a level has named them to a fleet.
func (v *Variant) dropUnannounced() {
	v.Instances = slices.DeleteFunc(v.Instances, func(i *Instance) bool { return i.State == InstanceDraining })
}

// DeleteEndpoint drains every instance; the endpoint is Deleting until all are gone. What is being created serves nothing yet and can be
// deleted at any time; SageMaker refuses that until the creation has failed.
func (r *Registry) DeleteEndpoint(now time.Time, name string) error {
	e, err := r.Endpoint(name)
	if err != nil {
		return err
	}
	if e.Status != InService && e.Status != Failed && e.Status != Creating {
		return inProgress(name)
	}
	e.Status, e.Modified = Deleting, now
	for _, v := range e.all() {
		drainAll(v)
	}
	return nil
}

func drainAll(v *Variant) {
	for _, i := range v.Instances {
		i.drain()
	}
}

// All returns every fleet of the endpoint: in use, coming and going. It is for reading.
func (e *Endpoint) All() []*Variant { return e.all() }

// all returns every fleet of the endpoint: in use, coming and going.
func (e *Endpoint) all() []*Variant {
	out := slices.Clone(e.Variants)
	if e.Deployment != nil {
		out = append(out, e.Deployment.Variants...)
	}
	return append(out, e.Retired...)
}
