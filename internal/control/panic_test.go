package control

import (
	"errors"
	"fmt"
	"reflect"
	"testing"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/log"
)

// bomb is an input at which the engine panics: the one that it is has no apply.
type bomb struct{ engine.Input }

func create(name string) *order {
	return &order{in: engine.CreateModel{Scope: scope, Model: hosting.Model{Name: name}}, answered: make(chan struct{})}
}

// An input at which the engine panics is refused and set aside; what waited before and after it counts, no matter what the panic left
// behind, and the server goes on.
func TestAPanicOfTheEngineIsARefusal(t *testing.T) {
	s := start(t, t.TempDir(), 1)
	defer s.close()
	s.deploy()
	before := s.models()
	var failed *PanicError
	if _, err := s.Step(t.Context(), bomb{}); !errors.As(err, &failed) {
		t.Fatalf("the caller gets %v", err)
	}
	for i := range 3 { // they may or may not come into one batch
		orders := []*order{create(fmt.Sprint("before", i)), {in: bomb{}, answered: make(chan struct{})}, create(fmt.Sprint("after", i))}
		for _, o := range orders {
			if err := s.enqueue(t.Context(), o); err != nil {
				t.Fatal(err)
			}
		}
		for _, o := range orders {
			<-o.answered
			if _, bad := o.in.(bomb); bad != (o.err != nil) {
				t.Errorf("%T: %v", o.in, o.err)
			}
		}
	}
	if n := s.models(); n != before+6 {
		t.Errorf("%d models, want %d", n, before+6)
	}
	if n := s.Refused(); n != 4 {
		t.Errorf("%d inputs are set aside", n)
	}
	if why, is := s.Trouble(); is {
		t.Errorf("changes are refused: %v", why)
	}
	s.agreesWithDisk()
}

// A batch with a panic in its midst is committed in two parts.
func TestAPanicInABatch(t *testing.T) {
	w := newWeeks(t, 1)
	w.commit()
	c := w.server
	orders := []*order{create("a"), {in: bomb{}, answered: make(chan struct{})}, create("b"), {in: bomb{}, answered: make(chan struct{})}, create("c")}
	if err := c.batch(t.Context(), orders); err != nil {
		t.Fatal(err)
	}
	for _, o := range orders {
		if _, bad := o.in.(bomb); bad != (o.err != nil) {
			t.Errorf("%T: %v", o.in, o.err)
		}
	}
	if n := len(c.engine.Region(scope).Hosting.Models); n != 4 {
		t.Errorf("%d models, want 4", n)
	}
	if err := w.store.Close(); err != nil {
		t.Fatal(err)
	}
}

// A line of the journal at which the engine panics now does not stop the next start, nor the one after it.
func TestAPanicInTheJournalIsSetAside(t *testing.T) {
	inputTypes["bomb"] = reflect.TypeFor[bomb]()
	defer delete(inputTypes, "bomb")
	dir := t.TempDir()
	s := start(t, dir, 1)
	s.deploy()
	s.close()
	st := openStore(t, dir)
	inject(t, st,
		log.Entry{Kind: "bomb", Data: []byte(`{"input":{}}`)},
		log.Entry{Kind: "CreateModel", Data: []byte(`{"input":{"Scope":{"Account":"123456789012","Region":"us-east-1"},"Model":{"Name":"later"}}}`)},
		log.Entry{Kind: "bomb", Data: []byte(`{"input":{}}`)},
	)
	for _, fresh := range []int64{2, 0} {
		s = start(t, dir, 1)
		if n := s.Refused(); n != fresh || s.models() != 2 {
			t.Errorf("%d lines are set aside, want %d; %d models", n, fresh, s.models())
		}
		s.close()
	}
}
