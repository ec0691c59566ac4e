package replay

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/control"
)

func TestReplayWritesNames(t *testing.T) {
	var out bytes.Buffer
	p := printer{Options: Options{Out: &out, JSON: true}}
	e := engine.EndpointChanged{Key: engine.EndpointKey{Endpoint: "iris"}, From: hosting.Creating, To: hosting.InService}
	if err := p.event(time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC), e); err != nil {
		t.Fatal(err)
	}
	const want = `{"at":"2026-11-24T10:00:00Z","kind":"EndpointChanged","what":{"key":{"account":"","region":"","endpoint":"iris"},` +
		`"from":"Creating","to":"InService","reason":""}}` + "\n"
	if got := out.String(); got != want {
		t.Errorf("an event is written as %s want %s", got, want)
	}
}

func TestReplayWritesADisagreement(t *testing.T) {
	for _, c := range []struct {
		name string
		json bool
		want string
	}{
		{"as text", false, `2026-11-24T10:00:00Z DISAGREES: input 7 (Tick) led to trace "a", now to "b"` + "\n" +
			"1 input decided again, 0 events; 1 disagrees\n"},
		{"as JSON", true, `{"at":"2026-11-24T10:00:00Z","kind":"Disagreement","what":{"input":7,"kind":"Tick","then":"a","now":"b"}}` + "\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out bytes.Buffer
			p := printer{Options: Options{Out: &out, JSON: c.json}}
			d := control.Redecision{Seq: 7, At: time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC), Kind: "Tick", Then: "a", Now: "b"}
			if err := p.take(d); err != nil {
				t.Fatal(err)
			}
			if wrong := (*DisagreementError)(nil); !errors.As(p.conclude(), &wrong) {
				t.Errorf("the replay agrees")
			}
			if got := out.String(); got != c.want {
				t.Errorf("written as %s want %s", got, c.want)
			}
		})
	}
}
