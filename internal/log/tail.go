package log

import (
	"context"
	"errors"
	"sync"
)

// tailMax bounds the data that a Tail keeps in memory, in bytes.
const tailMax = 4 << 20

// Tail is the newest entries of a journal, in memory, by which a backend implements Journal.Subscribe. Its zero value is ready.
type Tail struct {
	mu      sync.Mutex
	entries []Entry // contiguous
	size    int
	changed chan struct{} // closed at the next commit; nil without waiting subscribers
}

// Committed adds entries that are durable now, and wakes the subscribers. Without entries it says that others may have committed some,
// which are to be read from storage. It does not block.
func (t *Tail) Committed(entries []Entry) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n := len(t.entries); len(entries) == 0 || n > 0 && entries[0].Seq != t.entries[n-1].Seq+1 {
		t.entries, t.size = nil, 0
	}
	for _, e := range entries {
		t.entries, t.size = append(t.entries, e), t.size+size(e)
	}
	drop := 0
	for ; t.size > tailMax; drop++ {
		t.size -= size(t.entries[drop])
		t.entries[drop] = Entry{}
	}
	t.entries = t.entries[drop:]
	if t.changed != nil {
		close(t.changed)
		t.changed = nil
	}
}

func size(e Entry) int {
	n := 128 + len(e.Data)
	for _, x := range e.Events {
		n += 48 + len(x.Data)
	}
	return n
}

// after returns what is in memory of the entries after a sequence number. Where the next one is not, known is false: it is to be read from
// storage. If there is none yet, changed is closed once there may be.
func (t *Tail) after(seq uint64) (next []Entry, known bool, changed <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.changed == nil {
		t.changed = make(chan struct{})
	}
	n := len(t.entries)
	if n == 0 || seq+1 < t.entries[0].Seq {
		return nil, false, t.changed
	}
	at := int(seq + 1 - t.entries[0].Seq)
	if at >= n {
		return nil, true, t.changed
	}
	return append([]Entry(nil), t.entries[at:]...), true, t.changed
}

// errFull ends a read of storage that has as many entries as a Tail keeps.
var errFull = errors.New("as many entries as are kept in memory")

// stored reads entries after a sequence number from storage, about tailMax bytes at most. They are delivered after the read, since a subscriber may
// be slow: storage has few connections, and while one reads, what was written since is kept.
func stored(ctx context.Context, j Journal, after uint64) (out []Entry, err error) {
	held := 0
	err = j.Read(ctx, after, func(e Entry) error {
		if out, held = append(out, e), held+size(e); held > tailMax {
			return errFull
		}
		return nil
	})
	if errors.Is(err, errFull) {
		err = nil
	}
	return out, err
}

// Subscribe implements Journal.Subscribe with Journal.Read.
func (t *Tail) Subscribe(ctx context.Context, j Journal, after uint64, each func(Entry) error) error {
	deliver := func(e Entry) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := each(e); err != nil {
			return err
		}
		after = e.Seq
		return nil
	}
	for {
		next, known, changed := t.after(after)
		var failed error
		if !known { // a commit during the read closes changed
			next, failed = stored(ctx, j, after)
		}
		for _, e := range next {
			if err := deliver(e); err != nil {
				return err
			}
		}
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case failed != nil:
			return failed
		case len(next) > 0:
			continue
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		}
	}
}
