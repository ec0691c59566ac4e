package history

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"github.com/prometheus/prometheus/tsdb"
)

// A TSDB panics if a chunk cannot be written, also in its own goroutines, and such a panic would end the server. So it never writes in the
// background: its timer is stopped, it compacts only in maintain, and before any write there must be enough disk space. If another program
// takes the space in between, a panic in our goroutine becomes an error, and the tier is opened again.

// spare is the number of bytes that must be free before any write: two segments of a log, and the chunks of a commit.
const spare = 2 * segmentSize

// maintainEvery is the maximum interval of a tier's maintenance in wall time; much data makes it more frequent.
const maintainEvery = time.Minute

// NoRoomError is the error of a metric history that cannot be written at present. Samples wait.
type NoRoomError struct {
	Dir   string
	Bytes int64 // that were requested
	Err   error // of the file system
}

// Error implements error.
func (e *NoRoomError) Error() string {
	return fmt.Sprintf("%s takes no %d MB more: %v. Make room, or make it writable", e.Dir, e.Bytes>>20, e.Err)
}

// Unwrap returns the file system's error.
func (e *NoRoomError) Unwrap() error { return e.Err }

// trial returns a *NoRoomError if a folder has no space for a number of bytes. It leaves nothing behind.
func trial(dir string, bytes int64) error {
	path := filepath.Join(dir, "trial")
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err == nil {
		err = errors.Join(allocate(f, bytes), f.Close(), os.Remove(path))
	}
	if err != nil {
		return &NoRoomError{Dir: dir, Bytes: bytes, Err: err}
	}
	return nil
}

// write extends a file to a number of bytes by writing them.
func write(f *os.File, bytes int64) error {
	block := make([]byte, 1<<20)
	for done := int64(0); done < bytes; done += int64(len(block)) {
		if _, err := f.Write(block); err != nil {
			return err
		}
	}
	return nil
}

// logBytes returns the size of a tier's logs, which limits the size of the chunks written when the tier is opened.
func (t *tier) logBytes() int64 {
	return diskUse(filepath.Join(t.dir, "wal")) + diskUse(filepath.Join(t.dir, "wbl"))
}

// ofDisk reports whether an error is caused by a full or failing disk or a limit, not by the data.
func ofDisk(err error) bool {
	for _, e := range []error{
		syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG, syscall.EROFS, syscall.EIO, syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM,
		os.ErrPermission,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// guard runs a function that writes to the TSDB. If it panics because of the disk, or fails in a way that leaves the logs torn, the tier is
// opened again before the next write.
func (t *tier) guard(torn bool, f func() error) (err error) {
	defer func() {
		switch p := recover().(type) {
		case nil:
			if err != nil && torn {
				t.torn.Store(true)
			}
		case runtime.Error:
			panic(p)
		case error:
			t.torn.Store(true)
			t.stuck.Store(true)
			err = fmt.Errorf("writing the history of %d s: %w", t.resolution, p)
		default:
			panic(p)
		}
	}()
	return f()
}

// maintain writes full chunks to disk, creates blocks, merges them and drops old ones, when it is due.
func (t *tier) maintain(ctx context.Context) error {
	if t.db == nil || time.Since(t.maintained) < maintainEvery && !t.grown() {
		return nil
	}
	if err := trial(t.dir, spare+t.logBytes()); err != nil {
		return err
	}
	t.maintained = time.Now()
	return t.tidy(ctx)
}

// grown reports whether more than one and a half blocks are in memory.
func (t *tier) grown() bool {
	head := t.db.Head()
	return head.MinTime() != math.MaxInt64 && head.MaxTime()-head.MinTime() > t.blockMillis/2*3
}

// tidy applies blocksToDelete, creates blocks and merges small ones without waiting for more data.
func (t *tier) tidy(ctx context.Context) error {
	if t.db == nil {
		return nil
	}
	t.changed = true
	return t.guard(false, func() error {
		t.db.ForceHeadMMap()
		return t.db.Compact(ctx)
	})
}

// hold counts the samples that wait in memory and in the journal to be written.
func (h *History) hold(batches []batch) {
	n := 0
	for _, b := range batches {
		for i := range b.pending {
			if b.pending[i].Sealed() <= b.sealed.Unix() {
				n++
			}
		}
	}
	h.held.Store(int64(n))
}

// writable returns an error if nothing can be written now. Tiers whose logs may be torn are opened again.
func (h *History) writable(ctx context.Context) error {
	if err := trial(h.o.Dir, spare); err != nil {
		return err
	}
	for _, t := range h.tiers {
		if t.torn.Load() {
			h.o.Log.Warn("metric history is opened again after a failed write", "resolution_seconds", t.resolution)
			h.close()
			return h.start(ctx)
		}
	}
	return nil
}

// closing is the time limit for closing a TSDB that panicked, since it may hold locks.
const closing = 10 * time.Second

// end closes a database in any state.
func (t *tier) end(db *tsdb.DB) error {
	ended := make(chan error, 1)
	go func() { ended <- t.guard(false, db.Close) }()
	if !t.stuck.Load() {
		return <-ended
	}
	late := time.NewTimer(closing)
	defer late.Stop()
	select {
	case err := <-ended:
		return err
	case <-late.C:
		return errors.New("it cannot be closed after a failed write and is abandoned")
	}
}

// openDB opens the database and disables its background work.
func (t *tier) openDB(retention time.Duration) (*tsdb.DB, error) {
	if err := os.MkdirAll(t.dir, 0o700); err != nil {
		return nil, err
	}
	if err := trial(t.dir, spare+2*t.logBytes()); err != nil {
		return nil, err
	}
	open := t.openTSDB
	if open == nil {
		open = tsdb.Open
	}
	var db *tsdb.DB
	err := t.guard(false, func() (err error) { // a panic because of the disk is retried later
		db, err = open(t.dir, t.log, nil, t.options(retention), nil)
		return err
	})
	if err != nil {
		return nil, err
	}
	db.DisableCompactions()
	return db, nil
}
