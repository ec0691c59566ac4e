package server

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/sim"
)

func relayKey(variant string) engine.VariantKey {
	return engine.VariantKey{Scope: engine.Scope{Account: "123456789012", Region: "us-east-1"}, Endpoint: "e", Variant: variant}
}

// The relay passes on one wake-up and one list of ejections of each variant, the newest.
func TestRelayKeepsTheNewest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var steps []engine.Input
		r := newRelay(func(_ context.Context, in engine.Input) (engine.Result, error) {
			steps = append(steps, in)
			return nil, nil
		}, slog.New(slog.DiscardHandler))
		r.wake(relayKey("a"), 1)
		r.wake(relayKey("a"), 7)
		r.wake(relayKey("b"), 2)
		r.eject(relayKey("a"), []engine.Ejection{{}, {}})
		r.eject(relayKey("a"), []engine.Ejection{{}})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go r.run(ctx, nil)
		synctest.Wait()
		want := []engine.Input{
			engine.WakeRequested{Key: relayKey("a"), Waiting: 7}, engine.WakeRequested{Key: relayKey("b"), Waiting: 2},
			engine.InstancesEjected{Key: relayKey("a"), Ejected: []engine.Ejection{{}}},
		}
		if diff := cmp.Diff(want, steps); diff != "" {
			t.Errorf("steps (-want +got):\n%s", diff)
		}
	})
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

// The variants with ejected instances are found in every region, those of an update too, in a stable order.
func TestEjectedVariants(t *testing.T) {
	w := sim.NewWorld(engine.Config{Seed: 3}, time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC))
	do := func(in engine.Input) {
		t.Helper()
		if _, err := w.Do(in); err != nil {
			t.Fatal(err)
		}
	}
	elsewhere := engine.Scope{Account: inScope.Account, Region: "eu-west-1"}
	for _, scope := range []engine.Scope{inScope, elsewhere} {
		do(engine.CreateModel{Scope: scope, Model: hosting.Model{Name: "m"}})
		do(engine.CreateEndpointConfig{Scope: scope, Config: hosting.EndpointConfig{Name: "c", Variants: []hosting.VariantConfig{
			{Name: "v2", Model: "m", InitialCount: 2, InitialWeight: 1, InstanceType: "ml.m5.large"},
			{Name: "v1", Model: "m", InitialCount: 1, InitialWeight: 1, InstanceType: "ml.m5.large"},
		}}})
		for _, name := range []string{"b", "a"} {
			do(engine.CreateEndpoint{Key: engine.EndpointKey{Scope: scope, Endpoint: name}, Config: "c"})
		}
	}
	if err := w.Run(3 * time.Minute); err != nil {
		t.Fatal(err)
	}
	if got := ejected(w.Engine); len(got) != 0 {
		t.Errorf("before: %v", got)
	}
	var want []engine.VariantKey
	for _, key := range []engine.VariantKey{
		{Scope: elsewhere, Endpoint: "a", Variant: "v1"}, {Scope: elsewhere, Endpoint: "a", Variant: "v2"}, {Scope: inScope, Endpoint: "b", Variant: "v2"},
	} {
		x, err := w.Engine.Region(key.Scope).Hosting.Endpoint(key.Endpoint)
		if err != nil {
			t.Fatal(err)
		}
		do(engine.InstancesEjected{Key: key, Ejected: []engine.Ejection{{ID: x.Variant(key.Variant).Instances[0].Copies[0].ID, Times: 1, Reason: "it answered 500"}}})
		want = append(want, key)
	}
	if diff := cmp.Diff(want, ejected(w.Engine)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	do(engine.InstancesEjected{Key: want[0]})
	if diff := cmp.Diff(want[1:], ejected(w.Engine)); diff != "" {
		t.Errorf("after one ended (-want +got):\n%s", diff)
	}
}
