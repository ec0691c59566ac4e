package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/klauspost/compress/zstd"
)

// diarySchema came after the first layout; earlier versions of the program do without it.
const diarySchema = `CREATE TABLE IF NOT EXISTS diary (
	first INTEGER PRIMARY KEY, last INTEGER NOT NULL, at INTEGER NOT NULL, until INTEGER NOT NULL, sum BLOB NOT NULL,
	state BLOB, lines BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS boot (at INTEGER PRIMARY KEY, after INTEGER NOT NULL);`

// Page is a stretch of the diary: what is needed to take the steps of some inputs again without their measurements.
type Page struct {
	First, Last uint64 // inputs; Last is First-1 where there are none
	At, Until   time.Time
	State       Packed // before First; nil where the page before has to be read first
	Lines       []byte
}

// Packed is data that takes less memory than it has bytes.
type Packed []byte

// Pack packs data.
func Pack(data []byte) (Packed, error) {
	z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, fmt.Errorf("packing: %w", err)
	}
	return z.EncodeAll(data, Packed{}), nil
}

// PackAll packs what write writes.
func PackAll(write func(io.Writer) error) (Packed, error) {
	var out bytes.Buffer
	if err := packedInto(write)(&out); err != nil {
		return nil, fmt.Errorf("packing: %w", err)
	}
	return out.Bytes(), nil
}

// Unpack returns the data.
func (p Packed) Unpack() ([]byte, error) {
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, fmt.Errorf("unpacking: %w", err)
	}
	defer z.Close()
	data, err := z.DecodeAll(p, nil)
	if err != nil {
		return nil, fmt.Errorf("unpacking: %w", err)
	}
	return data, nil
}

// Keep says what may go when a snapshot is saved.
type Keep struct {
	Journal  time.Time // inputs from then on stay
	Diary    time.Time // pages from then on stay
	DiaryMax int64     // bytes; the oldest pages go first, the newest state never
}

// dropped is the setting that says why the diary begins where it does: dropAge or dropSize; without it none was dropped.
const (
	dropped  = "diary.dropped"
	dropAge  = "age"
	dropSize = "size"
)

// packedPage is a page as it is saved. What is large of it is written in parts beforehand, so that the transaction that saves the page is
// short: commits of inputs wait for it.
type packedPage struct {
	Page
	lines Packed
}

