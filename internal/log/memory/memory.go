// Package memory is a log that ends with the process, for tests: of what is built on a log, and of the conformance suite. It is also the
// shortest example of a backend.
package memory

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"sync"
	"time"

	"bellows.dev/bellows/internal/log"
)

// quarantineMax is how many inputs that were set aside are kept, the newest.
const quarantineMax = 1000

// Store is a log in memory. Its zero value is ready. Close keeps the content: a store may be used again, as a data directory may be opened
// again.
type Store struct {
	tail log.Tail

	mu         sync.Mutex
	epoch      uint64
	starts     []log.Start
	entries    []log.Entry // contiguous
	end        uint64
	outbox     []log.Message
	messages   int64
	history    []row
	rows       int64
	settings   map[string][]byte
	snapshots  []snapshot // oldest first
	pages      []log.Page
	aged, full bool // what of the archive was dropped last
	quarantine []log.Entry
}

// row is a row of the history; id grows.
type row struct {
	log.EventRecord
	id int64
}

type snapshot struct {
	log.Snapshot
	data []byte
	sum  [sha256.Size]byte
}

var _ log.Store = (*Store)(nil)

// Close implements log.Store.
func (s *Store) Close() error {
	s.tail.Committed(nil)
	return nil
}

// Lead implements log.Journal.
func (s *Store) Lead(_ context.Context, start log.Start) (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.epoch++
	s.starts = append(s.starts, start)
	return s.epoch, nil
}

// Append implements log.Journal.
func (s *Store) Append(_ context.Context, b log.Batch) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b.Epoch != s.epoch {
		return fmt.Errorf("committing: %w", log.ErrFenced)
	}
	for i, e := range b.Entries {
		if want := s.end + uint64(i) + 1; e.Seq != want {
			return fmt.Errorf("committing: the journal goes on at %d, not at %d", want, e.Seq)
		}
	}
	for _, h := range b.Events {
		s.put(h)
	}
	for _, m := range b.Outbox {
		s.messages++
		m.ID = s.messages
		s.outbox = append(s.outbox, m)
	}
	if n := len(b.Entries); n > 0 {
		s.entries, s.end = append(s.entries, b.Entries...), b.Entries[n-1].Seq
		s.tail.Committed(b.Entries)
	}
	return nil
}

// put adds a row of the history, or replaces the one with its identity. The lock is held.
func (s *Store) put(h log.EventRecord) {
	same := func(x row) bool { return x.Table == h.Table && x.ID == h.ID }
	if at := slices.IndexFunc(s.history, same); h.ID != "" && at >= 0 {
		s.history[at].EventRecord = h
		return
	}
	s.rows++
	s.history = append(s.history, row{h, s.rows})
}

// End implements log.Journal.
func (s *Store) End(context.Context) (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.end, nil
}

// Begins implements log.Journal.
func (s *Store) Begins(context.Context) (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.entries) == 0 {
		return 0, nil
	}
	return s.entries[0].Seq, nil
}

// Read implements log.Journal.
func (s *Store) Read(_ context.Context, after uint64, each func(log.Entry) error) error {
	s.mu.Lock()
	entries, end := s.entries, s.end
	s.mu.Unlock()
	first := end + 1
	if len(entries) > 0 {
		first = entries[0].Seq
	}
	if after+1 < first {
		return &log.TrimmedError{After: after, First: first}
	}
	for _, e := range entries {
		if e.Seq <= after {
			continue
		}
		if err := each(e); err != nil {
			return err
		}
	}
	return nil
}

// Subscribe implements log.Journal.
func (s *Store) Subscribe(ctx context.Context, after uint64, each func(log.Entry) error) error {
	return s.tail.Subscribe(ctx, s, after, each)
}

// Probe implements log.Journal.
func (s *Store) Probe(context.Context) error { return nil }

// Quarantine implements log.Journal.
func (s *Store) Quarantine(_ context.Context, in log.Entry, _ string) (fresh bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if in.Seq > 0 && slices.ContainsFunc(s.quarantine, func(x log.Entry) bool { return x.Seq == in.Seq }) {
		return false, nil
	}
	s.quarantine = append(s.quarantine, in)
	s.quarantine = s.quarantine[max(0, len(s.quarantine)-quarantineMax):]
	return true, nil
}

