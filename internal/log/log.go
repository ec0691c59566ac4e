package log

import (
	"context"
	"io"
	"time"
)

// Store is a backend: all that a server keeps. Its methods are safe for concurrent use; reads do not wait for writes.
type Store interface {
	Journal
	Outbox
	Snapshots
	Archive
	Events
	Settings
	Close() error
}

// Journal is the sequence of a server's inputs, each with the events that it led to. Sequence numbers begin at 1 and are contiguous.
type Journal interface {
	// Lead takes the log over and records the start of a server: from then on appends of earlier epochs fail with ErrFenced. Epochs begin
	// at 1 and grow by one.
	Lead(ctx context.Context, start Start) (epoch uint64, err error)

	// Append commits a batch as a whole or not at all. When it returns nil the batch is durable; when it fails, whether it is durable is
	// known only from End. It fails with ErrFenced where the batch's epoch is not the newest, and with an error where its first entry
	// does not follow the last one. It is for one caller at a time.
	Append(ctx context.Context, b Batch) error

	// End returns the sequence number of the last durable entry, or of the newest snapshot where that is beyond; 0 where there is none.
	End(ctx context.Context) (uint64, error)

	// Begins returns the sequence number of the oldest entry that is kept; 0 where none is.
	Begins(ctx context.Context) (uint64, error)

	// Read calls each for the entries after a sequence number, in order, up to the present end. It fails with *TrimmedError where
	// entries before the first one that is kept are wanted, with *DamagedLineError where an entry is not what was written, and with the
	// error of each.
	Read(ctx context.Context, after uint64, each func(Entry) error) error

	// Subscribe is Read that does not end: each is called for every entry after a sequence number, without gap or duplicate, those that
	// are appended later within 50 ms of their commit. It returns when ctx ends, with its error, or as Read does. Calls of each delay
	// neither appends nor other subscribers: a subscriber that is slow reads what it missed from storage, and gets *TrimmedError where
	// that is gone; it then starts again from a snapshot, as one that is new.
	Subscribe(ctx context.Context, after uint64, each func(Entry) error) error

	// Probe writes something and removes it again: it fails where an append would.
	Probe(ctx context.Context) error

	// Quarantine keeps an input that could not be taken, and why. Seq is 0 where the journal does not have it; fresh is false where it is
	// kept already. The newest thousand are kept.
	Quarantine(ctx context.Context, in Entry, why string) (fresh bool, err error)

	// Began returns the moment of the first start, zero where there was none.
	Began(ctx context.Context) (time.Time, error)

	// Outage returns the stretch around a moment in which nothing happened until a server was started; ok is false where there is none.
	Outage(ctx context.Context, at time.Time) (from, until time.Time, ok bool, err error)
}

// Start is the start of a server.
type Start struct {
	At    time.Time // policy time
	After time.Time // of the last entry before it; At where there is none
}

// Batch is what is committed together.
type Batch struct {
	Epoch   uint64
	Entries []Entry
	Events  []EventRecord
	Outbox  []Message // their IDs are given by the log
}

// Entry is one step of the engine: its input, and the events that it led to.
type Entry struct {
	Seq    uint64
	At     time.Time
	Kind   string // of Data
	Data   []byte
	Events []Event // none also where an earlier version, which did not keep them, wrote the entry
}

// Event is one event of an entry.
type Event struct {
	Kind string
	Data []byte
}

// Outbox has the messages that must reach the outside at least once. They are appended with the events that they are about, and stay until
// they are removed.
type Outbox interface {
	// Topics returns how many messages wait, by topic.
	Topics(ctx context.Context) (map[string]int, error)

	// Waiting returns how many messages of a topic wait.
	Waiting(ctx context.Context, topic string) (int, error)

	// FirstMessage returns the oldest message of a topic; ok is false where none waits. It fails with *DamagedRowError, and returns the
	// message as it is, where it is not what was written.
	FirstMessage(ctx context.Context, topic string) (m Message, ok bool, err error)

	// RemoveMessage removes a message. One that is not there is no error.
	RemoveMessage(ctx context.Context, id int64) error
}

