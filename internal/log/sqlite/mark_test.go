package sqlite

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bellows.dev/bellows/internal/log"
)

// killed is a data directory as a server leaves it that is killed: the newest entries are in the write-ahead log alone.
func killed(t *testing.T) string {
	t.Helper()
	live, dir := t.TempDir(), filepath.Join(t.TempDir(), "killed")
	s := open(t, live)
	for seq := uint64(1); seq <= 5; seq++ {
		if err := s.Append(t.Context(), log.Batch{Entries: []log.Entry{input(seq)}}); err != nil {
			t.Fatal(err)
		}
		if seq == 2 {
			if err := s.checkpoint(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := os.CopyFS(dir, os.DirFS(live)); err != nil {
		t.Fatal(err)
	}
	return dir
}

// A database without its write-ahead log, or with an older one, is refused, by a server and by who reads, with what to do; nothing is changed.
func TestALostWriteAheadLogIsNoticed(t *testing.T) {
	dir := killed(t)
	wal := filepath.Join(dir, FileName+"-wal")
	kept, err := os.ReadFile(wal)
	if err != nil || len(kept) == 0 {
		t.Fatal("the entries are not in the write-ahead log: ", err)
	}
	for name, lose := range map[string]func() error{
		"removed": func() error { return os.Remove(wal) },
		"emptied": func() error { return os.Truncate(wal, 0) },
		"cut":     func() error { return os.Truncate(wal, 5000) },
	} {
		if err := os.WriteFile(wal, kept, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := lose(); err != nil {
			t.Fatal(err)
		}
		_ = os.Remove(filepath.Join(dir, FileName+"-shm"))
		for range 2 {
			s, err := Open(t.Context(), dir)
			if err == nil {
				_ = s.Close()
				t.Fatalf("%s: a server starts", name)
			}
			for _, want := range []string{"but line 5 was committed", "Put bellows.db and bellows.db-wal back", "delete " + filepath.Join(dir, markName)} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%s: %v", name, err)
				}
			}
			if r, err := OpenReadOnly(t.Context(), dir); err == nil {
				_ = r.Close()
				t.Errorf("%s: it is read", name)
			}
		}
	}
	if err := os.WriteFile(wal, kept, 0o600); err != nil {
		t.Fatal(err)
	}
	_ = os.Remove(filepath.Join(dir, FileName+"-shm"))
	s, err := Open(t.Context(), dir)
	if err != nil {
		t.Fatal("with its write-ahead log it is refused: ", err)
	}
	if end, err := s.End(t.Context()); end != 5 || err != nil {
		t.Errorf("it ends at %d, %v", end, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if end := readMark(filepath.Join(dir, markName)); end != 5 {
		t.Errorf("after a clean end the mark is %d", end)
	}
	open(t, dir)
}

// To continue with a backup, the mark is deleted; a missing, torn or too small mark is no reason to refuse.
func TestAMarkMayBeMissing(t *testing.T) {
	for name, spoil := range map[string]func(path string) error{
		"missing": os.Remove,
		"empty":   func(path string) error { return os.Truncate(path, 0) },
		"torn":    func(path string) error { return os.Truncate(path, 9) },
		"small":   func(path string) error { return os.WriteFile(path, []byte("00000000000000000001\n"), 0o600) },
		"strange": func(path string) error { return os.WriteFile(path, []byte(strings.Repeat("x", 21)), 0o600) },
	} {
		dir := killed(t)
		mark := filepath.Join(dir, markName)
		if err := spoil(mark); err != nil {
			t.Fatal(err)
		}
		s, err := Open(t.Context(), dir)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if err := s.Append(t.Context(), log.Batch{Entries: []log.Entry{{Seq: 6, At: time.Unix(6, 0), Kind: "k", Data: []byte("{}")}}}); err != nil {
			t.Error(err)
		}
		if end := readMark(mark); end != 6 {
			t.Errorf("%s: the mark is %d afterwards", name, end)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// A server that was killed before its first checkpoint has everything in the write-ahead log, the tables included.
func TestALostWriteAheadLogOfAYoungServer(t *testing.T) {
	live, dir := t.TempDir(), filepath.Join(t.TempDir(), "killed")
	s := open(t, live)
	if err := s.Append(t.Context(), log.Batch{Entries: []log.Entry{input(1)}}); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(dir, os.DirFS(live)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{FileName + "-wal", FileName + "-shm"} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if s, err := Open(t.Context(), dir); err == nil {
		_ = s.Close()
		t.Error("a server starts")
	} else if !strings.Contains(err.Error(), "ends at line 0 of the journal with no bellows.db-wal beside it, but line 1 was committed") {
		t.Error(err)
	}
}

// A mark that is not what was written says nothing; one of an earlier version, which has no checksum, does.
func TestADamagedMarkSaysNothing(t *testing.T) {
	file := filepath.Join(t.TempDir(), markName)
	whole := markText(1234)
	for text, want := range map[string]uint64{
		whole: 1234, "00000000000000001234\n": 1234, "": 0, whole[:12]: 0, strings.Replace(whole, "1234", "1236", 1): 0, strings.Repeat("\x00", len(whole)): 0,
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := readMark(file); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}
