//go:build !linux

package socket

// hungUp is not known on this system.
func hungUp(uintptr) bool { return false }
