package awsapi

import (
	"context"
	"time"

	"bellows.dev/bellows/engine"
)

// Backend is the engine as operations see it; internal/control implements it.
type Backend interface {
	// Step applies an input and returns its result once it is durable.
	Step(ctx context.Context, in engine.Input) (engine.Result, error)

	// View calls f with a durable state that does not change during the call. f must not retain references to it.
	View(ctx context.Context, f func(now time.Time, e *engine.Engine)) error

	// History returns rows of the event history and a continuation token, "" at the end. It returns *ErrToken for an invalid token.
	History(ctx context.Context, q HistoryQuery) ([]HistoryItem, string, error)
}

// Tables of the event history.
const (
	TableActivity = "activity" // key: of a scalable target
	TableAlarm    = "alarm"    // key: an alarm's name
	TableDecision = "decision" // key: of a scalable target
	TableEndpoint = "endpoint" // key: an endpoint's name
	TableGroup    = "group"    // key: a group's name; the types are the statuses of instances' activities
)

// Types of rows of the event history, by which queries select.
const (
	TypeScaled        = "Scaled"
	TypeNotScaled     = "NotScaled"
	TypeConfiguration = "ConfigurationUpdate"
	TypeState         = "StateUpdate"
	TypeAction        = "Action"

	TypeContributorState  = "AlarmContributorStateUpdate"
	TypeContributorAction = "AlarmContributorAction"

	// CompositePrefix is the prefix of row types of composite alarms.
	CompositePrefix = "Composite"
)

// HistoryQuery selects rows of the event history. Unset members match everything.
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

// HistoryItem is one row of the event history.
type HistoryItem struct {
	At    time.Time
	Event engine.Event
	After string // token of a query that continues after this row
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
