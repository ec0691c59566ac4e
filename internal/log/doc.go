// Package log is what a server keeps beyond its own life: the journal of inputs and their events, the outbox, snapshots, the archive of past
// steps, the history of events and settings. It has the interfaces and their types; a backend implements them in a package of its own below
// this one (sqlite, memory) and passes the conformance suite in logtest. It knows no other package's types: inputs, events, snapshots and
// messages are bytes with a kind.
//
// A server takes the log over with Journal.Lead, which gives it an epoch; it appends with that epoch, and is refused once another server has
// taken over. Everybody else follows: Journal.Subscribe delivers every entry after a sequence number, first those that are stored, then each
// as it is committed.
package log
