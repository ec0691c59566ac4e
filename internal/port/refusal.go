package port

import (
	"fmt"

	"github.com/valyala/fasthttp"
)

// Refusal is the reason why the port does not serve a request. Its code is AWS's if AWS has one.
type Refusal struct {
	Status  int // HTTP
	Code    string
	Message string // text for the caller
}

// Error renders the refusal for logs.
func (r *Refusal) Error() string { return r.Code + ": " + r.Message }

// Refused returns the HTTP status, code and text of an AWS error. Packages that render errors look for this method.
func (r *Refusal) Refused() (status int, code, message string) { return r.Status, r.Code, r.Message }

func malformed(message string) *Refusal {
	return &Refusal{fasthttp.StatusBadRequest, "MalformedHttpRequestException", message}
}

func tooLong(format string, args ...any) *Refusal {
	return &Refusal{fasthttp.StatusRequestHeaderFieldsTooLarge, "RequestHeaderSectionTooLarge", fmt.Sprintf(format, args...)}
}

func late(what string) *Refusal {
	return &Refusal{fasthttp.StatusRequestTimeout, "RequestTimeoutException", "The request took too long: " + what + " did not arrive in time."}
}

func busy(format string, args ...any) *Refusal {
	return &Refusal{fasthttp.StatusServiceUnavailable, "ServiceUnavailable", fmt.Sprintf(format, args...)}
}

// TooLarge returns the refusal of a body of more than limit bytes.
func TooLarge(limit int) *Refusal {
	return &Refusal{
		fasthttp.StatusRequestEntityTooLarge, "RequestEntityTooLarge", fmt.Sprintf("The request body is larger than %d bytes.", limit),
	}
}

func incomplete() *Refusal {
	return &Refusal{fasthttp.StatusBadRequest, "IncompleteBody", "The request body ended before the length that its head announced."}
}