// Message is a message of the outbox.
type Message struct {
	ID    int64 // grows within a topic
	Topic string
	Kind  string // of Data
	Data  []byte
}

// Snapshots has states of the engine, so that a journal need not be read from its beginning.
type Snapshots interface {
	// SaveSnapshot keeps a snapshot, the one before it in case the newer is damaged, and the page of the archive that ends there. It drops
	// entries that the older snapshot covers and Keep no longer wants, and pages that Keep does not. It may be called beside Append, which
	// it delays by milliseconds at most.
	SaveSnapshot(ctx context.Context, shot Snapshot, page Page, keep Keep) error

	// Snapshots returns the sequence numbers and times of the snapshots, newest first.
	Snapshots(ctx context.Context) ([]Snapshot, error)

	// Snapshot returns the content of a snapshot. It fails with ErrDamaged.
	Snapshot(ctx context.Context, seq uint64) ([]byte, error)
}

// Snapshot is an engine's state after an entry.
type Snapshot struct {
	Seq   uint64
	At    time.Time
	State func(io.Writer) error // writes the state, to be saved; nil in those that are listed
}

// Keep says what may be dropped when a snapshot is saved.
type Keep struct {
	Journal    time.Time // entries from then on stay
	Archive    time.Time // pages from then on stay
	ArchiveMax int64     // bytes; the oldest pages go first, the newest state never
}

// Archive has the steps of the past without their measurements, by which they can be taken again.
type Archive interface {
	// Pages calls each for the pages that lead to a moment, the first of which has a State; for none where the archive does not go back so
	// far. It fails with ErrDamaged.
	Pages(ctx context.Context, at time.Time, each func(Page) error) error

	// Reach returns how far the archive goes.
	Reach(ctx context.Context) (Reach, error)
}

// Page is a stretch of the archive.
type Page struct {
	First, Last uint64 // entries; Last is First-1 where there are none
	At, Until   time.Time
	State       Packed // before First; nil where the page before has to be read first
	Lines       []byte
}

// Reach is how far the archive goes.
type Reach struct {
	From, Until time.Time // zero: it has no pages
	Whole       bool      // it begins with the first entry of all
	Aged, Full  bool      // what was before was dropped: for its age; to make room
	Bytes       int64
}

// Events is the history of events that users read: activities, changes of alarms, decisions, changes of endpoints.
type Events interface {
	// Query returns rows of the history, and a token to go on with, "" at the end. Rows that arrive meanwhile neither repeat nor hide
	// others. A row that is not what was written is left out, so that a page may have fewer rows than its limit. It fails with ErrToken.
	Query(ctx context.Context, q EventQuery) ([]EventRecord, string, error)

	// Trim drops rows that are older than they are kept: see Kept.
	Trim(ctx context.Context, now time.Time) error
}

// EventRecord is one of the events that users read.
type EventRecord struct {
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

// EventQuery selects records of events. Unset members match everything.
type EventQuery struct {
	Table, Scope, Key string
	Types             []string
	IDs               []string  // of rows that have one
	From, To          time.Time // From inclusive, To exclusive
	Oldest            bool      // oldest first; else newest first
	Limit             int
	Token             string // of an earlier page
}

const day = 24 * time.Hour

// Kept is how long rows of a table are kept. AWS: scaling activities six weeks, alarm history 30 days; decisions and endpoints as long as
// explain looks back.
func Kept() map[string]time.Duration {
	return map[string]time.Duration{TableActivity: 42 * day, TableGroup: 42 * day, TableAlarm: 30 * day, TableDecision: 14 * day, TableEndpoint: 14 * day}
}

// Settings are values by name.
type Settings interface {
	// Meta returns a setting; found is false where there is none.
	Meta(ctx context.Context, key string) (value []byte, found bool, err error)

	// SetMeta writes a setting.
	SetMeta(ctx context.Context, key string, value []byte) error
}
