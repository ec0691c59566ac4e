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

// Input is one line of the journal.
type Input struct {
	Seq  uint64 // contiguous
	At   time.Time
	Kind string
	Data []byte
}

// History is one thing that happened.
type History struct {
	At    time.Time
	Scope string
	Table string
	Key   string // of the resource
	Type  string // what queries select by
	ID    string // a later row of the same Table and ID replaces the earlier; "" never
	Kind  string // of Data
	Data  []byte
	After string // set by Query: the token of a query that goes on behind this row
}

// Next returns the sequence number that the next input must have.
func (s *Store) Next() uint64 { return s.next }

// Commit writes inputs and history in one transaction. When it returns they are durable. It is for one caller at a time.
func (s *Store) Commit(ctx context.Context, inputs []Input, history []History) error {
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("committing: %w", err)
	}
	if err := s.fill(ctx, tx, inputs, history); err != nil {
		s.abandon(ctx, tx)
		return fmt.Errorf("committing: %w", err)
	}
	if err := tx.Commit(); err != nil {
		s.abandon(ctx, tx)
		return fmt.Errorf("committing: %w", err)
	}
	s.next += uint64(len(inputs))
	return nil
}

// abandon ends a transaction that failed. SQLite may have ended it already, or, where COMMIT itself failed, not yet.
func (s *Store) abandon(ctx context.Context, tx *sql.Tx) {
	_ = tx.Rollback()
	_, _ = s.write.ExecContext(ctx, "ROLLBACK")
}

// probeSize is how many bytes Probe writes: a disk that is almost full takes a page, but no batch.
const probeSize = 256 << 10

// Probe writes something and removes it again: it fails where a commit would.
func (s *Store) Probe(ctx context.Context) error {
	_, err := s.write.ExecContext(ctx, `INSERT OR REPLACE INTO meta (key, value) VALUES ('probe', zeroblob(?))`, probeSize)
	if err == nil {
		_, err = s.write.ExecContext(ctx, `DELETE FROM meta WHERE key = 'probe'`)
	}
	if err != nil {
		return fmt.Errorf("writing on trial: %w", err)
	}
	return nil
}

// Resync finds the journal's end again: a commit that failed may be durable nevertheless. It is for the one who commits.
func (s *Store) Resync(ctx context.Context) error {
	last := sql.NullInt64{}
	if err := s.read.QueryRowContext(ctx, `SELECT max(seq) FROM (SELECT max(seq) AS seq FROM journal UNION SELECT max(seq) FROM snapshot)`).
		Scan(&last); err != nil {
		return fmt.Errorf("finding the journal's end: %w", err)
	}
	s.next = uint64(last.Int64) + 1
	return nil
}

func (s *Store) fill(ctx context.Context, tx *sql.Tx, inputs []Input, history []History) error {
	for i, in := range inputs {
		if want := s.next + uint64(i); in.Seq != want {
			return fmt.Errorf("the journal goes on at %d, not at %d", want, in.Seq)
		}
		held := packInput(s.packer, in.Data)
		if _, err := tx.ExecContext(ctx, `INSERT INTO journal (seq, at, kind, data, sum) VALUES (?, ?, ?, ?, ?)`,
			in.Seq, nanos(in.At), in.Kind, held, lineSum(in.Seq, nanos(in.At), in.Kind, held)); err != nil {
			return err
		}
	}
	for _, h := range history {
		if h.Table == OutboxTable {
			if _, err := tx.ExecContext(ctx, `INSERT INTO outbox (topic, kind, data) VALUES (?, ?, ?)`, h.Key, h.Kind, h.Data); err != nil {
				return err
			}
			continue
		}
		ident := sql.NullString{String: h.ID, Valid: h.ID != ""}
		if _, err := tx.ExecContext(ctx, `INSERT INTO history (at, scope, tab, key, type, ident, kind, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (tab, ident) WHERE ident IS NOT NULL DO UPDATE SET type = excluded.type, kind = excluded.kind, data = excluded.data`,
			nanos(h.At), h.Scope, h.Table, h.Key, h.Type, ident, h.Kind, h.Data); err != nil {
			return err
		}
	}
	return nil
}

