package sqlite

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"bellows.dev/bellows/internal/log"
)

// page is a page of three inputs and as many seconds; volumes begin with every fourth.
func page(n int) log.Page {
	p := log.Page{
		First: uint64(3*n + 1), Last: uint64(3*n + 3), At: noon.Add(time.Duration(3*n) * time.Second), Until: noon.Add(time.Duration(3*n+3) * time.Second),
		Lines: fmt.Appendf(nil, "lines of page %d", n),
	}
	if n%4 == 0 {
		p.State = packed(fmt.Sprintf("state before page %d", n))
	}
	return p
}

func packed(text string) log.Packed {
	p, err := log.Pack([]byte(text))
	if err != nil {
		panic(err)
	}
	return p
}

// saved is a store with so many pages, each saved with a snapshot.
func saved(t *testing.T, pages int, keep func(n int) log.Keep) *Store {
	t.Helper()
	s := open(t, t.TempDir())
	for n := range pages {
		for seq := page(n).First; seq <= page(n).Last; seq++ {
			if err := s.Append(t.Context(), log.Batch{Entries: []log.Entry{input(seq)}}); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.SaveSnapshot(t.Context(), log.Snapshot{Seq: page(n).Last, At: page(n).Until, State: text("state")}, page(n), keep(n)); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func all(int) log.Keep { return log.Keep{ArchiveMax: 1 << 30} }

func read(t *testing.T, s *Store, at time.Time) (text string) {
	t.Helper()
	if err := s.Pages(t.Context(), at, func(p log.Page) error {
		var state []byte
		if p.State != nil {
			var err error
			if state, err = p.State.Unpack(); err != nil {
				return err
			}
		}
		text += fmt.Sprintf("%d-%d %s %s;", p.First, p.Last, state, p.Lines)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return text
}

func TestDamagedPagesAreRefused(t *testing.T) {
	var s *Store
	for _, edit := range []string{"until = until + 1", "at = at + 1", "last = last + 1", "lines = x'00'"} {
		s = saved(t, 3, all)
		if _, err := s.write.ExecContext(t.Context(), "UPDATE diary SET "+edit+" WHERE first = 4"); err != nil {
			t.Fatal(err)
		}
		err := s.Pages(t.Context(), noon.Add(time.Hour), func(log.Page) error { return nil })
		if !errors.Is(err, log.ErrDamaged) {
			t.Errorf("a page with %s: %v", edit, err)
		}
	}
	if _, err := s.write.ExecContext(t.Context(), `DELETE FROM diary WHERE first = 4`); err != nil {
		t.Fatal(err)
	}
	if err := s.Pages(t.Context(), noon.Add(time.Hour), func(log.Page) error { return nil }); err == nil {
		t.Error("a gap was not seen")
	}
}

// A server that comes back from an older snapshot writes pages again that are there.
func TestPagesAreWrittenAgain(t *testing.T) {
	s := saved(t, 3, all)
	again := page(1)
	again.State, again.Last = packed("state again"), 9
	if err := s.SaveSnapshot(t.Context(), log.Snapshot{Seq: 9, At: noon, State: text("state")}, again, all(0)); err != nil {
		t.Fatal(err)
	}
	if got := read(t, s, noon.Add(time.Hour)); got != "4-9 state again lines of page 1;" {
		t.Errorf("the archive has %s", got)
	}
	if got := read(t, s, noon); got != "1-3 state before page 0 lines of page 0;" {
		t.Errorf("before that it has %s", got)
	}
}

// A file of an earlier version has no archive until a server opens it.
func TestFileWithoutAnArchive(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	for _, table := range []string{"diary", "boot"} {
		if _, err := s.write.ExecContext(t.Context(), "DROP TABLE "+table); err != nil {
			t.Fatal(err)
		}
	}
	if r, err := s.Reach(t.Context()); err != nil || !r.From.IsZero() {
		t.Errorf("it reaches %+v, %v", r, err)
	}
	if got := read(t, s, noon); got != "" {
		t.Errorf("it has %s", got)
	}
	if _, _, ok, err := s.Outage(t.Context(), noon); ok || err != nil {
		t.Errorf("an outage: %v, %v", ok, err)
	}
}

func lead(t *testing.T, s *Store, at, after time.Time) error {
	t.Helper()
	_, err := s.Lead(t.Context(), log.Start{At: at, After: after})
	return err
}
