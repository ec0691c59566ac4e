package alarm

// Muted are actions that a mute rule held back: the state that the alarm had before, and the last of its transitions since.
type Muted struct {
	Before State
	Last   Transition
}

// After returns what is held back after another transition.
func (m *Muted) After(t Transition) *Muted {
	if m == nil {
		return &Muted{t.From, t}
	}
	return &Muted{m.Before, t}
}

// Still reports whether the actions of a state are to run once muting has ended: the alarm is in the state that it last went into, and did
// not go back to where it was before.
func (m *Muted) Still(s State) bool { return m != nil && m.Last.To == s && s != m.Before }
