package history

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/metric/expr"
)

// leaky is the environment variable of test processes that may leak goroutines.
const leaky = "BELLOWS_TEST_LEAKY"

func TestMain(m *testing.M) {
	if os.Getenv(leaky) != "" {
		os.Exit(m.Run())
	}
	goleak.VerifyTestMain(m)
}

var home = engine.Scope{Account: "123456789012", Region: "us-east-1"}

// life is an engine and its history with a clock set by the test.
type life struct {
	t      testing.TB
	dir    string
	now    time.Time
	engine *engine.Engine
	h      *History
	config Options
	broken bool // the journal refuses HistoryKept
	damage bool // the state's file is damaged at every restart
	lost   bool // data is missing at restarts
	room   int  // samples held while reading; 0: the default
}

func newLife(t testing.TB, dir string, o Options) *life {
	l := &life{t: t, dir: dir, now: time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC), config: o}
	l.engine = engine.New(engine.Config{MetricRetention: 10 * time.Minute})
	l.begin()
	return l
}

func (l *life) view(_ context.Context, f func(time.Time, *engine.Engine)) error {
	f(l.now, l.engine)
	return nil
}

var errBroken = errors.New("the journal is broken")

func (l *life) step(_ context.Context, in engine.Input) (engine.Result, error) {
	if _, kept := in.(engine.HistoryKept); kept && l.broken {
		return nil, errBroken
	}
	out, err := l.engine.Step(l.now, in)
	return out.Result, err
}

func (l *life) begin() {
	o := l.config
	o.Dir, o.View, o.Step = l.dir, l.view, l.step
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	h, err := Open(o)
	if err == nil {
		err = h.start(context.Background())
	}
	if err != nil {
		l.t.Fatal(err)
	}
	close(h.ready)
	h.unsynced = true
	if l.room != 0 {
		h.room = l.room
	}
	l.h = h
}

func (l *life) flush() {
	if _, err := l.step(context.Background(), engine.Tick{}); err != nil {
		l.t.Fatal(err)
	}
	if err := l.h.Flush(context.Background()); err != nil && !errors.Is(err, errBroken) {
		l.t.Fatal(err)
	}
}

// again restarts both from disk, after a clean end or, with a copy of the open files, after a crash.
func (l *life) again(crash bool) {
	text, err := json.Marshal(l.engine.State())
	if err != nil {
		l.t.Fatal(err)
	}
	var s engine.State
	if err := json.Unmarshal(text, &s); err != nil {
		l.t.Fatal(err)
	}
	e, err := engine.FromState(s)
	if err != nil {
		l.t.Fatal(err)
	}
	l.engine = e
	if crash {
		l.dir = copied(l.t, l.dir)
	}
	l.h.close()
	if l.damage {
		if err := os.WriteFile(filepath.Join(l.dir, stateFile), []byte(`{"Rolled":[0,`), 0o600); err != nil {
			l.t.Fatal(err)
		}
	}
	l.begin()
	if damage := l.h.Status().Damage; len(damage) > 0 && !l.lost {
		l.t.Fatalf("nothing is missing, but a restart reports %q", damage)
	}
}

