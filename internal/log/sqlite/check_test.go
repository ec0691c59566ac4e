package sqlite

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"bellows.dev/bellows/internal/log"
)

var someTime = time.Date(2026, 11, 27, 10, 0, 0, 0, time.UTC)

// filledStore has three lines and is closed.
func filledStore(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	s, err := Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	for seq := uint64(1); seq <= 3; seq++ {
		e := log.Entry{Seq: seq, At: someTime, Kind: "K", Data: []byte(`{"Max":4}`)}
		if seq == 2 {
			e.Events = []log.Event{{Kind: "E", Data: []byte("{}")}}
		}
		if err := s.Append(t.Context(), log.Batch{Entries: []log.Entry{e}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

func edit(t *testing.T, dir, text string) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, FileName))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), text); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// A line that was edited, in whatever column, is refused with its number and what to do; lines of an earlier version have no checksum and
// are taken, but none after one that has.
func TestEditedLinesAreRefused(t *testing.T) {
	for text, line := range map[string]uint64{
		`UPDATE journal SET data = '{"Max":9}' WHERE seq = 2`:     2,
		`UPDATE journal SET kind = 'L' WHERE seq = 3`:             3,
		`UPDATE journal SET at = at + 1 WHERE seq = 1`:            1,
		`UPDATE journal SET events = x'014b027b7d' WHERE seq = 3`: 3,
		`UPDATE journal SET events = NULL WHERE seq = 2`:          2,
		`UPDATE journal SET sum = NULL WHERE seq = 3`:             3,
		`UPDATE journal SET sum = NULL WHERE seq < 3`:             0,
		`ALTER TABLE journal DROP COLUMN sum`:                     0,
	} {
		dir := filledStore(t)
		edit(t, dir, text)
		s, err := OpenReadOnly(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		err = s.Read(t.Context(), 0, func(log.Entry) error { return nil })
		var damaged *log.DamagedLineError
		switch {
		case line == 0 && err != nil, line > 0 && (!errors.As(err, &damaged) || damaged.Seq != line || !strings.Contains(err.Error(), "backup")):
			t.Errorf("%s: %v, want line %d", text, err, line)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// A journal of an earlier version goes on, with checksums from then on.
func TestChecksumsAreAdded(t *testing.T) {
	dir := filledStore(t)
	edit(t, dir, `ALTER TABLE journal DROP COLUMN sum`)
	s, err := Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Append(t.Context(), log.Batch{Entries: []log.Entry{{Seq: 4, At: someTime, Kind: "K", Data: []byte("{}")}}}); err != nil {
		t.Fatal(err)
	}
	n := 0
	if err := s.Read(t.Context(), 0, func(log.Entry) error { n++; return nil }); err != nil || n != 4 {
		t.Errorf("%d lines, %v", n, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// If a server has run before, a missing or empty database is not recreated.
func TestNoSilentFreshStart(t *testing.T) {
	for _, beside := range []string{FileName + "-wal", "fleet/instances/i-1.json", "history/rolled.json"} {
		for _, empty := range []bool{false, true} {
			dir := t.TempDir()
			path := filepath.Join(dir, beside)
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
				t.Fatal(err)
			}
			if empty {
				if err := os.WriteFile(filepath.Join(dir, FileName), nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			s, err := Open(t.Context(), dir)
			if err == nil {
				t.Errorf("a fresh start beside %s", beside)
				_ = s.Close()
			} else if !strings.Contains(err.Error(), "Restore "+FileName) {
				t.Errorf("beside %s: %v", beside, err)
			}
			if _, err := os.Stat(path); err != nil {
				t.Error(err)
			}
		}
	}
}

// A row of the history that was edited is left out and reported once with its number; those of an earlier version have no checksum and are taken.
func TestEditedHistoryIsLeftOut(t *testing.T) {
	for text, fails := range map[string]bool{
		`UPDATE history SET data = '{"Capacity":9}'`: true,
		`UPDATE history SET at = at + 1`:             true,
		`UPDATE history SET key = 'other'`:           true,
		`UPDATE history SET ident = 'other'`:         true,
		`UPDATE history SET type = 'other'`:          true,
		`UPDATE history SET sum = NULL`:              false,
		`ALTER TABLE history DROP COLUMN sum`:        false,
		`UPDATE history SET id = 7`:                  false,
	} {
		where := " WHERE id = 1"
		if strings.HasPrefix(text, "ALTER") || strings.Contains(text, "NULL") {
			where = ""
		}
		dir := t.TempDir()
		s := open(t, dir)
		row := log.EventRecord{At: someTime, Scope: "s", Table: "activity", Key: "k", Type: "t", ID: "i", Kind: "x", Data: []byte(`{"Capacity":4}`)}
		for range 2 { // the second replaces the first
			if err := s.Append(t.Context(), log.Batch{Events: []log.EventRecord{row}}); err != nil {
				t.Fatal(err)
			}
			row.Data = []byte(`{"Capacity":5}`)
		}
		for n := range 3 { // before, at and after it
			intact := log.EventRecord{At: someTime.Add(time.Duration(n-1) * time.Second), Scope: "s", Table: "activity", Key: "intact", Kind: "x", Data: []byte("{}")}
			if err := s.Append(t.Context(), log.Batch{Events: []log.EventRecord{intact}}); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		edit(t, dir, text+where)
		r, err := OpenReadOnly(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		var reported []log.DamagedRowError
		r.ReportDamage(func(e *log.DamagedRowError) { reported = append(reported, *e) })
		for _, limit := range []int{1, 2, 9} {
			var all []string
			q := log.EventQuery{Table: "activity", Scope: "s", Limit: limit}
			for more := true; more; more = q.Token != "" {
				var rows []log.EventRecord
				if rows, q.Token, err = r.Query(t.Context(), q); err != nil {
					t.Fatalf("%s: %v", text, err)
				}
				for _, h := range rows {
					all = append(all, string(h.Data))
				}
			}
			slices.Sort(all)
			want := []string{"{}", "{}", "{}"}
			if !fails {
				want = []string{`{"Capacity":5}`, "{}", "{}", "{}"}
			}
			if !slices.Equal(all, want) {
				t.Errorf("%s: pages of %d have %q", text, limit, all)
			}
		}
		if fails != slices.Equal(reported, []log.DamagedRowError{{Table: "activity", ID: 1}}) || !fails && len(reported) > 0 {
			t.Errorf("%s: reported %v", text, reported)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}
