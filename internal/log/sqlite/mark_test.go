package sqlite

import (
	"errors"
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
	if end, w, err := readMark(filepath.Join(dir, markName)); end != 5 || w != walNone || err != nil {
		t.Errorf("after a clean end the mark is %d", end)
	}
	open(t, dir)
}

// To continue with a backup, the mark is deleted; a missing, damaged or too small mark is no reason to refuse. A damaged one is reported: a crash
// leaves a whole one, but a computer that loses its power may not.
func TestAMarkMayBeMissing(t *testing.T) {
	for _, c := range []struct {
		name    string
		spoil   func(path string) error
		damaged bool
	}{
		{"whole", func(string) error { return nil }, false},
		{"missing", os.Remove, false},
		{"empty", func(path string) error { return os.Truncate(path, 0) }, true},
		{"zeroed", func(path string) error { return os.WriteFile(path, make([]byte, len(markText(0, 0))), 0o600) }, true},
		{"torn", func(path string) error { return os.Truncate(path, 9) }, true},
		{"small, of an earlier version", func(path string) error { return os.WriteFile(path, []byte("00000000000000000001\n"), 0o600) }, false},
		{"strange", func(path string) error { return os.WriteFile(path, []byte(strings.Repeat("x", 21)), 0o600) }, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := killed(t)
			mark := filepath.Join(dir, markName)
			if err := c.spoil(mark); err != nil {
				t.Fatal(err)
			}
			s, err := Open(t.Context(), dir)
			if err != nil {
				t.Fatal(err)
			}
			if found := strings.Join(s.Damage(), " "); strings.Contains(found, mark+" is damaged") != c.damaged || (found == "") == c.damaged {
				t.Errorf("damage: %q", found)
			}
			if err := s.Append(t.Context(), log.Batch{Entries: []log.Entry{{Seq: 6, At: time.Unix(6, 0), Kind: "k", Data: []byte("{}")}}}); err != nil {
				t.Error(err)
			}
			if end, _, err := readMark(mark); end != 6 || err != nil {
				t.Errorf("the mark is %d afterwards, %v", end, err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			if s = open(t, dir); len(s.Damage()) > 0 {
				t.Errorf("it is reported again: %q", s.Damage())
			}
		})
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

// A mark that is not as it was written says nothing. Those of earlier versions are read.
func TestADamagedMarkSaysNothing(t *testing.T) {
	file := filepath.Join(t.TempDir(), markName)
	whole := markText(1234, 0xabcd)
	summed := summedMarkText(1234)
	for text, want := range map[string]struct {
		seq uint64
		wal walID
		err error
	}{
		whole: {1234, 0xabcd, nil}, summed: {1234, walUnknown, nil}, "00000000000000001234\n": {1234, walUnknown, nil},
		"": {err: errDamagedMark}, whole[:12]: {err: errDamagedMark}, strings.Replace(whole, "1234", "1236", 1): {err: errDamagedMark},
		strings.Replace(whole, "abcd", "abce", 1): {err: errDamagedMark}, strings.Replace(summed, "1234", "1236", 1): {err: errDamagedMark},
		strings.Repeat("\x00", len(whole)): {err: errDamagedMark},
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if seq, wal, err := readMark(file); seq != want.seq || wal != want.wal || !errors.Is(err, want.err) {
			t.Errorf("%q: %d, %x, %v", text, seq, wal, err)
		}
	}
	if seq, wal, err := readMark(file + "-missing"); seq != 0 || wal != walUnknown || err != nil {
		t.Errorf("a missing mark: %d, %x, %v", seq, wal, err)
	}
}
