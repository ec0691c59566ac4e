package alarm

import (
	"slices"
	"strings"
	"time"

	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/metric/expr"
)

// queue holds a registry's metric alarms by the time of their next evaluation. Nearly all share a few times, the next minute's and the
// next ten seconds', and move on together: so they are kept in slots, and an evaluation needs neither a search nor memory.
type queue struct {
	slots   []*slot         // by time
	spare   []*slot         // emptied, to be used again
	removed map[*Alarm]bool // alarms in slots that were deleted or replaced since; nil where there are none
}

// slot holds the alarms of one time.
type slot struct {
	at     time.Time
	alarms []entry
	sorted bool // by name
}

// entry is an alarm and what it watches, looked up once: a series, or an expression; neither for a PromQL alarm.
type entry struct {
	alarm   *Alarm
	series  *metric.Series
	program *expr.Program
}

// add queues an alarm for its next evaluation.
func (q *queue) add(x entry) {
	at, found := slices.BinarySearchFunc(q.slots, x.alarm.Next, func(t *slot, at time.Time) int { return t.at.Compare(at) })
	if !found {
		q.slots = slices.Insert(q.slots, at, q.fresh(x.alarm.Next))
	}
	t := q.slots[at]
	if n := len(t.alarms); n > 0 && t.alarms[n-1].alarm.Name > x.alarm.Name {
		t.sorted = false
	}
	t.alarms = append(t.alarms, x)
}

// remove takes an alarm out of the queue: its entry stays in its slot and is skipped.
func (q *queue) remove(a *Alarm) {
	if q.removed == nil {
		q.removed = map[*Alarm]bool{}
	}
	q.removed[a] = true
}

// skip reports whether an alarm whose entry was taken out of a slot had been removed.
func (q *queue) skip(a *Alarm) bool {
	if !q.removed[a] {
		return false
	}
	if delete(q.removed, a); len(q.removed) == 0 {
		q.removed = nil
	}
	return true
}

// fresh returns an empty slot.
func (q *queue) fresh(at time.Time) *slot {
	n := len(q.spare)
	if n == 0 {
		return &slot{at: at, sorted: true}
	}
	t := q.spare[n-1]
	q.spare = q.spare[:n-1]
	t.at, t.sorted, t.alarms = at, true, t.alarms[:0]
	return t
}

// due takes out the earliest slot that is due, its alarms sorted by name; nil where none is. The caller returns it with done.
func (q *queue) due(now time.Time) *slot {
	if len(q.slots) == 0 || q.slots[0].at.After(now) {
		return nil
	}
	t := q.slots[0]
	q.slots = slices.Delete(q.slots, 0, 1)
	if !t.sorted {
		slices.SortStableFunc(t.alarms, func(a, b entry) int { return strings.Compare(a.alarm.Name, b.alarm.Name) })
		t.sorted = true
	}
	return t
}

// done takes back a slot whose alarms have been queued again.
func (q *queue) done(t *slot) {
	clear(t.alarms)
	q.spare = append(q.spare, t)
}

// next returns the time of the earliest evaluation; zero where there is none.
func (q *queue) next() time.Time {
	if len(q.slots) == 0 {
		return time.Time{}
	}
	return q.slots[0].at
}

// entries calls do for each alarm in the queue.
func (q *queue) entries(do func(entry)) {
	for _, t := range q.slots {
		for _, x := range t.alarms {
			if !q.removed[x.alarm] {
				do(x)
			}
		}
	}
}

// fetchAhead is how many alarms are fetched at once.
const fetchAhead = 16

// fetch reads, of each of some alarms, a word of every part of memory that its evaluation will read. Where there are more alarms than the
// processor's caches hold, evaluations mostly wait for memory; these reads do not depend on each other, so that the processor makes many at
// once. Its sum means nothing: it is returned so that the compiler keeps the reads.
func fetch(alarms []entry) (sum int) {
	for i := range alarms {
		a := alarms[i].alarm
		sum += len(a.Name) + len(a.Rule.Unit) + a.Rule.Periods + len(a.Rule.Metrics) + len(a.Actions) + int(a.State)
		sum += a.Invoked.Nanosecond() + len(a.Recent) + len(a.Ages)
		if s := alarms[i].series; s != nil {
			sum += s.Fetch()
		}
	}
	for i := range alarms {
		a := alarms[i].alarm
		if len(a.Actions) > 0 {
			sum += int(a.Actions[0].On)
		}
		if len(a.Recent) > 0 {
			sum += int(a.Recent[0])
		}
	}
	return sum
}
