package fleet

import (
	"context"

	"bellows.dev/bellows/hosting"
)

// Level is the wanted instances of one group, a variant of an endpoint: all of them, none besides. It replaces the group's earlier
// one. Those that are Draining finish what they work on and go.
type Level struct {
	Group     string
	Instances []hosting.InstanceSpec
}

// Usage is what an instance used of its machine since the last time it was asked.
type Usage struct {
	ID            hosting.InstanceID
	CPUPercent    float64 // 100 is one core, fully used
	CPUNormalized float64 // 0 to 100: of all cores
	MemoryPercent float64 // 0 to 100
	DiskPercent   float64 // 0 to 100
}

// Fleet runs instances. Its methods are safe for concurrent use.
type Fleet interface {
	// Apply takes levels and returns at once; the fleet converges behind it and reports.
	Apply(levels []Level)

	// Adopted returns the instances of an earlier server that the fleet found running, sorted.
	Adopted() []hosting.InstanceID

	// Reap stops adopted instances that no level has named. It is called once, after the first levels.
	Reap()

	// Usage returns what each instance used since the last call, sorted by ID.
	Usage(ctx context.Context) []Usage

	// Close ends the fleet's own work. Instances go on, also those that drain, to be adopted by the next server.
	Close()

	// StopAll stops every instance, waits until none is left, and closes. It fails where ctx ends before.
	StopAll(ctx context.Context) error
}
