// Package logtest is the conformance suite of the backends of a log: whatever a backend stores its data in, a server relies on what is tested
// here. A new backend calls Run in a test of its own.
package logtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"bellows.dev/bellows/internal/log"
)

// Open opens the log that a name stands for, empty at first; closed and opened again under the same name it has what was committed. One name is
// not opened twice at once.
type Open func(t testing.TB, name string) log.Store

// Run runs the suite.
func Run(t *testing.T, open Open) {
	for _, x := range []struct {
		name string
		test func(t *testing.T, open Open)
	}{
		{"entries come back as they were appended", roundTrip},
		{"a batch is appended whole or not at all", atomicity},
		{"an older epoch is refused", fencing},
		{"a subscriber gets what is stored and then what comes", subscription},
		{"a subscriber gets each entry soon", latency},
		{"a slow subscriber delays nobody", slowSubscriber},
		{"many slow subscribers delay nobody", slowSubscribers},
		{"a subscriber that is too far behind gets an error", trimmed},
		{"subscriptions end", subscriptionsEnd},
		{"messages stay until they are removed", outbox},
		{"the history is read in pages", historyPages},
		{"a later row of an identity replaces the earlier", historyReplaces},
		{"the newest two snapshots are kept", snapshots},
		{"the archive leads to a moment", archiveMoments},
		{"the archive forgets what is old, and what is too much", archiveTrims},
		{"starts show when no server ran", starts},
		{"settings are kept", settings},
		{"what is set aside is kept once", quarantine},
	} {
		t.Run(x.name, func(t *testing.T) { x.test(t, open) })
	}
}

// noon is when everything happens.
var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// entry is an entry that its sequence number gives; each third one has events.
func entry(seq uint64) log.Entry {
	e := log.Entry{Seq: seq, At: noon.Add(time.Duration(seq) * time.Second), Kind: "Tick", Data: fmt.Appendf(nil, `{"n":%d}`, seq)}
	if seq%3 == 0 {
		e.Events = []log.Event{{Kind: "A", Data: fmt.Appendf(nil, `{"of":%d}`, seq)}, {Kind: "B", Data: []byte(`{}`)}}
	}
	return e
}

func same(a, b log.Entry) bool {
	return a.Seq == b.Seq && a.At.Equal(b.At) && a.Kind == b.Kind && string(a.Data) == string(b.Data) &&
		slices.EqualFunc(a.Events, b.Events, func(a, b log.Event) bool { return a.Kind == b.Kind && string(a.Data) == string(b.Data) })
}

// lead opens an empty log and takes it over.
func lead(t *testing.T, open Open) (s log.Store, epoch uint64) {
	t.Helper()
	s = open(t, "log")
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	epoch, err := s.Lead(t.Context(), log.Start{At: noon, After: noon})
	if err != nil {
		t.Fatal(err)
	}
	return s, epoch
}

// fill appends entries, each by itself.
func fill(t *testing.T, s log.Store, epoch, first, last uint64) {
	t.Helper()
	for seq := first; seq <= last; seq++ {
		if err := s.Append(t.Context(), log.Batch{Epoch: epoch, Entries: []log.Entry{entry(seq)}}); err != nil {
			t.Fatal(err)
		}
	}
}

// expect fails where entries are not those from a sequence number on.
func expect(t *testing.T, got []log.Entry, first, last uint64) {
	t.Helper()
	if want := int(last + 1 - first); len(got) != want {
		t.Fatalf("%d entries, want %d", len(got), want)
	}
	for i, e := range got {
		if want := entry(first + uint64(i)); !same(e, want) {
			t.Errorf("entry %d is %+v, want %+v", i, e, want)
		}
	}
}

func read(t *testing.T, s log.Store, after uint64) (out []log.Entry) {
	t.Helper()
	if err := s.Read(t.Context(), after, func(e log.Entry) error { out = append(out, e); return nil }); err != nil {
		t.Fatal(err)
	}
	return out
}

