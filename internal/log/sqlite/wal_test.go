package sqlite

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bellows.dev/bellows/internal/log"
)

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// closedDirectory is a data directory whose server ended by itself.
func closedDirectory(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	s := open(t, dir)
	for seq := uint64(1); seq <= 3; seq++ {
		if err := s.Append(t.Context(), log.Batch{Entries: []log.Entry{input(seq)}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// The write-ahead log of another database is refused with what to do, by a server and by readers, and nothing is changed.
func TestTheLogOfAnotherDatabaseIsRefused(t *testing.T) {
	for name, dir := range map[string]string{"beside a closed database": closedDirectory(t), "beside one of a killed server": killed(t)} {
		wal := filepath.Join(dir, FileName+"-wal")
		copyFile(t, filepath.Join(killed(t), FileName+"-wal"), wal)
		before, err := os.ReadFile(filepath.Join(dir, FileName))
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			s, err := Open(t.Context(), dir)
			if err == nil {
				_ = s.Close()
				t.Fatalf("%s: a server starts", name)
			}
			for _, want := range []string{wal + " does not belong to bellows.db", "Put back the bellows.db and bellows.db-wal that belong together", "delete " + filepath.Join(dir, markName)} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%s: %v", name, err)
				}
			}
			if r, err := OpenReadOnly(t.Context(), dir); err == nil {
				_ = r.Close()
				t.Errorf("%s: it is read", name)
			}
		}
		if after, err := os.ReadFile(filepath.Join(dir, FileName)); err != nil || !bytes.Equal(before, after) {
			t.Errorf("%s: the database was changed, %v", name, err)
		}
	}
}

// At every moment of a server's life its files can be copied as a crash leaves them, and are opened again: also where the mark is one step
// behind the log.
func TestTheOwnLogIsNeverRefused(t *testing.T) {
	live := t.TempDir()
	seq := uint64(0)
	opens := func(when string, behind []byte) {
		t.Helper()
		dir := filepath.Join(t.TempDir(), "copy")
		if err := os.CopyFS(dir, os.DirFS(live)); err != nil {
			t.Fatal(err)
		}
		if behind != nil {
			if err := os.WriteFile(filepath.Join(dir, markName), behind, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		s, err := Open(t.Context(), dir)
		if err != nil {
			t.Fatalf("%s: %v", when, err)
		}
		if end, err := s.End(t.Context()); end != seq || err != nil || len(s.Damage()) > 0 {
			t.Errorf("%s: it ends at %d, not %d, %v; damage %v", when, end, seq, err, s.Damage())
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // a second server begins another log
		s := open(t, live)
		opens("after opening", nil)
		for range 6 {
			mark, err := os.ReadFile(filepath.Join(live, markName))
			if err != nil {
				t.Fatal(err)
			}
			seq++
			if err := s.Append(t.Context(), log.Batch{Entries: []log.Entry{input(seq)}}); err != nil {
				t.Fatal(err)
			}
			opens("after a commit", nil)
			opens("before the mark is written", mark)
			if seq%2 == 0 {
				if err := s.checkpoint(t.Context()); err != nil { // the next commit begins the log again
					t.Fatal(err)
				}
				opens("after a checkpoint", nil)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		opens("after closing", nil)
	}
}

func TestLogsThatContinue(t *testing.T) {
	for _, c := range []struct {
		log, marked walID
		want        bool
	}{
		{0x5_00000001, 0x5_00000001, true}, {0x6_12345678, 0x5_00000001, true}, {0x5_00000002, 0x5_00000001, false}, {0x4_00000001, 0x5_00000001, false},
		{0x1_00000001, 0xffffffff_00000002, true}, {0xf0000000_00000001, 0x5_00000001, false}, {0x5_00000001, walNone, false},
		{0x5_00000001, walUnknown, true}, {walUnknown, 0x5_00000001, true}, {walUnknown, walNone, true},
	} {
		if got := c.log.continues(c.marked); got != c.want {
			t.Errorf("%x after %x: %v", c.log, c.marked, got)
		}
	}
}
