package fleet

import (
	"context"
	"log/slog"
	"time"

	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/machine"
	"bellows.dev/bellows/internal/modeldata"
)

// Kind is a kind of fleet that a server can be configured to use.
type Kind struct {
	Name string // in bellows.yaml

	// Open opens a fleet over what earlier ones left in Options.Dir.
	Open func(Options) (Fleet, error)
}

// Options are what a server gives the fleet that it opens, whatever its kind. Unset durations and sizes have defaults.
type Options struct {
	// Dir holds what the fleet keeps between servers. Two fleets on one are refused.
	Dir string

	// Command returns what runs an image, or why nothing does.
	Command func(image string) (Program, error)

	// Report takes the fleet's report of a copy. It may block.
	Report func(hosting.InstanceReport)

	// Drain returns once no invocation is in flight at a copy that routes no longer name, or when ctx ends.
	Drain func(ctx context.Context, id hosting.CopyID) error

	// Activity returns how many invocations a copy has in flight and when it last answered one. Nil: only pings count.
	Activity func(hosting.CopyID) (inFlight int, answered time.Time)

	Log *slog.Logger

	PingInterval time.Duration // between health checks of a copy that serves; default 5 s
	PingTimeout  time.Duration // of one; default 2 s
	PingFailures int           // missed in a row after which the copy is started again; default 3
	BusyMax      time.Duration // for which invocations in flight, none of them answered, excuse missed pings; default 60 s

	Settings

	// Data fetches model data; models that have some are refused without it.
	Data *modeldata.Cache

	// Machine counts what instances take and gives their limits; without it there is no bound.
	Machine *machine.Machine

	// Limits says whether copies are held to their memory and CPU; "" is LimitsAuto.
	Limits LimitsMode
}

// Settings are those of the Options that may change while a fleet runs.
type Settings struct {
	DrainTimeout time.Duration // default 60 s
	KillAfter    time.Duration // between the request to end and its enforcement (SIGTERM and SIGKILL); default 30 s
	LogMax       int64         // bytes of a copy's log, kept twice; default 10 MB
}

// Program is what runs an image.
type Program struct {
	Command []string // the program's file and its arguments
	Folder  string   // its working directory; "" is the server's own

	// Env are variables of its environment. The model's own Environment takes precedence over them, and what the container contract sets
	// over both.
	Env map[string]string

	// PassEnv are variables that it gets from the server's environment besides those that each gets: names, or patterns such as CUDA_* or *.
	PassEnv []string
}

// LimitsMode says whether copies are held to their memory and CPU.
type LimitsMode string

// Modes of limits.
const (
	LimitsAuto     LimitsMode = "auto"     // where the fleet can; the default
	LimitsOff      LimitsMode = "off"      // copies share the machine
	LimitsRequired LimitsMode = "required" // a fleet that cannot hold them does not open
)

// WithDefaults returns the options with unset members, which are 0, at their defaults.
func (o Options) WithDefaults() Options {
	for _, d := range []struct {
		is    *time.Duration
		value time.Duration
	}{
		{&o.PingInterval, 5 * time.Second}, {&o.PingTimeout, 2 * time.Second}, {&o.DrainTimeout, time.Minute}, {&o.KillAfter, 30 * time.Second},
		{&o.BusyMax, time.Minute},
	} {
		if *d.is == 0 {
			*d.is = d.value
		}
	}
	if o.PingFailures == 0 {
		o.PingFailures = 3
	}
	if o.LogMax == 0 {
		o.LogMax = 10_000_000
	}
	return o
}
