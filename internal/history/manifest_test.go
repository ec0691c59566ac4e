package history

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/metric/expr"
)

// restart opens the history again, and returns what is reported and logged.
func (l *life) restart() (damage, logged string) {
	l.t.Helper()
	l.h.close()
	var text strings.Builder
	l.config.Log = slog.New(slog.NewTextHandler(&text, nil))
	l.begin()
	return strings.Join(l.h.Status().Damage, "\n"), text.String()
}

// clone returns a history that continues from a copy of a closed one, with its own engine.
func (l *life) clone(t *testing.T) *life {
	t.Helper()
	e, err := engine.FromState(l.engine.State())
	if err != nil {
		t.Fatal(err)
	}
	next := &life{t: t, dir: filepath.Join(t.TempDir(), "h"), now: l.now, engine: e, config: l.config}
	text, err := os.ReadFile(manifestPath(l.dir))
	if err = errors.Join(err, os.CopyFS(next.dir, os.DirFS(l.dir)), os.WriteFile(manifestPath(next.dir), text, 0o600)); err != nil {
		t.Fatal(err)
	}
	next.begin()
	return next
}

// someBlock returns the folder of the newest block of a tier.
func (l *life) someBlock(i int) string {
	l.t.Helper()
	blocks := l.h.tiers[i].db.Blocks()
	if len(blocks) == 0 {
		l.t.Fatalf("tier %d has no blocks", i)
	}
	return blocks[len(blocks)-1].Dir()
}

// someSegment returns the last segment of a tier's log, and the folder.
func someSegment(t *testing.T, tier string) (segment, log string) {
	t.Helper()
	log = filepath.Join(tier, "wal")
	r, err := logOf(log)
	if err != nil || r.Last < 0 {
		t.Fatal(r, err)
	}
	entries, err := os.ReadDir(log)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !e.IsDir() {
			segment = filepath.Join(log, e.Name())
		}
	}
	return segment, log
}

// answers checks that a query of the whole range is answered.
func (l *life) answers(first time.Time) {
	l.t.Helper()
	for at := first; at.Before(l.now); at = at.Add(5 * time.Minute) {
		l.sum(at, 5*time.Minute)
	}
}

// fails reports whether a query of the range fails.
func (l *life) fails(first time.Time) (failed bool) {
	for at := first; at.Before(l.now); at = at.Add(5 * time.Minute) {
		q := metric.Query{Statistic: metric.Statistic{Kind: metric.Sum}, Period: 5 * time.Minute, From: at, Periods: 1}
		if err := l.h.Metrics(context.Background(), home, func(_ time.Time, s expr.Source) { s.Datapoints(metric.NewID("N", "m"), q, nil) }); err != nil {
			failed = true
		}
	}
	return failed
}

func change(path string, f func([]byte) []byte) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return os.WriteFile(path, f(text), 0o600)
}

