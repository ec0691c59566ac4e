package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"bellows.dev/bellows/engine"
)

func relayKey(variant string) engine.VariantKey {
	return engine.VariantKey{Scope: engine.Scope{Account: "123456789012", Region: "us-east-1"}, Endpoint: "e", Variant: variant}
}

// The relay holds one wake-up and one list of ejections of each variant, the newest, and is empty once they are taken.
func TestRelayKeepsTheNewest(t *testing.T) {
	r := newRelay(nil, slog.New(slog.DiscardHandler))
	r.wake(relayKey("a"), 1)
	r.wake(relayKey("a"), 7)
	r.wake(relayKey("b"), 2)
	r.eject(relayKey("a"), []engine.Ejection{{}, {}})
	r.eject(relayKey("a"), []engine.Ejection{{}})
	if len(r.news) != 1 {
		t.Errorf("%d signals wait, want one", len(r.news))
	}
	waiting, ejected := map[string]int{}, map[string]int{}
	all := r.take()
	for _, in := range all {
		switch in := in.(type) {
		case engine.WakeRequested:
			waiting[in.Key.Variant] = in.Waiting
		case engine.InstancesEjected:
			ejected[in.Key.Variant] = len(in.Ejected)
		}
	}
	if len(all) != 3 || waiting["a"] != 7 || waiting["b"] != 2 || ejected["a"] != 1 {
		t.Errorf("took %+v", all)
	}
	if rest := r.take(); len(rest) != 0 {
		t.Errorf("took %+v twice", rest)
	}
}

// First the ejections of an earlier server end. A step that fails is logged and the next one runs; one that was cancelled is not logged,
// and the relay ends with its context.
func TestRelayRuns(t *testing.T) {
	var text bytes.Buffer
	steps := make(chan engine.Input)
	results := make(chan error)
	r := newRelay(func(ctx context.Context, in engine.Input) (engine.Result, error) {
		select {
		case steps <- in:
			return nil, <-results
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}, slog.New(slog.NewTextHandler(&text, nil)))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	ended := make(chan struct{})
	go func() {
		r.run(ctx, []engine.VariantKey{relayKey("old")})
		close(ended)
	}()
	next := func(result error) engine.Input {
		select {
		case in := <-steps:
			results <- result
			return in
		case <-ctx.Done():
			t.Fatal("no step was made")
			return nil
		}
	}
	if in, ok := next(errors.New("the disk is full")).(engine.InstancesEjected); !ok || in.Key != relayKey("old") || len(in.Ejected) != 0 {
		t.Errorf("first step: %+v", in)
	}
	r.wake(relayKey("a"), 3)
	if in, ok := next(nil).(engine.WakeRequested); !ok || in.Key != relayKey("a") || in.Waiting != 3 {
		t.Errorf("second step: %+v", in)
	}
	r.eject(relayKey("a"), []engine.Ejection{{}})
	if in, ok := next(context.Canceled).(engine.InstancesEjected); !ok || len(in.Ejected) != 1 {
		t.Errorf("third step: %+v", in)
	}
	cancel()
	<-ended
	lines := strings.Split(strings.TrimSpace(text.String()), "\n")
	if len(lines) != 1 || !slices.ContainsFunc(lines, func(s string) bool { return strings.Contains(s, "the disk is full") }) {
		t.Errorf("the log says\n%s", &text)
	}
}
