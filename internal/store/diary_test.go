package store

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

// page is a page of three inputs and as many seconds; volumes begin with every fourth.
func page(n int) Page {
	p := Page{
		First: uint64(3*n + 1), Last: uint64(3*n + 3), At: noon.Add(time.Duration(3*n) * time.Second), Until: noon.Add(time.Duration(3*n+3) * time.Second),
		Lines: fmt.Appendf(nil, "lines of page %d", n),
	}
	if n%4 == 0 {
		p.State = packed(fmt.Sprintf("state before page %d", n))
	}
	return p
}

func packed(text string) Packed {
	p, err := Pack([]byte(text))
	if err != nil {
		panic(err)
	}
	return p
}

// saved is a store with so many pages, each saved with a snapshot.
func saved(t *testing.T, pages int, keep func(n int) Keep) *Store {
	t.Helper()
	s := open(t, t.TempDir())
	for n := range pages {
		for seq := page(n).First; seq <= page(n).Last; seq++ {
			if err := s.Commit(t.Context(), []Input{input(seq)}, nil); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.SaveSnapshot(t.Context(), Snapshot{Seq: page(n).Last, At: page(n).Until, State: text("state")}, page(n), keep(n)); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func all(int) Keep { return Keep{DiaryMax: 1 << 30} }

func read(t *testing.T, s *Store, at time.Time) (text string) {
	t.Helper()
	if err := s.Diary(t.Context(), at, func(p Page) error {
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

func TestDiaryLeadsToAMoment(t *testing.T) {
	s := saved(t, 7, all)
	for _, x := range []struct {
		at   time.Duration
		want string
	}{
		{-1, ""},
		{0, "1-3 state before page 0 lines of page 0;"},
		{4 * time.Second, "1-3 state before page 0 lines of page 0;4-6  lines of page 1;"},
		{12 * time.Second, "13-15 state before page 4 lines of page 4;"},
		{time.Hour, "13-15 state before page 4 lines of page 4;16-18  lines of page 5;19-21  lines of page 6;"},
	} {
		if got := read(t, s, noon.Add(x.at)); got != x.want {
			t.Errorf("at %v: %s, want %s", x.at, got, x.want)
		}
	}
	r, err := s.DiaryReach(t.Context())
	if err != nil || !r.Whole || r.Aged || r.Full || !r.From.Equal(noon) || !r.Until.Equal(noon.Add(21*time.Second)) || r.Bytes == 0 {
		t.Errorf("the diary reaches %+v, %v", r, err)
	}
}

func TestDiaryForgetsWhatIsOld(t *testing.T) {
	s := saved(t, 14, func(n int) Keep { return Keep{Diary: page(n).Until.Add(-20 * time.Second), DiaryMax: 1 << 30} })
	r, err := s.DiaryReach(t.Context())
	if err != nil || r.Whole || !r.Aged || r.Full || !r.From.Equal(page(4).At) { // page 7 is the oldest wanted: its state is page 4's
		t.Errorf("the diary reaches %+v, %v", r, err)
	}
	if got := read(t, s, page(3).At); got != "" {
		t.Errorf("it still has %s", got)
	}
}

func TestDiaryKeepsWithinItsBound(t *testing.T) {
	one := saved(t, 4, all)
	volume, err := one.DiaryReach(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s := saved(t, 40, func(int) Keep { return Keep{DiaryMax: 3 * volume.Bytes} })
	r, err := s.DiaryReach(t.Context())
	if err != nil || r.Bytes > 3*volume.Bytes || r.Bytes < volume.Bytes || !r.Full || r.Aged {
		t.Errorf("the diary reaches %+v, %v; a volume has %d bytes", r, err, volume.Bytes)
	}
	last := saved(t, 6, func(int) Keep { return Keep{DiaryMax: 1} })
	if got := read(t, last, noon.Add(time.Hour)); got != "13-15 state before page 4 lines of page 4;16-18  lines of page 5;" {
		t.Errorf("without room the newest volume has %s", got)
	}
}

func TestDamagedDiaryIsKnown(t *testing.T) {
	var s *Store
	for _, edit := range []string{"until = until + 1", "at = at + 1", "last = last + 1", "lines = x'00'"} {
		s = saved(t, 3, all)
		if _, err := s.write.ExecContext(t.Context(), "UPDATE diary SET "+edit+" WHERE first = 4"); err != nil {
			t.Fatal(err)
		}
		err := s.Diary(t.Context(), noon.Add(time.Hour), func(Page) error { return nil })
		if !errors.Is(err, ErrDamaged) {
			t.Errorf("a page with %s: %v", edit, err)
		}
	}
	if _, err := s.write.ExecContext(t.Context(), `DELETE FROM diary WHERE first = 4`); err != nil {
		t.Fatal(err)
	}
	if err := s.Diary(t.Context(), noon.Add(time.Hour), func(Page) error { return nil }); err == nil {
		t.Error("a gap was not seen")
	}
}

// A server that comes back from an older snapshot writes pages again that are there.
func TestPagesAreWrittenAgain(t *testing.T) {
	s := saved(t, 3, all)
	again := page(1)
	again.State, again.Last = packed("state again"), 9
	if err := s.SaveSnapshot(t.Context(), Snapshot{Seq: 9, At: noon, State: text("state")}, again, all(0)); err != nil {
		t.Fatal(err)
	}
	if got := read(t, s, noon.Add(time.Hour)); got != "4-9 state again lines of page 1;" {
		t.Errorf("the diary has %s", got)
	}
	if got := read(t, s, noon); got != "1-3 state before page 0 lines of page 0;" {
		t.Errorf("before that it has %s", got)
	}
}

// A file of an earlier version has no diary until a server opens it.
func TestFileWithoutADiary(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	for _, table := range []string{"diary", "boot"} {
		if _, err := s.write.ExecContext(t.Context(), "DROP TABLE "+table); err != nil {
			t.Fatal(err)
		}
	}
	if r, err := s.DiaryReach(t.Context()); err != nil || !r.From.IsZero() {
		t.Errorf("it reaches %+v, %v", r, err)
	}
	if got := read(t, s, noon); got != "" {
		t.Errorf("it has %s", got)
	}
	if _, _, ok, err := s.Outage(t.Context(), noon); ok || err != nil {
		t.Errorf("an outage: %v, %v", ok, err)
	}
}

func TestOutages(t *testing.T) {
	s := open(t, t.TempDir())
	if began, err := s.Began(t.Context()); err != nil || !began.IsZero() {
		t.Errorf("began %v, %v", began, err)
	}
	for _, x := range [][2]time.Duration{{0, 0}, {time.Hour, 10 * time.Minute}, {5 * time.Hour, 3 * time.Hour}} {
		if err := s.Boot(t.Context(), noon.Add(x[0]), noon.Add(x[1])); err != nil {
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