// What is missing or damaged is reported by name and range, once, and the rest is used.
func TestMissingHistoryIsReported(t *testing.T) {
	base, first := rolling(t)
	other, _ := rolling(t)
	base.h.close()
	other.h.close()
	chunk := func(block string) string { return filepath.Join(block, "chunks", "000001") }
	for _, c := range []struct {
		name string
		lose func(t *testing.T, tier, block string) error
		want string // BLOCK and TIER stand for paths
	}{
		{"a block", func(_ *testing.T, _, block string) error { return os.RemoveAll(block) }, "BLOCK is missing: datapoints of 60 s from 2026-11-24 1"},
		{"a file of chunks", func(_ *testing.T, _, block string) error { return os.Remove(chunk(block)) },
			"BLOCK is damaged, with datapoints of 60 s from 2026-11-24 1"},
		{"the end of a file of chunks", func(_ *testing.T, _, block string) error { return os.Truncate(chunk(block), 20) }, "its file chunks/000001 has 20 bytes, not "},
		{"all files of chunks", func(_ *testing.T, _, block string) error { return os.RemoveAll(filepath.Join(block, "chunks")) }, "its file chunks/000001 is missing"},
		{"an index", func(_ *testing.T, _, block string) error { return os.Truncate(filepath.Join(block, "index"), 10) }, "its file index has 10 bytes, not "},
		{"a meta file", func(_ *testing.T, _, block string) error { return os.Remove(filepath.Join(block, "meta.json")) }, "BLOCK is damaged"},
		{"the log", func(_ *testing.T, tier, _ string) error { return os.RemoveAll(filepath.Join(tier, "wal")) }, "TIER/wal is missing: datapoints of 60 s from 2026-11-24 1"},
		{"a segment of the log", func(t *testing.T, tier, _ string) error {
			segment, _ := someSegment(t, tier)
			return os.Remove(segment)
		}, "TIER/wal lacks files (segments "},
		{"the log of late samples", func(_ *testing.T, tier, _ string) error { return os.RemoveAll(filepath.Join(tier, "wbl")) }, "TIER/wbl is missing: late datapoints of 60 s"},
		{"a tier", func(_ *testing.T, tier, _ string) error { return os.RemoveAll(tier) }, "TIER is missing: the datapoints of 60 s from 2026-11-24 1"},
		{"everything", func(_ *testing.T, tier, _ string) error { return os.RemoveAll(filepath.Dir(tier)) }, "TIER is missing: the datapoints of 60 s from 2026-11-24 1"},
		{"another's tier", func(_ *testing.T, tier, _ string) error {
			return errors.Join(os.RemoveAll(tier), os.CopyFS(tier, os.DirFS(other.h.tiers[1].dir)))
		}, "TIER is damaged: it belongs to another metric history. It is set aside as TIER.damaged-"},
		{"the manifest's content", func(_ *testing.T, tier, _ string) error {
			return change(manifestPath(filepath.Dir(tier)), func(b []byte) []byte { return []byte(strings.Replace(string(b), "60s", "61s", 1)) })
		}, ".json is damaged: it is not as it was written"},
		{"the manifest's end", func(_ *testing.T, tier, _ string) error { return os.Truncate(manifestPath(filepath.Dir(tier)), 50) }, ".json is damaged"},
		{"the state", func(_ *testing.T, tier, _ string) error {
			return os.Remove(filepath.Join(filepath.Dir(tier), stateFile))
		}, ""}, // it is rebuilt
	} {
		t.Run(c.name, func(t *testing.T) {
			l := base.clone(t)
			defer func() { l.h.close() }()
			tier, block := l.h.tiers[1].dir, l.someBlock(1)
			l.h.close()
			if err := c.lose(t, tier, block); err != nil {
				t.Fatal(err)
			}
			want := strings.NewReplacer("BLOCK", block, "TIER", tier).Replace(c.want)
			damage, logged := l.restart()
			if !strings.Contains(damage, want) || (damage == "") != (want == "") {
				t.Errorf("it reports %q, want %q", damage, want)
			}
			if n := strings.Count(logged, "metric history is missing or damaged; the rest is used"); want != "" && n < 1 || n != len(l.h.Status().Damage) {
				t.Errorf("it logs %s", logged)
			}
			l.answers(first)
			l.put(0, time.Minute, 1)
			at := l.now
			l.pass(time.Minute)
			l.wantSum(at, time.Minute, 1)
			if damage, _ := l.restart(); damage != "" {
				t.Errorf("it is reported again: %q", damage)
			}
			l.answers(first)
			if c.name == "the state" {
				l.wantAll(first)
			}
		})
	}
}

