package store

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"
)

// How long history is kept. AWS: scaling activities six weeks, alarm history 30 days; decisions and endpoints as long as explain
// looks back.
var kept = map[string]time.Duration{
	"activity": 6 * 7 * 24 * time.Hour, "group": 6 * 7 * 24 * time.Hour, "alarm": 30 * 24 * time.Hour, "decision": 14 * 24 * time.Hour, "endpoint": 14 * 24 * time.Hour,
}

// HistoryQuery selects rows of the history. Unset members match everything.
type HistoryQuery struct {
	Table, Scope, Key string
	Types             []string
	IDs               []string  // of rows that have one
	From, To          time.Time // From inclusive, To exclusive
	Oldest            bool      // oldest first; else newest first
	Limit             int
	Token             string // of an earlier page
}

// ErrToken says that a token to go on with is not valid.
var ErrToken = errors.New("no token of this query")

// Query returns rows of the history, and a token to go on with, "" at the end. Rows that arrive meanwhile neither repeat nor hide
// others. It fails with ErrToken.
func (s *Store) Query(ctx context.Context, q HistoryQuery) ([]History, string, error) {
	where, args := []string{"tab = ?", "scope = ?"}, []any{q.Table, q.Scope}
	and := func(text string, a ...any) {
		where, args = append(where, text), append(args, a...)
	}
	if q.Key != "" {
		and("key = ?", q.Key)
	}
	among := func(column string, values []string) {
		if len(values) == 0 {
			return
		}
		marks := strings.TrimSuffix(strings.Repeat("?,", len(values)), ",")
		args := make([]any, len(values))
		for i, v := range values {
			args[i] = v
		}
		and(column+" IN ("+marks+")", args...)
	}
	among("type", q.Types)
	among("ident", q.IDs)
	if !q.From.IsZero() {
		and("at >= ?", nanos(q.From))
	}
	if !q.To.IsZero() {
		and("at < ?", nanos(q.To))
	}
	order, past := "DESC", "<"
	if q.Oldest {
		order, past = "ASC", ">"
	}
	if q.Token != "" {
		at, id, err := openToken(q.Token)
		if err != nil {
			return nil, "", err
		}
		and("(at, id) "+past+" (?, ?)", at, id)
	}
	text := `SELECT id, at, scope, tab, key, type, kind, data FROM history WHERE ` + strings.Join(where, " AND ") +
		` ORDER BY at ` + order + `, id ` + order + ` LIMIT ?`
	rows, err := s.read.QueryContext(ctx, text, append(args, q.Limit+1)...)
	if err != nil {
		return nil, "", fmt.Errorf("reading history: %w", err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err says what went wrong
	var out []History
	next := ""
	var at, id int64
	for rows.Next() {
		if len(out) == q.Limit {
			next = sealToken(at, id)
			break
		}
		var h History
		if err := rows.Scan(&id, &at, &h.Scope, &h.Table, &h.Key, &h.Type, &h.Kind, &h.Data); err != nil {
			return nil, "", fmt.Errorf("reading history: %w", err)
		}
		h.At, h.After = moment(at), sealToken(at, id)
		out = append(out, h)
	}
	if err := rows.Err(); err != nil {
		return nil, "", fmt.Errorf("reading history: %w", err)
	}
	return out, next, nil
}

func sealToken(at, id int64) string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "h1 %d %d", at, id))
}

func openToken(token string) (at, id int64, err error) {
	text, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return 0, 0, ErrToken
	}
	if _, err := fmt.Sscanf(string(text), "h1 %d %d", &at, &id); err != nil || sealToken(at, id) != token {
		return 0, 0, ErrToken
	}
	return at, id, nil
}

// Trim drops history that is older than it is kept.
func (s *Store) Trim(ctx context.Context, now time.Time) error {
	for table, keep := range kept {
		err := s.inPieces(ctx, `DELETE FROM history WHERE id IN (SELECT id FROM history WHERE tab = ? AND at < ? LIMIT ?)`,
			table, nanos(now.Add(-keep)), trimRows)
		if err != nil {
			return fmt.Errorf("trimming history: %w", err)
		}
	}
	return nil
}
