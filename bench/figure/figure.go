// Package figure is what benchmarks with promises share: figures, the table that shows them, and one core to measure on.
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

// Figure is one thing that was measured.
type Figure struct {
	Name     string  `json:"name"`
	Value    float64 `json:"value"`
	Unit     string  `json:"unit"`
	Promised string  `json:"promised,omitempty"`
	Missed   bool    `json:"missed,omitempty"`
}

// ErrMissed says that a figure is not what was promised.
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

// Report writes figures as a table or as JSON. It fails with ErrMissed after that, where one is not what was promised.
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

// OnCore is for how long the process has been on a core, collecting garbage included. What other programs do at the same time does not
// count.
func OnCore() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic("bench: " + err.Error()) // it cannot fail for oneself
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// OneCore holds the process to one core until the function that it returns is called.
func OneCore() func() {
	before := runtime.GOMAXPROCS(1)
	return func() { runtime.GOMAXPROCS(before) }
}
