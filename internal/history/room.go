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

// A TSDB panics where a chunk cannot be written, also in goroutines of its own, and such a panic would end the server. So it never writes on
// its own: its timer is stopped, it compacts when maintain tells it to, and before anything is written there must be room for it. What is
// left is another program that takes the room in between: a panic in a goroutine of ours becomes an error, and the tier is opened again.

// spare is how many bytes must be free before anything is written: the two segments that a log may need, and the chunks of a commit.
const spare = 2 * segmentSize

// maintainEvery is how often, on the wall's clock, a tier is looked after, if not more often by the amount of data that it has got.
const maintainEvery = time.Minute

// NoRoomError says that the metric history cannot be written at present. What is to be written waits.
type NoRoomError struct {
	Dir   string
	Bytes int64 // that were asked for
	Err   error // the file system's
}

// Error implements error.
func (e *NoRoomError) Error() string {
	return fmt.Sprintf("%s takes no %d MB more: %v. Make room, or make it writable", e.Dir, e.Bytes>>20, e.Err)
}

// Unwrap returns the file system's error.
func (e *NoRoomError) Unwrap() error { return e.Err }

// trial fails with a *NoRoomError where a folder does not take a number of bytes. It leaves nothing behind.
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

// write makes a file have a number of bytes by writing them.
func write(f *os.File, bytes int64) error {
	block := make([]byte, 1<<20)
	for done := int64(0); done < bytes; done += int64(len(block)) {
		if _, err := f.Write(block); err != nil {
			return err
		}
	}
	return nil
}

// logBytes is the size of a tier's logs. The chunks that are made of them when the tier is opened are not larger.
func (t *tier) logBytes() int64 {
	return diskUse(filepath.Join(t.dir, "wal")) + diskUse(filepath.Join(t.dir, "wbl"))
}

// ofDisk reports whether an error says that a disk cannot be written or a limit is reached, and nothing of the data.
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

// guard runs something that writes to the TSDB. Where it panics for the disk, or fails in a way that leaves the logs torn, the tier is to
// be opened again before it is written again.
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

// maintain moves full chunks out of memory, makes blocks, merges them and drops old ones, when it is time to.
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

// grown reports whether there is more in memory than a block and a half.
func (t *tier) grown() bool {
	head := t.db.Head()
	return head.MinTime() != math.MaxInt64 && head.MaxTime()-head.MinTime() > t.blockMillis/2*3
}

// tidy applies blocksToDelete, makes blocks and merges small ones, without waiting for more data.
func (t *tier) tidy(ctx context.Context) error {
	if t.db == nil {
		return nil
	}
	return t.guard(false, func() error {
		t.db.ForceHeadMMap()
		return t.db.Compact(ctx)
	})
}

// hold counts the samples that are to be written: they wait in memory and in the journal until they are.
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

// writable fails where nothing can be written now. Tiers whose logs may be torn are opened again.
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

// closing is how long a TSDB that panicked may take to be closed: it may have left locks.
const closing = 10 * time.Second

// end closes a database, whatever state it is in.
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
		return errors.New("it does not end after a failed write, and is left behind")
	}
}

// openDB opens the database and stops what it would do on its own.
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
	err := t.guard(false, func() (err error) { // what it panics at for the disk is tried again later
		db, err = open(t.dir, t.log, nil, t.options(retention), nil)
		return err
	})
	if err != nil {
		return nil, err
	}
	db.DisableCompactions()
	return db, nil
}
