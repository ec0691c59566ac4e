package control

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
)

func createModel(name string) engine.Input {
	return engine.CreateModel{Scope: scope, Model: hosting.Model{Name: name}}
}

// More callers than a group and the inbox take arrive during a write. All are answered once it has ended: no one waits for the next observation.
func TestManyCallersDuringAWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, f := startFaulty(t, 1)
		gate := make(chan struct{})
		f.set(nil, gate)
		const callers = 2000
		answers := make(chan error, callers)
		for i := range callers {
			go func() {
				_, err := s.Step(t.Context(), createModel(fmt.Sprint("m", i)))
				answers <- err
			}()
		}
		synctest.Wait()
		f.set(nil, nil)
		opened := time.Now()
		close(gate)
		for range callers {
			if err := <-answers; err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(opened); took > 100*time.Millisecond { // virtual time: the steps themselves take none
			t.Errorf("the last answer came %v after the write had ended", took)
		}
		if n := s.models(); n != callers {
			t.Errorf("%d models, want %d", n, callers)
		}
		s.close()
	})
}

// While a write hangs, callers return at their deadlines. The write goes on; later changes and the end of Run are as after any slow write.
func TestCallersLeaveAWriteThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, f := startFaulty(t, 1)
		gate := make(chan struct{})
		f.set(nil, gate)
		for _, name := range []string{"writes", "waits"} { // the second joins the next group
			began, patience := time.Now(), 500*time.Millisecond
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			_, err := s.Step(ctx, createModel(name))
			cancel()
			if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || took != patience {
				t.Fatalf("the caller that %s returned after %v with %v, want its deadline of %v", name, took, err, patience)
			}
		}
		eventually(t, "changes are refused while the write is slow", func() bool { return s.refusal() != nil })
		f.set(nil, nil)
		close(gate)
		eventually(t, "changes are accepted again", func() bool { return s.refusal() == nil })
		s.do(createModel("later"))
		if n := s.models(); n != 3 {
			t.Errorf("%d models, want 3: the writes went on without their callers", n)
		}
		gate = make(chan struct{})
		f.set(nil, gate)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := s.Step(ctx, createModel("last")); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("the last caller got %v", err)
		}
		s.stop()
		synctest.Wait()
		if n := len(s.ended); n > 1 { // the fleet alone
			t.Error("Run has ended before the write")
		}
		f.set(nil, nil)
		close(gate)
		s.close()
	})
}
