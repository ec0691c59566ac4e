package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sys/unix"
	"modernc.org/sqlite"

	"bellows.dev/bellows/internal/log"
)

// applicationID marks a file as a journal of Bellows: "BLWS". SQLite: PRAGMA application_id.
const applicationID = 0x424c5753

// schemaVersion is the layout this program reads and writes.
const schemaVersion = 1

// FileName is the database's name in a data directory.
const FileName = "bellows.db"

const schema = `
CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE journal (seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL, data BLOB NOT NULL);
CREATE TABLE snapshot (seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, sum BLOB NOT NULL, data BLOB NOT NULL);
CREATE TABLE history (
	id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, scope TEXT NOT NULL, tab TEXT NOT NULL, key TEXT NOT NULL,
	type TEXT NOT NULL, ident TEXT, kind TEXT NOT NULL, data BLOB NOT NULL
);
CREATE INDEX history_by_key ON history (tab, scope, key, at, id);
CREATE INDEX history_by_time ON history (tab, scope, at, id);
CREATE UNIQUE INDEX history_ident ON history (tab, ident) WHERE ident IS NOT NULL;
`

// Store is an open data directory. Its methods are safe for concurrent use; reads do not wait for writes.
type Store struct {
	write *sql.DB // one connection
	mover *sql.DB // one connection, for checkpoints
	read  *sql.DB
	lock  *os.File
	dir   string // "" unless it was opened completely, for writing
	mark  mark

	found    []string // damage found when it was opened
	damaged  sync.Map // IDs of rows that onDamage has received
	onDamage func(*log.DamagedRowError)

	tail log.Tail

	packer *zstd.Encoder // of inputs; nil where the store is only read
}

var _ log.Store = (*Store)(nil)

// Open opens a data directory, making it on first use, and locks it: a second server is refused. A file that is damaged, newer
// than this program, or not its own is refused and left as it is. A disk that is full is no reason to fail as long as nothing has to be made;
// where it is one, or the directory cannot be written at all, the error is a *DiskError.
func Open(ctx context.Context, dir string) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, advise(dir, fmt.Errorf("making the data directory: %w", err))
	}
	lock, err := lockDir(dir)
	if err != nil {
		return nil, advise(dir, err)
	}
	s := &Store{lock: lock}
	if err := s.open(ctx, filepath.Join(dir, FileName)); err != nil {
		return nil, advise(dir, errors.Join(err, s.Close()))
	}
	return s, nil
}

// lockDir takes the directory for this process, until it ends, however it ends.
func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("locking the data directory: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		pid, _ := os.ReadFile(f.Name()) // only to say more
		_ = f.Close()
		return nil, fmt.Errorf("the data directory %s is in use by another server (process %s)", dir, strings.TrimSpace(string(pid)))
	}
	if f.Truncate(0) == nil {
		_, _ = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0) // only to say more: the disk may be full
	}
	return f, nil
}

func (s *Store) open(ctx context.Context, path string) error {
	info, err := os.Stat(path)
	fresh := errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() == 0 // a crash may leave an empty file
	if fresh {
		err = refuseFresh(filepath.Dir(path))
	} else {
		err = inspect(ctx, path)
	}
	if err != nil {
		return err
	}
	s.openMark(path)
	if s.write, err = connect(path, 1, false); err != nil {
		return err
	}
	if fresh {
		if err := s.create(ctx); err != nil {
			return err
		}
	}
	if _, err := s.write.ExecContext(ctx, archiveSchema+partSchema+outboxSchema); err != nil {
		return fmt.Errorf("making the tables: %w", err)
	}
	if err := addColumns(ctx, s.write); err != nil {
		return err
	}
	if s.mover, err = connect(path, 1, false); err != nil {
		return err
	}
	if s.read, err = connect(path, 4, true); err != nil {
		return err
	}
	if s.packer, err = newPacker(); err != nil {
		return err
	}
	if err := s.checkCompanions(ctx, filepath.Dir(path)); err != nil {
		return err
	}
	s.dir = filepath.Dir(path)
	s.claimCompanions(ctx, s.dir)
	end, err := s.End(ctx)
	if err == nil {
		s.mark.set(end)
	}
	return err
}

// inspect checks a file without changing it.
func inspect(ctx context.Context, path string) error {
	db, err := connect(path, 1, true)
	if err != nil {
		return err
	}
	return errors.Join(check(ctx, db, path), db.Close())
}

