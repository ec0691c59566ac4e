package scaling

import (
	"slices"
	"time"
)

// How much a target remembers of its own doings, for Warnings.
const (
	movesKept = 8
	daysKept  = 14
)

// Watch is what a target remembers of its own doings: enough to see what no single decision shows.
type Watch struct {
	Moves   []Move `json:",omitempty"` // the newest that policies made, oldest first
	MaxDays []Day  `json:",omitempty"` // on which more than the maximum was wanted, oldest first
}

// Move is a change of capacity that a policy made.
type Move struct {
	At       time.Time
	Policy   string
	From, To int
}

func (m Move) out() bool { return m.To > m.From }

// Day is a day in UTC, in days since 1970.
type Day int64

// DayOf returns the day of a moment.
func DayOf(at time.Time) Day { return Day(at.Unix() / int64(24*time.Hour/time.Second)) }

// Note remembers of a decision what warnings rest on. It allocates only on the first of a day's decisions that wanted more than the
// maximum.
func (t *Target) Note(d *Decision) {
	if !slices.ContainsFunc(d.Proposals, func(p Proposal) bool { return p.beyond(d.Max) }) {
		return
	}
	day := DayOf(d.At)
	if n := len(t.Watch.MaxDays); n > 0 && t.Watch.MaxDays[n-1] == day {
		return
	}
	t.Watch.MaxDays = keepLast(append(t.Watch.MaxDays, day), daysKept)
}

// beyond reports whether a proposal wanted more than the maximum allows, by itself.
func (p *Proposal) beyond(most int) bool {
	return p.Outcome == AtMax || (p.Outcome == Acted || p.Outcome == WouldAct) && p.Wanted-p.Credit > most
}

// moved remembers a change of capacity that a policy made.
func (t *Target) moved(a *Activity) {
	if a.Cause.Kind == CauseAlarm {
		t.Watch.Moves = keepLast(append(t.Watch.Moves, Move{a.Start, a.Cause.Policy, a.From, a.To}), movesKept)
	}
}

func keepLast[T any](s []T, n int) []T {
	if len(s) > n {
		return slices.Delete(s, 0, len(s)-n)
	}
	return s
}
