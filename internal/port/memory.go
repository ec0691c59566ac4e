package port

import "sync/atomic"

// Memory is a bound on bytes that many requests hold together. Its methods may be called by any number of goroutines. A nil Memory has no
// bound and counts nothing.
type Memory struct {
	max  int64
	used atomic.Int64
}

// NewMemory returns a bound of so many bytes.
func NewMemory(limit int64) *Memory { return &Memory{max: limit} }

// Used returns how many bytes are taken.
func (m *Memory) Used() int64 { return m.used.Load() }

// Max returns the bound.
func (m *Memory) Max() int64 { return m.max }

// take reserves n bytes, or reports that there is no room.
func (m *Memory) take(n int64) bool {
	if m == nil {
		return true
	}
	if m.used.Add(n) > m.max {
		m.used.Add(-n)
		return false
	}
	return true
}

func (m *Memory) give(n int64) {
	if m != nil {
		m.used.Add(-n)
	}
}
