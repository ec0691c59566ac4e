package sqlite

import (
	"database/sql/driver"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"bellows.dev/bellows/internal/log"
)

// The pool of connections replaces one at which a statement was cancelled, in the middle of a transaction too.
func TestCommitsGoOnOnANewConnection(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	if err := s.Append(t.Context(), log.Batch{Entries: []log.Entry{input(1)}}); err != nil {
		t.Fatal(err)
	}
	held, err := s.write.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := held.Raw(func(conn any) error {
		if err := conn.(*connection).exec(t.Context(), beginCommit); err != nil {
			t.Error(err)
		}
		return driver.ErrBadConn
	}); !errors.Is(err, driver.ErrBadConn) {
		t.Fatalf("giving the connection up: %v", err)
	}
	_ = held.Close() // it is closed already
	if err := s.Append(t.Context(), log.Batch{Entries: []log.Entry{input(2)}}); err != nil {
		t.Fatalf("the transaction of the lost connection is still open: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, FileName+"-wal")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a closed database has a write-ahead log (%v): a connection is open", err)
	}
}

// A commit that fails at its last statement leaves nothing of it, and no transaction that is open.
func TestAFailedCommitLeavesNothing(t *testing.T) {
	s := open(t, t.TempDir())
	defer s.Close()
	if _, err := s.write.ExecContext(t.Context(), `CREATE TRIGGER refused BEFORE INSERT ON outbox BEGIN SELECT raise(FAIL, 'full'); END`); err != nil {
		t.Fatal(err)
	}
	b := log.Batch{Entries: []log.Entry{input(1)}, Outbox: []log.Message{{Topic: "a", Kind: "k"}}}
	if err := s.Append(t.Context(), b); err == nil {
		t.Fatal("the commit succeeded")
	}
	if end, err := s.End(t.Context()); err != nil || end != 0 {
		t.Errorf("the journal ends at %d, %v", end, err)
	}
	if err := s.Append(t.Context(), log.Batch{Entries: []log.Entry{input(1)}}); err != nil {
		t.Errorf("the next commit: %v", err)
	}
}
