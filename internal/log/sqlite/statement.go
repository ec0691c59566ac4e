package sqlite

import (
	"context"
	"database/sql"
	"fmt"
)

// What each commit executes.
const (
	selectPosition = `SELECT (SELECT value FROM meta WHERE key = ?),
		max(coalesce((SELECT max(seq) FROM journal), 0), coalesce((SELECT max(seq) FROM snapshot), 0))`
	insertEntry   = `INSERT INTO journal (seq, at, kind, data, events, sum) VALUES (?, ?, ?, ?, ?, ?)`
	insertMessage = `INSERT INTO outbox (topic, kind, data, sum) VALUES (?, ?, ?, ?)`
	insertRow     = `INSERT INTO history (at, scope, tab, key, type, ident, kind, data, sum) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (tab, ident) WHERE ident IS NOT NULL DO UPDATE SET
			at = excluded.at, scope = excluded.scope, key = excluded.key, type = excluded.type, kind = excluded.kind, data = excluded.data, sum = excluded.sum`
)

// prepare compiles the statements of a commit: to compile them at each commit takes longer than to execute them.
func (s *Store) prepare(ctx context.Context) error {
	s.prepared = map[string]*sql.Stmt{}
	for _, text := range []string{selectPosition, insertEntry, insertMessage, insertRow} {
		p, err := s.write.PrepareContext(ctx, text)
		if err != nil {
			return fmt.Errorf("preparing the statements of a commit: %w", err)
		}
		s.prepared[text] = p // closed with the database
	}
	return nil
}

// transaction is a transaction that executes prepared statements.
type transaction struct {
	*sql.Tx
	prepared map[string]*sql.Stmt
}

// QueryRowContext implements querier.
func (t transaction) QueryRowContext(ctx context.Context, text string, args ...any) *sql.Row {
	return t.StmtContext(ctx, t.prepared[text]).QueryRowContext(ctx, args...)
}

func (t transaction) exec(ctx context.Context, text string, args ...any) error {
	_, err := t.StmtContext(ctx, t.prepared[text]).ExecContext(ctx, args...)
	return err
}
