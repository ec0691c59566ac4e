package engine

// arena holds values that outlive the step, many small slices in one allocation. What it holds is never changed, and its memory never
// reused.
type arena[T any] struct{ chunk []T }

// chunkLen is how many elements a chunk has.
const chunkLen = 64

// copied returns a copy of s.
func (x *arena[T]) copied(s []T) []T {
	if len(s) > cap(x.chunk)-len(x.chunk) {
		x.chunk = make([]T, 0, max(chunkLen, len(s)))
	}
	from := len(x.chunk)
	x.chunk = append(x.chunk, s...)
	return x.chunk[from:len(x.chunk):len(x.chunk)]
}
