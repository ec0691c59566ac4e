package sigv4

import "fmt"

// Kind is the kind of a refusal.
type Kind int

// Kinds.
const (
	Missing        Kind = iota + 1 // no signature
	Incomplete                     // an incomplete or malformed signature
	UnknownKey                     // unknown key, or wrong session token
	ExpiredToken                   // the session has expired
	WrongSignature                 // the signature does not match
	Expired                        // the request's time is too far in the past or future
)

// Error is a refusal.
type Error struct {
	Kind Kind
	Msg  string
}

// Error returns AWS's text.
func (e *Error) Error() string { return e.Msg }

// Codes returns the error code in the JSON and CBOR protocols, the code in the Query protocol, and the HTTP status.
// AWS: common errors of SageMaker and of CloudWatch.
func (e *Error) Codes() (code, query string, status int) {
	switch e.Kind {
	case Missing:
		return "MissingAuthenticationTokenException", "MissingAuthenticationToken", 403
	case Incomplete:
		return "IncompleteSignatureException", "IncompleteSignature", 400
	case UnknownKey:
		return "UnrecognizedClientException", "InvalidClientTokenId", 403
	case ExpiredToken:
		return "ExpiredTokenException", "ExpiredToken", 403
	case Expired:
		return "InvalidSignatureException", "RequestExpired", 403
	default:
		return "InvalidSignatureException", "SignatureDoesNotMatch", 403
	}
}

func refuse(k Kind, format string, args ...any) error {
	return &Error{k, fmt.Sprintf(format, args...)}
}
