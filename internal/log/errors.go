package log

import (
	"errors"
	"fmt"
)

var (
	// ErrFenced refuses an append of an epoch that another server has ended by taking the log over.
	ErrFenced = errors.New("another server has taken the journal over")

	// ErrDamaged says that a snapshot, or a page of the archive, does not have the content that was saved.
	ErrDamaged = errors.New("the snapshot is damaged")

	// ErrToken says that a token to go on with is not valid.
	ErrToken = errors.New("no token of this query")
)

// TrimmedError says that entries are wanted which are no longer kept. Start from a snapshot.
type TrimmedError struct {
	After uint64 // the entry that was asked for is the one after it
	First uint64 // that is kept
}

// Error implements error.
func (e *TrimmedError) Error() string {
	return fmt.Sprintf("the journal has a gap: after %d comes %d", e.After, e.First)
}

// DamagedLineError says that an entry of the journal does not have the content that was written.
type DamagedLineError struct{ Seq uint64 }

// Error says which line it is and what to do.
func (e *DamagedLineError) Error() string {
	return fmt.Sprintf("line %d of the journal is damaged: it is not what was written. Restore the data directory from a backup, "+
		"or start with another --data-dir", e.Seq)
}

// DamagedRowError says that a row of the history, or a message of the outbox, does not have the content that was written.
type DamagedRowError struct {
	Table string
	ID    int64 // of the row
}

// Error says which row it is and what to do.
func (e *DamagedRowError) Error() string {
	return fmt.Sprintf("row %d of the history (%s) is damaged: it is not what was written, and is left out. Restore the data directory from a "+
		"backup if it matters", e.ID, e.Table)
}