func roundTrip(t *testing.T, open Open) {
	s := open(t, "log")
	epoch, err := s.Lead(t.Context(), log.Start{At: noon, After: noon})
	if err != nil || epoch != 1 {
		t.Fatalf("epoch %d, %v", epoch, err)
	}
	if begins, err := s.Begins(t.Context()); begins != 0 || err != nil {
		t.Errorf("an empty log begins at %d, %v", begins, err)
	}
	fill(t, s, epoch, 1, 4)
	if err := s.Append(t.Context(), log.Batch{Epoch: epoch, Entries: []log.Entry{entry(5), entry(6), entry(7)}}); err != nil {
		t.Fatal(err)
	}
	expect(t, read(t, s, 0), 1, 7)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, "log")
	defer s.Close() //nolint:errcheck // it is only read
	expect(t, read(t, s, 0), 1, 7)
	expect(t, read(t, s, 5), 6, 7)
	expect(t, read(t, s, 7), 8, 7)
	end, err := s.End(t.Context())
	begins, err2 := s.Begins(t.Context())
	if err := errors.Join(err, err2, s.Probe(t.Context())); end != 7 || begins != 1 || err != nil {
		t.Errorf("it has %d to %d, %v", begins, end, err)
	}
	stop := errors.New("stop")
	n := 0
	if err := s.Read(t.Context(), 0, func(log.Entry) error { n++; return stop }); !errors.Is(err, stop) || n != 1 {
		t.Errorf("a reader that stops reads %d, %v", n, err)
	}
}

func atomicity(t *testing.T, open Open) {
	s, epoch := lead(t, open)
	bad := log.Batch{
		Epoch: epoch, Entries: []log.Entry{entry(1), entry(3)}, Outbox: []log.Message{{Topic: "a", Kind: "N", Data: []byte("{}")}},
		Events: []log.EventRecord{activity(1, "")},
	}
	if err := s.Append(t.Context(), bad); err == nil {
		t.Error("entries with a gap are taken")
	}
	if err := s.Append(t.Context(), log.Batch{Epoch: epoch, Entries: []log.Entry{entry(2)}}); err == nil {
		t.Error("an entry that does not follow the last one is taken")
	}
	rows, _, err := s.Query(t.Context(), log.EventQuery{Table: log.TableActivity, Scope: "s", Limit: 9})
	n, err2 := s.Waiting(t.Context(), "a")
	if err := errors.Join(err, err2); len(rows) != 0 || n != 0 || err != nil {
		t.Errorf("a batch that is refused leaves %v and %d messages, %v", rows, n, err)
	}
	expect(t, read(t, s, 0), 1, 0)
	fill(t, s, epoch, 1, 1)
	if err := s.Append(t.Context(), log.Batch{Epoch: epoch, Entries: []log.Entry{entry(1)}}); err == nil {
		t.Error("an entry is taken twice")
	}
}

func fencing(t *testing.T, open Open) {
	s, first := lead(t, open)
	fill(t, s, first, 1, 2)
	second, err := s.Lead(t.Context(), log.Start{At: noon.Add(time.Hour), After: noon})
	if err != nil || second != first+1 {
		t.Fatalf("the epoch after %d is %d, %v", first, second, err)
	}
	if err := s.Append(t.Context(), log.Batch{Epoch: first, Entries: []log.Entry{entry(3)}}); !errors.Is(err, log.ErrFenced) {
		t.Errorf("an append of the older epoch: %v", err)
	}
	expect(t, read(t, s, 0), 1, 2)
	fill(t, s, second, 3, 4)
	expect(t, read(t, s, 0), 1, 4)
	if err := s.Append(t.Context(), log.Batch{Epoch: second + 1, Entries: []log.Entry{entry(5)}}); !errors.Is(err, log.ErrFenced) {
		t.Errorf("an append of an epoch that nobody was given: %v", err)
	}
}

func activity(i int, id string) log.EventRecord {
	return log.EventRecord{
		At: noon.Add(time.Duration(i/2) * time.Second), Scope: "s", Table: log.TableActivity, Key: fmt.Sprint("k", i%2), Type: log.TypeScaled,
		ID: id, Kind: "x", Data: fmt.Appendf(nil, "%d", i),
	}
}

func addActivity(t *testing.T, s log.Store, epoch uint64, i int, id string) {
	t.Helper()
	if err := s.Append(t.Context(), log.Batch{Epoch: epoch, Events: []log.EventRecord{activity(i, id)}}); err != nil {
		t.Fatal(err)
	}
}

