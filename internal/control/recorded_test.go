package control

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/log"
	"bellows.dev/bellows/internal/log/sqlite"
)

// recorded has the databases of past versions, and what each led to. Its README says how they came to be.
const recorded = "testdata/recorded"

var rewrite = flag.Bool("rewrite", false, "accept what the recorded journals lead to now; read which decisions changed before you commit it")

// decided is what the version that ran made of a journal from one point on, by which every later version is judged.
type decided struct {
	From   uint64          // the snapshot that it began with; 0: the journal's beginning
	Traces []string        // of each line after it, in order; "set aside" where the line is
	State  json.RawMessage // that the engine has then, less its metrics
}

// A journal of each past format, and each snapshot in it, leads to the same events as it did when it was recorded, line by line, and to
// the same state.
func TestRecordedJournalsLeadToTheSame(t *testing.T) {
	for _, name := range recordedJournals(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openRecorded(t, name)
			starts := []uint64{}
			shots, err := s.Snapshots(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, shot := range shots {
				starts = append(starts, shot.Seq)
			}
			if first, err := s.Begins(t.Context()); err != nil || first == 1 {
				starts = append(starts, 0)
			}
			slices.Sort(starts)
			got := make([]decided, 0, len(starts))
			var lines []Redecision
			for _, from := range starts {
				d, all := decide(t, s, from)
				got = append(got, d)
				if len(all) > len(lines) {
					lines = all
				}
			}
			if *rewrite {
				writeDecided(t, name, got)
				return
			}
			want := readDecided(t, name)
			if len(got) != len(want) {
				t.Fatalf("there are %d points to begin from, not %d", len(got), len(want))
			}
			for i := range want {
				compareDecided(t, lines, want[i], got[i])
			}
		})
	}
}

// compareDecided reports what leads to something else; lines are the journal's from its beginning.
func compareDecided(t *testing.T, lines []Redecision, want, got decided) {
	t.Helper()
	if got.From != want.From || len(got.Traces) != len(want.Traces) {
		t.Fatalf("from line %d there are %d lines; recorded were %d from line %d", got.From, len(got.Traces), len(want.Traces), want.From)
	}
	bad := 0
	for i := range want.Traces {
		if got.Traces[i] == want.Traces[i] {
			continue
		}
		if bad++; bad > 3 {
			continue
		}
		at := len(lines) - len(want.Traces) + i
		text, _ := json.Marshal(lines[at].Events)
		t.Errorf("from line %d: line %d (%s, %v) leads to other events, %s instead of %s: %s", got.From, lines[at].Seq, lines[at].Kind, lines[at].At, got.Traces[i], want.Traces[i], text)
	}
	if bad > 3 {
		t.Errorf("from line %d: %d lines in all lead to other events", got.From, bad)
	}
	for _, x := range lacks("state", tree(t, reread(t, want.State)), tree(t, got.State), nil) {
		t.Errorf("from line %d: %s", got.From, x)
	}
}

// reread is a state as the version that runs writes it after it has read it as an earlier one wrote it.
func reread(t *testing.T, text []byte) []byte {
	t.Helper()
	var state engine.State
	if err := json.Unmarshal(text, &state); err != nil {
		t.Fatal(err)
	}
	e, err := engine.FromState(state)
	if err != nil {
		t.Fatal(err)
	}
	return stateText(t, e)
}

