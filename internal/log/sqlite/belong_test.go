package sqlite

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// twoDirectories are data directories whose servers have run, with their folders.
func twoDirectories(t *testing.T) (a, b string) {
	t.Helper()
	dirs := []string{t.TempDir(), t.TempDir()}
	for _, dir := range dirs {
		s, err := Open(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range companions {
			if err := os.MkdirAll(filepath.Join(dir, name), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return dirs[0], dirs[1]
}

func move(t *testing.T, from, to string) {
	t.Helper()
	if err := os.RemoveAll(to); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

// A file or folder of another data directory is noticed, and nothing is changed.
func TestSwappedFilesAreRefused(t *testing.T) {
	for _, moved := range []string{FileName, "fleet", "history"} {
		a, b := twoDirectories(t)
		move(t, filepath.Join(b, moved), filepath.Join(a, moved))
		for range 2 {
			s, err := Open(t.Context(), a)
			if err == nil {
				_ = s.Close()
				t.Errorf("%s of another directory is accepted", moved)
			} else if !strings.Contains(err.Error(), "belongs to another database") || !strings.Contains(err.Error(), "Put back") {
				t.Errorf("%s: %v", moved, err)
			}
		}
	}
}

// What belongs together is accepted after a move of the whole directory, and so are folders of earlier versions, once.
func TestWhatBelongsTogetherIsAccepted(t *testing.T) {
	a, b := twoDirectories(t)
	moved := filepath.Join(t.TempDir(), "moved")
	move(t, a, moved)
	if err := os.Remove(filepath.Join(moved, "fleet", belongsName)); err != nil { // as an earlier version left it
		t.Fatal(err)
	}
	s, err := Open(t.Context(), moved)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	move(t, filepath.Join(moved, "fleet"), filepath.Join(b, "fleet"))
	if s, err := Open(t.Context(), b); err == nil {
		_ = s.Close()
		t.Error("the folder was not marked")
	}
	if err := os.Remove(filepath.Join(b, "fleet", belongsName)); err != nil { // as the error advises
		t.Fatal(err)
	}
	if s, err = Open(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