// Begins returns the sequence number of the journal's first input, 0 where it has none.
func (s *Store) Begins(ctx context.Context) (uint64, error) {
	var first sql.NullInt64
	if err := s.read.QueryRowContext(ctx, `SELECT min(seq) FROM journal`).Scan(&first); err != nil {
		return 0, fmt.Errorf("finding the journal's beginning: %w", err)
	}
	return uint64(first.Int64), nil
}

// Replay calls each for the inputs after a sequence number, in order.
func (s *Store) Replay(ctx context.Context, after uint64, each func(Input) error) error {
	column := "sum"
	if sums, err := hasSums(ctx, s.read); err != nil {
		return err
	} else if !sums {
		column = "NULL"
	}
	rows, err := s.read.QueryContext(ctx, `SELECT seq, at, kind, data, `+column+` FROM journal WHERE seq > ? ORDER BY seq`, after)
	if err != nil {
		return fmt.Errorf("reading the journal: %w", err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err says what went wrong
	unpacker, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
	if err != nil {
		return fmt.Errorf("unpacking inputs: %w", err)
	}
	defer unpacker.Close()
	want := after + 1
	var lines lineChecker
	for rows.Next() {
		var in Input
		var at int64
		var sum sql.NullInt64
		if err := rows.Scan(&in.Seq, &at, &in.Kind, &in.Data, &sum); err != nil {
			return fmt.Errorf("reading the journal: %w", err)
		}
		if in.Seq != want {
			return fmt.Errorf("the journal has a gap: after %d comes %d", want-1, in.Seq)
		}
		want++
		if err := lines.check(in, at, sum); err != nil {
			return err
		}
		in.At = moment(at)
		if in.Data, err = unpackInput(unpacker, in.Data); err != nil {
			return fmt.Errorf("line %d of the journal is damaged: %w", in.Seq, err)
		}
		if err := each(in); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("reading the journal: %w", err)
	}
	return nil
}

// Snapshot is an engine's state after an input.
type Snapshot struct {
	Seq   uint64
	At    time.Time
	State func(io.Writer) error // writes the state, to be saved
}

// SaveSnapshot keeps a snapshot and the one before it, in case the newer is damaged, and the page of the diary that ends there. It drops
// inputs that both the older snapshot covers and Keep no longer wants, and what the diary need not keep. It may be called beside Commit:
// it writes and deletes in small transactions, between which commits take their turns, and the last of which makes the snapshot count.
func (s *Store) SaveSnapshot(ctx context.Context, shot Snapshot, page Page, keep Keep) error {
	sum := sha256.New()
	if err := s.writeParts(ctx, partOfSnapshot, shot.Seq, sum, packedInto(shot.State)); err != nil {
		return fmt.Errorf("saving a snapshot: %w", err)
	}
	packed, err := page.prepare(ctx, s)
	if err != nil {
		return fmt.Errorf("saving the diary: %w", err)
	}
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("saving a snapshot: %w", err)
	}
	for _, step := range []struct {
		text string
		args []any
	}{
		{`INSERT OR REPLACE INTO snapshot (seq, at, sum, data) VALUES (?, ?, ?, x'')`, []any{shot.Seq, nanos(shot.At), sealedSum(sum.Sum(nil), shot.Seq, uint64(nanos(shot.At)))}},
		{`DELETE FROM snapshot WHERE seq NOT IN (SELECT seq FROM snapshot ORDER BY seq DESC LIMIT 2) AND at < ?`, []any{nanos(keep.Journal)}},
	} {
		if _, err := tx.ExecContext(ctx, step.text, step.args...); err != nil {
			s.abandon(ctx, tx)
			return fmt.Errorf("saving a snapshot: %w", err)
		}
	}
	if err := packed.save(ctx, tx); err != nil {
		s.abandon(ctx, tx)
		return fmt.Errorf("saving the diary: %w", err)
	}
	if err := tx.Commit(); err != nil {
		s.abandon(ctx, tx)
		return fmt.Errorf("saving a snapshot: %w", err)
	}
	if err := s.trimDiary(ctx, keep); err != nil {
		return fmt.Errorf("trimming the diary: %w", err)
	}
	return s.tidy(ctx, keep)
}

// dropInputs deletes the oldest inputs that snapshots cover, one at least: of what gateways measured of 100,000 variants an input has megabytes.
const dropInputs = `DELETE FROM journal WHERE seq IN (SELECT seq FROM (
	SELECT seq, sum(size) OVER (ORDER BY seq) - size AS before FROM (
		SELECT seq, length(data) AS size FROM journal WHERE seq <= (SELECT min(seq) FROM snapshot)
			AND (SELECT count(*) FROM snapshot) > 1 AND at < ? ORDER BY seq LIMIT ?
	)) WHERE before < ?)`

// tidy deletes what a new snapshot makes superfluous.
func (s *Store) tidy(ctx context.Context, keep Keep) error {
	err := errors.Join(
		s.inPieces(ctx, dropInputs, nanos(keep.Journal), trimRows, partSize),
		s.sweep(ctx, `kind = ? AND seq NOT IN (SELECT seq FROM snapshot)`, partOfSnapshot),
		s.sweep(ctx, `kind IN (?, ?) AND seq NOT IN (SELECT first FROM diary)`, partOfDiary, partOfLines),
	)
	if err != nil {
		return fmt.Errorf("deleting what a snapshot covers: %w", err)
	}
	return nil
}

// ErrDamaged says that a snapshot does not have the content that was saved.
var ErrDamaged = errors.New("the snapshot is damaged")

// Snapshots returns the sequence numbers and times of the snapshots, newest first.
func (s *Store) Snapshots(ctx context.Context) ([]Snapshot, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT seq, at FROM snapshot ORDER BY seq DESC`)
	if err != nil {
		return nil, fmt.Errorf("reading snapshots: %w", err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err says what went wrong
	var out []Snapshot
	for rows.Next() {
		var x Snapshot
		var at int64
		if err := rows.Scan(&x.Seq, &at); err != nil {
			return nil, fmt.Errorf("reading snapshots: %w", err)
		}
		x.At = moment(at)
		out = append(out, x)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("reading snapshots: %w", err)
	}
	return out, nil
}

// Snapshot returns the content of a snapshot. It fails with ErrDamaged.
func (s *Store) Snapshot(ctx context.Context, seq uint64) ([]byte, error) {
	var sum, packed []byte
	var at int64
	if err := s.read.QueryRowContext(ctx, `SELECT at, sum, data FROM snapshot WHERE seq = ?`, seq).Scan(&at, &sum, &packed); err != nil {
		return nil, fmt.Errorf("reading snapshot %d: %w", seq, err)
	}
	if len(packed) == 0 {
		var err error
		if packed, err = s.readParts(ctx, partOfSnapshot, seq); err != nil {
			return nil, fmt.Errorf("reading snapshot %d: %w", seq, err)
		}
	}
	if got := sha256.Sum256(packed); !sumHolds(sum, got[:], seq, uint64(at)) {
		return nil, fmt.Errorf("reading snapshot %d: %w", seq, ErrDamaged)
	}
	z, err := zstd.NewReader(bytes.NewReader(packed), zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, fmt.Errorf("unpacking snapshot %d: %w", seq, err)
	}
	defer z.Close()
	var out bytes.Buffer
	if _, err := out.ReadFrom(z); err != nil {
		return nil, fmt.Errorf("unpacking snapshot %d: %w", seq, err)
	}
	return out.Bytes(), nil
}
