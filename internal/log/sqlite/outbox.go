package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"bellows.dev/bellows/internal/log"
)

const outboxSchema = `CREATE TABLE IF NOT EXISTS outbox (id INTEGER PRIMARY KEY AUTOINCREMENT, topic TEXT NOT NULL, kind TEXT NOT NULL, data BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS outbox_by_topic ON outbox (topic, id);`

// Topics implements log.Outbox.
func (s *Store) Topics(ctx context.Context) (map[string]int, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT topic, count(*) FROM outbox GROUP BY topic`)
	if err != nil {
		return nil, fmt.Errorf("reading the outbox: %w", err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err says what went wrong
	out := map[string]int{}
	for rows.Next() {
		var topic string
		var n int
		if err := rows.Scan(&topic, &n); err != nil {
			return nil, fmt.Errorf("reading the outbox: %w", err)
		}
		out[topic] = n
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("reading the outbox: %w", err)
	}
	return out, nil
}

// Waiting implements log.Outbox.
func (s *Store) Waiting(ctx context.Context, topic string) (n int, err error) {
	if err := s.read.QueryRowContext(ctx, `SELECT count(*) FROM outbox WHERE topic = ?`, topic).Scan(&n); err != nil {
		return 0, fmt.Errorf("reading the outbox: %w", err)
	}
	return n, nil
}

// FirstMessage implements log.Outbox.
func (s *Store) FirstMessage(ctx context.Context, topic string) (m log.Message, ok bool, err error) {
	var sum sql.NullInt64
	err = s.read.QueryRowContext(ctx, `SELECT id, topic, kind, data, sum FROM outbox WHERE topic = ? ORDER BY id LIMIT 1`, topic).
		Scan(&m.ID, &m.Topic, &m.Kind, &m.Data, &sum)
	if errors.Is(err, sql.ErrNoRows) {
		return m, false, nil
	}
	if err != nil {
		return m, false, fmt.Errorf("reading the outbox: %w", err)
	}
	if sum.Valid && sum.Int64 != messageSum(m) {
		return m, true, &log.DamagedRowError{Table: "outbox", ID: m.ID}
	}
	return m, true, nil
}

// RemoveMessage implements log.Outbox.
func (s *Store) RemoveMessage(ctx context.Context, id int64) error {
	if _, err := s.write.ExecContext(ctx, `DELETE FROM outbox WHERE id = ?`, id); err != nil {
		return fmt.Errorf("removing a message from the outbox: %w", err)
	}
	return nil
}
