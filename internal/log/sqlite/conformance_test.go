package sqlite

import (
	"path/filepath"
	"testing"

	"bellows.dev/bellows/internal/log"
	"bellows.dev/bellows/internal/log/logtest"
)

// A data directory is a log.
func TestConformance(t *testing.T) {
	dirs := map[string]string{}
	logtest.Run(t, func(t testing.TB, name string) log.Store {
		t.Helper()
		if dirs[t.Name()] == "" {
			dirs[t.Name()] = t.TempDir()
		}
		s, err := Open(t.Context(), filepath.Join(dirs[t.Name()], name))
		if err != nil {
			t.Fatal(err)
		}
		return s
	})
}
