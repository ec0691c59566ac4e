// Package dimension lists the scalable dimensions. Each is a folder below this one that implements Dimension; see CONTRIBUTING.md for how to
// add one.
package dimension

import (
	"strings"
	"time"

	"bellows.dev/bellows/engine/dimension/instancecount"
	"bellows.dev/bellows/engine/dimension/unserved"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/scaling"
)

// Dimension is a scalable dimension: a kind of resource with a capacity that can be set. It has no state: resources are kept in
// hosting.Registry. What has a resource ID is called with one that Fits, save Fits itself and Registrable.
type Dimension interface {
	scaling.Metrics

	// Name returns the dimension's name, such as sagemaker:variant:DesiredInstanceCount.
	Name() scaling.Dimension

	// Fits reports whether a resource ID has the form of this dimension's.
	Fits(resourceID string) bool

	// Registrable fails where a resource may not become a scalable target: with an error of hosting where it does not exist, or of
	// scaling where it cannot be scaled.
	Registrable(h *hosting.Registry, resourceID string) error

	// Place returns the endpoint that a resource belongs to, whether or not it exists, and the variant; "" for all variants of the endpoint.
	// The endpoint's changes are what the target's activities wait for.
	Place(h *hosting.Registry, resourceID string) (endpoint, variant string)

	// Resources appends the IDs of an endpoint's resources that are in use.
	Resources(ids []string, x *hosting.Endpoint) []string

	// Find returns a resource that is in use; nil where there is none.
	Find(h *hosting.Registry, resourceID string) scaling.Resource

	// SetDesired asks for a capacity. It fails where the resource does not take one now, with a scaling.ServiceError where its
	// service has a code for that, and changes nothing then.
	SetDesired(now time.Time, h *hosting.Registry, resourceID string, capacity int) error
}

// List is the dimensions that an engine knows.
type List []Dimension

// All returns the dimensions that Bellows has. This is the one place that lists them.
func All() List {
	return List{instancecount.Dimension{}, unserved.NewConcurrency(), unserved.NewCopies()}
}

// Named returns the dimension of this name; nil where there is none.
func (l List) Named(name scaling.Dimension) Dimension {
	for _, d := range l {
		if d.Name() == name {
			return d
		}
	}
	return nil
}

// Metrics implements scaling.Dimensions.
func (l List) Metrics(name scaling.Dimension) scaling.Metrics {
	if d := l.Named(name); d != nil {
		return d
	}
	return nil
}

// Parse returns the key that a namespace, resource ID and dimension of a request stand for. It fails with scaling.KindValidation where they
// do not belong together.
func (l List) Parse(namespace, resourceID, dimension string) (scaling.TargetKey, error) {
	k := scaling.TargetKey{ResourceID: resourceID, Dimension: scaling.Dimension(dimension)}
	d := l.Named(k.Dimension)
	if d == nil || k.Dimension.Namespace() != namespace || !d.Fits(resourceID) {
		return scaling.TargetKey{}, scaling.ErrMismatched()
	}
	return k, nil
}

// CheckResourceID fails with scaling.KindValidation where no dimension has resources of such an ID: for filters that name no dimension.
func (l List) CheckResourceID(resourceID string) error {
	for _, d := range l {
		if d.Fits(resourceID) {
			return nil
		}
	}
	return scaling.ErrMismatched()
}

// HasNamespace reports whether any dimension belongs to a service namespace.
func (l List) HasNamespace(namespace string) bool {
	for _, d := range l {
		if strings.HasPrefix(string(d.Name()), namespace+":") {
			return true
		}
	}
	return false
}