// stateText is an engine's state without its metrics.
func stateText(t *testing.T, e *engine.Engine) []byte {
	t.Helper()
	text, err := json.Marshal(e.State().WithoutMetrics())
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func tree(t *testing.T, text []byte) (v any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// made are members that are made up where a state of a version that did not know them is read: fleets are numbered in another order than
// they were made in.
var made = []string{"Generation", "Newest"}

// lacks appends where a JSON value does not have what another has. It may have more: members that the version which wrote the other did
// not know.
func lacks(path string, want, got any, out []string) []string {
	switch want := want.(type) {
	case map[string]any:
		has, ok := got.(map[string]any)
		if !ok {
			return append(out, fmt.Sprintf("%s is %v, not an object", path, got))
		}
		for _, name := range slices.Sorted(maps.Keys(want)) {
			if slices.Contains(made, name) {
				continue
			}
			if _, found := has[name]; !found && want[name] != nil {
				out = append(out, fmt.Sprintf("%s.%s is not there", path, name))
				continue
			}
			out = lacks(path+"."+name, want[name], has[name], out)
		}
		return out
	case []any:
		has, ok := got.([]any)
		if !ok || len(has) != len(want) {
			return append(out, fmt.Sprintf("%s is %v, not %v", path, got, want))
		}
		for i := range want {
			out = lacks(fmt.Sprintf("%s[%d]", path, i), want[i], has[i], out)
		}
		return out
	default:
		if !reflect.DeepEqual(want, got) {
			out = append(out, fmt.Sprintf("%s is %v, not %v", path, got, want))
		}
		return out
	}
}

func TestLacks(t *testing.T) {
	for _, c := range []struct {
		want, got string
		n         int
	}{
		{`{"a":1}`, `{"a":1,"b":2}`, 0},
		{`{"a":1,"b":null}`, `{"a":1}`, 0},
		{`{"a":1}`, `{"a":2}`, 1},
		{`{"a":{"b":[1,{"c":"x"}]}}`, `{"a":{"b":[1,{"c":"y"}]}}`, 1},
		{`{"a":[1,2]}`, `{"a":[1]}`, 1},
		{`{"a":1,"b":2}`, `{}`, 2},
		{`{"a":{}}`, `{"a":[]}`, 1},
		{`{"a":[]}`, `{"a":null}`, 1},
	} {
		if out := lacks("x", tree(t, []byte(c.want)), tree(t, []byte(c.got)), nil); len(out) != c.n {
			t.Errorf("%s against %s: %q", c.want, c.got, out)
		}
	}
}

// decide takes the engine through a journal, from a snapshot or from its beginning.
func decide(t *testing.T, s log.Store, from uint64) (decided, []Redecision) {
	t.Helper()
	config, err := StoredConfig(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	e := engine.New(config)
	if from > 0 {
		e = fromSnapshot(t, s, from)
	}
	d := decided{From: from}
	var lines []Redecision
	if err := Redecide(t.Context(), s, e, from, time.Time{}, func(x Redecision) error {
		d.Traces, lines = append(d.Traces, x.Now), append(lines, x)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	d.State = stateText(t, e)
	return d, lines
}

func fromSnapshot(t *testing.T, s log.Store, seq uint64) *engine.Engine {
	t.Helper()
	text, err := s.Snapshot(t.Context(), seq)
	if err != nil {
		t.Fatal(err)
	}
	var state engine.State
	if err := json.Unmarshal(text, &state); err != nil {
		t.Fatal(err)
	}
	e, err := engine.FromState(state)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// What a past version recorded decides the same in whole and from each snapshot: the newest format's journal agrees with itself, but for
// the two lines that no version can take.
func TestRecordedJournalAgreesWithItself(t *testing.T) {
	s := openRecorded(t, "2026-11-27")
	_, lines := decide(t, s, 0)
	disagreed := 0
	for _, x := range lines {
		if x.Skipped == nil && !x.Agrees() {
			t.Errorf("line %d (%s): %s, recorded %s", x.Seq, x.Kind, x.Now, x.Then)
		}
		if x.Skipped != nil {
			disagreed++
		}
	}
	if disagreed != 2 {
		t.Errorf("%d lines are set aside", disagreed)
	}
}

// A server starts on the data directory of each past version, knows what is set aside and what waits for delivery, explains moments of the
// past, and goes on.
func TestServersStartOnRecordedJournals(t *testing.T) {
	for _, name := range recordedJournals(t) {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			unpack(t, filepath.Join(recorded, name+".db.gz"), filepath.Join(dir, sqlite.FileName))
			want := readDecided(t, name)
			for life := range 2 {
				s, err := sqlite.Open(t.Context(), dir)
				if err != nil {
					t.Fatal(err)
				}
				c, err := New(t.Context(), Options{Store: s, Speed: 1, Log: slog.New(slog.DiscardHandler), Release: func(engine.Effects) {}})
				if err != nil {
					t.Fatal(err)
				}
				if life == 0 {
					for _, x := range lacks("state", tree(t, reread(t, want[len(want)-1].State)), tree(t, stateText(t, c.engine)), nil) {
						t.Error(x)
					}
					pastMoments(t, s, name == "2026-11-27") // the decisions of earlier versions differ
				}
				in := engine.CreateModel{Scope: scope, Model: hosting.Model{Name: fmt.Sprint("life-", life)}}
				if err := c.batch(t.Context(), []*order{{in: in, answered: make(chan struct{})}}); err != nil {
					t.Fatal(err)
				}
				if n := len(c.engine.Region(scope).Hosting.Models); n < 1+life {
					t.Errorf("life %d: %d models", life, n)
				}
				if life == 0 {
					if err := c.follower.snapshot(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// pastMoments looks at moments of the archive: where decisions are alike, the journal gives the same alarms, targets and endpoints.
func pastMoments(t *testing.T, s log.Store, alike bool) {
	t.Helper()
	reach, err := s.Reach(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if reach.From.IsZero() {
		return // the version kept none
	}
	seen := 0
	from := later(reach.From, reach.Until.Add(-80*time.Minute)) // policy time began long after the first server did
	for at := from.Add(time.Minute); at.Before(reach.Until); at = at.Add(max(reach.Until.Sub(from)/7, time.Second)) {
		p, err := PastAt(t.Context(), s, nil, at)
		if err != nil {
			t.Errorf("%v: %v", at, err)
			continue
		}
		config, err := StoredConfig(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		e, seq, err := Load(t.Context(), s, config, at)
		if err != nil {
			t.Fatal(err)
		}
		if err := Redecide(t.Context(), s, e, seq, at, func(Redecision) error { return nil }); err != nil {
			t.Fatal(err)
		}
		if was, is := standing(t, e), standing(t, p.Engine); alike && was != is {
			t.Errorf("%v: (-journal +archive)\n%s", at, cmp.Diff(was, is))
		}
		seen++
	}
	if seen < 5 {
		t.Errorf("only %d moments were looked at", seen)
	}
}

// standing is what explanations rest on: the states of alarms that invoke policies, ranges, capacities.
func standing(t *testing.T, e *engine.Engine) string {
	t.Helper()
	var b strings.Builder
	for _, r := range e.State().Regions {
		region := e.Region(r.Scope)
		for _, name := range slices.Sorted(maps.Keys(r.Alarms)) {
			if a := r.Alarms[name]; slices.ContainsFunc(a.Actions, func(x alarm.Action) bool { return x.Policy != "" }) {
				fmt.Fprintln(&b, name, a.State)
			}
		}
		for _, x := range region.Targets.Sorted() {
			fmt.Fprintln(&b, x.Key, x.Min, x.Max)
		}
		for _, name := range slices.Sorted(maps.Keys(region.Hosting.Endpoints)) {
			x := region.Hosting.Endpoints[name]
			fmt.Fprintln(&b, name, x.Status, x.Config)
			for _, v := range x.Variants {
				fmt.Fprintln(&b, v.Config.Name, v.Desired, v.Current(), v.CurrentWeight)
			}
		}
	}
	return b.String()
}

// What waited for its delivery and what was set aside when a past version ended is there for the next.
func TestRecordedMessagesAndRefusalsAreKept(t *testing.T) {
	s := openRecorded(t, "2026-11-27")
	topics, err := s.Topics(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	const topic = "arn:aws:sns:us-east-1:123456789012:ops"
	if topics[topic] < 3 {
		t.Fatalf("waiting: %v", topics)
	}
	m, ok, err := s.FirstMessage(t.Context(), topic)
	if err != nil || !ok {
		t.Fatalf("no message of the topic: %v", err)
	}
	e, err := DecodeEvent(m.Kind, m.Data)
	if err != nil {
		t.Fatal(err)
	}
	if x, ok := e.(engine.AlarmNotifies); !ok || x.Action.ARN != topic || x.Alarm.Name == "" || x.Transition.To == 0 {
		t.Errorf("the message is %+v", e)
	}
}

// Every event of the recorded histories decodes, in every table.
func TestRecordedHistoriesDecode(t *testing.T) {
	for _, name := range recordedJournals(t) {
		s := openRecorded(t, name)
		seen := map[string]int{}
		for _, table := range []string{"activity", "group", "decision", "alarm", "endpoint"} {
			for _, sc := range []engine.Scope{scope, west, other} {
				for q := (log.EventQuery{Table: table, Scope: engine.ScopeName(sc), Limit: 500}); ; {
					rows, next, err := s.Query(t.Context(), q)
					if err != nil {
						t.Fatal(err)
					}
					for _, row := range rows {
						e, err := DecodeEvent(row.Kind, row.Data)
						if err != nil {
							t.Fatalf("%s: %s: %v", name, table, err)
						}
						again, err := json.Marshal(e)
						if err != nil {
							t.Fatal(err)
						}
						for _, x := range lacks(row.Kind, tree(t, row.Data), tree(t, again), nil) {
							t.Errorf("%s: %s", name, x)
						}
						seen[row.Kind]++
					}
					if q.Token = next; next == "" {
						break
					}
				}
			}
		}
		if len(seen) < 4 {
			t.Errorf("%s: only %v", name, seen)
		}
	}
}

// stepRecorded is an input of a scenario, and the trace of what it led to.
type stepRecorded struct {
	Scenario string          `json:",omitempty"` // begins another
	After    time.Duration   `json:",omitempty"` // the input before
	Kind     string          `json:",omitempty"`
	Input    json.RawMessage `json:",omitempty"`
	Trace    string          `json:",omitempty"`
}

// began is when a recorded scenario begins.
var scenarioBegan = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// The inputs of every scenario, as a past version took and encoded them, decode and lead to the same events, and do so as well where the
// engine is written down and read again on the way.
func TestRecordedScenariosLeadToTheSame(t *testing.T) {
	f, err := os.Open(filepath.Join(recorded, "scenarios-2026-11-27.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(z)
	lines.Buffer(nil, 16<<20)
	var name string
	var e *engine.Engine
	now, scenarios, n, failed := time.Time{}, 0, 0, false
	for lines.Scan() {
		var x stepRecorded
		if err := json.Unmarshal(lines.Bytes(), &x); err != nil {
			t.Fatal(err)
		}
		if x.Scenario != "" {
			name, e, now, failed = x.Scenario, engine.New(engine.Config{Seed: 1, MetricRetention: 3 * time.Hour}), scenarioBegan, false
			scenarios++
			continue
		}
		if failed || raced && scenarios%3 != 0 { // nothing here is concurrent
			continue
		}
		now = now.Add(x.After)
		v, err := decode(inputTypes, x.Kind, x.Input)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if n++; n%1499 == 0 {
			e = restarted(t, e)
		}
		out, err := e.Step(now, v.(engine.Input))
		if err != nil {
			t.Errorf("%s, %v: %s is refused now: %v", name, now.Sub(scenarioBegan), x.Kind, err)
			failed = true
			continue
		}
		encoded, err := encodePast(out.Events)
		if err != nil {
			t.Fatal(err)
		}
		if trace(encoded) != x.Trace {
			text, _ := json.Marshal(out.Events)
			t.Errorf("%s, %v: %s leads to other events now: %s", name, now.Sub(scenarioBegan), x.Kind, text)
			failed = true
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	if scenarios < 250 || n < 20_000 && !raced {
		t.Errorf("only %d scenarios with %d inputs were found", scenarios, n)
	}
}

// restarted is an engine as it is after a restart.
func restarted(t *testing.T, e *engine.Engine) *engine.Engine {
	t.Helper()
	text, err := json.Marshal(e.State())
	if err != nil {
		t.Fatal(err)
	}
	var state engine.State
	if err := json.Unmarshal(text, &state); err != nil {
		t.Fatal(err)
	}
	again, err := engine.FromState(state)
	if err != nil {
		t.Fatal(err)
	}
	return again
}

// recordedJournals are the names of what past versions recorded.
func recordedJournals(t *testing.T) (names []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(recorded, "*.db.gz"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		names = append(names, strings.TrimSuffix(filepath.Base(f), ".db.gz"))
	}
	if len(names) < 4 {
		t.Fatalf("only %q are there", names)
	}
	return names
}

// openRecorded opens a copy of what a past version recorded.
func openRecorded(t *testing.T, name string) log.Store {
	t.Helper()
	dir := t.TempDir()
	unpack(t, filepath.Join(recorded, name+".db.gz"), filepath.Join(dir, sqlite.FileName))
	s, err := sqlite.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func readDecided(t *testing.T, name string) (out []decided) {
	t.Helper()
	if err := json.Unmarshal(unzipped(t, filepath.Join(recorded, name+".decided.gz")), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func writeDecided(t *testing.T, name string, all []decided) {
	t.Helper()
	text, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := z.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(z.Close(), os.WriteFile(filepath.Join(recorded, name+".decided.gz"), b.Bytes(), 0o644)); err != nil {
		t.Fatal(err)
	}
}

// unpack writes a compressed file's content into another.
func unpack(t *testing.T, from, to string) {
	t.Helper()
	if err := os.WriteFile(to, unzipped(t, from), 0o600); err != nil {
		t.Fatal(err)
	}
}

func unzipped(t *testing.T, path string) []byte {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
