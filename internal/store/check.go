package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
)

// sumColumn came after the first layout; lines of earlier versions have none.
const sumColumn = `ALTER TABLE journal ADD COLUMN sum INTEGER`

// DamagedLineError says that a line of the journal does not have the content that was written.
type DamagedLineError struct{ Seq uint64 }

// Error says which line it is and what to do.
func (e *DamagedLineError) Error() string {
	return fmt.Sprintf("line %d of the journal is damaged: it is not what was written. Restore the data directory from a backup, "+
		"or start with another --data-dir", e.Seq)
}

// lineSum is the checksum of a line as the journal holds it.
func lineSum(seq uint64, at int64, kind string, held []byte) int64 {
	h := sha256.New()
	b := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, seq), uint64(at))
	h.Write(append(binary.BigEndian.AppendUint32(b, uint32(len(kind))), kind...)) // a hash does not fail
	h.Write(held)
	return int64(binary.BigEndian.Uint64(h.Sum(nil)))
}

// sealedSum is the checksum of content together with the numbers that say where it belongs.
func sealedSum(content []byte, place ...uint64) []byte {
	b := bytes.Clone(content)
	for _, n := range place {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	sum := sha256.Sum256(b)
	return sum[:]
}

// sumHolds checks content and its place. Checksums of earlier versions covered the content only.
func sumHolds(sum, content []byte, place ...uint64) bool {
	return bytes.Equal(sum, sealedSum(content, place...)) || bytes.Equal(sum, content)
}

// lineChecker checks the lines of a journal, in order. Lines without a checksum are of an earlier version: none comes after one that has it.
type lineChecker struct{ summed bool }

func (c *lineChecker) check(in Input, at int64, sum sql.NullInt64) error {
	if !sum.Valid && !c.summed {
		return nil
	}
	c.summed = true
	if !sum.Valid || sum.Int64 != lineSum(in.Seq, at, in.Kind, in.Data) {
		return &DamagedLineError{in.Seq}
	}
	return nil
}

// hasSums reports whether the journal has checksums.
func hasSums(ctx context.Context, db *sql.DB) (bool, error) {
	var n int
	if err := db.QueryRowContext(ctx, `SELECT count(*) FROM pragma_table_info('journal') WHERE name = 'sum'`).Scan(&n); err != nil {
		return false, fmt.Errorf("looking for checksums: %w", err)
	}
	return n == 1, nil
}

// addSums makes room for checksums in a journal of an earlier version.
func addSums(ctx context.Context, db *sql.DB) error {
	sums, err := hasSums(ctx, db)
	if err != nil || sums {
		return err
	}
	if _, err := db.ExecContext(ctx, sumColumn); err != nil {
		return fmt.Errorf("making room for checksums: %w", err)
	}
	return nil
}

// refuseFresh fails where a journal would be made in a directory that has had one: all that it knew would be forgotten in silence.
func refuseFresh(dir string) error {
	for _, name := range []string{FileName + "-wal", "fleet", "history"} {
		path := filepath.Join(dir, name)
		info, err := os.Stat(path)
		if err != nil {
			continue
		}
		if info.IsDir() {
			if entries, err := os.ReadDir(path); err != nil || len(entries) == 0 {
				continue
			}
		} else if info.Size() == 0 {
			continue
		}
		return fmt.Errorf("%s is missing or empty, but %s is there: a server has run here, and a new journal would know nothing of its endpoints. "+
			"Restore %s from a backup, together with %s-wal; or, to begin anew, move %s away", filepath.Join(dir, FileName), path, FileName, FileName, path)
	}
	return nil
}
