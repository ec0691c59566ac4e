package hosting

import "time"

// Served is how many instances took the invocations of a variant from a moment on: those of all fleets that shared them.
type Served struct {
	Since time.Time
	Count int
}

// How much of a variant's serving capacity is remembered: enough for the longest window of a target tracking policy's alarms, 17 minutes.
const (
	servedFor = time.Hour
	servedMax = 32 // entries; the oldest two become one then, with the smaller count
)

// Serving returns how many instances take the invocations of a variant in use: the instances in service of each fleet that has a part of them.
// E.g. of a fleet of 4 and a new one of 2 that share them, 6. A reading per instance times this number is the load of the variant, whatever the parts
// are: a gateway divides each invocation by it. The metrics of the instances themselves are those of both fleets, too.
func (e *Endpoint) Serving(v *Variant) int {
	if d := e.Deployment; d == nil || d.Share <= 0 {
		return v.Current()
	}
	n := 0
	for _, s := range e.Shares(v) {
		if s.Weight > 0 {
			n += s.Fleet.Current()
		}
	}
	return n
}

// NoteServed records how many instances take the invocations of each variant, where that has changed. It is to be called after whatever may have
// changed it.
func (e *Endpoint) NoteServed(now time.Time) {
	for _, v := range e.Variants {
		v.noteServed(now, e.Serving(v))
	}
}

func (v *Variant) noteServed(now time.Time, n int) {
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

// ServedSince returns since when the present number of instances has taken the variant's invocations; zero where no change is remembered.
func (v *Variant) ServedSince() time.Time {
	if len(v.Served) == 0 {
		return time.Time{}
	}
	return v.Served[len(v.Served)-1].Since
}

// LeastServed returns the smallest number of instances that took the invocations of a variant in use at any time from a moment until now.
func (e *Endpoint) LeastServed(v *Variant, from time.Time) int {
	least := e.Serving(v)
	for i := len(v.Served) - 1; i >= 0; i-- {
		least = min(least, v.Served[i].Count)
		if !v.Served[i].Since.After(from) {
			break
		}
	}
	return least
}
