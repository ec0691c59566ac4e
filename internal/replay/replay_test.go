package replay

import (
	"bytes"
	"testing"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
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
