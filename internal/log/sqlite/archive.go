package sqlite

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"time"

	"bellows.dev/bellows/internal/log"
)

// archiveSchema came after the first layout; earlier versions of the program do without it. Its table is called diary, as they called the archive.
const archiveSchema = `CREATE TABLE IF NOT EXISTS diary (
	first INTEGER PRIMARY KEY, last INTEGER NOT NULL, at INTEGER NOT NULL, until INTEGER NOT NULL, sum BLOB NOT NULL,
	state BLOB, lines BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS boot (at INTEGER PRIMARY KEY, after INTEGER NOT NULL);`

// dropped is the setting that says why the archive begins where it does: dropAge or dropSize; without it none was dropped.
const (
	dropped  = "diary.dropped"
	dropAge  = "age"
	dropSize = "size"
)

// packedPage is a page as it is saved. What is large of it is written in parts beforehand, so that the transaction that saves the page is
// short: commits of inputs wait for it.
type packedPage struct {
	log.Page
	lines log.Packed
}

// preparePage packs a page and writes what is large of it.
func (s *Store) preparePage(ctx context.Context, p log.Page) (packedPage, error) {
	packed := packedPage{Page: p}
	if p.Last < p.First {
		return packed, nil
	}
	var err error
	if packed.lines, err = log.Pack(p.Lines); err != nil {
		return packed, err
	}
	for kind, data := range map[string]log.Packed{partOfState: p.State, partOfLines: packed.lines} {
		if !inParts(data) {
			continue
		}
		if err := s.writeParts(ctx, kind, p.First, nil, func(w io.Writer) error {
			_, err := w.Write(data)
			return err
		}); err != nil {
			return packed, err
		}
	}
	return packed, nil
}

// inParts reports whether data is kept in parts, and not in the page's row.
func inParts(data log.Packed) bool { return len(data) > partSize }

func (p *packedPage) save(ctx context.Context, tx *sql.Tx) error {
	if p.Last < p.First {
		return nil
	}
	if p.State != nil {
		// A server that came back from an older snapshot, since the newest was damaged, writes again what is there.
		if _, err := tx.ExecContext(ctx, `DELETE FROM diary WHERE first >= ?`, p.First); err != nil {
			return err
		}
	}
	row := func(data log.Packed) []byte {
		if inParts(data) {
			return []byte{}
		}
		return data
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO diary (first, last, at, until, sum, state, lines) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		p.First, p.Last, nanos(p.At), nanos(p.Until), sealedSum(pageSum(p.State, p.lines), p.First, p.Last, uint64(nanos(p.At)), uint64(nanos(p.Until))),
		row(p.State), row(p.lines))
	return err
}

// archiveBytes is how much the archive takes.
const (
	archiveRows  = `(SELECT coalesce(sum(length(lines) + coalesce(length(state), 0)), 0) FROM diary)`
	archiveBytes = archiveRows + ` + (SELECT coalesce(sum(length(data)), 0) FROM part WHERE kind IN ('diary', 'lines') AND seq IN (SELECT first FROM diary))`
)

func pageSum(state, lines []byte) []byte {
	h := sha256.New()
	h.Write(state) // a hash does not fail
	h.Write(lines)
	return h.Sum(nil)
}

// trimArchive drops what is too old, or too much. What that is it finds out before the transactions that drop it.
func (s *Store) trimArchive(ctx context.Context, k log.Keep) error {
	var first sql.NullInt64
	if err := s.read.QueryRowContext(ctx, `SELECT max(first) FROM diary WHERE state IS NOT NULL AND at <= ?`, nanos(k.Archive)).Scan(&first); err != nil {
		return err
	}
	if err := s.dropPages(ctx, first.Int64, dropAge); err != nil {
		return err
	}
	for {
		var bytes int64
		if err := s.read.QueryRowContext(ctx, `SELECT `+archiveBytes).Scan(&bytes); err != nil {
			return err
		}
		if bytes <= k.ArchiveMax {
			return nil
		}
		err := s.read.QueryRowContext(ctx, `SELECT first FROM diary WHERE state IS NOT NULL ORDER BY first LIMIT 1 OFFSET 1`).Scan(&first)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := s.dropPages(ctx, first.Int64, dropSize); err != nil {
			return err
		}
	}
}

