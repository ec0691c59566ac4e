package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"strings"
	"time"

	"bellows.dev/bellows/internal/log"
)

// insertEvent writes a row, or replaces the one with its identity.
func insertEvent(ctx context.Context, c *connection, h log.EventRecord) error {
	var ident driver.Value
	if h.ID != "" {
		ident = h.ID
	}
	return c.exec(ctx, insertRow, nanos(h.At), h.Scope, h.Table, h.Key, h.Type, ident, h.Kind, h.Data, rowSum(nanos(h.At), h))
}

// condition is what a query selects rows by.
type condition struct {
	texts []string
	args  []any
}

func (c *condition) and(text string, args ...any) {
	c.texts, c.args = append(c.texts, text), append(c.args, args...)
}

// among selects rows with one of some values in a column; any where there are none.
func (c *condition) among(column string, values []string) {
	if len(values) == 0 {
		return
	}
	args := make([]any, len(values))
	for i, v := range values {
		args[i] = v
	}
	c.and(column+" IN ("+strings.TrimSuffix(strings.Repeat("?,", len(values)), ",")+")", args...)
}

// conditionOf returns what a query selects rows by, and their order. It fails with log.ErrToken.
func conditionOf(q *log.EventQuery) (c condition, order string, err error) {
	c.and("tab = ?", q.Table)
	c.and("scope = ?", q.Scope)
	if q.Key != "" {
		c.and("key = ?", q.Key)
	}
	c.among("type", q.Types)
	c.among("ident", q.IDs)
	if !q.From.IsZero() {
		c.and("at >= ?", nanos(q.From))
	}
	if !q.To.IsZero() {
		c.and("at < ?", nanos(q.To))
	}
	order, past := "DESC", "<"
	if q.Oldest {
		order, past = "ASC", ">"
	}
	if q.Token != "" {
		at, id, err := log.OpenToken(q.Token)
		if err != nil {
			return c, "", err
		}
		c.and("(at, id) "+past+" (?, ?)", at, id)
	}
	return c, order, nil
}

// ReportDamage makes f receive each damaged row of the history that a query finds, once. It must be called before the store is used.
func (s *Store) ReportDamage(f func(*log.DamagedRowError)) { s.onDamage = f }

// damagedRow reports a damaged row unless it was reported before.
func (s *Store) damagedRow(e *log.DamagedRowError) {
	if _, known := s.damaged.LoadOrStore(e.ID, true); !known && s.onDamage != nil {
		s.onDamage(e)
	}
}

// Query implements log.Events. Rows of earlier versions have no checksum. A damaged row is left out.
func (s *Store) Query(ctx context.Context, q log.EventQuery) ([]log.EventRecord, string, error) {
	column := "sum"
	if there, err := hasColumn(ctx, s.read, "history", column); err != nil {
		return nil, "", err
	} else if !there {
		column = "NULL"
	}
	c, order, err := conditionOf(&q)
	if err != nil {
		return nil, "", err
	}
	text := `SELECT id, at, scope, tab, key, type, coalesce(ident, ''), kind, data, ` + column + ` FROM history WHERE ` + strings.Join(c.texts, " AND ") +
		` ORDER BY at ` + order + `, id ` + order + ` LIMIT ?`
	rows, err := s.read.QueryContext(ctx, text, append(c.args, q.Limit+1)...)
	if err != nil {
		return nil, "", fmt.Errorf("reading history: %w", err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err says what went wrong
	var out []log.EventRecord
	next := ""
	var at, id int64
	for n := 0; rows.Next(); n++ {
		if n == q.Limit {
			next = log.SealToken(at, id)
			break
		}
		var h log.EventRecord
		var sum sql.NullInt64
		if err := rows.Scan(&id, &at, &h.Scope, &h.Table, &h.Key, &h.Type, &h.ID, &h.Kind, &h.Data, &sum); err != nil {
			return nil, "", fmt.Errorf("reading history: %w", err)
		}
		if sum.Valid && sum.Int64 != rowSum(at, h) {
			s.damagedRow(&log.DamagedRowError{Table: q.Table, ID: id})
			continue
		}
		h.At, h.After = moment(at), log.SealToken(at, id)
		out = append(out, h)
	}
	if err := rows.Err(); err != nil {
		return nil, "", fmt.Errorf("reading history: %w", err)
	}
	return out, next, nil
}

// Trim implements log.Events.
func (s *Store) Trim(ctx context.Context, now time.Time) error {
	for table, keep := range log.Kept() {
		err := s.inPieces(ctx, `DELETE FROM history WHERE id IN (SELECT id FROM history WHERE tab = ? AND at < ? LIMIT ?)`,
			table, nanos(now.Add(-keep)), trimRows)
		if err != nil {
			return fmt.Errorf("trimming history: %w", err)
		}
	}
	return nil
}
