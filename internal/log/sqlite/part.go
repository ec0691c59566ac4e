package sqlite

import (
	"context"
	"fmt"
	"hash"
	"io"

	"bellows.dev/bellows/internal/log"
)

// partSchema came with snapshots in parts; earlier ones are whole, in their own row.
const partSchema = `CREATE TABLE IF NOT EXISTS part (
	kind TEXT NOT NULL, seq INTEGER NOT NULL, n INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY (kind, seq, n)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS quarantine (
	id INTEGER PRIMARY KEY AUTOINCREMENT, seq INTEGER UNIQUE, at INTEGER NOT NULL, kind TEXT NOT NULL, data BLOB, error TEXT NOT NULL
);`

// quarantineMax is how many inputs that were set aside are kept, the newest.
const quarantineMax = 1000

// Quarantine implements log.Journal.
func (s *Store) Quarantine(ctx context.Context, in log.Entry, why string) (fresh bool, err error) {
	done, err := s.write.ExecContext(ctx, `INSERT OR IGNORE INTO quarantine (seq, at, kind, data, error) VALUES (nullif(?, 0), ?, ?, ?, ?)`,
		in.Seq, nanos(in.At), in.Kind, in.Data, why)
	if err != nil {
		return true, fmt.Errorf("keeping what is set aside: %w", err)
	}
	n, err := done.RowsAffected()
	if n == 1 && err == nil {
		_, err = s.write.ExecContext(ctx, `DELETE FROM quarantine WHERE id <= (SELECT max(id) FROM quarantine) - ?`, quarantineMax)
	}
	return n == 1, err
}

// What parts are of: a snapshot, by its sequence number; the state or the lines of a page of the archive, by the page's first.
const (
	partOfSnapshot = "snapshot"
	partOfState    = "diary"
	partOfLines    = "lines"
)

// partSize is how many bytes a transaction writes or deletes of what is large, and trimRows how many rows one deletes: commits of inputs
// take turns with them, and wait for one of them at most.
const (
	partSize = 128 << 10
	trimRows = 256
)

// parts writes something large in transactions of its own. What is not referred to by a row in the end is swept.
type parts struct {
	s      *Store
	ctx    context.Context //nolint:containedctx // of the one call that writes
	kind   string
	seq    uint64
	n      int
	buffer []byte
	sum    hash.Hash // of what was written; may be nil
}

// Write implements io.Writer.
func (p *parts) Write(data []byte) (int, error) {
	if p.sum != nil {
		p.sum.Write(data) // a hash does not fail
	}
	for rest := data; len(rest) > 0; {
		k := min(len(rest), partSize-len(p.buffer))
		p.buffer, rest = append(p.buffer, rest[:k]...), rest[k:]
		if len(p.buffer) == partSize {
			if err := p.flush(); err != nil {
				return 0, err
			}
		}
	}
	return len(data), nil
}

func (p *parts) flush() error {
	if len(p.buffer) == 0 {
		return nil
	}
	_, err := p.s.write.ExecContext(p.ctx, `INSERT INTO part (kind, seq, n, data) VALUES (?, ?, ?, ?)`, p.kind, p.seq, p.n, p.buffer)
	p.n, p.buffer = p.n+1, p.buffer[:0]
	if err == nil {
		err = p.s.checkpoint(p.ctx)
	}
	return err
}

// writeParts writes what write writes, in place of what an attempt before left.
func (s *Store) writeParts(ctx context.Context, kind string, seq uint64, sum hash.Hash, write func(io.Writer) error) error {
	if err := s.sweep(ctx, `kind = ? AND seq = ?`, kind, seq); err != nil {
		return err
	}
	p := &parts{s: s, ctx: ctx, kind: kind, seq: seq, sum: sum, buffer: make([]byte, 0, partSize)}
	if err := write(p); err != nil {
		return err
	}
	return p.flush()
}

// readParts returns what was written in parts.
func (s *Store) readParts(ctx context.Context, kind string, seq uint64) ([]byte, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT data FROM part WHERE kind = ? AND seq = ? ORDER BY n`, kind, seq)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // rows.Err says what went wrong
	var all []byte
	for rows.Next() {
		var data []byte
		if err := rows.Scan(&data); err != nil {
			return nil, err
		}
		all = append(all, data...)
	}
	return all, rows.Err()
}

// sweep deletes parts, one a transaction.
func (s *Store) sweep(ctx context.Context, which string, args ...any) error {
	return s.inPieces(ctx, `DELETE FROM part WHERE (kind, seq, n) IN (SELECT kind, seq, n FROM part WHERE `+which+` LIMIT 1)`, args...)
}

// inPieces repeats a deletion of some rows until it finds none.
func (s *Store) inPieces(ctx context.Context, text string, args ...any) error {
	for {
		done, err := s.write.ExecContext(ctx, text, args...)
		if err != nil {
			return err
		}
		n, err := done.RowsAffected()
		if n == 0 || err != nil {
			return err
		}
		if err := s.checkpoint(ctx); err != nil {
			return err
		}
	}
}

// checkpoint moves what the write-ahead log has into the database beside the commits of others, so that none of them has to move much.
func (s *Store) checkpoint(ctx context.Context) error {
	var busy, log, moved int
	if err := s.mover.QueryRowContext(ctx, `PRAGMA wal_checkpoint(PASSIVE)`).Scan(&busy, &log, &moved); err != nil {
		return fmt.Errorf("moving the write-ahead log: %w", err)
	}
	return nil
}
