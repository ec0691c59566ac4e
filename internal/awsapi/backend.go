package awsapi

import (
	"context"
	"time"

	"bellows.dev/bellows/engine"
)

// Backend is what operations work on; internal/control is one.
type Backend interface {
	// Step takes an input and returns its result once it is durable.
	Step(ctx context.Context, in engine.Input) (engine.Result, error)

	// View calls f with a state that is durable and does not change meanwhile. f must not keep what it is given.
	View(ctx context.Context, f func(now time.Time, e *engine.Engine)) error

	// History returns what happened, and a token to go on with, "" at the end. It fails with ErrToken.
	History(ctx context.Context, q HistoryQuery) ([]HistoryItem, string, error)
}

// Tables of the history.
const (
	TableActivity = "activity" // key: a target's
	TableAlarm    = "alarm"    // key: an alarm's name
	TableDecision = "decision" // key: a target's
	TableEndpoint = "endpoint" // key: an endpoint's name
	TableGroup    = "group"    // key: a group's name; types are the statuses of instances' activities
)

// Types of rows of the history that queries select by.
const (
	TypeScaled        = "Scaled"
	TypeNotScaled     = "NotScaled"
	TypeConfiguration = "ConfigurationUpdate"
	TypeState         = "StateUpdate"
	TypeAction        = "Action"

	TypeContributorState  = "AlarmContributorStateUpdate"
	TypeContributorAction = "AlarmContributorAction"

	// CompositePrefix stands before the types of rows of composite alarms.
	CompositePrefix = "Composite"
)

// HistoryQuery selects rows of the history. Unset members match everything.
type HistoryQuery struct {
	Scope    engine.Scope
	Table    string
	Key      string
	Types    []string
	IDs      []string  // of activities
	From, To time.Time // From inclusive, To exclusive
	Oldest   bool      // oldest first; else newest first
	Limit    int
	Token    string
}

// HistoryItem is one thing that happened.
type HistoryItem struct {
	At    time.Time
	Event engine.Event
	After string // the token of a query that goes on behind it
}

// ErrToken says that a token to go on with is not valid.
type ErrToken struct {
	Err   error
	Token string
}

// Error says what is wrong with it.
func (e *ErrToken) Error() string { return "the continuation token is not valid: " + e.Err.Error() }

// Unwrap returns the cause.
func (e *ErrToken) Unwrap() error { return e.Err }
