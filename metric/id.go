package metric

import (
	"slices"
	"strings"
)

// Dimension is a name and a value that distinguish a metric from others of its name.
type Dimension struct{ Name, Value string }

// ID is a metric's identity: its namespace, its name and its exact set of dimensions. A metric with more dimensions is another
// metric. AWS: CloudWatch user guide, concepts.
type ID struct {
	Namespace  string
	Name       string
	Dimensions []Dimension // sorted by name; use NewID
}

// NewID returns the identity with its dimensions sorted: their order does not matter.
func NewID(namespace, name string, dimensions ...Dimension) ID {
	d := slices.Clone(dimensions)
	slices.SortFunc(d, func(a, b Dimension) int { return strings.Compare(a.Name, b.Name) })
	return ID{namespace, name, d}
}

// Unsorted returns dimensions that are not sorted by name, or nil where they are.
func Unsorted(dimensions []Dimension) []Dimension {
	if slices.IsSortedFunc(dimensions, func(a, b Dimension) int { return strings.Compare(a.Name, b.Name) }) {
		return nil
	}
	return dimensions
}

// Key returns a string that is equal for equal identities only.
func (id ID) Key() string { return string(id.AppendKey(nil)) }

// AppendKey appends the key to a buffer, for lookups that must not allocate.
func (id ID) AppendKey(b []byte) []byte {
	b = append(b, id.Namespace...)
	b = append(b, 0)
	b = append(b, id.Name...)
	for _, d := range id.Dimensions {
		b = append(b, 0)
		b = append(b, d.Name...)
		b = append(b, 1)
		b = append(b, d.Value...)
	}
	return b
}

// within returns the identity with strings that are parts of its key, so that both share memory.
func (id ID) within(key string) ID {
	take := func(n int) string {
		text := key[:n]
		key = key[min(n+1, len(key)):]
		return text
	}
	out := ID{Namespace: take(len(id.Namespace)), Name: take(len(id.Name))}
	if len(id.Dimensions) > 0 {
		out.Dimensions = make([]Dimension, len(id.Dimensions))
	}
	for i, d := range id.Dimensions {
		out.Dimensions[i] = Dimension{take(len(d.Name)), take(len(d.Value))}
	}
	return out
}

// String renders the identity for people: namespace/name{name=value …}.
func (id ID) String() string {
	parts := make([]string, 0, len(id.Dimensions))
	for _, d := range id.Dimensions {
		parts = append(parts, d.Name+"="+d.Value)
	}
	return id.Namespace + "/" + id.Name + "{" + strings.Join(parts, " ") + "}"
}
