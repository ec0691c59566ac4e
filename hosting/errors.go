package hosting

import "fmt"

// Resource is a kind of thing that hosting keeps.
type Resource int

// Resources.
const (
	ResourceModel Resource = iota + 1
	ResourceConfig
	ResourceEndpoint
	ResourceVariant
)

// String returns the words that SageMaker's messages use.
func (r Resource) String() string {
	switch r {
	case ResourceModel:
		return "model"
	case ResourceConfig:
		return "endpoint configuration"
	case ResourceEndpoint:
		return "endpoint"
	case ResourceVariant:
		return "variant"
	default:
		return "invalid"
	}
}

// ErrorKind is why hosting refuses.
type ErrorKind int

// Kinds of refusal.
const (
	KindNotFound   ErrorKind = iota + 1 // the resource does not exist
	KindExists                          // it exists already
	KindInProgress                      // the endpoint is changing and takes no other change
	KindFailed                          // the endpoint has failed and can only be deleted
	KindInvalid                         // the request makes no sense; Msg says why
	KindLimit                           // an endpoint would have more than InstancesMax instances; Msg says so
)

// Error is a refusal. Nothing has changed. Messages that quote an ARN are made where ARNs are known, from Kind, Resource and
// Name; Msg is set for KindInvalid and KindLimit only.
type Error struct {
	Kind     ErrorKind
	Resource Resource
	Name     string
	Msg      string
}

// Error renders the refusal for logs and scenario output.
func (e *Error) Error() string {
	switch e.Kind {
	case KindNotFound:
		return fmt.Sprintf("could not find %s %q", e.Resource, e.Name)
	case KindExists:
		return fmt.Sprintf("cannot create already existing %s %q", e.Resource, e.Name)
	case KindInProgress:
		return fmt.Sprintf("cannot update in-progress %s %q", e.Resource, e.Name)
	case KindFailed:
		return fmt.Sprintf("cannot update failed %s %q", e.Resource, e.Name)
	default:
		return e.Msg
	}
}

func notFound(r Resource, name string) error {
	return &Error{Kind: KindNotFound, Resource: r, Name: name}
}

func exists(r Resource, name string) error { return &Error{Kind: KindExists, Resource: r, Name: name} }

func inProgress(name string) error {
	return &Error{Kind: KindInProgress, Resource: ResourceEndpoint, Name: name}
}

// tooMany refuses more than InstancesMax instances.
func tooMany() error {
	return &Error{Kind: KindLimit, Msg: fmt.Sprintf("An endpoint may have %d instances at most.", InstancesMax)}
}

func invalid(format string, args ...any) error {
	return &Error{Kind: KindInvalid, Msg: fmt.Sprintf(format, args...)}
}
