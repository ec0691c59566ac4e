//go:build unix

package port

import (
	"math"

	"golang.org/x/sys/unix"
)

// descriptors raises the limit of open files as far as permitted and returns it.
func descriptors() uint64 {
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &l); err != nil {
		return descriptorsLeast
	}
	if l.Cur < l.Max {
		raised := unix.Rlimit{Cur: l.Max, Max: l.Max}
		if unix.Setrlimit(unix.RLIMIT_NOFILE, &raised) == nil {
			l.Cur = l.Max
		}
	}
	return min(l.Cur, math.MaxInt32)
}
