// Package store keeps what must outlive the process, in one SQLite file: the journal of inputs, snapshots of the engine, and the
// history of what happened. It knows no other package's types: inputs, snapshots and history are bytes with a kind.
//
// Only internal/control writes; bellows replay reads beside a running server.
package store
