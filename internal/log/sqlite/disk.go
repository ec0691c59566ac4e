package sqlite

import (
	"errors"
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"
)

// DiskError says that a data directory cannot be used as its disk is, and what to do.
type DiskError struct {
	Dir      string
	ReadOnly bool // it can be read; otherwise it is full
	Err      error
}

// Error implements error.
func (e *DiskError) Error() string {
	if e.ReadOnly {
		return fmt.Sprintf("the data directory %s cannot be written: make it and its file system writable, or start with another --data-dir (%v)", e.Dir, e.Err)
	}
	return fmt.Sprintf("the disk of the data directory %s is full: make room there, then start again (%v)", e.Dir, e.Err)
}

// Unwrap returns the error of the file system or of SQLite.
func (e *DiskError) Unwrap() error { return e.Err }

// advise makes a *DiskError of an error that the disk is to blame for.
func advise(dir string, err error) error {
	if !ofDisk(err) {
		return err
	}
	var fs unix.Statfs_t
	full := errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || code(err) == lib.SQLITE_FULL ||
		unix.Statfs(dir, &fs) == nil && (fs.Bavail == 0 || fs.Files > 0 && fs.Ffree == 0)
	return &DiskError{Dir: dir, ReadOnly: !full, Err: err}
}

// ofDisk reports whether an error says that a disk is full or cannot be written, and nothing of the data.
func ofDisk(err error) bool {
	for _, e := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS, syscall.EACCES, syscall.EPERM} {
		if errors.Is(err, e) {
			return true
		}
	}
	switch code(err) {
	case lib.SQLITE_FULL, lib.SQLITE_READONLY, lib.SQLITE_CANTOPEN, lib.SQLITE_PERM:
		return true
	}
	x := (*sqlite.Error)(nil)
	if errors.As(err, &x) {
		switch x.Code() {
		case lib.SQLITE_IOERR_WRITE, lib.SQLITE_IOERR_SHMOPEN, lib.SQLITE_IOERR_SHMSIZE, lib.SQLITE_IOERR_SHMMAP, lib.SQLITE_IOERR_TRUNCATE, lib.SQLITE_IOERR_FSYNC:
			return true
		}
	}
	return false
}

// code is SQLite's primary result code; 0 for other errors.
func code(err error) int {
	x := (*sqlite.Error)(nil)
	if errors.As(err, &x) {
		return x.Code() & 0xff
	}
	return 0
}