// dropPages deletes the pages before one, and notes why. Their parts go later: see tidy.
func (s *Store) dropPages(ctx context.Context, first int64, why string) error {
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	done, err := tx.ExecContext(ctx, `DELETE FROM diary WHERE first < ?`, first)
	if err == nil {
		var n int64
		if n, err = done.RowsAffected(); n > 0 && err == nil {
			_, err = tx.ExecContext(ctx, `INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)`, dropped, []byte(why))
		}
	}
	if err == nil {
		err = tx.Commit()
	}
	if err != nil {
		s.abandon(ctx, tx)
	}
	return err
}

// Pages implements log.Archive.
func (s *Store) Pages(ctx context.Context, at time.Time, each func(log.Page) error) error {
	if there, err := s.hasArchive(ctx); !there || err != nil {
		return err
	}
	rows, err := s.read.QueryContext(ctx, `SELECT first, last, at, until, sum, state IS NOT NULL, state, lines FROM diary
		WHERE first >= (SELECT max(first) FROM diary WHERE state IS NOT NULL AND at <= ?) AND at <= ? ORDER BY first`, nanos(at), nanos(at))
	if err != nil {
		return fmt.Errorf("reading the archive: %w", err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err says what went wrong
	for after := uint64(0); rows.Next(); {
		p, err := s.scanPage(ctx, rows)
		if err != nil {
			return fmt.Errorf("reading the archive: %w", err)
		}
		if after != 0 && p.First != after+1 {
			return fmt.Errorf("the archive has a gap: after %d comes %d", after, p.First)
		}
		after = p.Last
		if err := each(p); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("reading the archive: %w", err)
	}
	return nil
}

func (s *Store) scanPage(ctx context.Context, rows *sql.Rows) (p log.Page, err error) {
	var at, until int64
	var sum, state, lines []byte
	var begins bool // the page has a state; an empty blob, for one in parts, is scanned as nil
	if err := rows.Scan(&p.First, &p.Last, &at, &until, &sum, &begins, &state, &lines); err != nil {
		return p, err
	}
	p.At, p.Until = moment(at), moment(until)
	if begins && len(state) == 0 {
		if state, err = s.readParts(ctx, partOfState, p.First); err != nil {
			return p, err
		}
	}
	if len(lines) == 0 {
		if lines, err = s.readParts(ctx, partOfLines, p.First); err != nil {
			return p, err
		}
	}
	if !sumHolds(sum, pageSum(state, lines), p.First, p.Last, uint64(at), uint64(until)) {
		return p, log.ErrDamaged
	}
	p.State = state
	p.Lines, err = log.Packed(lines).Unpack()
	return p, err
}

// Reach implements log.Archive.
func (s *Store) Reach(ctx context.Context) (log.Reach, error) {
	var r log.Reach
	if there, err := s.hasArchive(ctx); !there || err != nil {
		return r, err
	}
	var first, from, until sql.NullInt64
	if err := s.read.QueryRowContext(ctx, `SELECT min(first), min(at), max(until) FROM diary`).Scan(&first, &from, &until); err != nil {
		return r, fmt.Errorf("finding the archive's reach: %w", err)
	}
	size := archiveBytes
	if there, err := s.has(ctx, "part"); err != nil {
		return r, err
	} else if !there {
		size = archiveRows
	}
	if err := s.read.QueryRowContext(ctx, `SELECT `+size).Scan(&r.Bytes); err != nil {
		return r, fmt.Errorf("finding the archive's reach: %w", err)
	}
	if !first.Valid {
		return r, nil
	}
	r.From, r.Until, r.Whole = moment(from.Int64), moment(until.Int64), first.Int64 == 1
	why, _, err := s.Meta(ctx, dropped)
	r.Aged, r.Full = string(why) == dropAge, string(why) == dropSize
	return r, err
}

func (s *Store) hasArchive(ctx context.Context) (bool, error) { return s.has(ctx, "diary") }

// has reports whether there is a table, which a file of an earlier version may lack until a server opens it.
func (s *Store) has(ctx context.Context, table string) (bool, error) {
	var n int
	if err := s.read.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = ?`, table).Scan(&n); err != nil {
		return false, fmt.Errorf("looking for the table %s: %w", table, err)
	}
	return n == 1, nil
}
