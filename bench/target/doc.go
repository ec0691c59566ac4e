// Package target starts a bellows server for the benchmarks: the real binary, built from this tree, on a free port, with a temporary
// data directory. The commands bench/server and bench/capacity use it.
package target
