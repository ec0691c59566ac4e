package store

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
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
		if err := s.Commit(t.Context(), []Input{{Seq: seq, At: someTime, Kind: "K", Data: []byte(`{"Max":4}`)}}, nil); err != nil {
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
		`UPDATE journal SET data = '{"Max":9}' WHERE seq = 2`: 2,
		`UPDATE journal SET kind = 'L' WHERE seq = 3`:         3,
		`UPDATE journal SET at = at + 1 WHERE seq = 1`:        1,
		`UPDATE journal SET sum = NULL WHERE seq = 3`:         3,
		`UPDATE journal SET sum = NULL WHERE seq < 3`:         0,
		`ALTER TABLE journal DROP COLUMN sum`:                 0,
	} {
		dir := filledStore(t)
		edit(t, dir, text)
		s, err := OpenReadOnly(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		err = s.Replay(t.Context(), 0, func(Input) error { return nil })
		var damaged *DamagedLineError
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
	if err := s.Commit(t.Context(), []Input{{Seq: 4, At: someTime, Kind: "K", Data: []byte("{}")}}, nil); err != nil {
		t.Fatal(err)
	}
	n := 0
	if err := s.Replay(t.Context(), 0, func(Input) error { n++; return nil }); err != nil || n != 4 {
		t.Errorf("%d lines, %v", n, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// Where a server has run, a database that is missing or empty is not made anew.
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

// A message is in the outbox from the commit on until it is removed.
func TestOutbox(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Commit(t.Context(), []Input{{Seq: 1, At: someTime, Kind: "K", Data: []byte("{}")}}, []History{
		{Table: OutboxTable, Key: "a", Kind: "N", Data: []byte("1")}, {Table: OutboxTable, Key: "a", Kind: "N", Data: []byte("2")},
		{Table: OutboxTable, Key: "b", Kind: "N", Data: []byte("3")},
	}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = Open(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	if topics, err := s.Topics(t.Context()); err != nil || topics["a"] != 2 || topics["b"] != 1 {
		t.Errorf("topics %v, %v", topics, err)
	}
	for _, want := range []string{"1", "2", ""} {
		m, ok, err := s.FirstMessage(t.Context(), "a")
		if err != nil || ok != (want != "") || string(m.Data) != want {
			t.Errorf("message %+v, %v, %v; want %q", m, ok, err, want)
		}
		if err := s.RemoveMessage(t.Context(), m.ID); err != nil {
			t.Error(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
