package process

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"bellows.dev/bellows/hosting"
)

// boundLog notes when the lines of a log arrived, and bounds its size. The process writes to the file itself, so that it outlives the server: a full
// file is copied aside and truncated, and the process goes on writing at its new end.
func (k *keeper) boundLog() {
	f, id := k.fleet, k.spec.ID
	f.logs.Lock()
	defer f.logs.Unlock()
	path, most := f.LogFile(id), f.settings.Load().LogMax
	info, err := os.Stat(path)
	if err != nil {
		return
	}
	if err := f.noteLocked(id, time.Now(), false); err != nil {
		f.o.Log.Warn("the times of a log could not be noted", "instance", string(id), "error", err)
	}
	if info.Size() <= most {
		return
	}
	size, kept, err := copyFile(path, path+".1", most)
	if err == nil {
		err = os.Truncate(path, 0)
	}
	if t := f.times[id]; err == nil && t != nil {
		err = rotated(path, t, size, kept)
	}
	if err != nil {
		f.o.Log.Warn("a log could not be cut", "instance", string(id), "error", err)
	}
}

// copyFile copies at most the last n bytes. It returns up to where, and how many.
func copyFile(from, to string, n int64) (end, copied int64, _ error) {
	in, err := os.Open(from)
	if err != nil {
		return 0, 0, err
	}
	defer in.Close() //nolint:errcheck // it was only read
	var begin int64
	if info, err := in.Stat(); err == nil && info.Size() > n {
		if begin, err = in.Seek(-n, io.SeekEnd); err != nil {
			return 0, 0, err
		}
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return 0, 0, err
	}
	copied, err = io.Copy(out, io.LimitReader(in, n))
	return begin + copied, copied, errors.Join(err, out.Close())
}

// logName returns the name of the copy's log in the data directory.
func (k *keeper) logName() string { return "fleet/logs/" + filepath.Base(k.fleet.LogFile(k.spec.ID)) }

// lastLine names a copy's log and quotes its last line, if one was written since offset from.
func (k *keeper) lastLine(from int64) string {
	if last := k.readLastLine(from); last != "" {
		return " Its log, " + k.logName() + ", ends: " + last
	}
	return " Its log is " + k.logName() + "."
}

// readLastLine returns the last line of a copy's log since an offset; "" where there is none.
func (k *keeper) readLastLine(from int64) string {
	f, err := os.Open(k.fleet.LogFile(k.spec.ID))
	if err != nil {
		return ""
	}
	defer f.Close() //nolint:errcheck // it was only read
	const tail = 400
	info, err := f.Stat()
	if err != nil {
		return ""
	}
	if info.Size() < from { // it was truncated meanwhile
		from = 0
	}
	if _, err := f.Seek(max(from, info.Size()-tail), io.SeekStart); err != nil {
		return ""
	}
	text, err := io.ReadAll(io.LimitReader(f, tail))
	if err != nil {
		return ""
	}
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	return strings.ToValidUTF8(string(lines[len(lines)-1]), "?")
}

// pruneLogs removes the oldest logs of copies that are gone, but for the latest LogsKept of them.
func (f *Fleet) pruneLogs() error {
	dir := filepath.Join(f.o.Dir, "logs")
	files, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("reading the logs: %w", err)
	}
	f.mu.Lock()
	used := maps.Clone(f.keepers)
	f.mu.Unlock()
	latest := map[string]time.Time{} // by the name of the instance's newer file
	for _, d := range files {
		name := strings.TrimSuffix(d.Name(), ".1")
		if strings.Contains(name, ".log.") { // it goes with its log
			continue
		}
		info, err := d.Info()
		if err != nil || used[hosting.CopyID(strings.TrimSuffix(name, ".log"))] != nil {
			continue // removed by another keeper, or in use
		}
		if t := info.ModTime(); t.After(latest[name]) {
			latest[name] = t
		}
	}
	names := slices.SortedFunc(maps.Keys(latest), func(a, b string) int {
		return cmp.Or(latest[b].Compare(latest[a]), cmp.Compare(a, b))
	})
	for _, name := range names[min(f.o.LogsKept, len(names)):] {
		f.logs.Lock()
		delete(f.times, hosting.CopyID(strings.TrimSuffix(name, ".log")))
		f.logs.Unlock()
		for _, suffix := range logSuffixes {
			if err := os.Remove(filepath.Join(dir, name+suffix)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("removing an old log: %w", err)
			}
		}
	}
	return nil
}
