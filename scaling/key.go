package scaling

import (
	"fmt"
	"strings"
)

// Scalable dimensions.
const (
	VariantInstances   Dimension = iota + 1 // instances of a production variant
	VariantConcurrency                      // provisioned concurrency of a serverless variant
	ComponentCopies                         // copies of an inference component
)

// Dimension is a scalable dimension: what of a resource is scaled.
type Dimension int

// String returns AWS's name of the dimension.
func (d Dimension) String() string {
	switch d {
	case VariantInstances:
		return "sagemaker:variant:DesiredInstanceCount"
	case VariantConcurrency:
		return "sagemaker:variant:DesiredProvisionedConcurrency"
	case ComponentCopies:
		return "sagemaker:inference-component:DesiredCopyCount"
	default:
		return "invalid"
	}
}

// ParseDimension returns the dimension of AWS's name; zero where there is none.
func ParseDimension(s string) Dimension { return Named(s, ComponentCopies) }

// Noun names the dimension in the texts of activities. Only the first is recorded from AWS.
func (d Dimension) Noun() string {
	switch d {
	case VariantConcurrency:
		return "desired provisioned concurrency"
	case ComponentCopies:
		return "desired copy count"
	default:
		return "desired instance count"
	}
}

// Namespace is the service namespace of everything scaled here.
const Namespace = "sagemaker"

// TargetKey names a scalable target within an account and region.
type TargetKey struct {
	ResourceID string // endpoint/E/variant/V or inference-component/N
	Dimension  Dimension
}

// VariantTarget returns the key of a production variant's instances.
func VariantTarget(endpoint, variant string) TargetKey {
	return TargetKey{ResourceID: "endpoint/" + endpoint + "/variant/" + variant, Dimension: VariantInstances}
}

// ParseTargetKey reads a namespace, resource ID and dimension as they stand in requests. It fails with KindValidation where
// they do not belong together.
func ParseTargetKey(namespace, resourceID, dimension string) (TargetKey, error) {
	k := TargetKey{ResourceID: resourceID, Dimension: ParseDimension(dimension)}
	if namespace != Namespace || !k.fits() {
		return TargetKey{}, mismatched()
	}
	return k, nil
}

// CheckResourceID fails with KindValidation where no dimension has resources of such an ID: for filters that name no dimension.
func CheckResourceID(resourceID string) error {
	variant := TargetKey{ResourceID: resourceID, Dimension: VariantInstances}
	component := TargetKey{ResourceID: resourceID, Dimension: ComponentCopies}
	if !variant.fits() && !component.fits() {
		return mismatched()
	}
	return nil
}

// AWS: RegisterScalableTarget; the same check guards every operation.
func mismatched() error {
	return Invalid("Unsupported service namespace, resource type or scalable dimension")
}

// fits reports whether the resource ID has the form that the dimension wants.
func (k TargetKey) fits() bool {
	switch k.Dimension {
	case VariantInstances, VariantConcurrency:
		_, _, ok := k.Variant()
		return ok
	case ComponentCopies:
		name, found := strings.CutPrefix(k.ResourceID, "inference-component/")
		return found && name != "" && !strings.Contains(name, "/")
	default:
		return false
	}
}

// Variant returns the endpoint and production variant that the resource ID names, if it names one.
func (k TargetKey) Variant() (endpoint, variant string, ok bool) {
	rest, found := strings.CutPrefix(k.ResourceID, "endpoint/")
	if !found {
		return "", "", false
	}
	endpoint, variant, found = strings.Cut(rest, "/variant/")
	ok = found && endpoint != "" && variant != "" && !strings.Contains(endpoint, "/") && !strings.Contains(variant, "/")
	return endpoint, variant, ok
}

// String names the key as AWS's error texts do.
func (k TargetKey) String() string {
	return fmt.Sprintf("service namespace: %s, resource ID: %s, scalable dimension: %s", Namespace, k.ResourceID, k.Dimension)
}

// Compare orders keys by resource, then dimension.
func (k TargetKey) Compare(o TargetKey) int {
	if c := strings.Compare(k.ResourceID, o.ResourceID); c != 0 {
		return c
	}
	return int(k.Dimension) - int(o.Dimension)
}

// MarshalText makes the key usable as a key of JSON objects. The zero key is empty.
func (k TargetKey) MarshalText() ([]byte, error) {
	if k == (TargetKey{}) {
		return nil, nil
	}
	return []byte(k.Dimension.String() + " " + k.ResourceID), nil
}

// UnmarshalText reads what MarshalText wrote.
func (k *TargetKey) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*k = TargetKey{}
		return nil
	}
	dimension, resource, _ := strings.Cut(string(text), " ")
	key, err := ParseTargetKey(Namespace, resource, dimension)
	if err != nil {
		return fmt.Errorf("reading target key %q: %w", text, err)
	}
	*k = key
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
