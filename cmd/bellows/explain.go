package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/control"
	"bellows.dev/bellows/internal/store"
	"bellows.dev/bellows/scaling"
)

// explainMax bounds how many things of a kind are read.
const explainMax = 10_000

func explain() *cobra.Command {
	var x explanation
	var at string
	var since time.Duration
	c := &cobra.Command{
		Use:   "explain ENDPOINT/VARIANT",
		Short: "Say why a variant did or did not scale",
		Long: "Tells a variant's story from the history of a data directory (a server may be running): what its alarms said, what each\n" +
			"policy saw and wanted, what came of it, and why not more. --at asks for one moment, of the last two weeks.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			moment, err := parseMoment(at)
			if err != nil {
				return err
			}
			if err := x.name(args[0]); err != nil {
				return err
			}
			return x.run(cmd.Context(), cmd.OutOrStdout(), moment, since)
		},
	}
	f := c.Flags()
	f.StringVar(&x.dir, "data-dir", defaultDataDir, "data directory of the server")
	f.StringVar(&x.region, "region", "", "region of the endpoint; default: the server's")
	f.StringVar(&at, "at", "", "the moment to explain (RFC 3339); default: the whole story")
	f.DurationVar(&since, "since", 24*time.Hour, "how far back the story goes, in policy time")
	f.BoolVar(&x.json, "json", false, "one JSON object a line")
	return c
}

// explanation is what is asked, and the history that answers.
type explanation struct {
	dir, region       string
	json              bool
	endpoint, variant string
	resource          string // as a scalable target's

	store *store.Store
	scope string
}

func (x *explanation) name(text string) error {
	endpoint, variant, ok := strings.Cut(text, "/")
	if !ok || endpoint == "" || variant == "" {
		return fmt.Errorf("%q is not ENDPOINT/VARIANT", text)
	}
	x.endpoint, x.variant = endpoint, variant
	x.resource = scaling.VariantTarget(endpoint, variant).ResourceID
	return nil
}

func (x *explanation) run(ctx context.Context, out io.Writer, at time.Time, since time.Duration) error {
	keys, _, err := store.LoadCredentials(x.dir, nil)
	if err != nil {
		return err
	}
	if x.region == "" {
		_, x.region = whereabouts(x.dir)
	}
	x.scope = control.Scope(engine.Scope{Account: keys[0].Account, Region: x.region})
	if x.store, err = store.OpenReadOnly(ctx, x.dir); err != nil {
		return err
	}
	defer x.store.Close() //nolint:errcheck // it was only read
	happened, err := x.gather(ctx, at)
	if err != nil {
		return err
	}
	if len(happened) == 0 {
		return fmt.Errorf("nothing has happened to %s/%s in %s yet: is it a registered scalable target?", x.endpoint, x.variant, x.region)
	}
	if !at.IsZero() {
		return x.moment(out, at, happened)
	}
	last := happened[len(happened)-1].At
	happened = slices.DeleteFunc(happened, func(i control.Item) bool { return i.At.Before(last.Add(-since)) })
	return x.story(out, happened)
}

// gather reads what happened to the variant until a moment, oldest first; the zero moment is the end.
func (x *explanation) gather(ctx context.Context, until time.Time) ([]control.Item, error) {
	if !until.IsZero() {
		until = until.Add(time.Nanosecond)
	}
	alarms := map[string]bool{}
	var all []control.Item
	read := func(table, key string, take func(engine.Event) bool) error {
		rows, _, err := x.store.Query(ctx, store.HistoryQuery{Table: table, Scope: x.scope, Key: key, To: until, Limit: explainMax})
		if err != nil {
			return err
		}
		for _, r := range rows {
			e, err := control.DecodeEvent(r)
			if err != nil {
				return err
			}
			if take(e) {
				all = append(all, control.Item{At: r.At, Event: e})
			}
		}
		return nil
	}
	if err := read("decision", x.resource, func(e engine.Event) bool {
		if d, ok := e.(engine.Decided); ok {
			for _, p := range d.Decision.Proposals {
				alarms[p.Alarm] = true
			}
		}
		return true
	}); err != nil {
		return nil, err
	}
	if err := read("activity", x.resource, func(engine.Event) bool { return true }); err != nil {
		return nil, err
	}
	if err := read("endpoint", x.endpoint, func(e engine.Event) bool {
		i, instance := e.(engine.InstanceChanged)
		return !instance || i.Key.Variant == x.variant
	}); err != nil {
		return nil, err
	}
	if err := read("alarm", "", func(e engine.Event) bool {
		t, ok := e.(engine.AlarmTransition)
		return ok && (alarms[t.Alarm] || strings.HasPrefix(t.Alarm, "TargetTracking-"+x.resource+"-"))
	}); err != nil {
		return nil, err
	}
	slices.SortStableFunc(all, func(a, b control.Item) int { return cmp.Or(a.At.Compare(b.At), rank(a.Event)-rank(b.Event)) })
	return all, nil
}

