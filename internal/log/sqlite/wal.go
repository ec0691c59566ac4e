package sqlite

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// walID is the identity of a write-ahead log: its two salts, or one of the constants. SQLite: file format, WAL header: the first salt is random in
// a new file and grows by one each time the log begins again, when the second gets a new random value. Frames with other salts are ignored. Nothing
// in the log identifies its database.
type walID uint64

const (
	walUnknown walID = 0
	walNone    walID = 1 // the database was closed, which removes the log
)

// Places in the header of a write-ahead log.
const (
	walHeader   = 32
	walSalts    = 16
	walMagic    = 0x377f0682
	walBegunMax = 1024 // how many times a log may have begun again since a mark that was lost with the computer's power
)

// readWAL returns the identity of a write-ahead log; walUnknown if it contains nothing or cannot be read. there is false if the file was removed.
func readWAL(f *os.File) (w walID, there bool) {
	info, err := f.Stat()
	if err != nil {
		return walUnknown, false
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && st.Nlink == 0 {
		return walUnknown, false
	}
	var b [walHeader]byte
	if _, err := f.ReadAt(b[:], 0); err != nil || binary.BigEndian.Uint32(b[:])&^1 != walMagic {
		return walUnknown, true // SQLite ignores it
	}
	return walID(binary.BigEndian.Uint64(b[walSalts:])), true
}

// continues reports whether a log may be the one of a mark: the same, or begun again since.
func (w walID) continues(marked walID) bool {
	switch {
	case w == marked, w == walUnknown, marked == walUnknown:
		return true
	case marked == walNone:
		return false
	}
	begun := uint32(w>>32) - uint32(marked>>32) // it may overflow, as in SQLite
	return begun > 0 && begun <= walBegunMax
}

// checkWAL refuses a write-ahead log that belongs to another database, or to another time of this one: SQLite would write its pages over those of
// the database. A server that starts or ends meanwhile changes both files, so they are compared more than once.
func checkWAL(path string) error {
	const attempts = 3
	for range attempts {
		_, marked, err := readMark(markPath(path))
		if err != nil {
			return nil //nolint:nilerr // a damaged mark is reported by whoever opens the journal
		}
		f, err := os.Open(path + "-wal")
		if err != nil {
			return nil //nolint:nilerr // no log, or SQLite says why it cannot be read
		}
		w, _ := readWAL(f)
		_ = f.Close()
		if w.continues(marked) {
			return nil
		}
	}
	name, wal := filepath.Base(path), filepath.Base(path)+"-wal"
	return fmt.Errorf("%s-wal does not belong to %s as it is: it is of another database, or of another time, and SQLite would write its pages into this one. "+
		"Put back the %s and %s that belong together; or, if %s belongs to no server, move it away; or, if both do belong together, delete %s",
		path, name, name, wal, wal, markPath(path))
}
