//go:build !linux

package socket

// Untaken returns false: it cannot be proven here.
func (c *Conn) Untaken(uint64, error) bool { return false }
