package history

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/tsdb/wlog"
	"github.com/prometheus/prometheus/util/compression"
)

// segmentSize is the size of the logs' segment files.
const segmentSize = 16 << 20 // bytes

// lateMax is the maximum lateness of samples plus a day. AWS: PutMetricData, Timestamp: two weeks, and two hours ahead.
const lateMax = 15 * day

// tier is the TSDB of one resolution. It is opened when it has data.
type tier struct {
	resolution int64 // seconds
	slice      int64 // seconds: length of a roll-up into the next tier
	dir        string
	bytesMax   int64
	log        *slog.Logger

	report func(level slog.Level, text string) // of missing or damaged data

	record  *tierRecord                 // of the manifest; nil if it has none
	blocks  map[string]blockRecord      // of the open database, to read folders once
	changed bool                        // blocks and logs may differ from the record
	drop    func(map[string]bool) error // notes blocks that are about to be deleted

	unread   atomic.Bool // a read failed
	verified time.Time   // wall time

	db     *tsdb.DB
	refs   map[seriesKey]*seriesRefs
	synced [2]int // the last synced segments of both logs
	aside  aside

	// dropBefore is a time in milliseconds: blocks that end before are no longer needed.
	dropBefore atomic.Int64
	// rolled is a time in milliseconds: earlier samples are also in the next tier. dropped counts blocks deleted early.
	rolled  atomic.Int64
	dropped atomic.Int64
	refused atomic.Int64 // samples

	// openTSDB is for tests; nil: tsdb.Open.
	openTSDB func(dir string, l *slog.Logger, r prometheus.Registerer, o *tsdb.Options, s *tsdb.DBStats) (*tsdb.DB, error)

	blockMillis int64     // length of a block
	maintained  time.Time // wall time
	torn, stuck atomic.Bool
}

// exists reports whether the tier has been written.
func (t *tier) exists() bool {
	_, err := os.Stat(t.dir)
	return err == nil
}

// open opens the tier and creates it on first use. Damaged parts are set aside and logged; the rest is used.
func (t *tier) open(retention time.Duration) error {
	if t.db != nil {
		return nil
	}
	if err := errors.Join(t.aside.find(t.dir), t.checkBlocks()); err != nil {
		return err
	}
	if t.exists() { // the copy written by forgetChunks also needs space
		if err := trial(t.dir, spare+t.logBytes()); err != nil {
			return fmt.Errorf("opening the history of %d s: %w", t.resolution, err)
		}
	}
	if err := forgetChunks(t.dir); err != nil {
		return fmt.Errorf("opening the history of %d s: %w", t.resolution, err)
	}
	db, err := t.openDB(retention)
	if err != nil && !ofDisk(err) && t.setLogsAside(err) {
		db, err = t.openDB(retention)
	}
	if err != nil && t.exists() && !ofDisk(err) && t.setAside(t.dir, err) == nil {
		db, err = t.openDB(retention)
	}
	if err != nil {
		return fmt.Errorf("opening the history of %d s: %w", t.resolution, err)
	}
	t.db, t.refs, t.synced, t.blocks = db, map[seriesKey]*seriesRefs{}, [2]int{}, nil
	t.changed = true
	t.torn.Store(false)
	t.stuck.Store(false)
	return nil
}

// checkBlocks sets aside damaged blocks, with which the TSDB would refuse to open.
func (t *tier) checkBlocks() error {
	entries, err := os.ReadDir(t.dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("opening the history of %d s: %w", t.resolution, err)
	}
	for _, e := range entries {
		if _, err := ulid.ParseStrict(e.Name()); err != nil || !e.IsDir() {
			continue
		}
		path := filepath.Join(t.dir, e.Name())
		err := t.checkBlock(path, false)
		if err == nil {
			continue
		}
		if ofDisk(err) {
			return fmt.Errorf("opening the history of %d s: %w", t.resolution, err)
		}
		if err := t.setAside(path, err); err != nil {
			return err
		}
	}
	return nil
}

// setAside moves a damaged file away.
func (t *tier) setAside(path string, cause error) error {
	span := ""
	if t.record != nil {
		if b, listed := t.record.Blocks[filepath.Base(path)]; listed {
			span = fmt.Sprintf(", with datapoints of %d s from %s", t.resolution, spanText(b.From, b.Until))
		}
	}
	to, err := t.aside.take(t.dir, path)
	if err != nil {
		return fmt.Errorf("setting damaged history aside: %w", errors.Join(cause, err))
	}
	t.report(slog.LevelError, fmt.Sprintf("%s is damaged%s: %v. It is set aside as %s", path, span, cause, to))
	return nil
}

// setLogsAside moves the logs away, with which the database cannot be opened, and reports whether there were any.
func (t *tier) setLogsAside(cause error) (moved bool) {
	for _, name := range []string{"wal", wlog.WblDirName} {
		if path := filepath.Join(t.dir, name); isDir(path) && t.setAside(path, cause) == nil {
			moved = true
		}
	}
	return moved
}

func (t *tier) options(retention time.Duration) *tsdb.Options {
	o := tsdb.DefaultOptions()
	o.RetentionDuration = 0 // blocksToDelete decides by policy time and roll-ups
	block := min(2*time.Hour, max(retention/6, 2*time.Minute))
	if t.resolution > 60 {
		block = time.Duration(t.slice) * time.Second
	}
	o.MinBlockDuration = block.Milliseconds()
	t.blockMillis = o.MinBlockDuration
	o.MaxBlockDuration = max(o.MinBlockDuration, (retention / 10).Milliseconds())
	o.WALCompression = compression.Snappy
	o.WALSegmentSize = segmentSize
	o.StripeSize = 1 << 10
	o.HeadChunksWriteQueueSize = 0
	o.OutOfOrderTimeWindow = lateMax.Milliseconds()
	o.NoLockfile = true // the data directory is locked
	o.BlocksToDelete = t.blocksToDelete
	o.BlockReloadInterval = math.MaxInt64 // see maintain
	return o
}