func historyPages(t *testing.T, open Open) {
	s, epoch := lead(t, open)
	for i := range 40 {
		addActivity(t, s, epoch, i, fmt.Sprint("id", i))
	}
	var got []string
	q := log.EventQuery{Table: log.TableActivity, Scope: "s", Limit: 7}
	for page := 0; ; page++ {
		rows, next, err := s.Query(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			got = append(got, string(r.Data))
		}
		addActivity(t, s, epoch, 100+page, "") // newer than all: must not show up
		if next == "" {
			break
		}
		q.Token = next
	}
	var want []string
	for i := 39; i >= 0; i-- {
		want = append(want, fmt.Sprint(i))
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v", got)
	}
	if _, _, err := s.Query(t.Context(), log.EventQuery{Table: log.TableActivity, Scope: "s", Token: "x", Limit: 1}); !errors.Is(err, log.ErrToken) {
		t.Errorf("a bad token: %v", err)
	}
	if err := s.Trim(t.Context(), noon.Add(43*24*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if rows, _, err := s.Query(t.Context(), log.EventQuery{Table: log.TableActivity, Scope: "s", Limit: 5}); err != nil || len(rows) != 0 {
		t.Errorf("after six weeks: %v, %v", rows, err)
	}
}

func historyReplaces(t *testing.T, open Open) {
	s, epoch := lead(t, open)
	for i := range 12 {
		addActivity(t, s, epoch, i, fmt.Sprint("id", i))
	}
	again := activity(5, "id5")
	again.Data = []byte("new")
	if err := s.Append(t.Context(), log.Batch{Epoch: epoch, Events: []log.EventRecord{again}}); err != nil {
		t.Fatal(err)
	}
	q := log.EventQuery{Table: log.TableActivity, Scope: "s", Key: "k1", Types: []string{log.TypeScaled}, To: noon.Add(3 * time.Second), Limit: 50, Oldest: true}
	rows, next, err := s.Query(t.Context(), q)
	if err != nil || len(rows) != 3 || string(rows[2].Data) != "new" || rows[2].ID != "id5" || !rows[2].At.Equal(noon.Add(2*time.Second)) || next != "" {
		t.Errorf("%v, %q, %v", rows, next, err)
	}
	rows, _, err = s.Query(t.Context(), log.EventQuery{Table: log.TableActivity, Scope: "s", IDs: []string{"id3", "id9"}, From: noon.Add(2 * time.Second), Limit: 9})
	if err != nil || len(rows) != 1 || rows[0].ID != "id9" {
		t.Errorf("by identity: %v, %v", rows, err)
	}
}

func outbox(t *testing.T, open Open) {
	s := open(t, "log")
	epoch, err := s.Lead(t.Context(), log.Start{At: noon, After: noon})
	if err != nil {
		t.Fatal(err)
	}
	message := func(topic, data string) log.Message { return log.Message{Topic: topic, Kind: "N", Data: []byte(data)} }
	for _, all := range [][]log.Message{{message("a", "1"), message("b", "3")}, {message("a", "2")}} {
		if err := s.Append(t.Context(), log.Batch{Epoch: epoch, Outbox: all}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, "log")
	defer s.Close() //nolint:errcheck // Waiting tells whether removals count
	if topics, err := s.Topics(t.Context()); err != nil || len(topics) != 2 || topics["a"] != 2 || topics["b"] != 1 {
		t.Errorf("topics %v, %v", topics, err)
	}
	last := int64(-1)
	for _, want := range []string{"1", "2", ""} {
		m, ok, err := s.FirstMessage(t.Context(), "a")
		if err != nil || ok != (want != "") || string(m.Data) != want || ok && (m.Topic != "a" || m.Kind != "N" || m.ID <= last) {
			t.Errorf("message %+v, %v, %v; want %q", m, ok, err, want)
		}
		if ok {
			last = m.ID
		}
		for range 2 { // also one that is not there any more
			if err := s.RemoveMessage(t.Context(), m.ID); err != nil {
				t.Error(err)
			}
		}
	}
	if n, err := s.Waiting(t.Context(), "b"); n != 1 || err != nil {
		t.Errorf("%d messages of another topic wait, %v", n, err)
	}
}

func settings(t *testing.T, open Open) {
	s := open(t, "log")
	if _, found, err := s.Meta(t.Context(), "k"); found || err != nil {
		t.Errorf("a setting before it is written: %v, %v", found, err)
	}
	for _, v := range []string{"1", "2"} {
		if err := s.SetMeta(t.Context(), "k", []byte(v)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, "log")
	defer s.Close() //nolint:errcheck // it is only read
	if v, found, err := s.Meta(t.Context(), "k"); string(v) != "2" || !found || err != nil {
		t.Errorf("it is %q, %v, %v", v, found, err)
	}
}

func quarantine(t *testing.T, open Open) {
	s, _ := lead(t, open)
	for i, x := range []struct {
		seq   uint64
		fresh bool
	}{{0, true}, {0, true}, {7, true}, {7, false}, {8, true}} {
		e := entry(x.seq)
		if fresh, err := s.Quarantine(t.Context(), e, "why"); fresh != x.fresh || err != nil {
			t.Errorf("input %d: %v, %v", i, fresh, err)
		}
	}
}

func starts(t *testing.T, open Open) {
	s := open(t, "log")
	defer s.Close() //nolint:errcheck // it is only read in the end
	if began, err := s.Began(t.Context()); err != nil || !began.IsZero() {
		t.Errorf("began %v, %v", began, err)
	}
	for _, x := range [][2]time.Duration{{0, 0}, {time.Hour, 10 * time.Minute}, {5 * time.Hour, 3 * time.Hour}} {
		if _, err := s.Lead(t.Context(), log.Start{At: noon.Add(x[0]), After: noon.Add(x[1])}); err != nil {
			t.Fatal(err)
		}
	}
	for at, want := range map[time.Duration]time.Duration{
		-1: 0, 0: 0, 9 * time.Minute: 0, 11 * time.Minute: time.Hour, time.Hour: 0, 2 * time.Hour: 0, 4 * time.Hour: 5 * time.Hour, 6 * time.Hour: 0,
	} {
		_, until, ok, err := s.Outage(t.Context(), noon.Add(at))
		if err != nil || ok != (want > 0) || ok && !until.Equal(noon.Add(want)) {
			t.Errorf("at %v: until %v, %v, %v; want %v", at, until, ok, err, want)
		}
	}
	if began, err := s.Began(t.Context()); err != nil || !began.Equal(noon) {
		t.Errorf("began %v, %v", began, err)
	}
}

// text writes a state for a test.
func text(parts ...any) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := fmt.Fprint(w, parts...)
		return err
	}
}

func snapshots(t *testing.T, open Open) {
	s, epoch := lead(t, open)
	keep := log.Keep{Journal: noon.Add(time.Hour), ArchiveMax: 1 << 20}
	for seq := uint64(1); seq <= 9; seq++ {
		fill(t, s, epoch, seq, seq)
		if seq%3 == 0 {
			if err := s.SaveSnapshot(t.Context(), log.Snapshot{Seq: seq, At: noon, State: text("state ", seq)}, log.Page{First: 1}, keep); err != nil {
				t.Fatal(err)
			}
		}
	}
	shots, err := s.Snapshots(t.Context())
	if err != nil || len(shots) != 2 || shots[0].Seq != 9 || shots[1].Seq != 6 || !shots[0].At.Equal(noon) {
		t.Fatalf("snapshots %v, %v", shots, err)
	}
	for _, x := range shots {
		if data, err := s.Snapshot(t.Context(), x.Seq); err != nil || string(data) != fmt.Sprint("state ", x.Seq) {
			t.Errorf("snapshot %d: %q, %v", x.Seq, data, err)
		}
	}
	expect(t, read(t, s, 6), 7, 9)
	if begins, err := s.Begins(t.Context()); err != nil || begins != 7 {
		t.Errorf("the journal begins at %d, %v", begins, err)
	}
	beyond := log.Snapshot{Seq: 12, At: noon, State: text("imported")}
	if err := s.SaveSnapshot(t.Context(), beyond, log.Page{First: 1}, keep); err != nil {
		t.Fatal(err)
	}
	if end, err := s.End(t.Context()); err != nil || end != 12 {
		t.Errorf("after a snapshot of entry 12 the journal ends at %d, %v", end, err)
	}
	fill(t, s, epoch, 13, 13)
	failed := errors.New("no state")
	broken := log.Snapshot{Seq: 9, At: noon, State: func(w io.Writer) error {
		_, _ = io.WriteString(w, "torn")
		return failed
	}}
	if err := s.SaveSnapshot(context.WithoutCancel(t.Context()), broken, log.Page{First: 1}, keep); !errors.Is(err, failed) {
		t.Errorf("a snapshot that fails: %v", err)
	}
}