// Began implements log.Journal.
func (s *Store) Began(context.Context) (time.Time, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.starts) == 0 {
		return time.Time{}, nil
	}
	return slices.MinFunc(s.starts, func(a, b log.Start) int { return a.At.Compare(b.At) }).At, nil
}

// Outage implements log.Journal.
func (s *Store) Outage(_ context.Context, at time.Time) (from, until time.Time, ok bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, x := range slices.SortedFunc(slices.Values(s.starts), func(a, b log.Start) int { return a.At.Compare(b.At) }) {
		if x.At.After(at) && !x.After.After(at) {
			return x.After, x.At, true, nil
		}
	}
	return from, until, false, nil
}

// Topics implements log.Outbox.
func (s *Store) Topics(context.Context) (map[string]int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]int{}
	for _, m := range s.outbox {
		out[m.Topic]++
	}
	return out, nil
}

// Waiting implements log.Outbox.
func (s *Store) Waiting(ctx context.Context, topic string) (int, error) {
	all, err := s.Topics(ctx)
	return all[topic], err
}

// FirstMessage implements log.Outbox.
func (s *Store) FirstMessage(_ context.Context, topic string) (m log.Message, ok bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := slices.IndexFunc(s.outbox, func(m log.Message) bool { return m.Topic == topic })
	if at < 0 {
		return m, false, nil
	}
	return s.outbox[at], true, nil
}

// RemoveMessage implements log.Outbox.
func (s *Store) RemoveMessage(_ context.Context, id int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.outbox = slices.DeleteFunc(s.outbox, func(m log.Message) bool { return m.ID == id })
	return nil
}

// Meta implements log.Settings.
func (s *Store) Meta(_ context.Context, key string) ([]byte, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, found := s.settings[key]
	return bytes.Clone(v), found, nil
}

// SetMeta implements log.Settings.
func (s *Store) SetMeta(_ context.Context, key string, value []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.settings == nil {
		s.settings = map[string][]byte{}
	}
	s.settings[key] = bytes.Clone(value)
	return nil
}

// Trim implements log.Events.
func (s *Store) Trim(_ context.Context, now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept := log.Kept()
	s.history = slices.DeleteFunc(s.history, func(x row) bool { return x.At.Before(now.Add(-kept[x.Table])) })
	return nil
}

// Query implements log.Events.
func (s *Store) Query(_ context.Context, q log.EventQuery) ([]log.EventRecord, string, error) {
	at, id := int64(0), int64(0)
	if q.Token != "" {
		var err error
		if at, id, err = log.OpenToken(q.Token); err != nil {
			return nil, "", err
		}
	}
	order := func(a, b row) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.id, b.id)) }
	if !q.Oldest {
		order = func(b, a row) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.id, b.id)) }
	}
	behind := row{log.EventRecord{At: time.Unix(0, at)}, id}
	s.mu.Lock()
	all := slices.Clone(s.history)
	s.mu.Unlock()
	all = slices.DeleteFunc(all, func(x row) bool { return !selected(x.EventRecord, &q) || q.Token != "" && order(x, behind) <= 0 })
	slices.SortFunc(all, order)
	next := ""
	if len(all) > q.Limit {
		all = all[:q.Limit]
		if n := len(all); n > 0 {
			next = log.SealToken(all[n-1].At.UnixNano(), all[n-1].id)
		}
	}
	var out []log.EventRecord
	for _, x := range all {
		x.After = log.SealToken(x.At.UnixNano(), x.id)
		out = append(out, x.EventRecord)
	}
	return out, next, nil
}

// selected reports whether a row is one of a query's.
func selected(x log.EventRecord, q *log.EventQuery) bool {
	return x.Table == q.Table && x.Scope == q.Scope && (q.Key == "" || x.Key == q.Key) &&
		(len(q.Types) == 0 || slices.Contains(q.Types, x.Type)) && (len(q.IDs) == 0 || x.ID != "" && slices.Contains(q.IDs, x.ID)) &&
		(q.From.IsZero() || !x.At.Before(q.From)) && (q.To.IsZero() || x.At.Before(q.To))
}