// prepare packs a page and writes what is large of it.
func (p *Page) prepare(ctx context.Context, s *Store) (packedPage, error) {
	packed := packedPage{Page: *p}
	if p.Last < p.First {
		return packed, nil
	}
	var err error
	if packed.lines, err = Pack(p.Lines); err != nil {
		return packed, err
	}
	for kind, data := range map[string]Packed{partOfDiary: p.State, partOfLines: packed.lines} {
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
func inParts(data Packed) bool { return len(data) > partSize }

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
	row := func(data Packed) []byte {
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

// diaryBytes is how much the diary takes.
const (
	diaryRows  = `(SELECT coalesce(sum(length(lines) + coalesce(length(state), 0)), 0) FROM diary)`
	diaryBytes = diaryRows + ` + (SELECT coalesce(sum(length(data)), 0) FROM part WHERE kind IN ('diary', 'lines') AND seq IN (SELECT first FROM diary))`
)

func pageSum(state, lines []byte) []byte {
	h := sha256.New()
	h.Write(state) // a hash does not fail
	h.Write(lines)
	return h.Sum(nil)
}

// trimDiary drops what is too old, or too much. What that is it finds out before the transactions that drop it.
func (s *Store) trimDiary(ctx context.Context, k Keep) error {
	var first sql.NullInt64
	if err := s.read.QueryRowContext(ctx, `SELECT max(first) FROM diary WHERE state IS NOT NULL AND at <= ?`, nanos(k.Diary)).Scan(&first); err != nil {
		return err
	}
	if err := s.dropPages(ctx, first.Int64, dropAge); err != nil {
		return err
	}
	for {
		var bytes int64
		if err := s.read.QueryRowContext(ctx, `SELECT `+diaryBytes).Scan(&bytes); err != nil {
			return err
		}
		if bytes <= k.DiaryMax {
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

// Diary calls each for the pages that lead to a moment, the first of which has a State; for none where the diary does not go back so
// far. It fails with ErrDamaged.
func (s *Store) Diary(ctx context.Context, at time.Time, each func(Page) error) error {
	if there, err := s.hasDiary(ctx); !there || err != nil {
		return err
	}
	rows, err := s.read.QueryContext(ctx, `SELECT first, last, at, until, sum, state IS NOT NULL, state, lines FROM diary
		WHERE first >= (SELECT max(first) FROM diary WHERE state IS NOT NULL AND at <= ?) AND at <= ? ORDER BY first`, nanos(at), nanos(at))
	if err != nil {
		return fmt.Errorf("reading the diary: %w", err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err says what went wrong
	for after := uint64(0); rows.Next(); {
		p, err := s.scanPage(ctx, rows)
		if err != nil {
			return fmt.Errorf("reading the diary: %w", err)
		}
		if after != 0 && p.First != after+1 {
			return fmt.Errorf("the diary has a gap: after %d comes %d", after, p.First)
		}
		after = p.Last
		if err := each(p); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("reading the diary: %w", err)
	}
	return nil
}

func (s *Store) scanPage(ctx context.Context, rows *sql.Rows) (p Page, err error) {
	var at, until int64
	var sum, state, lines []byte
	var begins bool // the page has a state; an empty blob, for one in parts, is scanned as nil
	if err := rows.Scan(&p.First, &p.Last, &at, &until, &sum, &begins, &state, &lines); err != nil {
		return p, err
	}
	p.At, p.Until = moment(at), moment(until)
	if begins && len(state) == 0 {
		if state, err = s.readParts(ctx, partOfDiary, p.First); err != nil {
			return p, err
		}
	}
	if len(lines) == 0 {
		if lines, err = s.readParts(ctx, partOfLines, p.First); err != nil {
			return p, err
		}
	}
	if !sumHolds(sum, pageSum(state, lines), p.First, p.Last, uint64(at), uint64(until)) {
		return p, ErrDamaged
	}
	p.State = state
	p.Lines, err = Packed(lines).Unpack()
	return p, err
}

// Reach is how far the diary goes.
type Reach struct {
	From, Until time.Time // zero: it has no pages
	Whole       bool      // it begins with the first input of all
	Aged, Full  bool      // what was before was dropped: for its age; to make room
	Bytes       int64
}

// DiaryReach tells how far the diary goes.
func (s *Store) DiaryReach(ctx context.Context) (Reach, error) {
	var r Reach
	if there, err := s.hasDiary(ctx); !there || err != nil {
		return r, err
	}
	var first, from, until sql.NullInt64
	if err := s.read.QueryRowContext(ctx, `SELECT min(first), min(at), max(until) FROM diary`).Scan(&first, &from, &until); err != nil {
		return r, fmt.Errorf("finding the diary's reach: %w", err)
	}
	size := diaryBytes
	if there, err := s.has(ctx, "part"); err != nil {
		return r, err
	} else if !there {
		size = diaryRows
	}
	if err := s.read.QueryRowContext(ctx, `SELECT `+size).Scan(&r.Bytes); err != nil {
		return r, fmt.Errorf("finding the diary's reach: %w", err)
	}
	if !first.Valid {
		return r, nil
	}
	r.From, r.Until, r.Whole = moment(from.Int64), moment(until.Int64), first.Int64 == 1
	why, _, err := s.Meta(ctx, dropped)
	r.Aged, r.Full = string(why) == dropAge, string(why) == dropSize
	return r, err
}

func (s *Store) hasDiary(ctx context.Context) (bool, error) { return s.has(ctx, "diary") }

// has reports whether there is a table, which a file of an earlier version may lack until a server opens it.
func (s *Store) has(ctx context.Context, table string) (bool, error) {
	var n int
	if err := s.read.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = ?`, table).Scan(&n); err != nil {
		return false, fmt.Errorf("looking for the table %s: %w", table, err)
	}
	return n == 1, nil
}

// Boot notes that a server started at a moment; the last that happened before was at another.
func (s *Store) Boot(ctx context.Context, at, after time.Time) error {
	if _, err := s.write.ExecContext(ctx, `INSERT OR REPLACE INTO boot (at, after) VALUES (?, ?)`, nanos(at), nanos(after)); err != nil {
		return fmt.Errorf("noting the start: %w", err)
	}
	return nil
}

// Began returns the moment of the first start, zero where there was none. Of a journal that an earlier version began it is that of the
// first input.
func (s *Store) Began(ctx context.Context) (time.Time, error) {
	var at sql.NullInt64
	if err := s.read.QueryRowContext(ctx, `SELECT min(at) FROM (SELECT min(at) AS at FROM boot UNION ALL SELECT at FROM journal WHERE seq = 1)`).
		Scan(&at); err != nil || !at.Valid {
		return time.Time{}, err
	}
	return moment(at.Int64), nil
}

// Outage returns the stretch around a moment in which nothing happened until a server came back; ok is false where there is none.
func (s *Store) Outage(ctx context.Context, at time.Time) (from, until time.Time, ok bool, err error) {
	if there, err := s.hasDiary(ctx); !there || err != nil {
		return from, until, false, err
	}
	var a, b int64
	err = s.read.QueryRowContext(ctx, `SELECT after, at FROM boot WHERE at > ? AND after <= ? ORDER BY at LIMIT 1`, nanos(at), nanos(at)).Scan(&a, &b)
	if errors.Is(err, sql.ErrNoRows) {
		return from, until, false, nil
	}
	if err != nil {
		return from, until, false, fmt.Errorf("looking for an outage: %w", err)
	}
	return moment(a), moment(b), true, nil
}
