package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/addrfile"
	"bellows.dev/bellows/internal/client"
	"bellows.dev/bellows/internal/config"
	"bellows.dev/bellows/internal/credentials"
	"bellows.dev/bellows/internal/explain"
	"bellows.dev/bellows/internal/plainjson"
	"bellows.dev/bellows/internal/server"
	"bellows.dev/bellows/internal/term"
	"bellows.dev/bellows/scaling"
)

// explainFlags are the flags of explain.
type explainFlags struct {
	dir, region, at, dimension string

	since span
	json  bool
	types scaling.Types
}

// span is a flag of a duration that may be in days.
type span time.Duration

// String implements pflag.Value.
func (s *span) String() string { return time.Duration(*s).String() }

// Type implements pflag.Value.
func (s *span) Type() string { return "duration" }

// Set implements pflag.Value.
func (s *span) Set(text string) error {
	d, err := explain.ParseSpan(text)
	*s = span(d)
	return err
}

func explainCommand(types scaling.Types) *cobra.Command {
	f := explainFlags{types: types, since: span(24 * time.Hour)}
	c := &cobra.Command{
		Use:   "explain ENDPOINT[/VARIANT]",
		Short: "Say why a variant did or did not scale",
		Long: "Prints the states of a variant's alarms, what each policy measured and recommended, what followed, why not more, and what is\n" +
			"silently wrong. --at asks for one moment of the last two weeks. The data directory answers, whether or not a server runs.",
		Args: arguments(1, "ENDPOINT[/VARIANT]"),
		RunE: func(cmd *cobra.Command, args []string) error {
			q, err := f.query(args[0])
			if err != nil {
				return err
			}
			return f.run(cmd.Context(), cmd.OutOrStdout(), q)
		},
	}
	flags := c.Flags()
	flags.StringVar(&f.dir, "data-dir", defaultDataDir, "data directory of the server")
	flags.StringVar(&f.region, "region", "", "region of the endpoint; default: the server's")
	flags.StringVar(&f.dimension, "dimension", "", "scalable dimension, where the argument is a resource ID of it; default: instances of a variant")
	flags.StringVar(&f.at, "at", "", "the moment to explain (RFC 3339, or as explain prints it, in UTC); default: now, and the story until then")
	flags.Var(&f.since, "since", "how far back the story goes, in policy time, such as 2d; 0 for none")
	flags.BoolVar(&f.json, "json", false, "JSON, with every number of every decision; durations are in seconds")
	return c
}

func (f *explainFlags) query(name string) (explain.Query, error) {
	var q explain.Query
	var err error
	if err = q.Name(name, f.dimension); err != nil {
		return q, err
	}
	if q.At, err = explain.ParseMoment(f.at); err != nil {
		return q, &usageError{fmt.Errorf("--at: %w", err)}
	}
	if q.Since = time.Duration(f.since); !q.At.IsZero() && q.Since == 24*time.Hour {
		q.Since = 0 // one moment is wanted, not how it came about
	}
	key, err := credentials.Own(f.dir)
	if err != nil {
		return q, err
	}
	if f.region == "" {
		if _, noted, found := addrfile.Read(f.dir); found {
			f.region = noted
		} else {
			f.region = config.Default().Region
		}
	}
	q.Scope = engine.Scope{Account: key.Account, Region: f.region}
	return q, nil
}

// run explains from the data directory. A running server has committed all its decisions there.
func (f *explainFlags) run(ctx context.Context, out io.Writer, q explain.Query) error {
	s, err := server.ReadJournal(ctx, f.dir)
	if err != nil {
		return err
	}
	defer s.Close() //nolint:errcheck // it was only read
	q.Clock = time.Now()
	x, err := explain.Explain(ctx, server.Recorded(s, f.types, func(ctx context.Context) (explain.Live, bool) { return client.Live(ctx, f.dir) }), q)
	var future *explain.FutureError
	if errors.As(err, &future) {
		return &usageError{fmt.Errorf("--at: %w", err)}
	}
	if err != nil {
		return err
	}
	if f.json {
		return plainjson.Write(out, x)
	}
	var text strings.Builder
	if err := x.Render(&text); err != nil {
		return err
	}
	_, err = io.WriteString(out, term.CleanLines(text.String()))
	return err
}
