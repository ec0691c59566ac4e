package sim_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/engine"
)

// shadow follows an engine with the recorded alarm evaluations only.
type shadow struct {
	l         *life
	engine    *engine.Engine
	explained int // number of omitted measurements
	states    int
}

// begin copies the engine's state to the shadow, except for metrics.
func (s *shadow) begin(e *engine.Engine) {
	s.l.t.Helper()
	text, err := json.Marshal(e.State().WithoutMetrics())
	if err != nil {
		s.l.t.Fatal(err)
	}
	var state engine.State
	if err := json.Unmarshal(text, &state); err != nil {
		s.l.t.Fatal(err)
	}
	if s.engine, err = engine.FromState(state); err != nil {
		s.l.t.Fatal(err)
	}
}

func (s *shadow) follow(at time.Time, in engine.Input, out engine.Output) {
	s.l.t.Helper()
	if engine.Measures(in) {
		if out.Quiet() {
			s.explained++
			return
		}
		in = engine.Tick{}
	}
	readings := make([]engine.Reading, len(out.Evaluated))
	for i, x := range out.Evaluated {
		readings[i] = x.Reading()
	}
	got, err := s.engine.StepWithReadings(at, in, readings)
	if err != nil {
		s.l.t.Fatalf("seed %d, %v: %T is refused when it is repeated: %v", s.l.seed, at, in, err)
	}
	if diff := cmp.Diff(explained(out.Events), explained(got.Events)); diff != "" {
		s.l.t.Fatalf("seed %d, %v: %T led to other events when it was repeated:\n%s", s.l.seed, at, in, diff)
	}
}

// explained returns the lines of the events by which scaling is explained.
func explained(events []engine.Event) []string {
	var out []string
	for _, e := range events {
		if _, ok := e.(engine.AlarmNotifies); !ok { // for alarms that invoke no policies it has datapoints that are not recorded
			out = append(out, e.String())
		}
	}
	return out
}

// known returns the state that both must have in common.
func known(t *testing.T, e *engine.Engine) string {
	t.Helper()
	s := e.State().WithoutMetrics()
	s.Now = time.Time{}
	for i := range s.Regions {
		r := &s.Regions[i]
		r.Idle = time.Time{}
		all := map[string]*alarm.Alarm{}
		for name, a := range r.Alarms {
			x := *a
			x.Next = time.Time{}
			if !slices.ContainsFunc(x.Actions, func(y alarm.Action) bool { return y.Policy != "" }) {
				x.Recent, x.Ages, x.Newest = nil, nil, time.Time{} // not used for decisions
			}
			all[name] = &x
		}
		r.Alarms = all
	}
	text, err := json.MarshalIndent(s, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// A run that is repeated from the recorded alarm evaluations, without measurements, has the same state: at each time every target,
// policy, cooldown, alarm and instance is equal.
func TestRunsAreRepeatedFromTheArchive(t *testing.T) {
	t.Parallel()
	lives := 10
	if testing.Short() {
		lives = 5
	}
	left := 0
	for seed := range uint64(lives) {
		l := newRun(t, 1000+seed)
		for range 30 {
			l.act()
			if seed%2 == 1 {
				l.actGroup()
			}
			l.run(time.Duration(1+l.rand.IntN(12)) * time.Minute)
		}
		e := engine.New(engine.Config{Seed: l.seed})
		s := &shadow{l: l}
		s.begin(e)
		for i, x := range l.journal {
			out, err := e.Step(x.at, x.in)
			if err != nil {
				continue
			}
			s.follow(x.at, x.in, out)
			if i%97 == 0 {
				if diff := cmp.Diff(known(t, e), known(t, s.engine)); diff != "" {
					t.Fatalf("seed %d, %v: the repeated run has another state (-want +got):\n%s", l.seed, x.at, diff)
				}
				s.states++
			}
			if i%1999 == 1998 {
				s.begin(e)
			}
		}
		left += s.explained
		if s.states < 20 {
			t.Errorf("seed %d: only %d states were compared", l.seed, s.states)
		}
	}
	t.Logf("%d measurements were omitted", left)
	if left < 1000*lives {
		t.Errorf("only %d measurements were omitted", left)
	}
}
