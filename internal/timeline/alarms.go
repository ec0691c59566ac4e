package timeline

import (
	"maps"
	"slices"
	"strings"
	"time"

	"bellows.dev/bellows/alarm"
)

// Alarm is an alarm of one of the target's policies, and its states over the range.
type Alarm struct {
	Name      string   `json:"name"`
	Short     string   `json:"short"` // as people see it: AlarmHigh, AlarmLow, or its name
	Policy    string   `json:"policy,omitempty"`
	Condition string   `json:"condition,omitempty"` // such as "> 60 for 3 of 3 × 1 min"; absent if the alarm no longer exists
	Threshold *float64 `json:"threshold,omitempty"`
	Load      string   `json:"load,omitempty"` // the ID of the series in Loads that it watches
	High      bool     `json:"high"`           // values above the threshold breach it
	Owned     bool     `json:"owned"`          // a target tracking policy owns it
	Bands     []Band   `json:"bands"`          // without gaps
}

// Band is a stretch of time in which an alarm was in one state.
type Band struct {
	State string    `json:"state"` // OK, ALARM or INSUFFICIENT_DATA
	From  time.Time `json:"from"`
	To    time.Time `json:"to,omitzero"` // zero: to the present
}

// bands makes the bands of the alarms from their transitions.
func (b *builder) bands() {
	for _, name := range slices.Sorted(maps.Keys(b.alarmNames())) {
		a := Alarm{Name: name, Short: b.short(name), Policy: b.policyOf(name), Owned: b.owned(name), Bands: []Band{}}
		var now alarm.State
		if w := b.watchedOf(name); w != nil {
			a.describe(&w.rule)
			now = w.state
		}
		from := b.q.From
		if made, ok := b.made[name]; ok {
			from = made
		}
		a.Bands = states(b.moves[name], now, from, b.q.To)
		if gone, ok := b.gone[name]; ok && b.watchedOf(name) == nil && len(a.Bands) > 0 {
			if last := &a.Bands[len(a.Bands)-1]; gone.After(last.From) {
				last.To = gone
			}
		}
		b.t.Alarms = append(b.t.Alarms, a)
	}
}

func (b *builder) watchedOf(name string) *watched {
	for i := range b.watched {
		if b.watched[i].name == name {
			return &b.watched[i]
		}
	}
	return nil
}

// describe sets what is known of an alarm that exists.
func (a *Alarm) describe(r *alarm.Rule) {
	a.High = r.Comparison.High()
	if r.PromQL != nil {
		return
	}
	threshold := r.Threshold
	a.Threshold, a.Condition = &threshold, Condition(r)
}

// states returns the bands of an alarm from its transitions since from, oldest first, and its present state, 0 where it is gone.
func states(moves []move, now alarm.State, from, to time.Time) []Band {
	out := []Band{}
	state, since := now, from
	if len(moves) > 0 {
		state = moves[0].from
	}
	add := func(until time.Time) {
		if state != 0 && since.Before(to) && !since.Equal(until) {
			out = append(out, Band{State: state.String(), From: since, To: until})
		}
	}
	for _, m := range moves {
		add(m.at)
		state, since = m.to, m.at
	}
	add(time.Time{})
	return out
}

// Condition words the condition of an alarm on a metric or an expression: "> 60 for 3 of 3 × 1 min".
func Condition(r *alarm.Rule) string {
	m := r.DatapointsToM
	if m == 0 {
		m = r.Periods
	}
	return strings.Join([]string{
		r.Comparison.Sign(), number(r.Threshold), "for", number(float64(m)), "of", number(float64(r.Periods)), "×", period(r.Period),
	}, " ")
}
