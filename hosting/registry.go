package hosting

import (
	"slices"
	"strings"
	"time"
)

// Registry is all of one region's models, endpoint configs and endpoints. Its zero value is not ready; use NewRegistry. The
// exported members are there to be read; change them through methods only.
type Registry struct {
	Models    map[string]*Model
	Configs   map[string]*EndpointConfig
	Endpoints map[string]*Endpoint

	// StartupTimeout is for variants that set none: wall time.
	StartupTimeout time.Duration

	// ClockSpeed is how many seconds of policy time pass in a second of wall time; 0 means 1.
	ClockSpeed float64 `json:",omitzero"`

	// NewID makes the next instance's identity.
	NewID func() InstanceID `json:"-"`
}

// NewRegistry returns an empty registry. startupTimeout is wall time; newID names each new instance, differently each time.
func NewRegistry(startupTimeout time.Duration, newID func() InstanceID) *Registry {
	return &Registry{
		Models: map[string]*Model{}, Configs: map[string]*EndpointConfig{}, Endpoints: map[string]*Endpoint{},
		StartupTimeout: startupTimeout, NewID: newID,
	}
}

// Endpoint returns the endpoint of exactly this name, or an *Error of KindNotFound.
func (r *Registry) Endpoint(name string) (*Endpoint, error) {
	if e, found := r.Endpoints[name]; found {
		return e, nil
	}
	return nil, notFound(ResourceEndpoint, name)
}

// endpointLike finds an endpoint by a name that may differ in case: endpoint names are unique regardless of case.
// AWS: CreateEndpoint, EndpointName.
func (r *Registry) endpointLike(name string) bool {
	found := false
	for n := range r.Endpoints { //tidy:unordered only whether any matches
		found = found || strings.EqualFold(n, name)
	}
	return found
}

// Tag is one key and value on a resource.
type Tag struct{ Key, Value string }

// Tags are sorted by key.
type Tags []Tag

// Value returns the value of a tag, "" where there is none.
func (t Tags) Value(key string) string {
	for _, x := range t {
		if x.Key == key {
			return x.Value
		}
	}
	return ""
}

// With returns the tags with those of add put in or replaced.
func (t Tags) With(add []Tag) Tags {
	out := slices.Clone(t)
	for _, a := range add {
		at, found := slices.BinarySearchFunc(out, a, func(x, y Tag) int { return strings.Compare(x.Key, y.Key) })
		if found {
			out[at] = a
			continue
		}
		out = slices.Insert(out, at, a)
	}
	return out
}

// Without returns the tags less those of the given keys.
func (t Tags) Without(keys []string) Tags {
	return slices.DeleteFunc(slices.Clone(t), func(x Tag) bool { return slices.Contains(keys, x.Key) })
}

// TagsMax is how many tags a resource may carry. AWS: SageMaker API reference, AddTags.
const TagsMax = 50

// TagsOf returns the tags of a resource, to be replaced through SetTags. It fails with an *Error where there is no such resource.
func (r *Registry) TagsOf(kind Resource, name string) (Tags, error) {
	t, err := r.tags(kind, name)
	if err != nil {
		return nil, err
	}
	return *t, nil
}

// SetTags replaces a resource's tags. It fails with an *Error where there is no such resource.
func (r *Registry) SetTags(kind Resource, name string, tags Tags) error {
	t, err := r.tags(kind, name)
	if err != nil {
		return err
	}
	if len(tags) > TagsMax {
		return invalid("The number of tags on a resource cannot exceed %d.", TagsMax)
	}
	*t = tags
	return nil
}

// tags finds a resource by its name as it stands in ARNs: lower-cased.
func (r *Registry) tags(kind Resource, name string) (*Tags, error) {
	switch kind {
	case ResourceModel:
		if m, ok := lookup(r.Models, name); ok {
			return &m.Tags, nil
		}
	case ResourceConfig:
		if c, ok := lookup(r.Configs, name); ok {
			return &c.Tags, nil
		}
	case ResourceEndpoint:
		if e, ok := lookup(r.Endpoints, name); ok {
			return &e.Tags, nil
		}
	case ResourceVariant: // has no tags of its own
	}
	return nil, notFound(kind, name)
}

// lookup finds a value by its name, exact first; then the first in order whose name is the same but for case, since ARNs
// carry names in lower case.
func lookup[T any](m map[string]T, name string) (T, bool) {
	if v, found := m[name]; found {
		return v, true
	}
	best, hit := "", false
	for n := range m { //tidy:unordered the smallest matching name is kept
		if strings.EqualFold(n, name) && (!hit || n < best) {
			best, hit = n, true
		}
	}
	return m[best], hit
}
