package schedule

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Kinds of schedules.
const (
	At Kind = iota + 1
	Rate
	Cron
)

// Kind is the kind of a schedule.
type Kind int

// String returns the word that the kind's expressions begin with.
func (k Kind) String() string {
	switch k {
	case At:
		return "at"
	case Rate:
		return "rate"
	case Cron:
		return "cron"
	default:
		return "invalid"
	}
}

// Schedule says when something is due. Its zero value is never due; use Parse.
type Schedule struct {
	kind  Kind
	at    time.Time     // At: a local time, written down as if it were UTC
	every time.Duration // Rate
	cron  cron          // Cron
}

// SyntaxError says that a text is no schedule.
type SyntaxError struct {
	Text string
	Why  string // what is wrong with it

	// Position is where in the text between the parentheses, in bytes from 0; NoPosition where the text is no expression at all.
	Position int
}

// NoPosition is the position of a fault that is no part's.
const NoPosition = -1

// fault is what is wrong with an expression, and where; its zero value means that nothing is.
type fault struct {
	at  int
	why string
}

// Error returns the reason.
func (e *SyntaxError) Error() string { return fmt.Sprintf("%q is no schedule: %s", e.Text, e.Why) }

// Parse reads an expression. It fails with *SyntaxError.
//
// AWS: PutScheduledAction, Schedule; the syntax is recorded: rate(<number>\s?(minutes?|hours?|days?)), cron(<cron_expression>) or
// at(yyyy-MM-dd'T'HH:mm:ss).
func Parse(text string) (Schedule, error) {
	var s Schedule
	var wrong fault
	word, inner, ok := strings.Cut(text, "(")
	inner, closed := strings.CutSuffix(inner, ")")
	switch {
	case !ok || !closed:
		wrong = noExpression
	case word == At.String():
		s.kind = At
		s.at, wrong = parseAt(inner)
	case word == Rate.String():
		s.kind = Rate
		s.every, wrong = parseRate(inner)
	case word == Cron.String():
		s.kind = Cron
		s.cron, wrong = parseCron(inner)
	default:
		wrong = noExpression
	}
	if wrong.why != "" {
		return Schedule{}, &SyntaxError{text, wrong.why, wrong.at}
	}
	return s, nil
}

var noExpression = fault{NoPosition, "it is none of at(…), rate(…) and cron(…)"}

// atLayout is how at() writes its moment.
const atLayout = "2006-01-02T15:04:05"

// unexpectedEnd is what is wrong with an expression that ends too early. AWS: recorded.
const unexpectedEnd = "Unexpected end of expression."

func parseAt(text string) (time.Time, fault) {
	for i := range len(atLayout) {
		digit := atLayout[i] >= '0' && atLayout[i] <= '9'
		switch {
		case i == len(text):
			return time.Time{}, fault{i, unexpectedEnd}
		case digit != (text[i] >= '0' && text[i] <= '9') || !digit && text[i] != atLayout[i]:
			c := []rune(text[i:])[0]
			return time.Time{}, fault{i, "Unexpected character " + strconv.QuoteRune(c) + "; the format is yyyy-MM-dd'T'HH:mm:ss."}
		}
	}
	if len(text) > len(atLayout) {
		return time.Time{}, fault{len(atLayout), "Unexpected text after the seconds; the format is yyyy-MM-dd'T'HH:mm:ss."}
	}
	at, err := time.Parse(atLayout, text)
	if err != nil { // its numbers are no date's: each prefix that is one tells where
		for _, end := range []int{len("2006"), len("2006-01"), len("2006-01-02"), len("2006-01-02T15"), len("2006-01-02T15:04"), len(atLayout)} {
			if _, err := time.Parse(atLayout[:end], text[:end]); err != nil {
				return time.Time{}, fault{end - 2, "Value " + text[end-2:end] + " is out of range."}
			}
		}
	}
	return at, fault{}
}

// parseRate reads a number and a unit, with at most one space between. (AWS: recorded: rate(1 days) is taken, too.)
func parseRate(text string) (time.Duration, fault) {
	digits := 0
	for digits < len(text) && text[digits] >= '0' && text[digits] <= '9' {
		digits++
	}
	unit := map[string]time.Duration{"minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour}
	name := strings.TrimSuffix(strings.TrimPrefix(text[digits:], " "), "s")
	length, known := unit[name]
	if digits == 0 || !known {
		return 0, fault{digits, "Expected a whole number and minutes, hours or days."}
	}
	n, err := strconv.ParseInt(text[:digits], 10, 64)
	if err != nil || n > int64(math.MaxInt64/length) {
		return math.MaxInt64, fault{} // longer than there are years
	}
	return time.Duration(n) * length, fault{}
}

// Kind returns the schedule's kind.
func (s Schedule) Kind() Kind { return s.kind }

// Recurring reports whether the schedule can be due more than once.
func (s Schedule) Recurring() bool { return s.kind == Rate || s.kind == Cron }

// Every returns a rate's interval, 0 for other kinds.
func (s Schedule) Every() time.Duration { return s.every }

// Next returns the first moment after another at which the schedule is due; false where there is none. A rate counts from that
// other moment.
func (s Schedule) Next(after time.Time, loc *time.Location) (time.Time, bool) {
	switch s.kind {
	case At:
		t := instantOrJump(s.at, loc)
		return t, t.After(after)
	case Rate:
		t := after.Add(s.every)
		return t, t.After(after) && t.Year() <= yearLast // else the sum has run over
	case Cron:
		return s.cron.next(after, loc)
	default:
		return time.Time{}, false
	}
}

// SpacingMin is the least time between two runs.
const SpacingMin = time.Minute

// TooOften returns two moments at which a schedule is due that are less than a minute apart, if there are any after a moment. AWS
// refuses such schedules (recorded for rate(0 days)).
func (s Schedule) TooOften(after time.Time, loc *time.Location) (first, second time.Time, found bool) {
	switch {
	case s.kind == Rate && s.every < SpacingMin:
		return after, after.Add(s.every), true
	case s.kind == Cron && s.cron.seconds.more():
		// All of its seconds belong to each of its minutes.
		first, found = s.Next(after, loc)
		if !found {
			return first, second, false
		}
		second, found = s.Next(first, loc)
		if found && second.Sub(first) >= SpacingMin { // first was a minute's last second
			first = second
			second, found = s.Next(first, loc)
		}
		return first, second, found
	default:
		return first, second, false
	}
}
