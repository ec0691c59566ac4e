package sqlite

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"

	"bellows.dev/bellows/internal/log"
)

// columns came after the first layout: rows of earlier versions have NULL there.
var columns = []struct{ table, name, kind string }{
	{"journal", "sum", "INTEGER"}, {"journal", "events", "BLOB"}, {"history", "sum", "INTEGER"}, {"outbox", "sum", "INTEGER"},
}

// lineSum is the checksum of a line as the journal holds it. Lines without events have the sum that earlier versions gave them.
func lineSum(seq uint64, at int64, kind string, held, events []byte) int64 {
	h := sha256.New()
	b := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, seq), uint64(at))
	h.Write(appendText(b, kind)) // a hash does not fail
	h.Write(held)
	if events != nil {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(held))))
		h.Write(events)
	}
	return int64(binary.BigEndian.Uint64(h.Sum(nil)))
}

// rowSum is the checksum of a row of the history.
func rowSum(at int64, x log.EventRecord) int64 {
	b := binary.BigEndian.AppendUint64(nil, uint64(at))
	for _, text := range []string{x.Scope, x.Table, x.Key, x.Type, x.ID, x.Kind} {
		b = appendText(b, text)
	}
	h := sha256.New()
	h.Write(b) // a hash does not fail
	h.Write(x.Data)
	return int64(binary.BigEndian.Uint64(h.Sum(nil)))
}

// messageSum is the checksum of a message of the outbox.
func messageSum(m log.Message) int64 {
	h := sha256.New()
	h.Write(appendText(appendText(nil, m.Topic), m.Kind)) // a hash does not fail
	h.Write(m.Data)
	return int64(binary.BigEndian.Uint64(h.Sum(nil)))
}

func appendText(b []byte, text string) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(text))), text...)
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

func (c *lineChecker) check(in log.Entry, at int64, events []byte, sum sql.NullInt64) error {
	if !sum.Valid && !c.summed {
		return nil
	}
	c.summed = true
	if !sum.Valid || sum.Int64 != lineSum(in.Seq, at, in.Kind, in.Data, events) {
		return &log.DamagedLineError{Seq: in.Seq}
	}
	return nil
}

// hasColumn reports whether a table has a column.
func hasColumn(ctx context.Context, db *sql.DB, table, name string) (bool, error) {
	var n int
	if err := db.QueryRowContext(ctx, `SELECT count(*) FROM pragma_table_info(?) WHERE name = ?`, table, name).Scan(&n); err != nil {
		return false, fmt.Errorf("looking for the column %s of %s: %w", name, table, err)
	}
	return n == 1, nil
}

// addColumns adds the columns that a file of an earlier version lacks.
func addColumns(ctx context.Context, db *sql.DB) error {
	for _, c := range columns {
		there, err := hasColumn(ctx, db, c.table, c.name)
		if err == nil && !there {
			_, err = db.ExecContext(ctx, `ALTER TABLE `+c.table+` ADD COLUMN `+c.name+` `+c.kind)
		}
		if err != nil {
			return fmt.Errorf("adding the column %s to %s: %w", c.name, c.table, err)
		}
	}
	return nil
}

// refuseFresh fails where a journal would be made in a directory that has had one: all that it knew would be forgotten in silence.
func refuseFresh(dir string) error {
	for _, name := range []string{FileName + "-wal", "fleet", "history", markName} {
		path := filepath.Join(dir, name)
		info, err := os.Stat(path)
		if err != nil {
			continue
		}
		if info.IsDir() {
			if entries, err := os.ReadDir(path); err != nil || len(entries) == 0 {
				continue
			}
		} else if info.Size() == 0 || name == markName && !marks(path) {
			continue
		}
		return fmt.Errorf("%s is missing or empty, but %s is there: a server has run here, and a new journal would know nothing of its endpoints. "+
			"Restore %s from a backup, together with %s-wal; or, to begin anew, move %s away", filepath.Join(dir, FileName), path, FileName, FileName, path)
	}
	return nil
}

// marks reports whether a mark names an entry.
func marks(path string) bool {
	seq, _, err := readMark(path)
	return err != nil || seq > 0
}
