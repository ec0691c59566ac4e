package awsapi

import (
	"context"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/log"
)

// Backend is the engine as operations see it; internal/control implements it.
type Backend interface {
	// Step applies an input and returns its result once it is durable.
	Step(ctx context.Context, in engine.Input) (engine.Result, error)

	// View calls f with a durable state that does not change during the call. f must not retain references to it.
	View(ctx context.Context, f func(now time.Time, e *engine.Engine)) error

	// Events returns recorded events, and a token to continue with, "" at the end. It fails with ErrToken.
	Events(ctx context.Context, q log.EventQuery) ([]engine.Recorded, string, error)
}

// ErrToken is the error of an invalid continuation token.
type ErrToken struct {
	Err   error
	Token string
}

// Error describes the error.
func (e *ErrToken) Error() string { return "the continuation token is not valid: " + e.Err.Error() }

// Unwrap returns the cause.
func (e *ErrToken) Unwrap() error { return e.Err }
