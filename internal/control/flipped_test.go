package control

import (
	"bytes"
	"database/sql"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/log"
	"bellows.dev/bellows/internal/log/sqlite"
)

// damagedCopy writes a recorded database into a new data directory, changes it, and flips a bit in the middle of a column of the one row of a
// table for which a condition holds.
func damagedCopy(t *testing.T, data []byte, change, table, column, condition string) string {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, sqlite.FileName)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), change); err != nil {
		t.Fatal(err)
	}
	var old []byte
	if err := db.QueryRowContext(t.Context(), `SELECT `+column+` FROM `+table+` WHERE `+condition).Scan(&old); err != nil {
		t.Fatalf("%s where %s: %v", table, condition, err)
	}
	flipped := bytes.Clone(old)
	flipped[len(flipped)/2] ^= 0x10
	if _, err := db.ExecContext(t.Context(), `UPDATE `+table+` SET `+column+` = ? WHERE `+condition, flipped); err != nil {
		t.Fatal(err)
	}
	return dir
}

// reopened brings an engine back from a data directory.
func reopened(t *testing.T, dir string) (log.Store, *Controller, error) {
	t.Helper()
	s, err := sqlite.Open(t.Context(), dir)
	if err != nil {
		return nil, nil, err
	}
	t.Cleanup(func() { _ = s.Close() }) // the directory goes
	c, err := New(t.Context(), Options{Store: s, Speed: 1, Log: slog.New(slog.DiscardHandler), Release: func(engine.Effects) {}})
	return s, c, err
}

// A bit that flips in the journal or in a snapshot is noticed: the server refuses to start and says which line or that a backup is wanted, or
// comes back by another way to the very state; it never goes on with another.
func TestAFlippedBitIsNoticed(t *testing.T) {
	data := unzipped(t, filepath.Join(recorded, "2026-11-27.db.gz"))
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, sqlite.FileName), data, 0o600); err != nil {
		t.Fatal(err)
	}
	s, c, err := reopened(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	want := stateText(t, c.engine)
	shots, err := s.Snapshots(t.Context())
	if err != nil || len(shots) < 2 {
		t.Fatalf("%d snapshots, %v", len(shots), err)
	}
	last := shots[0].Seq
	none := `DELETE FROM snapshot; DELETE FROM part WHERE kind = 'snapshot'`
	for name, x := range map[string]struct{ change, table, condition, refusal string }{
		"the newest snapshot":  {"SELECT 1", "part", fmt.Sprintf("kind = 'snapshot' AND seq = %d AND n = 0", last), ""},
		"its last part":        {"SELECT 1", "part", fmt.Sprintf("kind = 'snapshot' AND seq = %d AND n = (SELECT max(n) FROM part WHERE kind = 'snapshot' AND seq = %d)", last, last), ""},
		"every snapshot":       {fmt.Sprintf("DELETE FROM snapshot WHERE seq < %d", last), "part", fmt.Sprintf("kind = 'snapshot' AND seq = %d AND n = 0", last), "no snapshot can be read"},
		"the journal's first":  {none, "journal", "seq = 1", "line 1 of the journal is damaged"},
		"one in the middle":    {none, "journal", fmt.Sprintf("seq = %d", last/2), fmt.Sprintf("line %d of the journal is damaged", last/2)},
		"the last":             {none, "journal", fmt.Sprintf("seq = %d", last), fmt.Sprintf("line %d of the journal is damaged", last)},
		"one that is not read": {"SELECT 1", "journal", "seq = 7", ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, c, err := reopened(t, damagedCopy(t, data, x.change, x.table, "data", x.condition))
			switch {
			case x.refusal != "" && (err == nil || !bytes.Contains([]byte(err.Error()), []byte(x.refusal))):
				t.Errorf("%v, want %q", err, x.refusal)
			case x.refusal == "" && err != nil:
				t.Error(err)
			case x.refusal == "":
				for _, fault := range lacks("state", tree(t, want), tree(t, stateText(t, c.engine)), nil) {
					t.Error(fault)
				}
			}
		})
	}
}

// A bit that flips in the archive is noticed: a moment is explained as it was, from other pages or from the journal, or not at all.
func TestAFlippedBitInTheArchive(t *testing.T) {
	data := unzipped(t, filepath.Join(recorded, "2026-11-27.db.gz"))
	whole := t.TempDir()
	if err := os.WriteFile(filepath.Join(whole, sqlite.FileName), data, 0o600); err != nil {
		t.Fatal(err)
	}
	s, _, err := reopened(t, whole)
	if err != nil {
		t.Fatal(err)
	}
	reach, err := s.Reach(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	moments := map[time.Time]string{}
	for i := range 5 {
		at := reach.Until.Add(-time.Duration(3+9*i) * time.Minute)
		p, err := PastAt(t.Context(), s, nil, at)
		if err != nil {
			t.Fatal(err)
		}
		moments[at] = standing(t, p.Engine)
	}
	refused := 0
	for part, column := range map[string]string{"state IS NOT NULL ORDER BY first": "state", "TRUE ORDER BY first": "lines", "TRUE ORDER BY first DESC": "lines"} {
		condition := "first = (SELECT first FROM diary WHERE " + part + " LIMIT 1)"
		s, _, err := reopened(t, damagedCopy(t, data, "SELECT 1", "diary", column, condition))
		if err != nil {
			t.Errorf("%s: a server that never looks at the past does not start: %v", part, err)
			continue
		}
		for at, want := range moments {
			p, err := PastAt(t.Context(), s, nil, at)
			switch {
			case err != nil:
				refused++
			case standing(t, p.Engine) != want:
				t.Errorf("%s: %v is explained otherwise", part, at)
			}
		}
	}
	if refused == 0 {
		t.Error("no damage was noticed")
	}
}
