package history

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/tsdb/index"
	"github.com/prometheus/prometheus/tsdb/wlog"
)

// report logs missing or damaged data and keeps the text for Status. The same text is reported once.
func (h *History) report(level slog.Level, text string) {
	h.health.Lock()
	for _, x := range h.damage {
		if x == text {
			h.health.Unlock()
			return
		}
	}
	h.damage = append(h.damage, text)
	h.health.Unlock()
	h.o.Log.Log(context.Background(), level, "metric history is missing or damaged; the rest is used", "damage", text)
}

// spanText returns a range of times in milliseconds.
func spanText(from, until int64) string {
	const form = "2006-01-02 15:04:05"
	return time.UnixMilli(from).UTC().Format(form) + " to " + time.UnixMilli(until).UTC().Format(form)
}

// examine compares the tier's folder, before it is opened, with the manifest, and reports what is missing. Blocks that end before dropBefore are
// no longer needed.
func (t *tier) examine(dropBefore int64) error {
	r := t.record
	if r == nil {
		return nil
	}
	if text, err := os.ReadFile(filepath.Join(t.dir, identityFile)); err == nil && r.ID != "" && strings.TrimSpace(string(text)) != r.ID {
		if err := t.setAside(t.dir, errors.New("it belongs to another metric history")); err != nil {
			return err
		}
	}
	if !t.exists() {
		from, until := int64(math.MaxInt64), int64(math.MinInt64)
		for _, b := range r.Blocks {
			from, until = min(from, b.From), max(until, b.Until)
		}
		if r.Memory != [2]int64{} {
			from, until = min(from, r.Memory[0]), max(until, r.Memory[1])
		}
		if from <= until {
			t.report(slog.LevelWarn, fmt.Sprintf("%s is missing: the datapoints of %d s from %s", t.dir, t.resolution, spanText(from, until)))
		}
		return nil
	}
	merged, err := t.mergedBlocks()
	if err != nil {
		return err
	}
	for _, name := range r.names() {
		b := r.Blocks[name]
		if path := filepath.Join(t.dir, name); !isDir(path) && !b.within(merged) && b.Until > dropBefore && !t.aside.has(name) {
			t.report(slog.LevelWarn, fmt.Sprintf("%s is missing: datapoints of %d s from %s", path, t.resolution, spanText(b.From, b.Until)))
		}
	}
	return t.examineLogs()
}

// mergedBlocks returns the names of all blocks contained in those that exist.
func (t *tier) mergedBlocks() (map[string]bool, error) {
	out := map[string]bool{}
	entries, err := os.ReadDir(t.dir)
	if err != nil {
		return nil, fmt.Errorf("looking for the blocks of %d s: %w", t.resolution, err)
	}
	for _, e := range entries {
		if _, err := ulid.ParseStrict(e.Name()); err != nil {
			continue
		}
		text, err := os.ReadFile(filepath.Join(t.dir, e.Name(), "meta.json"))
		var m tsdb.BlockMeta
		if err != nil || json.Unmarshal(text, &m) != nil {
			continue // it is damaged, and checked later
		}
		for _, name := range sourcesOf(m) {
			out[name] = true
		}
	}
	return out, nil
}

// within reports whether all of a block's content was merged into others.
func (b *blockRecord) within(merged map[string]bool) bool {
	for _, name := range b.Sources {
		if !merged[name] {
			return false
		}
	}
	return len(b.Sources) > 0
}

// examineLogs reports missing logs and segments. The number of the last segment and of the checkpoint only grow.
func (t *tier) examineLogs() error {
	r := t.record
	dir := filepath.Join(t.dir, "wal")
	got, err := logOf(dir)
	switch {
	case ofDisk(err):
		return fmt.Errorf("looking for the log of %d s: %w", t.resolution, err)
	case err != nil: // a segment within is missing; opening the database sets the log aside
	case r.Log.Last < 0: // it had none
	case got.Last < r.Log.Last, got.Checkpoint < r.Log.Checkpoint, got.First > max(r.Log.First, got.Checkpoint+1):
		text := fmt.Sprintf("%s lacks files (segments %d to %d, checkpoint %d of %d to %d, %d)", dir, got.First, got.Last, got.Checkpoint,
			r.Log.First, r.Log.Last, r.Log.Checkpoint)
		if !isDir(dir) {
			text = dir + " is missing"
		}
		if r.Memory != [2]int64{} {
			text += fmt.Sprintf(": datapoints of %d s from %s or later", t.resolution, spanText(r.Memory[0], r.Memory[1]))
		}
		t.report(slog.LevelWarn, text)
	}
	late := filepath.Join(t.dir, wlog.WblDirName)
	if r.Late && !isDir(late) && !isDir(filepath.Join(t.dir, wholeLog)) {
		t.report(slog.LevelWarn, fmt.Sprintf("%s is missing: late datapoints of %d s that were in no block yet", late, t.resolution))
	}
	return nil
}

