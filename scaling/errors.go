package scaling

import "fmt"

// Kinds of errors; each is one of AWS's exceptions.
const (
	KindValidation         Kind = iota + 1 // ValidationException
	KindObjectNotFound                     // ObjectNotFoundException: no such target or policy
	KindLimitExceeded                      // LimitExceededException: a quota
	KindResourceNotFound                   // ResourceNotFoundException: tags of an unknown target
	KindTooManyTags                        // TooManyTagsException
	KindAlreadyExists                      // EC2 Auto Scaling's AlreadyExists
	KindActivityInProgress                 // EC2 Auto Scaling's ScalingActivityInProgress
)

// Kind is the kind of an Error.
type Kind int

// String returns AWS's name of the exception.
func (k Kind) String() string {
	switch k {
	case KindValidation:
		return "ValidationException"
	case KindObjectNotFound:
		return "ObjectNotFoundException"
	case KindLimitExceeded:
		return "LimitExceededException"
	case KindResourceNotFound:
		return "ResourceNotFoundException"
	case KindTooManyTags:
		return "TooManyTagsException"
	case KindActivityInProgress:
		return "ScalingActivityInProgress"
	case KindAlreadyExists:
		return "AlreadyExists"
	default:
		return "invalid"
	}
}

// Error is why something was refused. Nothing has changed where one is returned.
type Error struct {
	Kind Kind
	Msg  string // AWS's text where it is known
}

// Error returns the text that clients see.
func (e *Error) Error() string { return e.Msg }

// Invalid returns an Error of KindValidation.
func Invalid(format string, args ...any) error { return Refuse(KindValidation, format, args...) }

// Refuse returns an Error.
func Refuse(k Kind, format string, args ...any) error {
	return &Error{Kind: k, Msg: fmt.Sprintf(format, args...)}
}
