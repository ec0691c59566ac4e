package console

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/log"
)

// journal is a journal whose entries a test commits.
type journal struct {
	entries chan log.Entry
	trimmed chan struct{}
	from    chan uint64
}

func (j *journal) End(context.Context) (uint64, error) { return 7, nil }

func (j *journal) Subscribe(ctx context.Context, after uint64, each func(log.Entry) error) error {
	j.from <- after
	for {
		select {
		case e := <-j.entries:
			if err := each(e); err != nil {
				return err
			}
		case <-j.trimmed:
			return &log.TrimmedError{}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func entry(t *testing.T, seq uint64, events ...engine.Event) log.Entry {
	t.Helper()
	out := log.Entry{Seq: seq}
	for _, e := range events {
		text, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		kind := strings.TrimPrefix(strings.TrimPrefix(typeName(e), "engine."), "*")
		out.Events = append(out.Events, log.Event{Kind: kind, Data: text})
	}
	return out
}

func typeName(e engine.Event) string {
	switch e.(type) {
	case engine.EndpointChanged:
		return "EndpointChanged"
	case engine.InstanceChanged:
		return "InstanceChanged"
	case engine.AlarmTransition:
		return "AlarmTransition"
	default:
		return ""
	}
}

// next reads the next message.
func next(t *testing.T, body io.Reader) (event string, m message) {
	t.Helper()
	var text strings.Builder
	buffer := make([]byte, 64) // messages are longer
	for !strings.HasSuffix(text.String(), "\n\n") {
		n, err := body.Read(buffer)
		if err != nil {
			t.Fatal(err)
		}
		text.Write(buffer[:n])
	}
	head, data, ok := strings.Cut(strings.TrimSuffix(text.String(), "\n\n"), "\ndata: ")
	if !ok || json.Unmarshal([]byte(data), &m) != nil {
		t.Fatalf("no message: %q", text.String())
	}
	return strings.TrimPrefix(head, "event: "), m
}

// Each page of an account gets its committed events, as the names of what changed; events in quick succession come in one message.
func TestTheStream(t *testing.T) {
	f := newFixture(t, 1)
	j := &journal{make(chan log.Entry), make(chan struct{}), make(chan uint64, 10)}
	f.o.Journal = j
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { f.Run(ctx); close(ended) }()
	if after := <-j.from; after != 7 {
		t.Errorf("it follows from %d, want the end of the journal, 7", after)
	}
	mine := &client{hub: &f.hub, account: inScope.Account, quit: f.o.Quit, now: f.o.Control.Now, valid: func() bool { return true }, wake: make(chan struct{}, 1)}
	other := &client{hub: &f.hub, account: "999999999999", quit: f.o.Quit, now: f.o.Control.Now, valid: func() bool { return true }, wake: make(chan struct{}, 1)}
	if !f.hub.enter(mine) || !f.hub.enter(other) {
		t.Fatal("streams are refused")
	}
	mine.put("hello", message{Version: "v1"})
	if event, m := next(t, mine); event != "hello" || m.Version != "v1" {
		t.Errorf("%s %+v", event, m)
	}
	key := engine.EndpointKey{Scope: inScope, Endpoint: "e"}
	variant := engine.VariantKey{Scope: inScope, Endpoint: "e", Variant: "v"}
	f.changes.set(inScope.Account+"/"+inScope.Region+"/e/v", &lastChange{}, 0)
	j.entries <- entry(t, 8, engine.EndpointChanged{Key: key, To: hosting.InService}, engine.InstanceChanged{Key: variant})
	j.entries <- entry(t, 9, engine.AlarmTransition{Scope: inScope, StateChange: alarm.StateChange{Alarm: "high"}})
	j.entries <- entry(t, 10) // it is taken once the one before is noted
	event, m := next(t, mine)
	region := inScope.Region
	if event != "change" || strings.Join(m.Variants, " ") != region+"/e "+region+"/e/v" || strings.Join(m.Alarms, " ") != region+"/high" || m.More {
		t.Errorf("%s %+v", event, m)
	}
	if _, known, _ := f.changes.get(inScope.Account + "/" + region + "/e/v"); known {
		t.Error("the last change of the variant is still taken from memory")
	}
	j.trimmed <- struct{}{}
	if event, m := next(t, mine); event != "change" || !m.More {
		t.Errorf("after a gap: %s %+v", event, m)
	}
	if after := <-j.from; after != 7 {
		t.Errorf("after a gap it follows from %d, want the end, 7", after)
	}
	f.changes.set(inScope.Account+"/"+region+"/e/v", &lastChange{}, f.changes.epoch)
	_, _ = mine.Close(), other.Close()
	j.entries <- entry(t, 12, engine.InstanceChanged{Key: variant})
	j.entries <- entry(t, 13)
	if _, known, _ := f.changes.get(inScope.Account + "/" + region + "/e/v"); known {
		t.Error("without an open page the last change of a variant stays in memory")
	}
	f.quit()
	if n, err := mine.Read(make([]byte, 10)); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("when the server stops: %d, %v", n, err)
	}
	if len(other.change.variants)+len(other.change.alarms) != 0 {
		t.Errorf("another account gets %+v", other.change)
	}
	if len(f.hub.clients) != 0 {
		t.Error("closed streams stay")
	}
	stop()
	<-ended
}

// Without a change a message comes each five seconds; what names too many says that there are more.
func TestStreamLimits(t *testing.T) {
	f := newFixture(t, 0)
	c := &client{hub: &f.hub, account: inScope.Account, quit: f.o.Quit, now: f.o.Control.Now, valid: func() bool { return true }, wake: make(chan struct{}, 1)}
	for i := range namesMax + 5 {
		c.add(strings.Repeat("e", i+1), "")
	}
	if _, m := next(t, c); len(m.Variants) != namesMax || !m.More {
		t.Errorf("%d names, more: %v", len(m.Variants), m.More)
	}
	began := time.Now()
	if event, _ := next(t, c); event != "tick" || time.Since(began) > 2*tickEvery {
		t.Errorf("%s after %v", event, time.Since(began))
	}
	for range accountClientsMax {
		f.hub.enter(&client{hub: &f.hub, account: inScope.Account})
	}
	if f.hub.enter(c) || !f.hub.enter(&client{hub: &f.hub, account: "999999999999"}) {
		t.Error("the limit is not that of an account")
	}
	if w := f.ask("GET", "stream", f.signInAs(t, keyID, secret), ""); w.Code != 500 {
		t.Errorf("a response that cannot be streamed: %d %s", w.Code, w.Body)
	}
	c.valid = func() bool { return false } // its key was revoked
	if n, err := c.Read(make([]byte, 10)); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("after the session: %d, %v", n, err)
	}
}