func connect(path string, connections int, readOnly bool) (*sql.DB, error) {
	options := url.Values{"_pragma": {"busy_timeout(10000)", "synchronous(FULL)", "foreign_keys(1)"}}
	if readOnly {
		options.Set("mode", "ro")
	} else {
		options["_pragma"] = append(options["_pragma"], "journal_mode(WAL)")
	}
	base, err := sqlite.NewConnector("file:" + (&url.URL{Path: path}).EscapedPath() + "?" + options.Encode())
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", path, err)
	}
	db := sql.OpenDB(connector{base})
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db, nil
}

func (s *Store) create(ctx context.Context) error {
	text := schema + fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d;", applicationID, schemaVersion)
	if _, err := s.write.ExecContext(ctx, "BEGIN IMMEDIATE; "+text+" COMMIT;"); err != nil {
		return fmt.Errorf("making the journal: %w", err)
	}
	return nil
}

// check refuses a file that this program cannot trust.
func check(ctx context.Context, db *sql.DB, path string) error {
	if err := checkWAL(path); err != nil { // before SQLite reads it
		return err
	}
	marked, _, _ := readMark(markPath(path)) // first: a server that runs may go on meanwhile. If it is damaged, nothing is known
	var id, version int
	var health string
	for pragma, into := range map[string]any{"application_id": &id, "user_version": &version, "quick_check(1)": &health} {
		if err := db.QueryRowContext(ctx, "PRAGMA "+pragma).Scan(into); ofDisk(err) {
			return fmt.Errorf("opening %s: %w", path, err)
		} else if err != nil {
			return fmt.Errorf("%s is damaged, or no SQLite file: %w. Restore it from a backup, or start with another --data-dir", path, err)
		}
	}
	switch {
	case id == 0 && marked > 0: // even its tables were in the write-ahead log
		return lostLog(path, 0, marked)
	case id != applicationID:
		return fmt.Errorf("%s is a SQLite file of another program: it stays untouched. Start with another --data-dir", path)
	case version > schemaVersion:
		return fmt.Errorf("%s was written by a newer version (layout %d, this program reads %d): use that version", path, version, schemaVersion)
	case health != "ok":
		return fmt.Errorf("%s is damaged (%s). Restore it from a backup, or start with another --data-dir", path, health)
	}
	return checkMark(ctx, db, path, marked)
}

// OpenReadOnly opens a journal to read it, beside a running server too.
func OpenReadOnly(ctx context.Context, dir string) (*Store, error) {
	path := filepath.Join(dir, FileName)
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("%s is not the data directory of a server (--data-dir names another): %w", dir, err)
	}
	db, err := connect(path, 4, true)
	if err != nil {
		return nil, err
	}
	if err := check(ctx, db, path); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &Store{read: db}, nil
}

// Damage describes what was found damaged when the store was opened, and did not prevent it.
func (s *Store) Damage() []string { return s.found }

// Close closes the files and frees the directory.
func (s *Store) Close() error {
	var errs []error
	var end uint64
	clean := s.dir != ""
	if clean {
		s.claimCompanions(context.Background(), s.dir) // folders that were made since
		var err error
		end, err = s.End(context.Background())
		clean = err == nil
	}
	if s.read != nil {
		errs = append(errs, s.read.Close())
	}
	if s.mover != nil {
		errs = append(errs, s.mover.Close())
	}
	if s.write != nil {
		errs = append(errs, s.write.Close())
	}
	if clean && errors.Join(errs...) == nil {
		if _, err := os.Stat(filepath.Join(s.dir, FileName+"-wal")); errors.Is(err, fs.ErrNotExist) {
			s.mark.write(end, walNone)
		}
	}
	errs = append(errs, s.mark.close())
	if s.lock != nil {
		errs = append(errs, s.lock.Close())
	}
	return errors.Join(errs...)
}

// Meta implements log.Settings.
func (s *Store) Meta(ctx context.Context, key string) ([]byte, bool, error) {
	var v []byte
	err := s.read.QueryRowContext(ctx, `SELECT value FROM meta WHERE key = ?`, key).Scan(&v)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("reading setting %s: %w", key, err)
	}
	return v, true, nil
}

// SetMeta implements log.Settings.
func (s *Store) SetMeta(ctx context.Context, key string, value []byte) error {
	if _, err := s.write.ExecContext(ctx, `INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)`, key, value); err != nil {
		return fmt.Errorf("writing setting %s: %w", key, err)
	}
	return nil
}

func nanos(t time.Time) int64 { return t.UnixNano() }

func moment(n int64) time.Time { return time.Unix(0, n).UTC() }
