//go:build !unix

package port

import "math"

// descriptors is the limit of open files: there is none that is known.
func descriptors() uint64 { return math.MaxInt32 }
