package history

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/tsdb/wlog"
)

// manifest lists what the tiers have on disk, so that a start notices what is missing: a TSDB opens whatever it finds. It is a file beside the
// history's folder, written after blocks are created and merged, and before they are deleted. So it may be one step behind a crash: a block that
// it does not list is accepted, and a listed one may be missing if it was merged into another.
type manifest struct {
	Tiers map[string]*tierRecord `json:"tiers"` // by the folder's name
	Sum   string                 `json:"sum"`   // of the text with an empty Sum
}

// tierRecord describes the folder of a tier.
type tierRecord struct {
	ID     string                 `json:"id"` // content of its file identityFile
	Blocks map[string]blockRecord `json:"blocks"`
	Log    logRecord              `json:"log"`
	Late   bool                   `json:"late,omitempty"`   // it has a log of late samples
	Memory [2]int64               `json:"memory,omitempty"` // oldest and newest sample in no block but the log, in milliseconds
}

// blockRecord describes a block. Its meta.json is not listed: the TSDB may rewrite it.
type blockRecord struct {
	From    int64            `json:"from"` // milliseconds
	Until   int64            `json:"until"`
	Sources []string         `json:"sources"` // the blocks of which it was merged, or its own name
	Files   map[string]int64 `json:"files"`   // sizes in bytes
}

// logRecord describes a write-ahead log: its segments, and the checkpoint that replaces those up to its number; -1: none.
type logRecord struct {
	First      int `json:"first"`
	Last       int `json:"last"`
	Checkpoint int `json:"checkpoint"`
}

// identityFile is a file in a tier's folder with a random text, so that the folder of another history is recognised.
const identityFile = "identity"

// manifestPath returns the file beside the history's folder. In it, it would be lost together with the folder.
func manifestPath(dir string) string { return filepath.Clean(dir) + ".json" }

// errDamagedManifest is the error of a manifest that is not as it was written.
var errDamagedManifest = errors.New("it is not as it was written")

// readManifest returns the manifest of a history; an empty one if there is none, as earlier versions wrote none. It fails with errDamagedManifest.
func readManifest(dir string) (*manifest, error) {
	text, err := os.ReadFile(manifestPath(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return &manifest{}, nil
	}
	if err != nil {
		return &manifest{}, fmt.Errorf("reading the history's manifest: %w", err)
	}
	m := &manifest{}
	if json.Unmarshal(text, m) != nil {
		return &manifest{}, errDamagedManifest
	}
	again, err := m.text()
	if err != nil || !bytes.Equal(again, text) {
		return &manifest{}, errDamagedManifest
	}
	return m, nil
}

// text returns the content of the file.
func (m *manifest) text() ([]byte, error) {
	m.Sum = ""
	text, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(text)
	m.Sum = hex.EncodeToString(sum[:])
	return json.Marshal(m)
}

// note writes the manifest if it has changed. drop names blocks that are about to be deleted.
func (h *History) note(drop map[string]bool) error {
	next := &manifest{Tiers: map[string]*tierRecord{}}
	for _, t := range h.tiers {
		name := filepath.Base(t.dir)
		if t.db == nil {
			if t.record != nil && t.exists() { // it is not open yet
				maps.DeleteFunc(t.record.Blocks, func(name string, _ blockRecord) bool { return drop[name] })
				next.Tiers[name] = t.record
			}
			continue
		}
		if t.changed || len(drop) > 0 {
			r, err := t.look(drop)
			if err != nil {
				return fmt.Errorf("listing the history of %d s: %w", t.resolution, err)
			}
			t.record, t.changed = r, len(drop) > 0
		}
		next.Tiers[name] = t.record
	}
	text, err := next.text()
	if err != nil {
		return fmt.Errorf("writing the history's manifest: %w", err)
	}
	if bytes.Equal(text, h.noted) {
		return nil
	}
	if err := replaceFile(manifestPath(h.o.Dir), text, h.unsynced); err != nil {
		return fmt.Errorf("writing the history's manifest: %w", err)
	}
	h.noted = text
	return nil
}

// look describes the tier's folder as it is. The tier is open.
func (t *tier) look(drop map[string]bool) (*tierRecord, error) {
	id, err := t.identify()
	if err != nil {
		return nil, err
	}
	r := &tierRecord{ID: id, Blocks: map[string]blockRecord{}, Late: isDir(filepath.Join(t.dir, wlog.WblDirName))}
	for _, b := range t.db.Blocks() {
		name := b.Meta().ULID.String()
		if drop[name] {
			continue
		}
		if known, found := t.blocks[name]; found {
			r.Blocks[name] = known
			continue
		}
		files, err := filesOf(b.Dir())
		if err != nil {
			return nil, err
		}
		r.Blocks[name] = blockRecord{From: b.MinTime(), Until: b.MaxTime(), Sources: sourcesOf(b.Meta()), Files: files}
	}
	t.blocks = r.Blocks
	if r.Log, err = logOf(filepath.Join(t.dir, "wal")); err != nil {
		return nil, err
	}
	if head := t.db.Head(); head.NumSeries() > 0 && head.MinTime() <= head.MaxTime() {
		r.Memory = [2]int64{head.MinTime(), head.MaxTime()}
	}
	return r, nil
}

// identify returns the identity of the folder, which it gets the first time.
func (t *tier) identify() (string, error) {
	path := filepath.Join(t.dir, identityFile)
	text, err := os.ReadFile(path)
	if id := strings.TrimSpace(string(text)); err == nil && id != "" {
		return id, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	id := rand.Text()
	if t.record != nil && t.record.ID != "" {
		id = t.record.ID // only the file was lost
	}
	return id, replaceFile(path, []byte(id+"\n"), false)
}

// sourcesOf returns the names of the blocks that are contained in a block, including those of its parents.
func sourcesOf(m tsdb.BlockMeta) []string {
	var out []string
	for _, x := range m.Compaction.Sources {
		out = append(out, x.String())
	}
	for _, x := range m.Compaction.Parents {
		out = append(out, x.ULID.String())
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// filesOf returns the sizes of a block's files that do not change.
func filesOf(block string) (map[string]int64, error) {
	out := map[string]int64{}
	entries, err := os.ReadDir(filepath.Join(block, "chunks"))
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			return nil, err
		}
		out["chunks/"+e.Name()] = info.Size()
	}
	info, err := os.Stat(filepath.Join(block, "index"))
	if err != nil {
		return nil, err
	}
	out["index"] = info.Size()
	return out, nil
}

// logOf describes a write-ahead log.
func logOf(dir string) (r logRecord, err error) {
	if r.First, r.Last, err = wlog.Segments(dir); errors.Is(err, fs.ErrNotExist) {
		return logRecord{-1, -1, -1}, nil
	}
	if err != nil {
		return r, err
	}
	r.Checkpoint = -1
	if _, n, err := wlog.LastCheckpoint(dir); err == nil {
		r.Checkpoint = n
	}
	return r, nil
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// replaceFile replaces a file durably or not at all.
func replaceFile(path string, text []byte, unsynced bool) error {
	f, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if !unsynced {
		err = errors.Join(err, f.Sync())
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(path+".new", path); err != nil || unsynced {
		return err
	}
	return syncPath(filepath.Dir(path))
}

// names returns the names of recorded blocks, by time.
func (r *tierRecord) names() []string {
	return slices.SortedFunc(maps.Keys(r.Blocks), func(a, b string) int {
		return int(r.Blocks[a].From/1000 - r.Blocks[b].From/1000)
	})
}
