//go:build !unix

package port

import "math"

// descriptors returns the limit of open files, which is unknown here.
func descriptors() uint64 { return math.MaxInt32 }
