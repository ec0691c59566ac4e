package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/aws/smithy-go"
)

// Error is a refusal of the server.
type Error struct{ Code, Message string }

// Error returns the text of the refusal with its code.
func (e *Error) Error() string { return e.Message + " (" + e.Code + ")" }

// NotFound reports whether what was asked for does not exist. SageMaker has no code for that: the text says so.
func (e *Error) NotFound() bool {
	return e.Code == "ResourceNotFound" || e.Code == "ResourceNotFoundException" || e.Code == "ObjectNotFoundException" || e.Code == "NotFound" ||
		strings.HasPrefix(e.Message, "Could not find ")
}

// NoServerError is the error of a server that does not answer, or that is not known.
type NoServerError struct{ message string }

// Error implements error.
func (e *NoServerError) Error() string { return e.message }

// OnlyBellowsError is the error of a call of an API that AWS does not have.
type OnlyBellowsError struct{ what string }

// Error implements error.
func (e *OnlyBellowsError) Error() string {
	return "AWS has no API for " + e.what + ": this works against a Bellows server only"
}

// Plain returns an error of a call as people read it: a refusal as Error, a server that does not answer as NoServerError. Others stay as they are.
func Plain(err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	if own := (*Error)(nil); errors.As(err, &own) {
		return err
	}
	if refused := smithy.APIError(nil); errors.As(err, &refused) {
		return &Error{Code: refused.ErrorCode(), Message: refused.ErrorMessage()}
	}
	at := "the address"
	if u := (*url.Error)(nil); errors.As(err, &u) {
		if parsed, e := url.Parse(u.URL); e == nil {
			at = parsed.Scheme + "://" + parsed.Host
		}
	}
	if dial := (*net.OpError)(nil); errors.As(err, &dial) {
		return &NoServerError{fmt.Sprintf("no server answers at %s: %v", at, dial.Err)}
	}
	if name := (*net.DNSError)(nil); errors.As(err, &name) {
		return &NoServerError{fmt.Sprintf("no server answers at %s: %v", at, name)}
	}
	if operation := (*smithy.OperationError)(nil); errors.As(err, &operation) {
		return fmt.Errorf("%s: %w", operation.OperationName, operation.Err)
	}
	return err
}

// Next says what to do about an error of a call, in a sentence; "" where there is nothing to advise.
func Next(err error) string {
	if absent := (*NoServerError)(nil); errors.As(err, &absent) {
		return "Start a server with `bellows serve`, or name one with --data-dir or --endpoint-url. `bellows doctor` looks for the cause."
	}
	if only := (*OnlyBellowsError)(nil); errors.As(err, &only) {
		return "Leave out --aws and --profile to ask the server of ./bellows-data."
	}
	refused := (*Error)(nil)
	if !errors.As(err, &refused) {
		return ""
	}
	switch code := refused.Code; {
	case strings.HasPrefix(refused.Message, "Could not find endpoint configuration"):
		return "`bellows endpoints NAME` shows the configuration that an endpoint has."
	case strings.HasPrefix(refused.Message, "Could not find endpoint"), strings.HasPrefix(refused.Message, "Endpoint ") && refused.NotFound():
		return "`bellows endpoints` lists the endpoints, `bellows deploy` makes one."
	case strings.HasPrefix(refused.Message, "Could not find model"):
		return "`bellows models` lists the models."
	case strings.Contains(refused.Message, "No scalable target"):
		return "`bellows scale ENDPOINT/VARIANT --min N --max M` makes the variant a scalable target."
	case code == "InvalidClientTokenId" || code == "UnrecognizedClientException" || code == "SignatureDoesNotMatch" || code == "IncompleteSignature" || code == "InvalidSignatureException":
		return "The server does not know this key. `eval \"$(bellows env)\"` sets that of a data directory; `bellows doctor` looks for the cause."
	case code == "RequestExpired" || code == "RequestTimeTooSkewed":
		return "The clocks of this machine and of the server differ. `bellows doctor` says by how much."
	case code == "AccessDeniedException" || code == "AccessDenied":
		return "This key may not do that: use another."
	case code == "ThrottlingException" || code == "Throttling":
		return "Try again in a moment."
	}
	return ""
}

// OnlyBellows returns the error of something that AWS's API does not have.
func OnlyBellows(what string) error { return &OnlyBellowsError{what} }