// blocksToDelete drops blocks that are no longer needed and, if the tier exceeds its disk space, files set aside and
// the oldest blocks.
func (t *tier) blocksToDelete(blocks []*tsdb.Block) map[ulid.ULID]struct{} {
	out, names := map[ulid.ULID]struct{}{}, map[string]bool{}
	size := int64(0)
	if t.db != nil {
		size = t.db.Head().Size()
	}
	blocks = slices.Clone(blocks)
	t.makeRoom(size, blocks)
	slices.SortFunc(blocks, func(a, b *tsdb.Block) int { return int(b.MaxTime()/1000 - a.MaxTime()/1000) })
	for _, b := range blocks {
		size += b.Size()
		full := size > t.bytesMax
		if full && b.MaxTime() > t.dropBefore.Load() && !b.Meta().Compaction.Deletable {
			t.log.Warn("old history is dropped early: its disk space is full", "resolution_seconds", t.resolution,
				"until", time.UnixMilli(b.MaxTime()).UTC(), "rolled_up", b.MaxTime() <= t.rolled.Load(), "bytes_max", t.bytesMax)
			t.dropped.Add(1)
		}
		if full || b.MaxTime() <= t.dropBefore.Load() || b.Meta().Compaction.Deletable {
			out[b.Meta().ULID] = struct{}{}
			names[b.Meta().ULID.String()] = true
		}
	}
	if len(names) > 0 {
		if err := t.drop(names); err != nil { // space is needed more than the list; the next start may report them
			t.log.Warn("blocks are deleted although the list of blocks cannot be written", "error", err)
		}
	}
	return out
}

// makeRoom deletes files set aside if the tier exceeds its disk space.
func (t *tier) makeRoom(used int64, blocks []*tsdb.Block) {
	for _, b := range blocks {
		used += b.Size()
	}
	gone, err := t.aside.trim(max(0, t.bytesMax-used))
	if len(gone) > 0 {
		t.log.Warn("damaged history is removed: its disk space is full", "paths", gone, "bytes_max", t.bytesMax)
	}
	if err != nil {
		t.log.Error("damaged history cannot be removed", "error", err)
	}
}

// bounds returns the times of the oldest and the newest sample in seconds; ok is false if there is none.
func (t *tier) bounds() (oldest, newest int64, ok bool) {
	oldest, newest = t.db.Head().MinTime(), t.db.Head().MaxTime()
	ok = oldest <= newest && t.db.Head().NumSeries() > 0
	for _, b := range t.db.Blocks() {
		if !ok {
			oldest, newest, ok = b.MinTime(), b.MaxTime(), true
		}
		oldest, newest = min(oldest, b.MinTime()), max(newest, b.MaxTime())
	}
	if t.db.Head().NumSeries() > 0 && t.db.Head().MinOOOTime() <= t.db.Head().MaxOOOTime() {
		oldest, newest, ok = min(oldest, t.db.Head().MinOOOTime()), max(newest, t.db.Head().MaxOOOTime()), true
	}
	return floor(oldest, 1000) / 1000, floor(newest, 1000) / 1000, ok
}

// after returns the time in seconds from which on there may be samples that are not older than a given time; ok is false if there are none.
func (t *tier) after(from int64) (oldest int64, ok bool) {
	spans := [][2]int64{{t.db.Head().MinTime(), t.db.Head().MaxTime()}, {t.db.Head().MinOOOTime(), t.db.Head().MaxOOOTime()}}
	for _, b := range t.db.Blocks() {
		spans = append(spans, [2]int64{b.MinTime(), b.MaxTime() - 1})
	}
	oldest = math.MaxInt64
	for _, s := range spans {
		if s[0] <= s[1] && s[1] >= from*1000 {
			oldest, ok = min(oldest, max(s[0], from*1000)), true
		}
	}
	return floor(oldest, 1000) / 1000, ok
}

// sync makes commits durable: the TSDB syncs its write-ahead logs only at the end of a segment, and not at once.
func (t *tier) sync() error {
	if t.db == nil {
		return nil
	}
	for i, log := range []string{"wal", "wbl"} {
		dir := filepath.Join(t.dir, log)
		entries, err := os.ReadDir(dir)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("syncing the history: %w", err)
		}
		newest := 0
		for _, e := range entries {
			segment, err := strconv.Atoi(e.Name())
			if err != nil || segment < t.synced[i] {
				continue
			}
			newest = max(newest, segment)
			if err := syncPath(filepath.Join(dir, e.Name())); err != nil && !errors.Is(err, os.ErrNotExist) {
				return fmt.Errorf("syncing the history: %w", err)
			}
		}
		t.synced[i] = newest
		if err := syncPath(dir); err != nil {
			return fmt.Errorf("syncing the history: %w", err)
		}
	}
	return nil
}

func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func (t *tier) close() error {
	if t.db == nil {
		return nil
	}
	db := t.db
	t.db = nil
	err := t.end(db)
	if err != nil {
		return fmt.Errorf("closing the history of %d s: %w", t.resolution, err)
	}
	return nil
}

// bytes returns the disk space of the tier, with files set aside.
func (t *tier) bytes() int64 {
	_, aside := t.aside.look()
	return diskUse(t.dir) + aside
}
