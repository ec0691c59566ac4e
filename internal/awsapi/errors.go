package awsapi

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
)

// Error is a refusal. Operations return it; the server renders it in the request's protocol.
type Error struct {
	Code    string // name of the exception in JSON and CBOR
	Query   string // code in the Query protocol; "" means Code
	Status  int    // HTTP; 0 means 400
	Message string // "" omits the member

	// Lower spells the member of the message "message", as in errors from AWS's layer in front of a service.
	Lower bool

	// Members are further members of the exception.
	Members map[string]string
}

// Error renders the refusal for logs.
func (e *Error) Error() string { return e.Code + ": " + e.Message }

func (e *Error) status() int { return cmp.Or(e.Status, http.StatusBadRequest) }

func (e *Error) query() string { return cmp.Or(e.Query, e.Code) }

// Validation returns a ValidationException of a service's own logic.
func Validation(format string, args ...any) *Error {
	return &Error{Code: "ValidationException", Query: "ValidationError", Message: fmt.Sprintf(format, args...)}
}

func framework(message string) *Error {
	return &Error{Code: "ValidationException", Query: "ValidationError", Message: message, Lower: true}
}

func internal(requestID string) *Error {
	return &Error{
		Code: "InternalFailure", Query: "InternalFailure", Status: http.StatusInternalServerError, Lower: true,
		Message: "The request processing has failed because of an internal error. The server's log says more under request " + requestID + ".",
	}
}

// unavailable is the error of a temporary failure of the server. SDKs retry it. AWS: Common Errors,
// ServiceUnavailable.
func unavailable(message string) *Error {
	return &Error{Code: "ServiceUnavailable", Status: http.StatusServiceUnavailable, Message: message, Lower: true}
}

// Unavailable is implemented by temporary errors: nothing was changed, and the same request may succeed later. Its text is for the client.
type Unavailable interface {
	error
	Unavailable()
}

// Unrecordable is implemented by errors of inputs that cannot be recorded: nothing was changed. Its text is for the client.
type Unrecordable interface {
	error
	Unrecordable()
}

// asError returns an error in the form that clients get. ok is false for internal failures, whose text is only logged.
func asError(err error) (e *Error, ok bool) {
	if errors.As(err, &e) {
		return e, true
	}
	if u := Unavailable(nil); errors.As(err, &u) {
		return unavailable(u.Error()), true
	}
	if u := Unrecordable(nil); errors.As(err, &u) {
		return Validation("%s", u.Error()), true
	}
	return nil, false
}
