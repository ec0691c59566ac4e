package control

import (
	"reflect"
	"testing"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/store"
)

// Every input and every event can be written down and read again, by its name.
func TestEveryInputAndEventHasACodec(t *testing.T) {
	for _, in := range engine.Inputs() {
		line, err := encodeInput(1, time.Unix(0, 0), in, nil)
		if err != nil {
			t.Fatal(err)
		}
		back, r, err := decodeInput(line)
		if err != nil || r.Trace != "" || reflect.TypeOf(back) != reflect.TypeOf(in) {
			t.Errorf("%T came back as %T: %v", in, back, err)
		}
	}
	for _, e := range engine.Events() {
		said, err := encodeEvents([]engine.Event{e})
		if err != nil {
			t.Fatal(err)
		}
		h, kept := history(time.Unix(0, 0), said[0])
		switch e.(type) {
		case engine.AlarmNotifies, engine.PromQLDue, engine.HistoryWanted:
			continue // history has what came of it
		}
		if back, err := DecodeEvent(h); err != nil || !kept || reflect.TypeOf(back) != reflect.TypeOf(e) {
			t.Errorf("%T came back as %T: %v; kept %v", e, back, err, kept)
		}
	}
}

func FuzzDecodeInput(f *testing.F) {
	for _, in := range engine.Inputs() {
		line, err := encodeInput(1, time.Unix(0, 0), in, nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(line.Kind, line.Data)
	}
	f.Fuzz(func(t *testing.T, kind string, data []byte) {
		in, _, err := decodeInput(store.Input{Kind: kind, Data: data})
		if err == nil && nameOf(in) != kind {
			t.Errorf("%s reads as %T", kind, in)
		}
	})
}
