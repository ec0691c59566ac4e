package logtest

import (
	"fmt"
	"testing"
	"time"

	"bellows.dev/bellows/internal/log"
)

// page is a page of three entries and as many seconds; each fourth one begins with a state.
func page(t *testing.T, n int) log.Page {
	t.Helper()
	p := log.Page{
		First: uint64(3*n + 1), Last: uint64(3*n + 3), At: noon.Add(time.Duration(3*n) * time.Second), Until: noon.Add(time.Duration(3*n+3) * time.Second),
		Lines: fmt.Appendf(nil, "lines of page %d", n),
	}
	if n%4 == 0 {
		var err error
		if p.State, err = log.Pack(fmt.Appendf(nil, "state before page %d", n)); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// archived is a log with so many pages, each saved with a snapshot.
func archived(t *testing.T, open Open, name string, pages int, keep func(n int) log.Keep) log.Store {
	t.Helper()
	s := open(t, name)
	t.Cleanup(func() { _ = s.Close() })
	epoch, err := s.Lead(t.Context(), log.Start{At: noon, After: noon})
	if err != nil {
		t.Fatal(err)
	}
	for n := range pages {
		p := page(t, n)
		fill(t, s, epoch, p.First, p.Last)
		if err := s.SaveSnapshot(t.Context(), log.Snapshot{Seq: p.Last, At: p.Until, State: text("state")}, p, keep(n)); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func all(int) log.Keep { return log.Keep{ArchiveMax: 1 << 30} }

// pages is what leads to a moment, as a text.
func pages(t *testing.T, s log.Store, at time.Time) (out string) {
	t.Helper()
	if err := s.Pages(t.Context(), at, func(p log.Page) error {
		var state []byte
		if p.State != nil {
			var err error
			if state, err = p.State.Unpack(); err != nil {
				return err
			}
		}
		out += fmt.Sprintf("%d-%d %s %s;", p.First, p.Last, state, p.Lines)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return out
}

func archiveMoments(t *testing.T, open Open) {
	s := archived(t, open, "log", 7, all)
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
		if got := pages(t, s, noon.Add(x.at)); got != x.want {
			t.Errorf("at %v: %s, want %s", x.at, got, x.want)
		}
	}
	r, err := s.Reach(t.Context())
	if err != nil || !r.Whole || r.Aged || r.Full || !r.From.Equal(noon) || !r.Until.Equal(noon.Add(21*time.Second)) || r.Bytes == 0 {
		t.Errorf("the archive reaches %+v, %v", r, err)
	}
}

func archiveTrims(t *testing.T, open Open) {
	s := archived(t, open, "aged", 14, func(n int) log.Keep {
		return log.Keep{Archive: page(t, n).Until.Add(-20 * time.Second), ArchiveMax: 1 << 30}
	})
	r, err := s.Reach(t.Context())
	if err != nil || r.Whole || !r.Aged || r.Full || !r.From.Equal(page(t, 4).At) { // page 7 is the oldest wanted: its state is page 4's
		t.Errorf("the archive reaches %+v, %v", r, err)
	}
	if got := pages(t, s, page(t, 3).At); got != "" {
		t.Errorf("it still has %s", got)
	}
	volume, err := archived(t, open, "volume", 4, all).Reach(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s = archived(t, open, "full", 20, func(int) log.Keep { return log.Keep{ArchiveMax: 3 * volume.Bytes} })
	if r, err := s.Reach(t.Context()); err != nil || r.Bytes > 3*volume.Bytes || r.Bytes < volume.Bytes || !r.Full || r.Aged {
		t.Errorf("the archive reaches %+v, %v; a volume has %d bytes", r, err, volume.Bytes)
	}
	last := archived(t, open, "last", 6, func(int) log.Keep { return log.Keep{ArchiveMax: 1} })
	if got := pages(t, last, noon.Add(time.Hour)); got != "13-15 state before page 4 lines of page 4;16-18  lines of page 5;" {
		t.Errorf("without room the newest volume has %s", got)
	}
}