// rank orders what happened at one instant by cause and effect.
func rank(e engine.Event) int {
	switch e.(type) {
	case engine.AlarmTransition, engine.ScheduledActionRan:
		return 0
	case engine.Decided:
		return 1
	case engine.ActivityChanged:
		return 2
	case engine.InstanceChanged:
		return 3
	default:
		return 4
	}
}

// line renders one thing that happened.
func line(i control.Item) string {
	at := i.At.Format("2006-01-02 15:04:05  ")
	switch e := i.Event.(type) {
	case engine.Decided:
		return at + "decision   " + e.Decision.String()
	case engine.ActivityChanged:
		a := e.Activity
		s := fmt.Sprintf("%sactivity   %v: %s", at, a.Status, a.Description())
		if a.NotScaled.Code != 0 {
			return s + ": " + a.NotScaled.Code.String()
		}
		if !a.End.IsZero() {
			s += fmt.Sprintf(" After %v.", a.End.Sub(a.Start).Round(time.Second))
		}
		if a.Reason != "" {
			s += " " + a.Reason
		}
		return s
	case engine.ScheduledActionRan:
		return at + "schedule   " + e.Run.Action + ": " + e.Run.String()
	case engine.AlarmTransition:
		return fmt.Sprintf("%salarm      %s: %v → %v", at, trimAlarm(e.Alarm), e.From, e.To)
	case engine.EndpointChanged:
		return at + "endpoint   " + strings.TrimPrefix(e.String(), "endpoint ")
	case engine.InstanceChanged:
		return at + "instance   " + strings.TrimPrefix(e.String(), "instance ")
	default:
		return at + e.String()
	}
}

// trimAlarm shortens the names of target tracking's own alarms.
func trimAlarm(name string) string {
	for _, side := range []string{"AlarmHigh", "AlarmLow"} {
		if strings.HasPrefix(name, "TargetTracking-") && strings.Contains(name, "-"+side+"-") {
			return side
		}
	}
	return name
}

// story prints all that happened. Decisions that change nothing repeat each minute: of a run of them the first and the last are shown.
func (x *explanation) story(out io.Writer, happened []control.Item) error {
	if x.json {
		return x.lines(out, happened)
	}
	for i := 0; i < len(happened); i++ {
		if _, err := fmt.Fprintln(out, line(happened[i])); err != nil {
			return err
		}
		run := i
		for run+1 < len(happened) && idle(happened[i]) && idle(happened[run+1]) {
			run++
		}
		if run-i > 2 {
			fmt.Fprintf(out, "%21s… %d more such decisions, the last:\n", "", run-i-1)
			i = run - 1
		}
	}
	return nil
}

func idle(i control.Item) bool {
	d, ok := i.Event.(engine.Decided)
	return ok && !d.Decision.Acted
}

func (x *explanation) lines(out io.Writer, happened []control.Item) error {
	for _, i := range happened {
		if err := json.NewEncoder(out).Encode(struct {
			At   time.Time    `json:"at"`
			Kind string       `json:"kind"`
			Text string       `json:"text"`
			What engine.Event `json:"what"`
		}{i.At, strings.TrimPrefix(fmt.Sprintf("%T", i.Event), "engine."), line(i)[21:], i.Event}); err != nil {
			return err
		}
	}
	return nil
}

// moment prints how things stood: the newest of each kind, and what each policy saw and wanted.
func (x *explanation) moment(out io.Writer, at time.Time, happened []control.Item) error {
	newest := map[string]control.Item{}
	for _, i := range happened {
		kind := fmt.Sprintf("%T", i.Event)
		if t, ok := i.Event.(engine.AlarmTransition); ok {
			kind += t.Alarm
		}
		newest[kind] = i
	}
	var stood []control.Item
	for _, i := range newest {
		if _, instance := i.Event.(engine.InstanceChanged); !instance {
			stood = append(stood, i)
		}
	}
	slices.SortFunc(stood, func(a, b control.Item) int { return strings.Compare(line(a), line(b)) })
	if x.json {
		return x.lines(out, stood)
	}
	fmt.Fprintf(out, "%s/%s at %s\n", x.endpoint, x.variant, at.Format("2006-01-02 15:04:05 MST"))
	for _, i := range stood {
		d, ok := i.Event.(engine.Decided)
		if !ok {
			fmt.Fprintln(out, line(i))
			continue
		}
		fmt.Fprintf(out, "%sdecision   desired %d, of %d to %d\n", i.At.Format("2006-01-02 15:04:05  "), d.Decision.Capacity.Desired, d.Decision.Min, d.Decision.Max)
		for n, p := range d.Decision.Proposals {
			fmt.Fprintf(out, "%32s%s: %s\n", "", p.Policy, d.Decision.Explain(n))
		}
	}
	return nil
}
