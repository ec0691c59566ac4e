package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
)

// markName is the file with the sequence number of the last committed entry and the identity of the write-ahead log, in text. SQLite considers a
// database without its write-ahead log complete, and one beside the log of another database to be that log's.
const markName = FileName + "-end"

func markPath(database string) string { return filepath.Join(filepath.Dir(database), markName) }

// The forms of the file have fixed lengths, so that a newer mark replaces an older one in place. Earlier versions wrote no identity of the log,
// or not even a checksum.
const (
	markForm        = "%020d %016x %08x\n"
	markContent     = "%020d %016x\n"
	summedMarkForm  = "%020d %08x\n"
	earlierMarkForm = "%020d\n"
)

// markText returns the content of the file.
func markText(seq uint64, w walID) string {
	return fmt.Sprintf(markForm, seq, uint64(w), crc32.ChecksumIEEE(fmt.Appendf(nil, markContent, seq, uint64(w))))
}

func summedMarkText(seq uint64) string {
	return fmt.Sprintf(summedMarkForm, seq, crc32.ChecksumIEEE(fmt.Appendf(nil, earlierMarkForm, seq)))
}

// mark is the file. It is written after each commit and never synced: when a computer loses power, the newest marks may be lost, so that the
// file may be behind, but never ahead. If it cannot be written, the next commit writes it.
type mark struct {
	path string
	file *os.File
	wal  *os.File // to read its identity; nil until it exists
}

// openMark prepares the mark of a database that has been checked, and notes if it is damaged.
func (s *Store) openMark(path string) {
	s.mark = mark{path: markPath(path)}
	seq, _, err := readMark(s.mark.path)
	if err != nil {
		s.found = append(s.found, fmt.Sprintf("%s is damaged: %v. Entries lost at the end of the journal before this start were not noticed; the file is written again",
			s.mark.path, err))
	}
	if err == nil && seq == 0 {
		return
	}
	// SQLite begins a log whose identity is known only after its first commit. This must be on disk before that log is.
	s.mark.write(seq, walUnknown)
	if s.mark.file != nil {
		_ = s.mark.file.Sync() // on a disk that fails, nothing is committed either
	}
}

// set writes the sequence number of the last entry, with the identity of the write-ahead log as it is now.
func (m *mark) set(seq uint64) {
	w, there := walUnknown, false
	if m.wal != nil {
		if w, there = readWAL(m.wal); !there { // SQLite has made another, since all its connections were closed
			_ = m.wal.Close()
			m.wal = nil
		}
	}
	if m.wal == nil {
		f, err := os.Open(filepath.Join(filepath.Dir(m.path), FileName+"-wal"))
		if err == nil {
			m.wal = f
			w, _ = readWAL(f)
		}
	}
	m.write(seq, w)
}

func (m *mark) write(seq uint64, w walID) {
	if m.file == nil {
		f, err := os.OpenFile(m.path, os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return
		}
		if info, err := f.Stat(); err == nil && info.Size() > int64(len(markText(0, 0))) {
			_ = f.Truncate(0)
		}
		m.file = f
	}
	_, _ = m.file.WriteAt([]byte(markText(seq, w)), 0)
}

func (m *mark) close() error {
	var errs []error
	for _, f := range []*os.File{m.file, m.wal} {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	return errors.Join(errs...)
}

// errDamagedMark is the error of a mark that is not as it was written.
var errDamagedMark = errors.New("it is not as it was written")

// readMark returns the content of the mark; zeros if there is none. It fails with errDamagedMark.
func readMark(path string) (seq uint64, w walID, err error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, walUnknown, nil
	}
	if err != nil {
		return 0, walUnknown, err
	}
	s := string(text)
	if _, err := fmt.Sscanf(s, "%d", &seq); err != nil {
		return 0, walUnknown, errDamagedMark
	}
	if s == summedMarkText(seq) || s == fmt.Sprintf(earlierMarkForm, seq) {
		return seq, walUnknown, nil
	}
	if _, err := fmt.Sscanf(s, "%d %x", &seq, &w); err != nil || s != markText(seq, w) {
		return 0, walUnknown, errDamagedMark
	}
	return seq, w, nil
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
