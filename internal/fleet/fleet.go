package fleet

import (
	"context"
	"fmt"
	"iter"

	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/plural"
)

// Level is the wanted instances of one group, a fleet generation of an endpoint's variant: all of them, none besides. It replaces the
// group's earlier one. Those that are Draining finish what they work on and go.
type Level struct {
	Group     string
	Instances []hosting.InstanceSpec
}

// Usage is what an instance used of its machine since the last reading: its copies together.
type Usage struct {
	ID            hosting.InstanceID
	CPUPercent    float64 // 100 is one core, fully used
	CPUNormalized float64 // 0 to 100: of all cores
	MemoryPercent float64 // 0 to 100
	DiskPercent   float64 // 0 to 100
}

// Fleet runs instances and the copies that they hold. Its methods are safe for concurrent use. Whatever happens to a copy it reports to
// Options.Report.
type Fleet interface {
	// Apply takes levels and returns at once; the fleet converges in the background and reports.
	Apply(levels []Level)

	// Adopted returns the copies of an earlier server that the fleet found running, sorted.
	Adopted() []hosting.CopyID

	// Ended returns the copies that StopAll of an earlier server's fleet ended, or was ending, sorted: they are not lost, but stopped.
	// It is known until Reap.
	Ended() []hosting.CopyID

	// Reap stops adopted copies that no level has named. It is called once, after the first levels.
	Reap()

	// Usage returns what each instance used since the last call, sorted by ID.
	Usage(ctx context.Context) []Usage

	// Logs returns the logs that are kept of the copies of an account and region, also of copies that are gone, sorted by copy. What had
	// been written before the call is in them, except for a last line that is not complete.
	Logs(account, region string) ([]Log, error)

	// ReadLog returns lines of a copy's log in the order in which they were written, up to the newest that Logs or a second of waiting has
	// made known. It takes a bounded amount of memory. The error, which comes last, is ErrNoLog where no log is kept.
	ReadLog(ctx context.Context, id hosting.CopyID, r LogRange) iter.Seq2[Line, error]

	// SetSettings changes the settings. What has begun to drain or to end goes on with the earlier ones.
	SetSettings(s Settings)

	// Unlimited returns why copies are not held to their memory and CPU; "" where they are.
	Unlimited() string

	// Close ends the fleet's own work. Copies go on, also those that drain, to be adopted by the next server.
	Close()

	// StopAll stops every copy, waits until none is left, and closes. It fails with LeftError where ctx ends before.
	StopAll(ctx context.Context) error
}

// LeftError lists the instances that still ran when StopAll gave up. The next server adopts them.
type LeftError struct {
	Instances []hosting.InstanceID // sorted, never empty
	Err       error                // why it gave up
}

// Error names the first instance.
func (e *LeftError) Error() string {
	return fmt.Sprintf("%s not stopped yet (%s …), to be adopted by the next server: %v", plural.Are(len(e.Instances), "instance"), e.Instances[0], e.Err)
}

// Unwrap returns why it gave up.
func (e *LeftError) Unwrap() error { return e.Err }
