package history

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// aside contains damaged files that were moved next to the tier for inspection. They count towards the tier's disk space and are the first to
// be deleted if that is full.
type aside struct {
	mu  sync.Mutex // the TSDB may ask at any time which blocks to delete
	all []damaged  // oldest first
}

type damaged struct {
	path  string
	bytes int64
}

const asideMark = ".damaged-"

// find finds files set aside by earlier processes.
func (a *aside) find(tier string) error {
	entries, err := os.ReadDir(filepath.Dir(tier))
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return fmt.Errorf("looking for damaged history: %w", err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.all = nil
	for _, e := range entries { // by name, which is by age
		if path := filepath.Join(filepath.Dir(tier), e.Name()); strings.HasPrefix(path, tier+asideMark) {
			a.all = append(a.all, damaged{path, diskUse(path)})
		}
	}
	return nil
}

// take moves a damaged file next to the tier and returns its path.
func (a *aside) take(tier, path string) (string, error) {
	to := fmt.Sprintf("%s%s%d-%s", tier, asideMark, time.Now().UnixNano(), filepath.Base(path))
	if err := os.Rename(path, to); err != nil {
		return "", err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.all = append(a.all, damaged{to, diskUse(to)})
	return to, nil
}

// has reports whether a file of a name was set aside.
func (a *aside) has(name string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.ContainsFunc(a.all, func(d damaged) bool { return strings.HasSuffix(d.path, "-"+name) })
}

// trim removes the oldest files until at most max bytes are left, and returns the removed ones.
func (a *aside) trim(bytesMax int64) (gone []string, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	total := a.total()
	for len(a.all) > 0 && total > bytesMax {
		if err := os.RemoveAll(a.all[0].path); err != nil {
			return gone, err
		}
		gone, total = append(gone, a.all[0].path), total-a.all[0].bytes
		a.all = slices.Delete(a.all, 0, 1)
	}
	return gone, nil
}

func (a *aside) total() (n int64) {
	for _, d := range a.all {
		n += d.bytes
	}
	return n
}

// look returns the files and their size.
func (a *aside) look() (paths []string, bytes int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, d := range a.all {
		paths = append(paths, d.path)
	}
	return paths, a.total()
}

// diskUse returns the bytes of a file or of all files of a folder. Files may be removed meanwhile.
func diskUse(path string) (total int64) {
	_ = filepath.WalkDir(path, func(_ string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			if info, err := d.Info(); err == nil {
				total += info.Size()
			}
		}
		return nil
	})
	return total
}
