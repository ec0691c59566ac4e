package control

import (
	"context"
	"encoding/json"
	"io"
	"testing"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/log"
)

// halting stops in the middle of the first snapshot until it may go on.
type halting struct {
	log.Store
	reached, goOn chan struct{}
}

func (h *halting) SaveSnapshot(ctx context.Context, s log.Snapshot, p log.Page, k log.Keep) error {
	state := s.State
	s.State = func(w io.Writer) error {
		if _, err := io.WriteString(w, " "); err != nil { // JSON may begin with white space
			return err
		}
		select {
		case h.reached <- struct{}{}:
			<-h.goOn
		default:
		}
		return state(w)
	}
	return h.Store.SaveSnapshot(ctx, s, p, k)
}

// While a snapshot is written, steps and reads go on, and observations with them; what the snapshot has is the state after one input, from
// which the journal leads to the present.
func TestNothingWaitsForASnapshot(t *testing.T) {
	h := &halting{reached: make(chan struct{}), goOn: make(chan struct{})}
	s := startOn(t, t.TempDir(), 1, func(st log.Store) log.Store { h.Store = st; return h })
	s.deploy()
	s.setLoad(3)
	saved := make(chan error, 1)
	go func() { saved <- s.Snapshot(context.WithoutCancel(t.Context())) }()
	select {
	case <-h.reached:
	case err := <-saved:
		t.Fatal("the snapshot does not pass the halt: ", err)
	}
	for i := range 100 {
		name := string(rune('a'+i%26)) + time.Duration(i).String()
		s.do(engine.CreateModel{Scope: scope, Model: hosting.Model{Name: name}})
	}
	before := s.invocations()
	eventually(t, "an observation", func() bool { return s.invocations() > before })
	if n := s.models(); n != 101 {
		t.Errorf("%d models are seen", n)
	}
	close(h.goOn)
	if err := <-saved; err != nil {
		t.Fatal(err)
	}
	s.setLoad(0)
	shots, err := s.store.Snapshots(t.Context())
	if err != nil || len(shots) != 1 {
		t.Fatalf("%d snapshots, %v", len(shots), err)
	}
	e, seq, err := Load(t.Context(), s.store, engine.Config{}, time.Time{})
	if err != nil || len(e.Region(scope).Hosting.Models) != 1 {
		t.Fatalf("the snapshot after %d: %v", seq, err)
	}
	s.agreesWithDisk()
	s.close()
}

// The state that is written region by region is the one that is written whole.
func TestStatesInPartsAreTheStates(t *testing.T) {
	s := start(t, t.TempDir(), 1)
	defer s.close()
	s.deploy()
	s.do(engine.CreateModel{Scope: engine.Scope{Account: "210987654321", Region: "eu-central-1"}, Model: hosting.Model{Name: "m"}})
	s.view(func(e *engine.Engine) {
		for _, metrics := range []bool{true, false} {
			state := e.State()
			if !metrics {
				state = state.WithoutMetrics()
			}
			want, err := json.Marshal(state)
			if err != nil {
				t.Fatal(err)
			}
			r, w := io.Pipe()
			go func() { w.CloseWithError(writeState(t.Context(), w, e, metrics, &pace{})) }()
			if got, err := io.ReadAll(r); err != nil || string(got) != string(want) {
				t.Errorf("%v\n%s\nwant\n%s", err, got, want)
			}
		}
	})
}

// An engine that was made elsewhere is what a controller begins with, once: a log that has something is left alone.
func TestImport(t *testing.T) {
	e := engine.New(engine.Config{Seed: 7})
	if _, err := e.Step(time.Now(), engine.CreateModel{Scope: scope, Model: hosting.Model{Name: "m"}}); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, fails := range []bool{false, true} {
		if err := Import(t.Context(), openStore(t, dir), e); (err != nil) != fails {
			t.Errorf("importing: %v", err)
		}
	}
	s := start(t, dir, 1)
	defer s.close()
	if n := s.models(); n != 1 {
		t.Errorf("%d models", n)
	}
	s.do(engine.CreateModel{Scope: scope, Model: hosting.Model{Name: "next"}})
	s.agreesWithDisk()
	if err := s.Snapshot(t.Context()); err != nil {
		t.Error(err)
	}
}
