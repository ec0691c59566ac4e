package engine

import (
	"slices"
	"strings"
	"time"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/metric/expr"
)

// schedule holds a region's alarms by the moment of their next evaluation. Nearly all share a few moments, the next minute's and the
// next ten seconds', and move on together: so they are kept in slots, and an evaluation costs neither a search nor memory.
type schedule struct {
	slots []*slot               // by moment
	spare []*slot               // to use again
	gone  map[*alarm.Alarm]bool // alarms in slots that were deleted or put anew; nil where there are none
}

// slot is the alarms of one moment.
type slot struct {
	at     time.Time
	alarms []scheduled
	sorted bool // by name
}

// scheduled is an alarm and what it watches, looked up once: a series, or an expression; neither for a PromQL alarm.
type scheduled struct {
	alarm   *alarm.Alarm
	series  *metric.Series
	program *expr.Program
}

// add puts an alarm where its next evaluation is.
func (s *schedule) add(x scheduled) {
	at, found := slices.BinarySearchFunc(s.slots, x.alarm.Next, func(t *slot, at time.Time) int { return t.at.Compare(at) })
	if !found {
		s.slots = slices.Insert(s.slots, at, s.fresh(x.alarm.Next))
	}
	t := s.slots[at]
	if n := len(t.alarms); n > 0 && t.alarms[n-1].alarm.Name > x.alarm.Name {
		t.sorted = false
	}
	t.alarms = append(t.alarms, x)
}

// drop forgets an alarm: its place in a slot is skipped.
func (s *schedule) drop(a *alarm.Alarm) {
	if s.gone == nil {
		s.gone = map[*alarm.Alarm]bool{}
	}
	s.gone[a] = true
}

// skip reports whether an alarm that was taken out of its slot is gone.
func (s *schedule) skip(a *alarm.Alarm) bool {
	if !s.gone[a] {
		return false
	}
	if delete(s.gone, a); len(s.gone) == 0 {
		s.gone = nil
	}
	return true
}

func (s *schedule) fresh(at time.Time) *slot {
	n := len(s.spare)
	if n == 0 {
		return &slot{at: at, sorted: true}
	}
	t := s.spare[n-1]
	s.spare = s.spare[:n-1]
	t.at, t.sorted, t.alarms = at, true, t.alarms[:0]
	return t
}

// due takes out the earliest slot whose moment has come, its alarms in the order of their names; nil where there is none. It is to be
// given back by done.
func (s *schedule) due(now time.Time) *slot {
	if len(s.slots) == 0 || s.slots[0].at.After(now) {
		return nil
	}
	t := s.slots[0]
	s.slots = slices.Delete(s.slots, 0, 1)
	if !t.sorted {
		slices.SortStableFunc(t.alarms, func(a, b scheduled) int { return strings.Compare(a.alarm.Name, b.alarm.Name) })
		t.sorted = true
	}
	return t
}

func (s *schedule) done(t *slot) {
	clear(t.alarms)
	s.spare = append(s.spare, t)
}

// next is the earliest moment of all; zero where there is none.
func (s *schedule) next() time.Time {
	if len(s.slots) == 0 {
		return time.Time{}
	}
	return s.slots[0].at
}
