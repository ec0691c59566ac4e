//go:build unix

package sqlite

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"bellows.dev/bellows/internal/log"
)

// mounted is a file system of its own.
func mounted(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=4m"); err != nil {
		t.Skipf("a file system of its own cannot be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Errorf("unmounting: %v", err)
		}
	})
	return dir
}

// fill takes all that is left of a file system.
func fill(t *testing.T, dir string) {
	t.Helper()
	f, err := os.Create(filepath.Join(dir, "fill"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for block := make([]byte, 4096); err == nil; {
		_, err = f.Write(block)
	}
	if !errors.Is(err, unix.ENOSPC) {
		t.Fatal(err)
	}
}

// crashed is a data directory as a killed server leaves it: with a write-ahead log.
func crashed(t *testing.T, dir string) {
	t.Helper()
	live := filepath.Join(dir, "live")
	s, err := Open(t.Context(), live)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Append(t.Context(), log.Batch{Entries: []log.Entry{{Seq: 1, At: time.Unix(1, 0), Kind: "k", Data: []byte("{}")}}}); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(filepath.Join(dir, "crashed"), os.DirFS(live)); err != nil {
		t.Fatal(err)
	}
}

// A journal is opened on a full disk as long as nothing has to be made there; commits fail, and succeed once there is room. Where it cannot be
// opened, or none can be made, the error says what to do, and nothing is called damaged.
func TestOpenOnAFullDisk(t *testing.T) {
	dir := mounted(t)
	crashed(t, dir)
	fill(t, dir)
	data := filepath.Join(dir, "crashed")
	s, err := Open(t.Context(), data)
	if err != nil {
		t.Fatal(err)
	}
	if end, err := s.End(t.Context()); end != 1 || err != nil {
		t.Errorf("the journal ends at %d, %v", end, err)
	}
	now := time.Unix(2, 0)
	if err := lead(t, s, now, now); !ofDisk(err) {
		t.Errorf("noting the start: %v", err)
	}
	if err := os.Remove(filepath.Join(dir, "fill")); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Probe(t.Context()), lead(t, s, now, now), s.Close()); err != nil {
		t.Error(err)
	}
	fill(t, dir)
	for name, path := range map[string]string{"a new one": filepath.Join(dir, "new"), "one without its index": data} {
		if err := os.RemoveAll(filepath.Join(path, FileName+"-shm")); err != nil {
			t.Fatal(err)
		}
		fillMore(dir)
		s, err := Open(t.Context(), path)
		if err == nil { // it needed no room
			_ = s.Close()
			t.Errorf("%s is opened", name)
			continue
		}
		if x := (*DiskError)(nil); !errors.As(err, &x) || x.ReadOnly || !strings.Contains(err.Error(), "is full: make room") || strings.Contains(err.Error(), "damaged") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// fillMore takes what a removed file has given back.
func fillMore(dir string) {
	f, err := os.OpenFile(filepath.Join(dir, "fill"), os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return
	}
	defer f.Close()
	for block := make([]byte, 4096); err == nil; {
		_, err = f.Write(block)
	}
}

// A data directory on a read-only file system is refused with what to do.
func TestOpenOnAReadOnlyFileSystem(t *testing.T) {
	dir := mounted(t)
	crashed(t, dir)
	if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Skipf("a file system cannot be made read-only here: %v", err)
	}
	for _, name := range []string{"crashed", "new"} {
		_, err := Open(t.Context(), filepath.Join(dir, name))
		if x := (*DiskError)(nil); !errors.As(err, &x) || !x.ReadOnly || !strings.Contains(err.Error(), "writable") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
