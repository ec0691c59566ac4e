//go:build race

package control

// raced: the race detector watches, and SQLite, which is Go here, takes ten times as long.
const raced = true
