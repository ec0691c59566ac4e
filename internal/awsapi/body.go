package awsapi

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"

	"bellows.dev/bellows/internal/awsapi/sigv4"
)

// collector is a body that reads and hashes itself, and bounds what bodies of unverified requests hold together, as internal/port's does.
type collector interface {
	Collect(limit int) (all []byte, sum [32]byte, err error)
}

// ReadBody reads a request's body, of at most limit bytes, as it came, and its SHA-256. It is good for as long as the request. Errors that
// have a method Refused are the port's, and say how to answer.
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

// Verified tells the port that a request is by someone who holds a key. It fails with the port's refusal, as ReadBody does, where the bodies
// of such requests hold all the memory that they may.
func Verified(r *http.Request) error {
	if v, ok := r.Body.(interface{ Verified() error }); ok {
		return v.Verified()
	}
	return nil
}

// refused is a refusal as the port has them.
type refused struct {
	status        int
	code, message string
}

// Error renders the refusal for logs.
func (r *refused) Error() string { return r.code + ": " + r.message }

// Refused returns the refusal's HTTP status, code and text.
func (r *refused) Refused() (status int, code, message string) { return r.status, r.code, r.message }

// refusedBody is the AWS error of a body that could not be read.
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

// Facts is what a signature covers of a request of net/http's.
func Facts(r *http.Request) *sigv4.Request {
	facts := &sigv4.Request{Method: r.Method, Path: r.URL.EscapedPath(), Query: r.URL.RawQuery, Host: r.Host}
	for name, values := range r.Header {
		for _, v := range values {
			facts.Header = append(facts.Header, sigv4.Field{Name: name, Value: v})
		}
	}
	return facts
}
