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
	Why  string // what is wrong with it, in our words
}

// Error returns the reason.
func (e *SyntaxError) Error() string { return fmt.Sprintf("%q is no schedule: %s", e.Text, e.Why) }

// Parse reads an expression. It fails with *SyntaxError.
//
// AWS: PutScheduledAction, Schedule; the syntax is recorded: rate(<number>\s?(minutes?|hours?|days?)), cron(<cron_expression>) or
// at(yyyy-MM-dd'T'HH:mm:ss).
func Parse(text string) (Schedule, error) {
	var s Schedule
	var why string
	word, inner, ok := strings.Cut(text, "(")
	inner, closed := strings.CutSuffix(inner, ")")
	switch {
	case !ok || !closed:
		why = "it is none of at(…), rate(…) and cron(…)"
	case word == At.String():
		s.kind = At
		s.at, why = parseAt(inner)
	case word == Rate.String():
		s.kind = Rate
		s.every, why = parseRate(inner)
	case word == Cron.String():
		s.kind = Cron
		s.cron, why = parseCron(inner)
	default:
		why = "it is none of at(…), rate(…) and cron(…)"
	}
	if why != "" {
		return Schedule{}, &SyntaxError{text, why}
	}
	return s, nil
}

const atLayout = "2006-01-02T15:04:05"

func parseAt(text string) (at time.Time, why string) {
	at, err := time.Parse(atLayout, text)
	if err != nil || len(text) != len(atLayout) { // time.Parse takes fractions of a second, too
		return at, "at() wants yyyy-MM-ddTHH:mm:ss"
	}
	return at, ""
}

// parseRate reads a number and a unit, with at most one space between. (AWS: recorded: rate(1 days) is taken, too.)
func parseRate(text string) (every time.Duration, why string) {
	digits := 0
	for digits < len(text) && text[digits] >= '0' && text[digits] <= '9' {
		digits++
	}
	unit := map[string]time.Duration{"minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour}
	name := strings.TrimSuffix(strings.TrimPrefix(text[digits:], " "), "s")
	length, known := unit[name]
	if digits == 0 || !known {
		return 0, "rate() wants a whole number and minutes, hours or days"
	}
	n, err := strconv.ParseInt(text[:digits], 10, 64)
	if err != nil || n > int64(math.MaxInt64/length) {
		return math.MaxInt64, "" // longer than there are years
	}
	return time.Duration(n) * length, ""
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
