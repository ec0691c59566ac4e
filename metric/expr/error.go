package expr

import (
	"errors"
	"fmt"
)

// Error says what is wrong with an expression, in CloudWatch's text.
type Error struct {
	ID   string // of the query
	Pos  int    // bytes from the start of the expression
	Text string
	bare bool // the text is the whole message
}

// Error is CloudWatch's message. AWS: recorded.
func (e *Error) Error() string {
	if e.bare {
		return e.Text
	}
	return "Error in expression '" + e.ID + "': " + e.Text
}

// at returns an error whose query is not known yet.
func at(pos int, format string, args ...any) *Error {
	return &Error{Pos: pos, Text: fmt.Sprintf(format, args...)}
}

// whole returns an error whose text does not name the expression. AWS: recorded.
func whole(pos int, text string) *Error { return &Error{Pos: pos, Text: text, bare: true} }

func badSyntax(pos int) *Error { return at(pos, "Invalid syntax") }

// ErrStopped says that Options.More ended an evaluation.
var ErrStopped = errors.New("expr: the evaluation was stopped")

// TooMuchError says that an evaluation needs more values than it may.
type TooMuchError struct{ Limit int }

// Error follows CloudWatch's text for too many datapoints.
func (e *TooMuchError) Error() string {
	return fmt.Sprintf("The expressions compute more than %d datapoints. You may reduce the datapoints computed by increasing Period, "+
		"or decreasing the time range.", e.Limit)
}
