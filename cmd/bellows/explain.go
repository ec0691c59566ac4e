package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/control"
	"bellows.dev/bellows/internal/credentials"
	"bellows.dev/bellows/internal/explain"
	"bellows.dev/bellows/internal/log"
	"bellows.dev/bellows/internal/plainjson"
)

// explainPath is where a server explains: GET /explain/ENDPOINT/VARIANT?at=…&since=…&region=…&account=….
const explainPath = "/explain/"

// explainFlags are the flags of explain.
type explainFlags struct {
	dir, region, at string
	since           time.Duration
	json            bool
}

func explainCommand() *cobra.Command {
	var f explainFlags
	c := &cobra.Command{
		Use:   "explain ENDPOINT[/VARIANT]",
		Short: "Say why a variant did or did not scale",
		Long: "Tells a variant's story: what its alarms said, what each policy saw and wanted, what came of it, why not more, and what is\n" +
			"silently wrong. --at asks for one moment of the last two weeks. The data directory answers, whether or not a server runs.",
		Args: arguments(1, 1, "ENDPOINT[/VARIANT]"),
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
	flags.StringVar(&f.at, "at", "", "the moment to explain (RFC 3339); default: now, and the story until then")
	flags.DurationVar(&f.since, "since", 24*time.Hour, "how far back the story goes, in policy time; 0 for none")
	flags.BoolVar(&f.json, "json", false, "JSON, with every number of every decision; durations are in seconds")
	return c
}

func (f *explainFlags) query(name string) (explain.Query, error) {
	var q explain.Query
	var err error
	if q.Endpoint, q.Variant, err = explain.ParseVariant(name); err != nil {
		return q, err
	}
	if q.At, err = parseMoment(f.at); err != nil {
		return q, fmt.Errorf("--at: %w", err)
	}
	if f.since < 0 {
		return q, fmt.Errorf("--since is %v; want 0 or more", f.since)
	}
	if q.Since = f.since; !q.At.IsZero() && q.Since == 24*time.Hour {
		q.Since = 0 // one moment is wanted, not how it came about
	}
	keys, _, err := credentials.Load(f.dir, nil)
	if err != nil {
		return q, err
	}
	if f.region == "" {
		_, f.region, _ = whereabouts(f.dir)
	}
	q.Scope = engine.Scope{Account: keys[0].Account, Region: f.region}
	return q, nil
}

// run explains from the data directory: a server that runs has committed there whatever it decided.
func (f *explainFlags) run(ctx context.Context, out io.Writer, q explain.Query) error {
	s, err := readJournal(ctx, f.dir)
	if err != nil {
		return err
	}
	defer s.Close() //nolint:errcheck // it was only read
	q.Clock = time.Now()
	x, err := explain.Explain(ctx, past{store: s}, q)
	var future *explain.FutureError
	if errors.As(err, &future) {
		return &usageError{fmt.Errorf("--at: %w", err)}
	}
	if err != nil {
		return err
	}
	if f.json {
		return writeJSON(out, x)
	}
	return x.Render(out)
}

// writeJSON writes a value as a line of JSON, with names for enumerations.
func writeJSON(out io.Writer, v any) error {
	text, err := plainjson.Marshal(v)
	if err != nil {
		return err
	}
	_, err = out.Write(append(text, '\n'))
	return err
}

// past lets explanations look into a store, and into a controller where a server runs.
type past struct {
	store   log.Store
	control *control.Controller // nil: the present is where the journal ends
}

// View implements explain.Past.
func (p past) View(ctx context.Context, f func(now time.Time, e *engine.Engine)) error {
	if p.control != nil {
		return p.control.View(ctx, f)
	}
	x, err := control.PastAt(ctx, p.store, time.Time{})
	if err == nil {
		f(x.Engine.Now(), x.Engine)
	}
	return err
}

// At implements explain.Past.
func (p past) At(ctx context.Context, at time.Time) (explain.Stood, error) {
	x, err := control.PastAt(ctx, p.store, at)
	return explain.Stood(x), err
}

// Events implements explain.Past.
func (p past) Events(ctx context.Context, q explain.Events) ([]explain.Item, error) {
	ask := log.HistoryQuery{Table: q.Table, Scope: control.Scope(q.Scope), Key: q.Key, From: q.From, To: q.To, Limit: q.Limit}
	if q.Type != "" {
		ask.Types = []string{q.Type}
	}
	rows, _, err := p.store.Query(ctx, ask)
	if err != nil {
		return nil, err
	}
	out := make([]explain.Item, len(rows))
	for i, r := range rows {
		e, err := control.DecodeEvent(r.Kind, r.Data)
		if err != nil {
			return nil, err
		}
		out[i] = explain.Item{At: r.At, Event: e}
	}
	return out, nil
}

// explain answers GET /explain/ENDPOINT/VARIANT, or /explain/ENDPOINT where there is one variant, to who brings a key, in JSON; as text where text is asked for, as browsers do.
func (s *server) explain(w http.ResponseWriter, r *http.Request) {
	if !s.mayRead(r) {
		askForKey(w)
		return
	}
	q, err := s.explainQuery(r.URL)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	x, err := explain.Explain(r.Context(), past{s.store, s.control}, q)
	var unknown *explain.UnknownError
	var several *explain.AmbiguousError
	var forgotten *control.ForgottenError
	var future *explain.FutureError
	switch {
	case errors.As(err, &unknown), errors.As(err, &forgotten):
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	case errors.As(err, &several), errors.As(err, &future):
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	case err != nil:
		s.o.log.Error("an explanation failed", "error", err)
		http.Error(w, "The explanation failed; the server's log says why.", http.StatusInternalServerError)
		return
	}
	if strings.Contains(r.Header.Get("Accept"), "text/") {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		err = x.Render(w)
	} else {
		w.Header().Set("Content-Type", "application/json")
		err = writeJSON(w, x)
	}
	if err != nil {
		s.o.log.Debug("a client went away before its answer", "error", err)
	}
}

func (s *server) explainQuery(u *url.URL) (q explain.Query, err error) {
	if q.Endpoint, q.Variant, err = explain.ParseVariant(strings.TrimPrefix(u.Path, explainPath)); err != nil {
		return q, err
	}
	v := u.Query()
	for name := range v {
		switch name {
		case "at", "since", "region", "account":
		default:
			return q, fmt.Errorf("there is no parameter %q: known are at, since, region, account", name)
		}
	}
	if q.At, err = parseMoment(v.Get("at")); err != nil {
		return q, fmt.Errorf("at: %w", err)
	}
	if since := v.Get("since"); since != "" {
		if q.Since, err = time.ParseDuration(since); err != nil || q.Since < 0 {
			return q, fmt.Errorf("since is %q: want a duration such as 24h", since)
		}
	}
	q.Scope = engine.Scope{Account: s.o.config.Account, Region: s.o.config.Region}
	if x := v.Get("region"); x != "" {
		q.Scope.Region = x
	}
	if x := v.Get("account"); x != "" {
		q.Scope.Account = x
	}
	return q, nil
}
