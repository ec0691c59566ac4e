package control

import (
	"context"
	"database/sql"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/log/sqlite"
)

// text is a log that several may write to.
type text struct {
	mu sync.Mutex
	b  strings.Builder
}

func (x *text) Write(p []byte) (int, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.b.Write(p)
}

func (x *text) String() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.b.String()
}

// A snapshot that is damaged is left out, and the log says which, and what is used in its place; nothing is lost.
func TestADamagedSnapshotIsLogged(t *testing.T) {
	dir := onDisk(t, t.TempDir())
	s := start(t, dir, 1)
	s.deploy()
	if err := s.Snapshot(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.do(engine.CreateModel{Scope: scope, Model: hosting.Model{Name: "later"}})
	if err := s.Snapshot(context.WithoutCancel(t.Context())); err != nil {
		t.Fatal(err)
	}
	s.close()
	db, err := sql.Open("sqlite", filepath.Join(dir, sqlite.FileName))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), `UPDATE part SET data = x'00' WHERE kind = 'snapshot' AND seq = (SELECT max(seq) FROM snapshot)`); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	var log text
	s = startWith(t, dir, 1, func(o *Options) { o.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	defer s.close()
	if n := s.models(); n != 2 {
		t.Errorf("%d models", n)
	}
	if got := log.String(); !strings.Contains(got, `level=WARN msg="the newest snapshot is damaged, and is left out" snapshot=`) || !strings.Contains(got, " used=") {
		t.Errorf("the log has %s", got)
	}
}
