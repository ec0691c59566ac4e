package memory

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	"bellows.dev/bellows/internal/log"
)

// SaveSnapshot implements log.Snapshots.
func (s *Store) SaveSnapshot(_ context.Context, shot log.Snapshot, page log.Page, keep log.Keep) error {
	var state bytes.Buffer
	if err := shot.State(&state); err != nil {
		return fmt.Errorf("saving a snapshot: %w", err)
	}
	x := snapshot{log.Snapshot{Seq: shot.Seq, At: shot.At}, state.Bytes(), sha256.Sum256(state.Bytes())}
	page.Lines = bytes.Clone(page.Lines)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.snapshots = slices.DeleteFunc(s.snapshots, func(y snapshot) bool { return y.Seq == x.Seq })
	s.snapshots, s.end = append(s.snapshots, x), max(s.end, x.Seq)
	slices.SortFunc(s.snapshots, func(a, b snapshot) int { return int(int64(a.Seq) - int64(b.Seq)) })
	for len(s.snapshots) > 2 && s.snapshots[0].At.Before(keep.Journal) {
		s.snapshots = s.snapshots[1:]
	}
	if page.Last >= page.First {
		if page.State != nil { // a server that came back from an older snapshot writes again what is there
			s.pages = slices.DeleteFunc(s.pages, func(p log.Page) bool { return p.First >= page.First })
		}
		s.pages = append(s.pages, page)
	}
	s.trimPages(keep)
	if len(s.snapshots) > 1 {
		for len(s.entries) > 0 && s.entries[0].Seq <= s.snapshots[0].Seq && s.entries[0].At.Before(keep.Journal) {
			s.entries = s.entries[1:]
		}
	}
	return nil
}

// trimPages drops what is too old, or too much. The lock is held.
func (s *Store) trimPages(keep log.Keep) {
	begins := 0
	for i, p := range s.pages {
		if p.State != nil && !p.At.After(keep.Archive) {
			begins = i
		}
	}
	if begins > 0 {
		s.pages, s.aged, s.full = s.pages[begins:], true, false
	}
	for bytesOf(s.pages) > keep.ArchiveMax {
		next := slices.IndexFunc(s.pages[1:], func(p log.Page) bool { return p.State != nil })
		if next < 0 {
			return
		}
		s.pages, s.aged, s.full = s.pages[next+1:], false, true
	}
}

func bytesOf(pages []log.Page) (n int64) {
	for _, p := range pages {
		n += int64(len(p.Lines) + len(p.State))
	}
	return n
}

// Snapshots implements log.Snapshots.
func (s *Store) Snapshots(context.Context) ([]log.Snapshot, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []log.Snapshot
	for _, x := range slices.Backward(s.snapshots) {
		out = append(out, x.Snapshot)
	}
	return out, nil
}

// Snapshot implements log.Snapshots.
func (s *Store) Snapshot(_ context.Context, seq uint64) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := slices.IndexFunc(s.snapshots, func(x snapshot) bool { return x.Seq == seq })
	if at < 0 {
		return nil, fmt.Errorf("reading snapshot %d: there is none", seq)
	}
	x := s.snapshots[at]
	if sha256.Sum256(x.data) != x.sum {
		return nil, fmt.Errorf("reading snapshot %d: %w", seq, log.ErrDamaged)
	}
	return bytes.Clone(x.data), nil
}

// Pages implements log.Archive.
func (s *Store) Pages(_ context.Context, at time.Time, each func(log.Page) error) error {
	s.mu.Lock()
	pages := slices.Clone(s.pages)
	s.mu.Unlock()
	begins := -1
	for i, p := range pages {
		if p.State != nil && !p.At.After(at) {
			begins = i
		}
	}
	if begins < 0 {
		return nil
	}
	for _, p := range pages[begins:] {
		if p.At.After(at) {
			return nil
		}
		if err := each(p); err != nil {
			return err
		}
	}
	return nil
}

// Reach implements log.Archive.
func (s *Store) Reach(context.Context) (r log.Reach, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Bytes = bytesOf(s.pages); len(s.pages) > 0 {
		r.From, r.Until = s.pages[0].At, s.pages[len(s.pages)-1].Until
		r.Whole, r.Aged, r.Full = s.pages[0].First == 1, s.aged, s.full
	}
	return r, nil
}
