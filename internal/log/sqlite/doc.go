// Package sqlite is the log of one server, in one SQLite file of its data directory. A lock on the directory keeps a second server out; a file
// beside the database (see mark) tells where the journal ended, so that a write-ahead log that was lost is noticed.
//
// Only internal/control writes; bellows replay and explain read beside a running server.
package sqlite