// The history of an earlier version, without a manifest, starts silently and gets one; its blocks are checked all the same.
func TestHistoryWithoutAManifest(t *testing.T) {
	l, first := rolling(t)
	defer func() { l.h.close() }()
	path := manifestPath(l.dir)
	earlier := func() {
		t.Helper()
		l.h.close()
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		for _, tier := range l.h.tiers {
			if err := os.Remove(filepath.Join(tier.dir, identityFile)); err != nil && tier.exists() {
				t.Fatal(err)
			}
		}
	}
	earlier()
	if damage, _ := l.restart(); damage != "" {
		t.Errorf("it reports %q", damage)
	}
	m, err := readManifest(l.dir)
	if err != nil || len(m.Tiers["60s"].Blocks) != len(l.h.tiers[1].db.Blocks()) {
		t.Errorf("the manifest is %+v, %v", m, err)
	}
	l.wantAll(first)
	block := l.someBlock(1)
	earlier()
	if err := os.Remove(filepath.Join(block, "chunks", "000001")); err != nil {
		t.Fatal(err)
	}
	if damage, _ := l.restart(); !strings.Contains(damage, block+" is damaged: its file chunks/000001 is missing") {
		t.Errorf("it reports %q", damage)
	}
	l.answers(first)
}

// A manifest that is one step behind, as after a crash, is no reason to report anything: neither for new and merged blocks, nor for those that
// were about to be deleted.
func TestAManifestThatIsBehind(t *testing.T) {
	l := newLife(t, filepath.Join(t.TempDir(), "h"), Options{})
	defer func() { l.h.close() }()
	l.put(0, time.Minute, 1)
	l.pass(10 * time.Minute)
	tier := l.h.tiers[1]
	names := func() map[string]bool {
		out := map[string]bool{}
		for _, b := range tier.db.Blocks() {
			out[b.Meta().ULID.String()] = true
		}
		return out
	}
	read := func() []byte {
		t.Helper()
		text, err := os.ReadFile(manifestPath(l.dir))
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	opens := func(manifest []byte) {
		t.Helper()
		next := &life{t: t, dir: copied(t, l.dir), now: l.now, engine: l.engine, config: l.config}
		if err := os.WriteFile(manifestPath(next.dir), manifest, 0o600); err != nil {
			t.Fatal(err)
		}
		next.begin()
		defer next.h.close()
		if damage := next.h.Status().Damage; len(damage) > 0 {
			t.Fatalf("it reports %q", damage)
		}
	}
	merged, dropped := false, false
	for i := 0; i < 30 && !dropped; i++ {
		behind, before := read(), names()
		tier.drop = func(names map[string]bool) error {
			err := l.h.note(names)
			behind = read() // as it is on disk while blocks are deleted
			return err
		}
		if merged {
			tier.bytesMax = 1 // blocks are dropped early
		}
		l.put(0, time.Minute, 1)
		tier.maintained = time.Time{}
		l.pass(70 * time.Minute)
		gone := 0
		for name := range before {
			if !names()[name] {
				gone++
			}
		}
		if gone > 0 {
			opens(behind)
			merged, dropped = true, merged && len(names()) == 0
		}
	}
	if !merged || !dropped {
		t.Errorf("blocks were merged: %v, dropped: %v", merged, dropped)
	}
}

// Damage that only a read notices makes queries fail once; then the block is set aside.
func TestDamageWithinAFileIsHealed(t *testing.T) {
	base, first := rolling(t)
	base.h.close()
	for name, file := range map[string]string{"chunks": "chunks/000001", "index": "index"} {
		t.Run(name, func(t *testing.T) {
			l := base.clone(t)
			defer func() { l.h.close() }()
			block := l.someBlock(1)
			l.h.close()
			if err := change(filepath.Join(block, file), func(b []byte) []byte {
				for i := len(b) / 4; i < len(b)*3/4; i++ {
					b[i] ^= 0x55
				}
				return b
			}); err != nil {
				t.Fatal(err)
			}
			damage, _ := l.restart() // of an index, opening may notice it
			failed := l.fails(first)
			if !failed && damage == "" {
				t.Fatal("no query noticed the damage")
			}
			if err := l.h.heal(); err != nil {
				t.Fatal(err)
			}
			if damage := strings.Join(l.h.Status().Damage, "\n"); !strings.Contains(damage, block+" is damaged, with datapoints of 60 s from ") {
				t.Errorf("it reports %q", damage)
			}
			l.answers(first)
			if l.h.tiers[1].unread.Load() {
				t.Error("the tier is still suspected")
			}
		})
	}
}
