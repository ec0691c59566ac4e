package fleet

import (
	"errors"
	"time"

	"bellows.dev/bellows/hosting"
)

// ErrNoLog: the fleet keeps no log of the copy.
var ErrNoLog = errors.New("no log of the instance is kept")

// LineMax is the most bytes of one line of a log. A longer one is read as several. AWS: PutLogEvents, 256 KB with 26 bytes of overhead.
const LineMax = 256<<10 - 26

// LogOwner is whose log it is. The names are those of the copy's instance.
type LogOwner struct {
	Account, Region, Endpoint, Variant string
	Component                          string    `json:",omitzero"` // the inference component that it is a copy of
	Created                            time.Time // when the copy was first started
}

// Log is what a fleet keeps of the output of one copy, running or gone.
type Log struct {
	Copy hosting.CopyID
	LogOwner

	First, Last time.Time // when its first and last lines arrived; zero without a line
	Bytes       int64     // kept
}

// LogRange is the part of a log to read. The zero value is all of it.
type LogRange struct {
	From         int64     // position: lines before it are left out
	Since, Until time.Time // of arrival, without Until itself; zero: no bound
}

// Line is one line of a log.
type Line struct {
	At   int64     // its position in the log: it grows from line to line, and does not change when the beginning of the log is dropped
	Next int64     // the position behind it
	Time time.Time // when it arrived, to the second: it does not change, and does not fall from line to line
	Text []byte    // without its line break, at most LineMax bytes of any encoding; valid until the next line is read
}
