package socket

// What Peek finds.
const (
	Nothing Found = iota // a read would wait
	Data                 // a read would return something
	End                  // the other side, or this one, has closed the connection
)

// Found is what a read would return.
type Found int
