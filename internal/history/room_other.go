//go:build !linux

package history

import "os"

// allocate reserves disk space for a file.
func allocate(f *os.File, bytes int64) error { return write(f, bytes) }