// copied returns a copy of a history's folder; its TSDBs write only on request.
func copied(t testing.TB, dir string) string {
	next := filepath.Join(filepath.Dir(dir), fmt.Sprintf("life-%d", time.Now().UnixNano()))
	if err := os.CopyFS(next, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(manifestPath(dir))
	if err == nil {
		err = os.WriteFile(manifestPath(next), text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return next
}

// given is a recorded datum.
type given struct{ metric.Datum }

// tiny is a short retention, so that a test uses every tier.
var tiny = Retention{40 * time.Minute, time.Hour, 3 * time.Hour, 12 * time.Hour}

// want returns the expected result of a query by definition.
func want(all []given, now time.Time, id metric.ID, q metric.Query) []metric.Datapoint {
	var earliest time.Time
	switch {
	case q.Period%time.Hour == 0:
		earliest = now.Add(-12 * time.Hour).Truncate(time.Hour)
	case q.Period%(5*time.Minute) == 0:
		earliest = now.Add(-3 * time.Hour).Truncate(5 * time.Minute)
	case q.Period%time.Minute == 0:
		earliest = now.Add(-time.Hour).Truncate(time.Minute)
	default:
		earliest = now.Add(-40 * time.Minute).Truncate(time.Minute)
	}
	out := make([]metric.Datapoint, q.Periods)
	for n := range out {
		start := q.From.Add(time.Duration(n) * q.Period)
		out[n] = metric.Datapoint{Start: start, Missing: true}
		var sum metric.Summary
		for _, g := range all {
			at := metric.Align(g.At, g.Resolution)
			if shown := metric.Align(at, max(g.Resolution, time.Minute)); q.Period >= time.Minute {
				at = shown
			}
			if g.ID.Key() != id.Key() || q.Unit != "" && q.Unit != g.Unit || at.Before(start) || !at.Before(start.Add(q.Period)) || at.Before(earliest) {
				continue
			}
			sum.Merge(g.Summary)
		}
		if v, ok := q.Statistic.Of(&sum); ok {
			out[n] = metric.Datapoint{Start: start, Value: v, Count: sum.Count}
		}
	}
	return out
}

var statistics = []string{"SampleCount", "Sum", "Average", "Minimum", "Maximum", "p50", "p99.9", "tm90", "TC(10%:90%)", "PR(3:40)", "IQM", "wm95"}

// For samples recorded late or in time, in seconds or minutes, with flushes, roll-ups, restarts and crashes, with or without the state of
// roll-ups, every query returns what was recorded within the retention of its period.
func TestReadsAgainstTheDefinition(t *testing.T) {
	few(t, 12) // each syncs many files
	root := t.TempDir()
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		l := newLife(t, filepath.Join(root, fmt.Sprint(n), "first"), Options{Retention: tiny})
		defer func() { l.h.close() }()
		l.room = rapid.SampledFrom([]int{0, 1, 500, 5000}).Draw(rt, "room")
		l.h.room = cmp.Or(l.room, l.h.room)
		l.damage = rapid.Bool().Draw(rt, "damage")
		var all []given
		for range rapid.IntRange(1, 25).Draw(rt, "steps") {
			switch rapid.IntRange(0, 9).Draw(rt, "what") {
			case 0, 1, 2, 3:
				all = append(all, l.record(rt)...)
			case 4, 5, 6:
				l.now = l.now.Add(rapid.SampledFrom([]time.Duration{
					time.Second, time.Minute, 3 * time.Minute, 10 * time.Minute, 20 * time.Minute, time.Hour, 4 * time.Hour,
				}).Draw(rt, "pass"))
				l.flush()
			case 7:
				l.broken = true // written but not confirmed
				l.flush()
				l.ask(rt, all)
				l.again(rapid.Bool().Draw(rt, "crash"))
				l.broken = false
			case 8:
				l.again(rapid.Bool().Draw(rt, "crash"))
			case 9:
				for _, t := range l.h.tiers {
					if err := t.tidy(context.Background()); err != nil {
						rt.Fatal(err)
					}
				}
			}
			l.ask(rt, all)
		}
	})
}

// few reduces the number of rapid's checks unless a flag sets it.
func few(t *testing.T, n int) {
	f := flag.Lookup("rapid.checks")
	if f == nil || f.Value.String() != f.DefValue {
		return
	}
	if err := f.Value.Set(strconv.Itoa(n)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Value.Set(f.DefValue); err != nil {
			t.Error(err)
		}
	})
}

func (l *life) record(rt *rapid.T) []given {
	var out []given
	for range rapid.IntRange(1, 4).Draw(rt, "datums") {
		age := rapid.SampledFrom([]int{0, 0, 1, 30, 59, 200, 400, 1500, 2100, 3000, 9000, 20000, 40000}).Draw(rt, "age")
		d := metric.Datum{
			ID: drawID(rt), At: l.now.Add(-time.Duration(age) * time.Second),
			Resolution: rapid.SampledFrom([]time.Duration{time.Second, time.Minute}).Draw(rt, "resolution"),
			Unit:       rapid.SampledFrom([]string{"None", "Count"}).Draw(rt, "unit"),
		}
		for range rapid.IntRange(1, 3).Draw(rt, "values") {
			d.Summary.Add(float64(rapid.SampledFrom([]int{-3, 0, 1, 2, 7, 40, 1000, 123456}).Draw(rt, "value")), 1)
		}
		if rapid.IntRange(0, 5).Draw(rt, "set") == 0 {
			d.Summary = d.Summary.Summary() // as PutMetricData records one: equal samples are known
		}
		out = append(out, given{d})
		if _, err := l.step(context.Background(), engine.PutMetricData{Scope: home, Data: []metric.Datum{d}}); err != nil {
			rt.Fatal(err)
		}
	}
	return out
}

