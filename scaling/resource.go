package scaling

import "time"

// Resource is what a target scales, such as the instances of a variant, as it was found once. It reads its capacity from where that is kept.
type Resource interface {
	// Exists reports whether this is still the resource of its ID: one that was deleted or replaced has to be found again.
	Exists() bool

	// Capacity returns what the resource has now.
	Capacity() Capacity

	// ServedSince returns since when the present capacity has served; zero where no change is remembered.
	ServedSince() time.Time

	// LeastServed returns the smallest capacity that served at any time from a moment until now.
	LeastServed(from time.Time) int
}

// Resource returns the resource that was found for the target; nil where none was, or it has gone or been replaced since.
func (t *Target) Resource() Resource {
	if t.resource == nil || !t.resource.Exists() {
		return nil
	}
	return t.resource
}

// SetResource keeps what was found for the target.
func (t *Target) SetResource(r Resource) { t.resource = r }
