package control

import (
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/log"
	"bellows.dev/bellows/scaling"
)

// Every input and every event can be written down and read again, by its name.
func TestEveryInputAndEventHasACodec(t *testing.T) {
	for _, in := range engine.Inputs() {
		line, err := encodeLine(in)
		if err != nil {
			t.Fatal(err)
		}
		back, r, err := decodeInput(line)
		if err != nil || r.Trace != "" || reflect.TypeOf(back) != reflect.TypeOf(in) {
			t.Errorf("%T came back as %T: %v", in, back, err)
		}
	}
	for _, e := range engine.Events() {
		encoded, err := encodeEvents([]engine.Event{e})
		if err != nil {
			t.Fatal(err)
		}
		h, kept := history(time.Unix(0, 0), encoded[0])
		switch e.(type) {
		case engine.AlarmNotifies, engine.PromQLDue, engine.HistoryWanted, engine.SettingsChanged, engine.EjectionChanged:
			continue // history has what came of it
		}
		if back, err := DecodeEvent(h.Kind, h.Data); err != nil || !kept || reflect.TypeOf(back) != reflect.TypeOf(e) {
			t.Errorf("%T came back as %T: %v; kept %v", e, back, err, kept)
		}
		if _, known := log.Kept()[h.Table]; !known {
			t.Errorf("%T is in table %q, whose rows are never removed", e, h.Table)
		}
	}
}

func FuzzDecodeInput(f *testing.F) {
	for _, in := range engine.Inputs() {
		line, err := encodeLine(in)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(line.Kind, line.Data)
	}
	f.Fuzz(func(t *testing.T, kind string, data []byte) {
		in, _, err := decodeInput(log.Entry{Kind: kind, Data: data})
		if err == nil && nameOf(in) != kind {
			t.Errorf("%s reads as %T", kind, in)
		}
	})
}

// encodeLine is an input as the first line of a journal.
func encodeLine(in engine.Input) (log.Entry, error) {
	body, err := encodeInput(in)
	return journalEntry(1, time.Unix(0, 0), in, body, nil), err
}

// An input that cannot be written, or would be read otherwise than it was taken, is refused before the engine sees it: the state stays,
// nothing is written, and the server goes on.
func TestWhatCannotBeWrittenIsRefused(t *testing.T) {
	s := start(t, t.TempDir(), 1)
	defer s.close()
	s.deploy()
	models := s.models()
	for _, in := range []engine.Input{
		engine.CreateModel{Scope: scope, Model: hosting.Model{Name: "not \xff UTF-8"}},
		engine.SetAlarmState{Scope: scope, Name: "a", Facts: &alarm.Data{Datapoints: []float64{math.Inf(1)}}},
		engine.PutScheduledAction{Scope: scope, Input: scaling.ScheduleInput{Key: key, Name: "late", Schedule: "rate(1 hour)", Start: time.Unix(1e15, 0)}},
	} {
		_, err := s.Step(t.Context(), in)
		if bad := (*UnrecordableError)(nil); !errors.As(err, &bad) {
			t.Errorf("%T: %v", in, err)
		}
	}
	s.do(engine.CreateModel{Scope: scope, Model: hosting.Model{Name: "as \ufffd and \\ufffd are texts"}})
	if n := s.models(); n != models+1 {
		t.Errorf("%d models, want %d", n, models+1)
	}
	if n := s.Refused(); n != 3 {
		t.Errorf("%d inputs are counted as refused", n)
	}
}

// What is kept of an input that cannot be written has a bound, however large the input is.
func TestWhatIsKeptOfARefusedInputIsBounded(t *testing.T) {
	small := engine.DeleteModel{Scope: scope, Name: "iris"}
	if text := string(printed(small)); !strings.Contains(text, "Name:iris") {
		t.Errorf("%s", text)
	}
	small.Name = strings.Repeat("x", 1<<20)
	if n := len(printed(small)); n != printedMax {
		t.Errorf("%d bytes are kept, want %d", n, printedMax)
	}
}

// A line of the journal that cannot be taken any more is set aside, once: the server comes back with all the rest, and goes on.
func TestWhatCannotBeReplayedIsSetAside(t *testing.T) {
	dir := t.TempDir()
	s := start(t, dir, 1)
	s.deploy()
	s.close()
	st := openStore(t, dir)
	inject(t, st, log.Entry{Kind: "NoSuchInput", Data: []byte(`{"input":{}}`)}, log.Entry{Kind: "DeleteModel", Data: []byte(`{"input":{"Name":"none"}}`)})
	for _, fresh := range []int64{2, 0} {
		s = start(t, dir, 1)
		if n := s.Refused(); n != fresh || s.models() != 1 {
			t.Errorf("%d lines are set aside, want %d; %d models", n, fresh, s.models())
		}
		s.do(engine.TagAlarm{Scope: scope, Name: s.alarm(), Add: map[string]string{"k": "v"}})
		s.close()
	}
}

// alarm is the name of one of the alarms.
func (s *server) alarm() (name string) {
	s.view(func(e *engine.Engine) {
		for n := range e.Region(scope).Alarms.Metric {
			name = n
		}
	})
	return name
}
