package port

import "sync/atomic"

// Memory is a limit on the bytes used by many requests in total. Its methods may be called by any number of goroutines. A nil Memory has no
// limit and counts nothing.
type Memory struct {
	max  int64
	used atomic.Int64
}

// NewMemory returns a Memory with a limit in bytes.
func NewMemory(limit int64) *Memory { return &Memory{max: limit} }

// Used returns the number of bytes in use.
func (m *Memory) Used() int64 { return m.used.Load() }

// Max returns the limit in bytes.
func (m *Memory) Max() int64 { return m.max }

// take reserves n bytes; false if the limit would be exceeded.
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