// checkBlock returns what is wrong with a block, which is not open: with its files if the manifest lists them, else with the places of its
// chunks; with all content, which takes long, if whole is true.
func (t *tier) checkBlock(path string, whole bool) (err error) {
	name := filepath.Base(path)
	listed := false
	if t.record != nil {
		var b blockRecord
		if b, listed = t.record.Blocks[name]; listed {
			if err := b.compare(path); err != nil {
				return err
			}
		}
	}
	b, err := tsdb.OpenBlock(t.log, path, nil, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	if listed && !whole {
		return nil
	}
	return checkChunks(b, whole)
}

// compare compares a block's files with the manifest.
func (b *blockRecord) compare(path string) error {
	for name, size := range b.Files {
		info, err := os.Stat(filepath.Join(path, name))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return fmt.Errorf("its file %s is missing", name)
		case err != nil:
			return err
		case info.Size() != size:
			return fmt.Errorf("its file %s has %d bytes, not %d", name, info.Size(), size)
		}
	}
	return nil
}

// checkChunks checks that the chunks of all series of a block are in its files, and reads them if whole is true, which checks their checksums.
func checkChunks(b *tsdb.Block, whole bool) (err error) {
	files, err := filesOf(b.Dir())
	if err != nil {
		return err
	}
	ir, err := b.Index()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ir.Close()) }()
	cr, err := b.Chunks()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cr.Close()) }()
	name, value := index.AllPostingsKey()
	all, err := ir.Postings(context.Background(), name, value)
	if err != nil {
		return err
	}
	var builder labels.ScratchBuilder
	var of []chunks.Meta
	var it chunkenc.Iterator
	for all.Next() {
		if err := ir.Series(all.At(), &builder, &of); err != nil {
			return err
		}
		for _, m := range of {
			segment, offset := chunks.BlockChunkRef(m.Ref).Unpack()
			file := fmt.Sprintf("chunks/%06d", segment+1)
			if size, found := files[file]; !found || int64(offset) >= size {
				return fmt.Errorf("its file %s is missing or too short", file)
			}
			if !whole {
				continue
			}
			c, _, err := cr.ChunkOrIterable(m)
			if err != nil {
				return err
			}
			for it = c.Iterator(it); it.Next() != chunkenc.ValNone; {
			}
			if err := it.Err(); err != nil {
				return err
			}
		}
	}
	return all.Err()
}

// verifyEvery is the minimum interval of verifications that find nothing, in wall time.
const verifyEvery = 10 * time.Minute

// suspect notes that a tier could not be read, so that its blocks are verified. It is called by readers.
func (t *tier) suspect(err error) {
	if err == nil || ofDisk(err) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return
	}
	t.unread.Store(true)
}

// heal verifies the blocks of tiers that could not be read, and sets damaged ones aside.
func (h *History) heal() error {
	for i, t := range h.tiers {
		if t.db == nil || !t.unread.Load() || time.Since(t.verified) < verifyEvery {
			continue
		}
		t.verified = time.Now()
		t.unread.Store(false)
		bad := map[string]error{}
		for _, b := range t.db.Blocks() {
			if err := t.checkBlock(b.Dir(), true); err != nil && !ofDisk(err) {
				bad[b.Dir()] = err
			}
		}
		if len(bad) == 0 {
			continue
		}
		t.verified = time.Time{}
		if err := h.reopenWithout(i, bad); err != nil {
			return err
		}
	}
	return nil
}

// reopenWithout sets blocks of an open tier aside.
func (h *History) reopenWithout(i int, bad map[string]error) error {
	t := h.tiers[i]
	h.mu.Lock()
	defer h.mu.Unlock()
	defer h.generation.Add(1)
	if err := t.close(); err != nil {
		h.o.Log.Error("metric history could not be closed", "error", err)
	}
	for path, cause := range bad {
		if err := t.setAside(path, cause); err != nil {
			return err
		}
	}
	return t.open(h.o.Retention[i])
}
