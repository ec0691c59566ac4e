// Package figure is shared by the benchmarks: measured figures with their limits, the table that shows them, and CPU time on one core.
package figure

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"syscall"
	"text/tabwriter"
	"time"
)

// Figure is one measured value.
type Figure struct {
	Name     string  `json:"name"`
	Value    float64 `json:"value"`
	Unit     string  `json:"unit"`
	Promised string  `json:"promised,omitempty"`
	Missed   bool    `json:"missed,omitempty"`
}

// ErrMissed reports that a figure is outside its limit.
var ErrMissed = errors.New("a promised figure is missed")

// AtMost is a figure with an upper bound.
func AtMost(name string, v float64, unit string, limit float64) Figure {
	return Figure{name, v, unit, fmt.Sprintf("≤ %s", show(limit)), v > limit}
}

// AtLeast is a figure with a lower bound.
func AtLeast(name string, v float64, unit string, limit float64) Figure {
	return Figure{name, v, unit, fmt.Sprintf("≥ %s", show(limit)), v < limit}
}

func show(v float64) string {
	switch {
	case v >= 10_000:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	default:
		return fmt.Sprintf("%.3f", v)
	}
}

// Report writes figures as a table or as JSON, then fails with ErrMissed if one of them is outside its limit.
func Report(to io.Writer, all []Figure, asJSON bool) error {
	if err := write(to, all, asJSON); err != nil {
		return err
	}
	for _, f := range all {
		if f.Missed {
			return ErrMissed
		}
	}
	return nil
}

func write(to io.Writer, all []Figure, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(to).Encode(all)
	}
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "figure\tmeasured\t\tpromised\t")
	for _, f := range all {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t\n", f.Name, show(f.Value), f.Unit, f.Promised)
	}
	return w.Flush()
}

// CPUTime is the CPU time that the process has used, garbage collection included. Other programs on the machine do not count.
func CPUTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic("bench: " + err.Error()) // it cannot fail for the calling process
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// OneCore limits the process to one core until the returned function is called.
func OneCore() (restore func()) {
	before := runtime.GOMAXPROCS(1)
	return func() { runtime.GOMAXPROCS(before) }
}
