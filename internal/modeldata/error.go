package modeldata

import (
	"fmt"
	"time"
)

// Kind is what keeps model data from being used.
type Kind int

// Kinds of errors. Only Unreachable and Late may pass without a change by the operator.
const (
	Missing      Kind = iota + 1 // there is no such object, folder or version of it
	Denied                       // the store does not let us read it
	Unconfigured                 // no store and no folder is named for the URI, or the URI is not one that is read
	Invalid                      // it was read, and is not valid: no archive, a wrong checksum, a path that leads out
	TooLarge                     // it is larger than is allowed, or the cache or the disk is full
	Unreachable                  // the store does not answer
	Late                         // it took longer than it may
)

// Error is why model data cannot be used. Its texts are SageMaker's where they are known, followed by the detail.
type Error struct {
	URI  string
	Kind Kind
	Err  error // the detail, for an operator
}

// Error returns the detail.
func (e *Error) Error() string { return fmt.Sprintf("model data %s: %v", e.URI, e.Err) }

// Unwrap returns the detail as an error.
func (e *Error) Unwrap() error { return e.Err }

// Refusal is the message of CreateModel's ValidationException.
func (e *Error) Refusal() string {
	switch e.Kind {
	case Missing:
		return fmt.Sprintf("Could not find model data at %s. Detail: %v.", e.URI, e.Err)
	case Invalid, TooLarge:
		return fmt.Sprintf("Could not use the model data at %s. Detail: %v.", e.URI, e.Err)
	default:
		return fmt.Sprintf("Could not access model data at %s. Detail: %v.", e.URI, e.Err)
	}
}

// FailureReason is an endpoint's FailureReason.
func (e *Error) FailureReason() string {
	switch e.Kind {
	case Invalid:
		return fmt.Sprintf("Failed to extract model data archive for container \"container_1\" from URL \"%s\". "+
			"Please ensure that the object located at the URL is a valid tar.gz archive. Detail: %v.", e.URI, e.Err)
	case TooLarge:
		return fmt.Sprintf("Failed to extract model data archive from URL \"%s\" for container \"container_1\". "+
			"The model data archive is too large. Detail: %v.", e.URI, e.Err)
	default:
		return fmt.Sprintf("Failed to download model data for container \"container_1\" from URL: \"%s\". "+
			"Please ensure that there is an object located at the URL and that the role passed to CreateModel has permissions to "+
			"download the model. Detail: %v.", e.URI, e.Err)
	}
}

// problem is an error of a kind before its URI is known.
type problem struct {
	kind Kind
	err  error
}

func (p *problem) Error() string { return p.err.Error() }
func (p *problem) Unwrap() error { return p.err }

func problemf(kind Kind, format string, args ...any) error {
	return &problem{kind, fmt.Errorf(format, args...)}
}

func late(within time.Duration) error {
	return problemf(Late, "fetching it took longer than %v, which ModelDataDownloadTimeoutInSeconds, or else download_timeout in bellows.yaml, allows", within)
}
