package scaling

import (
	"cmp"
	"fmt"
	"strings"
)

// Dimension names a scalable dimension, as AWS does: service namespace, resource type and scaling property with colons between, such as
// sagemaker:variant:DesiredInstanceCount. The dimensions themselves are listed in engine/dimension; this package knows none of them.
type Dimension string

// Namespace returns the service namespace, the first part of the name.
func (d Dimension) Namespace() string {
	namespace, _, _ := strings.Cut(string(d), ":")
	return namespace
}

// Noun returns the dimension's name in the texts of activities: the words of the scaling property in lower case. E.g. DesiredInstanceCount is
// "desired instance count".
// AWS: recorded of SageMaker; user guide, scaling activities of other services.
func (d Dimension) Noun() string {
	var out strings.Builder
	for i, c := range d[strings.LastIndexByte(string(d), ':')+1:] {
		if i > 0 && 'A' <= c && c <= 'Z' {
			out.WriteByte(' ')
		}
		out.WriteRune(c)
	}
	return strings.ToLower(out.String())
}

// TargetKey names a scalable target within an account and region.
type TargetKey struct {
	ResourceID string // in the form of the dimension's, such as endpoint/E/variant/V
	Dimension  Dimension
}

// ErrMismatched refuses a service namespace, resource ID and dimension that do not belong together.
// AWS: RegisterScalableTarget; the same check guards every operation.
func ErrMismatched() error {
	return Invalid("Unsupported service namespace, resource type or scalable dimension")
}

// String names the key as AWS's error texts do.
func (k TargetKey) String() string {
	return fmt.Sprintf("service namespace: %s, resource ID: %s, scalable dimension: %s", k.Dimension.Namespace(), k.ResourceID, k.Dimension)
}

// Compare orders keys by resource, then dimension.
func (k TargetKey) Compare(o TargetKey) int {
	if c := strings.Compare(k.ResourceID, o.ResourceID); c != 0 {
		return c
	}
	return cmp.Compare(k.Dimension, o.Dimension)
}

// MarshalText makes the key usable as a key of JSON objects. The zero key is empty.
func (k TargetKey) MarshalText() ([]byte, error) {
	if k == (TargetKey{}) {
		return nil, nil
	}
	return []byte(string(k.Dimension) + " " + k.ResourceID), nil
}

// UnmarshalText reads what MarshalText wrote. Whether there is such a dimension is for those to check who have the list of them.
func (k *TargetKey) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*k = TargetKey{}
		return nil
	}
	dimension, resource, _ := strings.Cut(string(text), " ")
	if dimension == "" || resource == "" {
		return fmt.Errorf("reading target key %q: it is no dimension and resource ID", text)
	}
	*k = TargetKey{ResourceID: resource, Dimension: Dimension(dimension)}
	return nil
}

// Named returns the enum's value of this name, from 1 to last; zero where there is none.
func Named[E interface {
	~int
	fmt.Stringer
}](s string, last E) E {
	for e := E(1); e <= last; e++ {
		if e.String() == s {
			return e
		}
	}
	return 0
}
