package main

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/control"
	"bellows.dev/bellows/internal/explain"
	"bellows.dev/bellows/internal/log"
	"bellows.dev/bellows/internal/plainjson"
	"bellows.dev/bellows/internal/server"
	"bellows.dev/bellows/plural"
)

func replayCommand() *cobra.Command {
	var dir string
	var asJSON, quiet bool
	var from, to string
	c := &cobra.Command{
		Use:   "replay",
		Short: "Decide a stretch of the past again, from the journal, and compare with what was decided then",
		Long: "Reads the journal of a data directory (a server may be running), takes a fresh engine through it, prints every\n" +
			"event, and fails if an input now leads to other events than it did. The journal goes back at least a day.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			since, err := explain.ParseMoment(from)
			if err != nil {
				return fmt.Errorf("--from: %w", err)
			}
			until, err := explain.ParseMoment(to)
			if err != nil {
				return fmt.Errorf("--to: %w", err)
			}
			s, err := server.ReadJournal(cmd.Context(), dir)
			if err != nil {
				return err
			}
			defer s.Close() //nolint:errcheck // it was only read
			config, err := control.StoredConfig(cmd.Context(), s)
			if err != nil {
				return err
			}
			e, seq, err := oldest(cmd, s, config, since)
			if err != nil {
				return err
			}
			p := printer{out: cmd.OutOrStdout(), json: asJSON, quiet: quiet, since: since}
			if err := control.Redecide(cmd.Context(), s, e, seq, until, p.take); err != nil {
				return err
			}
			return p.conclude()
		},
	}
	c.Flags().StringVar(&dir, "data-dir", defaultDataDir, "data directory of the server")
	c.Flags().StringVar(&from, "from", "", "print from this moment on (RFC 3339)")
	c.Flags().StringVar(&to, "to", "", "stop at this moment (RFC 3339)")
	c.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line; durations are in seconds")
	c.Flags().BoolVarP(&quiet, "quiet", "q", false, "only the conclusion")
	return c
}

// oldest returns the engine that the replay begins with, and the sequence number of the first input after it: the newest snapshot before since, or
// the oldest state that can be replayed.
func oldest(cmd *cobra.Command, s log.Store, config engine.Config, since time.Time) (*engine.Engine, uint64, error) {
	if !since.IsZero() {
		return control.Load(cmd.Context(), s, config, since)
	}
	shots, err := s.Snapshots(cmd.Context())
	if err != nil {
		return nil, 0, err
	}
	begins, err := s.Begins(cmd.Context())
	if err != nil {
		return nil, 0, err
	}
	if begins <= 1 || len(shots) == 0 {
		return engine.New(config), 0, nil
	}
	return control.Load(cmd.Context(), s, config, shots[len(shots)-1].At)
}

// printer prints and counts what was decided again.
type printer struct {
	out                   io.Writer
	json, quiet           bool
	since                 time.Time
	inputs, events, wrong int
}

func (p *printer) take(d control.Redecision) error {
	p.inputs++
	if !d.Agrees() {
		p.wrong++
		fmt.Fprintf(p.out, "%s DISAGREES: input %d (%s) led to trace %q, now to %q\n", d.At.Format(time.RFC3339), d.Seq, d.Kind, d.Then, d.Now)
	}
	for _, e := range d.Events {
		p.events++
		if p.quiet || d.At.Before(p.since) {
			continue
		}
		if err := p.event(d.At, e); err != nil {
			return err
		}
	}
	return nil
}

func (p *printer) event(at time.Time, e engine.Event) error {
	if !p.json {
		_, err := fmt.Fprintf(p.out, "%s %s\n", at.Format("2006-01-02 15:04:05"), e)
		return err
	}
	return plainjson.Write(p.out, struct {
		At   time.Time    `json:"at"`
		Kind string       `json:"kind"`
		What engine.Event `json:"what"`
	}{at, fmt.Sprintf("%T", e)[len("engine."):], e})
}

func (p *printer) conclude() error {
	if !p.json {
		fmt.Fprintf(p.out, "%s decided again, %s; %d %s\n", plural.Of(p.inputs, "input"), plural.Of(p.events, "event"), p.wrong, plural.Verb(p.wrong, "disagrees", "disagree"))
	}
	if p.wrong > 0 {
		return fmt.Errorf("%s to other events than before: another version of bellows decided then", plural.Of(p.wrong, "input leads", "inputs lead"))
	}
	return nil
}
