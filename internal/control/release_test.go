package control

import (
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"testing"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/log/sqlite"
)

// A journal of an earlier version, without checksums and settings of its own, is opened, replayed and gone on with.
func TestJournalOfAnEarlierVersion(t *testing.T) {
	dir := t.TempDir()
	unpack(t, filepath.Join("testdata", "journal-2026-11.db.gz"), filepath.Join(dir, sqlite.FileName))
	for life := range 2 {
		s := start(t, dir, 20)
		s.view(func(e *engine.Engine) {
			r := e.Region(scope)
			if len(r.Hosting.Endpoints) != 2 || r.Hosting.Endpoints["stepped"] == nil || r.Hosting.Endpoints["tracked"] == nil || len(r.Hosting.Models) != 1+life {
				t.Errorf("endpoints %v, models %v", r.Hosting.Endpoints, r.Hosting.Models)
			}
			if n := r.Hosting.Endpoints["stepped"].Variant("AllTraffic").Desired; n != 3 && n != 4 { // its alarm may act again at the start
				t.Errorf("the stepped variant wants %d instances", n)
			}
		})
		if life == 0 {
			s.do(engine.CreateModel{Scope: scope, Model: hosting.Model{Name: "new"}})
		}
		s.close()
	}
}

func unpack(t *testing.T, from, to string) {
	t.Helper()
	f, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, data, 0o600); err != nil {
		t.Fatal(err)
	}
}