// drawID draws a metric: several share a name, and one has a dimension whose name is not a valid label name.
func drawID(rt *rapid.T) metric.ID {
	return rapid.SampledFrom([]metric.ID{
		metric.NewID("N", "a"), metric.NewID("N", "a"), metric.NewID("N", "b"), metric.NewID("N", "a", metric.Dimension{Name: "D", Value: "1"}),
		metric.NewID("N", "a", metric.Dimension{Name: "D", Value: "2"}), metric.NewID("N", "a", metric.Dimension{Name: "D.E", Value: "1"}),
	}).Draw(rt, "metric")
}

// ask sends several queries in one call, some for the same metric, some for its units.
func (l *life) ask(rt *rapid.T, all []given) {
	type question struct {
		id    metric.ID
		q     metric.Query
		units bool
		got   []metric.Datapoint
		found []string
	}
	var asked []question
	for range rapid.IntRange(1, 5).Draw(rt, "questions") {
		asked = append(asked, question{id: drawID(rt), q: l.query(rt), units: rapid.Bool().Draw(rt, "units, too")})
	}
	if err := l.h.Metrics(context.Background(), home, func(_ time.Time, s expr.Source) {
		for i := range asked {
			x := &asked[i]
			if x.units {
				x.found = s.Units(x.id, x.q.From, x.q.From.Add(time.Duration(x.q.Periods)*x.q.Period))
			}
			x.got = s.Datapoints(x.id, x.q, nil)
		}
	}); err != nil {
		rt.Fatal(err)
	}
	for _, x := range asked {
		if x.got == nil {
			x.got = want(nil, l.now, x.id, x.q)
		}
		wanted := want(all, l.now, x.id, x.q)
		any := false
		for i := range wanted {
			any = any || !wanted[i].Missing
			if x.got[i] != wanted[i] {
				rt.Fatalf("at %v, %s of %v, %v from %v (unit %q): %v, want %v", l.now, x.q.Statistic, x.id, x.q.Period, x.q.From, x.q.Unit, x.got[i], wanted[i])
			}
		}
		if any && x.units && (len(x.found) == 0 || x.q.Unit != "" && !slices.Contains(x.found, x.q.Unit)) {
			rt.Fatalf("at %v, units of %v from %v: %v", l.now, x.id, x.q.From, x.found)
		}
	}
}

func (l *life) query(rt *rapid.T) metric.Query {
	period := rapid.SampledFrom([]time.Duration{time.Second, 10 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute, time.Hour}).Draw(rt, "period")
	periods := rapid.IntRange(1, 40).Draw(rt, "periods")
	ago := time.Duration(rapid.IntRange(0, 50000).Draw(rt, "ago")) * time.Second
	stat, err := metric.ParseStatistic(rapid.SampledFrom(statistics).Draw(rt, "statistic"))
	if err != nil {
		rt.Fatal(err)
	}
	q := metric.Query{
		Statistic: stat, Period: period, Periods: periods, From: metric.Align(l.now.Add(-min(ago, period*time.Duration(periods))), period),
		Unit: rapid.SampledFrom([]string{"", "None", "Count"}).Draw(rt, "asked unit"),
	}
	if rapid.Bool().Draw(rt, "far") {
		q.From = metric.Align(l.now.Add(-ago), period)
	}
	return q
}

// A late sample may be newer than the samples rolled up to five minutes and older than those rolled up to hours.
func TestLateBetweenTwoRollUps(t *testing.T) {
	l := newLife(t, filepath.Join(t.TempDir(), "first"), Options{Retention: tiny})
	defer func() { l.h.close() }()
	var all []given
	for _, name := range []string{"b", "a"} {
		d := metric.Datum{ID: metric.NewID("N", name), At: l.now.Add(-20_000 * time.Second), Resolution: time.Minute, Unit: "None"}
		d.Summary.Add(7, 1)
		all = append(all, given{d})
		if _, err := l.step(t.Context(), engine.PutMetricData{Scope: home, Data: []metric.Datum{d}}); err != nil {
			t.Fatal(err)
		}
		l.now = l.now.Add(10 * time.Minute)
		l.flush()
	}
	l.flush()
	sum, err := metric.ParseStatistic("Sum")
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range all {
		q := metric.Query{Statistic: sum, Period: time.Hour, Periods: 12, From: metric.Align(l.now.Add(-11*time.Hour), time.Hour)}
		var got []metric.Datapoint
		if err := l.h.Metrics(t.Context(), home, func(_ time.Time, s expr.Source) { got = s.Datapoints(g.ID, q, nil) }); err != nil {
			t.Fatal(err)
		}
		if wanted := want(all, l.now, g.ID, q); !slices.Equal(got, wanted) {
			t.Errorf("%v: %v, want %v", g.ID, got, wanted)
		}
	}
}
