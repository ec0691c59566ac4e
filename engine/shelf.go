package engine

// shelf holds what outlives the step, many small slices in one piece of memory. What lies there is never changed, nor its memory used
// again.
type shelf[T any] struct{ piece []T }

// pieceLen is how many elements a piece has.
const pieceLen = 64

// copied returns a copy of s.
func (x *shelf[T]) copied(s []T) []T {
	if len(s) > cap(x.piece)-len(x.piece) {
		x.piece = make([]T, 0, max(pieceLen, len(s)))
	}
	from := len(x.piece)
	x.piece = append(x.piece, s...)
	return x.piece[from:len(x.piece):len(x.piece)]
}
