// Package replay decides a stretch of the past again, from a journal, and prints where it differs from what was decided then:
//
//	err := replay.Run(ctx, store, replay.Options{Out: os.Stdout})
package replay

import (
	"context"
	"fmt"
	"io"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/control"
	"bellows.dev/bellows/internal/log"
	"bellows.dev/bellows/internal/plainjson"
	"bellows.dev/bellows/plural"
	"bellows.dev/bellows/scaling"
)

// Options say what is replayed and printed.
type Options struct {
	Out      io.Writer
	Since    time.Time     // events are printed from this moment on; zero: all
	Until    time.Time     // the replay ends here; zero: at the end of the journal
	JSON     bool          // one JSON object a line
	Quiet    bool          // only disagreements and the conclusion
	Policies scaling.Types // the policy types that there are; nil: those of this program
}

// Run replays the journal and prints its events, then how many inputs lead to other events than they did. It fails with DisagreementError where
// one does.
func Run(ctx context.Context, s log.Store, o Options) error {
	config, err := control.StoredConfig(ctx, s)
	if err != nil {
		return err
	}
	config.Policies = o.Policies
	e, seq, err := oldest(ctx, s, config, o.Since)
	if err != nil {
		return err
	}
	p := printer{Options: o}
	if err := control.Redecide(ctx, s, e, seq, o.Until, p.take); err != nil {
		return err
	}
	return p.conclude()
}

// DisagreementError is the error of inputs that lead to other events than they did.
type DisagreementError struct{ Inputs int }

// Error says how many inputs disagree.
func (e *DisagreementError) Error() string {
	return plural.Of(e.Inputs, "input leads", "inputs lead") + " to other events than before: another version of bellows decided then"
}

// oldest returns the engine that the replay begins with, and the sequence number of the first input after it: the newest snapshot before since, or
// the oldest state that can be replayed.
func oldest(ctx context.Context, s log.Store, config engine.Config, since time.Time) (*engine.Engine, uint64, error) {
	if !since.IsZero() {
		return control.Load(ctx, s, config, since)
	}
	shots, err := s.Snapshots(ctx)
	if err != nil {
		return nil, 0, err
	}
	begins, err := s.Begins(ctx)
	if err != nil {
		return nil, 0, err
	}
	if begins <= 1 || len(shots) == 0 {
		return engine.New(config), 0, nil
	}
	return control.Load(ctx, s, config, shots[len(shots)-1].At)
}

// printer prints and counts what was decided again.
type printer struct {
	Options
	inputs, events, wrong int
}

func (p *printer) take(d control.Redecision) error {
	p.inputs++
	if !d.Agrees() {
		p.wrong++
		if err := p.disagreement(d); err != nil {
			return err
		}
	}
	for _, e := range d.Events {
		p.events++
		if p.Quiet || d.At.Before(p.Since) {
			continue
		}
		if err := p.event(d.At, e); err != nil {
			return err
		}
	}
	return nil
}

// disagreement prints an input whose events were others when it was recorded.
func (p *printer) disagreement(d control.Redecision) error {
	if !p.JSON {
		_, err := fmt.Fprintf(p.Out, "%s DISAGREES: input %d (%s) led to trace %q, now to %q\n", d.At.Format(time.RFC3339), d.Seq, d.Kind, d.Then, d.Now)
		return err
	}
	type disagreement struct {
		Input uint64 `json:"input"` // sequence number
		Kind  string `json:"kind"`  // of the input
		Then  string `json:"then"`  // trace of the events when it was recorded
		Now   string `json:"now"`
	}
	return plainjson.Write(p.Out, struct {
		At   time.Time    `json:"at"`
		Kind string       `json:"kind"`
		What disagreement `json:"what"`
	}{d.At, "Disagreement", disagreement{d.Seq, d.Kind, d.Then, d.Now}})
}

func (p *printer) event(at time.Time, e engine.Event) error {
	if !p.JSON {
		_, err := fmt.Fprintf(p.Out, "%s %s\n", at.Format("2006-01-02 15:04:05"), e)
		return err
	}
	return plainjson.Write(p.Out, struct {
		At   time.Time    `json:"at"`
		Kind string       `json:"kind"`
		What engine.Event `json:"what"`
	}{at, fmt.Sprintf("%T", e)[len("engine."):], e})
}

func (p *printer) conclude() error {
	if !p.JSON {
		if _, err := fmt.Fprintf(p.Out, "%s decided again, %s; %d %s\n",
			plural.Of(p.inputs, "input"), plural.Of(p.events, "event"), p.wrong, plural.Verb(p.wrong, "disagrees", "disagree")); err != nil {
			return err
		}
	}
	if p.wrong > 0 {
		return &DisagreementError{p.wrong}
	}
	return nil
}
