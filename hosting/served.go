package hosting

import "time"

// Served is how many instances of a variant took invocations from a moment on.
type Served struct {
	Since time.Time
	Count int
}

// How much of a variant's serving capacity is remembered: enough for the longest window of a target tracking policy's alarms, 17 minutes.
const (
	servedFor = time.Hour
	servedMax = 32 // entries; the oldest two become one then, with the smaller count
)

// NoteServed records how many instances take invocations, where that has changed. It is to be called after whatever may have changed it.
func (v *Variant) NoteServed(now time.Time) {
	n := v.Current()
	last := len(v.Served) - 1
	switch {
	case last >= 0 && v.Served[last].Count == n:
		return
	case last >= 0 && v.Served[last].Since.Equal(now):
		v.Served[last].Count = n // several changes of one step
		return
	}
	v.Served = append(v.Served, Served{now, n})
	for len(v.Served) > 1 && v.Served[1].Since.Before(now.Add(-servedFor)) {
		v.Served = v.Served[1:]
	}
	if len(v.Served) > servedMax {
		v.Served[1] = Served{v.Served[0].Since, min(v.Served[0].Count, v.Served[1].Count)}
		v.Served = v.Served[1:]
	}
}

// ServedSince returns since when the present number of instances has taken invocations; zero where no change is remembered.
func (v *Variant) ServedSince() time.Time {
	if len(v.Served) == 0 {
		return time.Time{}
	}
	return v.Served[len(v.Served)-1].Since
}

// LeastServed returns the smallest number of instances that took invocations at any time from a moment until now.
func (v *Variant) LeastServed(from time.Time) int {
	least := v.Current()
	for i := len(v.Served) - 1; i >= 0; i-- {
		least = min(least, v.Served[i].Count)
		if !v.Served[i].Since.After(from) {
			break
		}
	}
	return least
}
