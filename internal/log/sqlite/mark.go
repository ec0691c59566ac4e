package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
)

// markName is the file that has the sequence number of the last entry that was committed, in text. SQLite takes a database without its
// write-ahead log for whole, and would go on from the last checkpoint without a word.
const markName = FileName + "-end"

func markPath(database string) string { return filepath.Join(filepath.Dir(database), markName) }

// markForm has a fixed length, so that a newer mark replaces the older one in place. Earlier versions wrote no checksum.
const (
	markForm        = "%020d %08x\n"
	earlierMarkForm = "%020d\n"
)

// markText is the content of the file.
func markText(seq uint64) string {
	return fmt.Sprintf(markForm, seq, crc32.ChecksumIEEE(fmt.Appendf(nil, earlierMarkForm, seq)))
}

// mark is the file. It is written after each commit and never synced: a computer that loses its power may lose the newest marks, so that the
// file says too little, never too much. One that cannot be written is written at the next commit.
type mark struct {
	path string
	file *os.File
}

func (m *mark) set(seq uint64) {
	if m.file == nil {
		f, err := os.OpenFile(m.path, os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return
		}
		m.file = f
	}
	_, _ = m.file.WriteAt([]byte(markText(seq)), 0)
}

func (m *mark) close() error {
	if m.file == nil {
		return nil
	}
	return m.file.Close()
}

// readMark returns what the mark says; 0 where there is none, or it is torn or damaged.
func readMark(path string) (seq uint64) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	if _, err := fmt.Sscanf(string(text), "%d", &seq); err != nil {
		return 0
	}
	if s := string(text); s != markText(seq) && s != fmt.Sprintf(earlierMarkForm, seq) {
		return 0
	}
	return seq
}

// checkMark refuses a database that lacks entries which were committed: its write-ahead log is gone, or it is an older copy.
func checkMark(ctx context.Context, db *sql.DB, path string, marked uint64) error {
	if marked == 0 {
		return nil
	}
	_, end, err := position(ctx, db)
	if err != nil {
		return fmt.Errorf("finding the journal's end: %w", err)
	}
	if end >= marked {
		return nil
	}
	return lostLog(path, end, marked)
}

// lostLog refuses a database that ends before the mark.
func lostLog(path string, end, marked uint64) error {
	name, wal := filepath.Base(path), filepath.Base(path)+"-wal"
	missing := "an older " + wal
	if info, err := os.Stat(path + "-wal"); errors.Is(err, os.ErrNotExist) || err == nil && info.Size() == 0 {
		missing = "no " + wal
	}
	return fmt.Errorf("%s ends at line %d of the journal with %s beside it, but line %d was committed: the server would forget what came after. "+
		"Put %s and %s back as they were; or, where this is a backup that you mean to go on with, delete %s, which says how far the journal went",
		path, end, missing, marked, name, wal, filepath.Join(filepath.Dir(path), markName))
}
