// Package target starts a bellows server for the benchmarks: the real binary, built from this source tree, on a free port, with a temporary
// data directory.
package target
