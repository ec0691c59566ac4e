package sqlite

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"

	"bellows.dev/bellows/internal/log"
)

// SaveSnapshot implements log.Snapshots. It writes and deletes in small transactions, between which appends take their turns; the last of
// those that write makes the snapshot count.
func (s *Store) SaveSnapshot(ctx context.Context, shot log.Snapshot, page log.Page, keep log.Keep) error {
	sum := sha256.New()
	if err := s.writeParts(ctx, partOfSnapshot, shot.Seq, sum, func(w io.Writer) error { return log.PackInto(w, shot.State) }); err != nil {
		return fmt.Errorf("saving a snapshot: %w", err)
	}
	packed, err := s.preparePage(ctx, page)
	if err != nil {
		return fmt.Errorf("saving the archive: %w", err)
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
		return fmt.Errorf("saving the archive: %w", err)
	}
	if err := tx.Commit(); err != nil {
		s.abandon(ctx, tx)
		return fmt.Errorf("saving a snapshot: %w", err)
	}
	if err := s.trimArchive(ctx, keep); err != nil {
		return fmt.Errorf("trimming the archive: %w", err)
	}
	return s.tidy(ctx, keep)
}

// dropEntries deletes the oldest entries that snapshots cover, one at least: of what gateways measured of 100,000 variants an input has megabytes.
const dropEntries = `DELETE FROM journal WHERE seq IN (SELECT seq FROM (
	SELECT seq, sum(size) OVER (ORDER BY seq) - size AS before FROM (
		SELECT seq, length(data) AS size FROM journal WHERE seq <= (SELECT min(seq) FROM snapshot)
			AND (SELECT count(*) FROM snapshot) > 1 AND at < ? ORDER BY seq LIMIT ?
	)) WHERE before < ?)`

// tidy deletes what a new snapshot makes superfluous.
func (s *Store) tidy(ctx context.Context, keep log.Keep) error {
	err := errors.Join(
		s.inPieces(ctx, dropEntries, nanos(keep.Journal), trimRows, partSize),
		s.sweep(ctx, `kind = ? AND seq NOT IN (SELECT seq FROM snapshot)`, partOfSnapshot),
		s.sweep(ctx, `kind IN (?, ?) AND seq NOT IN (SELECT first FROM diary)`, partOfState, partOfLines),
	)
	if err != nil {
		return fmt.Errorf("deleting what a snapshot covers: %w", err)
	}
	return nil
}

// Snapshots implements log.Snapshots.
func (s *Store) Snapshots(ctx context.Context) ([]log.Snapshot, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT seq, at FROM snapshot ORDER BY seq DESC`)
	if err != nil {
		return nil, fmt.Errorf("reading snapshots: %w", err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err says what went wrong
	var out []log.Snapshot
	for rows.Next() {
		var x log.Snapshot
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

// Snapshot implements log.Snapshots.
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
		return nil, fmt.Errorf("reading snapshot %d: %w", seq, log.ErrDamaged)
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
