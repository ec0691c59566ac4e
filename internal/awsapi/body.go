package awsapi

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"

	"bellows.dev/bellows/internal/awsapi/sigv4"
)

// collector is a body that reads and hashes itself and limits the total memory of unverified bodies. internal/port implements it.
type collector interface {
	Collect(limit int) (all []byte, sum [32]byte, err error)
}

// ReadBody reads a request's body of at most limit bytes, without decompression, and returns it with its SHA-256. The body is valid as long
// as the request. Errors with a method Refused come from the port and state the response.
func ReadBody(r *http.Request, limit int) ([]byte, [32]byte, error) {
	if c, ok := r.Body.(collector); ok {
		return c.Collect(limit)
	}
	var none [32]byte
	if r.Body == nil {
		return nil, sha256.Sum256(nil), nil
	}
	all, err := io.ReadAll(io.LimitReader(r.Body, int64(limit)+1))
	if err != nil {
		return nil, none, &refused{http.StatusBadRequest, "IncompleteBody", "The request body could not be read."}
	}
	if len(all) > limit {
		return nil, none, &refused{http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", fmt.Sprintf("The request body is larger than %d bytes.", limit)}
	}
	return all, sha256.Sum256(all), nil
}

// Verified informs the port that a request is authenticated. It returns the port's refusal, as ReadBody does, if the bodies of authenticated
// requests use all the memory available to them.
func Verified(r *http.Request) error {
	if v, ok := r.Body.(interface{ Verified() error }); ok {
		return v.Verified()
	}
	return nil
}

// refused is a refusal in the form that the port uses.
type refused struct {
	status        int
	code, message string
}

// Error renders the refusal for logs.
func (r *refused) Error() string { return r.code + ": " + r.message }

// Refused returns the refusal's HTTP status, code and text.
func (r *refused) Refused() (status int, code, message string) { return r.status, r.code, r.message }

// refusedBody returns the AWS error for a body that could not be read.
func refusedBody(err error) error {
	var r interface {
		Refused() (status int, code, message string)
	}
	if !errors.As(err, &r) {
		return err
	}
	status, code, message := r.Refused()
	return &Error{Code: code, Status: status, Message: message, Lower: true}
}

// Facts returns the parts of a net/http request that a signature covers.
func Facts(r *http.Request) *sigv4.Request {
	facts := &sigv4.Request{Method: r.Method, Path: r.URL.EscapedPath(), Query: r.URL.RawQuery, Host: r.Host}
	for name, values := range r.Header {
		for _, v := range values {
			facts.Header = append(facts.Header, sigv4.Field{Name: name, Value: v})
		}
	}
	return facts
}
