package alarm

import (
	"slices"
	"strings"
)

// Muted are the actions that a mute rule holds back: the state before the first transition that was muted, and the last transition.
type Muted struct {
	Before State
	Last   Transition
}

// After returns what is muted after another transition.
func (m *Muted) After(t Transition) *Muted {
	if m == nil {
		return &Muted{t.From, t}
	}
	return &Muted{m.Before, t}
}

// Still reports whether the actions of an alarm's present state, s, run once muting has ended: the alarm is in the state of its last
// transition, and that is not the state before all of them.
func (m *Muted) Still(s State) bool { return m != nil && m.Last.To == s && s != m.Before }

// MutedContributor are the actions for one contributor of a PromQL alarm that a mute rule holds back.
type MutedContributor struct {
	Muted
	Contributor Contributor // as it was after the last transition
}

// HoldContributor notes that the actions for a contributor's change are muted. A contributor that is back in its earlier state has none.
func (a *Alarm) HoldContributor(c *ContributorChange) {
	t := Transition{From: c.From, To: c.To, OldReason: c.OldReason, Reason: c.Contributor.Reason}
	i, found := slices.BinarySearchFunc(a.MutedContributors, c.Contributor.ID, func(m MutedContributor, id string) int {
		return strings.Compare(m.Contributor.ID, id)
	})
	switch {
	case !found:
		a.MutedContributors = slices.Insert(slices.Clone(a.MutedContributors), i, MutedContributor{Muted{c.From, t}, c.Contributor})
	case a.MutedContributors[i].Before == c.To:
		a.MutedContributors = slices.Delete(slices.Clone(a.MutedContributors), i, i+1)
	default:
		a.MutedContributors = slices.Clone(a.MutedContributors)
		a.MutedContributors[i] = MutedContributor{*a.MutedContributors[i].After(t), c.Contributor}
	}
}
