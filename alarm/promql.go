package alarm

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/plural"
)

// PromQL is the configuration of a PromQL alarm: each series that the query returns is a contributor, and breaches.
// AWS: CloudWatch user guide, PromQL alarms.
type PromQL struct {
	Query    string
	Interval time.Duration // between evaluations

	// Pending is how long a contributor must breach without a gap before it is in ALARM; Recovery how long it must be absent before it is
	// OK again. The flags say whether they were given.
	Pending, Recovery       time.Duration
	PendingSet, RecoverySet bool `json:",omitzero"`
}

// ContributorsMax is how many contributors of an alarm are kept.
const ContributorsMax = 500

// Returned is a series that a query returned.
type Returned struct {
	Attributes map[string]string // its labels
	Value      string            // as Prometheus prints it: 0.7, NaN, +Inf
}

// Contributor is a series that a PromQL alarm's query returns, or returned within the recovery period.
type Contributor struct {
	ID           string
	Attributes   map[string]string
	Value        string
	State        State     // InAlarm, or OK while it has breached for less than the pending period
	Since        time.Time // of the first of the consecutive evaluations that returned it
	Gone         time.Time // of the first evaluation that no longer returned it; zero while it is returned
	Transitioned time.Time // of State
	Reason       string
}

// ContributorChange is a contributor's change of state.
type ContributorChange struct {
	Contributor Contributor // as it is after the change
	From, To    State
	OldReason   string
}

// Trouble is what kept an alarm from being evaluated completely. AWS: EvaluationState.
type Trouble int

// Evaluation states; zero where there is no trouble.
const (
	EvaluationError   Trouble = iota + 1 // the query could not be evaluated
	PartialData                          // it returned more contributors than are kept
	EvaluationFailure                    // the server could not evaluate it now, through no fault of the query
)

// String returns CloudWatch's name of the evaluation state; "" for none.
func (t Trouble) String() string {
	switch t {
	case EvaluationError:
		return "EVALUATION_ERROR"
	case PartialData:
		return "PARTIAL_DATA"
	case EvaluationFailure:
		return "EVALUATION_FAILURE"
	default:
		return ""
	}
}

// Contribute updates the states of a PromQL alarm and its contributors by what the query returned: the alarm is in ALARM while at least one
// contributor is. It reports whether the alarm's state changed, and which contributors' states did.
// AWS: CloudWatch user guide, PromQL alarms.
func (a *Alarm) Contribute(now time.Time, returned []Returned) (t Transition, moved bool, changes []ContributorChange) {
	known := map[string]*Contributor{}
	for i := range a.Contributors {
		known[a.Contributors[i].ID] = &a.Contributors[i]
	}
	var next []Contributor
	failed := a.Trouble == EvaluationError || a.Trouble == EvaluationFailure
	a.Trouble = 0
	for _, x := range distinct(returned) {
		c := x
		if old := known[x.ID]; old != nil {
			c = *old
			c.Value, c.Gone = x.Value, time.Time{}
			delete(known, x.ID)
		} else if len(next) == ContributorsMax {
			a.Trouble = PartialData
			continue
		} else {
			c.State, c.Since, c.Transitioned = OK, now, now
		}
		if breaching := now.Sub(c.Since); c.State == OK && breaching >= a.Rule.PromQL.Pending {
			changes = append(changes, c.move(now, InAlarm, fmt.Sprintf("Threshold Crossed: the query returned the contributor for %s, at least "+
				"the pending period of %s, last with the value %s.", secondsText(breaching), secondsText(a.Rule.PromQL.Pending), c.Value)))
		}
		next = append(next, c)
	}
	for _, id := range slices.Sorted(maps.Keys(known)) {
		c := *known[id]
		if c.State != InAlarm {
			continue // it has breached for less than the pending period
		}
		if c.Gone.IsZero() {
			c.Gone = now
		}
		if absent := now.Sub(c.Gone); absent >= a.Rule.PromQL.Recovery {
			changes = append(changes, c.move(now, OK, fmt.Sprintf("Threshold Crossed: the query did not return the contributor for %s, at least "+
				"the recovery period of %s.", secondsText(absent), secondsText(a.Rule.PromQL.Recovery))))
			continue
		}
		next = append(next, c)
	}
	slices.SortFunc(next, func(x, y Contributor) int { return strings.Compare(x.ID, y.ID) })
	a.Contributors = next
	t, moved = a.conclude(now, failed)
	return t, moved, changes
}

// conclude derives the alarm's state from its contributors'. failed: the last evaluation failed, so that the reason is out of date.
func (a *Alarm) conclude(now time.Time, failed bool) (Transition, bool) {
	a.Recent = a.Recent[:0]
	breaching := 0
	for _, c := range a.Contributors {
		if c.State != InAlarm {
			continue
		}
		breaching++
		if v, err := strconv.ParseFloat(c.Value, 64); err == nil && metric.IsFinite(v) {
			a.Recent = append(a.Recent, v)
		}
	}
	state, reason := OK, "Threshold Crossed: no contributor is in ALARM."
	if breaching > 0 {
		state, reason = InAlarm, fmt.Sprintf("Threshold Crossed: %s in ALARM.", plural.Of(breaching, "contributor is", "contributors are"))
	}
	if state != a.State {
		return a.move(now, state, reason, ""), true
	}
	if failed {
		a.Reason, a.Updated = reason, now
	}
	return Transition{}, false
}

// Fail notes that the query could not be evaluated, through a fault of its own or, where it is temporary, of the server; states stay as
// they are. It reports whether anything changed. AWS: MetricAlarm, EvaluationState.
func (a *Alarm) Fail(now time.Time, why string, temporary bool) bool {
	reason, trouble := "The query could not be evaluated: "+why, EvaluationError
	if temporary {
		trouble = EvaluationFailure
	}
	if a.Trouble == trouble && a.Reason == reason {
		return false
	}
	a.Trouble, a.Reason, a.Updated = trouble, reason, now
	return true
}

func (c *Contributor) move(now time.Time, to State, reason string) ContributorChange {
	change := ContributorChange{From: c.State, To: to, OldReason: c.Reason}
	c.State, c.Reason, c.Transitioned = to, reason, now
	change.Contributor = *c
	return change
}

// distinct returns the contributors that were returned, by ID; equal attributes are one contributor.
func distinct(returned []Returned) []Contributor {
	out := make([]Contributor, 0, len(returned))
	for _, r := range returned {
		out = append(out, Contributor{ID: ContributorID(r.Attributes), Attributes: r.Attributes, Value: r.Value})
	}
	slices.SortStableFunc(out, func(a, b Contributor) int { return cmp.Compare(a.ID, b.ID) })
	return slices.CompactFunc(out, func(a, b Contributor) bool { return a.ID == b.ID })
}

// FNV-1a's constants for 64 bits. (Source: Fowler, Noll and Vo; RFC 9923.)
const (
	fnvOffset uint64 = 14695981039346656037
	fnvPrime  uint64 = 1099511628211
)

// ContributorID returns a contributor's identifier: a digest of its attributes, of 16 characters. AWS: AlarmContributorId, API model.
func ContributorID(attributes map[string]string) string {
	digest := fnvOffset
	add := func(s string) {
		for i := range len(s) {
			digest = (digest ^ uint64(s[i])) * fnvPrime
		}
		digest = (digest ^ 0xff) * fnvPrime // no text holds such a byte
	}
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		add(name)
		add(attributes[name])
	}
	return fmt.Sprintf("%016x", digest)
}

func secondsText(d time.Duration) string {
	n := int(d / time.Second)
	return plural.Of(n, "second", "seconds")
}
