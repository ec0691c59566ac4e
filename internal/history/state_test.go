package history

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A state that is damaged is made again: what was rolled up is neither lost nor counted twice.
func TestDamagedStateIsMadeAgain(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "h")
	l := newLife(t, dir, Options{})
	first := l.now
	l.put(0, time.Minute, 1)
	l.put(-time.Minute, time.Minute, 2)
	l.pass(time.Hour)
	l.pass(17 * day)
	l.wantSum(first, 5*time.Minute, 3)
	want := l.h.state.Rolled
	l.h.close()
	file := filepath.Join(dir, stateFile)
	if err := os.WriteFile(file, []byte(`{"Rolled":[0,`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := l.h.start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer func() { l.h.close() }()
	l.flush()
	l.wantSum(first, 5*time.Minute, 3)
	if s, err := readState(dir); err != nil || s.Rolled[1] > want[1] {
		t.Errorf("state %+v, %v; it was %v", s, err, want)
	}
}
