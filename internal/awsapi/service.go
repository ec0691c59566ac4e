package awsapi

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"bellows.dev/bellows/engine"
)

// Call contains the properties of a request other than its input.
type Call struct {
	engine.Scope // verified
	Caller
	Operation string
	RequestID string
	Safe      bool // secrets may cross the caller's connection
	Size      int  // of the request's body in bytes, before decompression
}

// ARN returns the ARN of a resource in the call's account and region: arn:aws:service:region:account:resource.
func (c Call) ARN(service, resource string) string { return ARN(c.Scope, service, resource) }

// ARN returns the ARN of a resource in a scope.
func ARN(s engine.Scope, service, resource string) string {
	return fmt.Sprintf("arn:aws:%s:%s:%s:%s", service, s.Region, s.Account, resource)
}

// Service is one AWS service: its names on the wire and its operations.
type Service struct {
	Name      string // as in the constraint table, and in the text of unknown operations
	Signing   string // the service name that requests are signed for
	Target    string // prefix of X-Amz-Target, without the dot; "" without JSON
	CBOR      string // the service's name in rpc-v2-cbor paths; "" without CBOR
	Version   string // of the Query protocol; "" without Query
	Namespace string // of its XML
	Shapes    string // namespace of error names in JSON and CBOR bodies, with its "#"; may be ""

	// Invalid is the code of violations of the API model's constraints; "" is ValidationException.
	Invalid string

	// Required renders the refusal of a missing required member, if the service has its own text.
	Required func(member string) *Error

	// Enum renders the refusal of a value outside an enumeration; it returns nil if the operation has no text of its own.
	Enum func(operation, member string, allowed []string) *Error

	// NotFinite renders the refusal of a NaN or infinite double; it returns nil if the operation has no text of its own.
	NotFinite func(operation, member, value string) *Error

	// Queries are operations that read many datapoints: their concurrency is limited, and each has a time limit.
	Queries []string

	operations map[string]operation
}

// Operations returns the names of the service's operations, sorted.
func (s *Service) Operations() []string { return slices.Sorted(maps.Keys(s.operations)) }

// operation decodes its own input, so that the server does not depend on types.
type operation struct {
	new  func() any
	call func(ctx context.Context, c Call, in any) (any, error)
}

// Handle adds an operation to a service. I and O are the SDK's input and output structs.
func Handle[I, O any](s *Service, name string, f func(ctx context.Context, c Call, in *I) (*O, error)) {
	if s.operations == nil {
		s.operations = map[string]operation{}
	}
	s.operations[name] = operation{
		new: func() any { return new(I) },
		call: func(ctx context.Context, c Call, in any) (any, error) {
			out, err := f(ctx, c, in.(*I))
			if err != nil {
				return nil, err
			}
			return out, nil
		},
	}
}
