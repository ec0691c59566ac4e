package history

import (
	"slices"
	"time"
)

// Status is the state of the metric history for display.
type Status struct {
	Kept     time.Time // time up to which all samples are on disk
	Failure  string    // why nothing can be written now; "" if there is no failure
	Held     int64     // samples that wait to be written during a failure
	BytesMax int64
	Damage   []string     // data found missing or damaged since the start, by file or range
	Tiers    []TierStatus // finest first
}

// TierStatus is one tier of a Status.
type TierStatus struct {
	Resolution     time.Duration
	Retention      time.Duration
	Bytes          int64 // on disk, at most a minute ago
	Series, Blocks int
	Oldest, Newest time.Time // zero if there are no samples
	Damaged        []string  // files set aside
	Dropped        int64     // blocks deleted early for lack of disk space
	Refused        int64     // samples that could not be written
}

// disk is the last measurement of the tiers' disk space.
type disk struct {
	at    time.Time
	bytes [len(resolutions)]int64
}

// Status returns the state of the history.
func (h *History) Status() Status {
	h.health.Lock()
	defer h.health.Unlock()
	if time.Since(h.measured.at) > time.Minute {
		h.measured.at = time.Now()
		for i, t := range h.tiers {
			h.measured.bytes[i] = t.bytes()
		}
	}
	s := Status{Kept: h.kept, Damage: slices.Clone(h.damage), Held: h.held.Load(), BytesMax: h.o.BytesMax}
	if h.failure != nil {
		s.Failure = h.failure.Error()
	}
	h.mu.RLock()
	defer h.mu.RUnlock()
	for i, t := range h.tiers {
		x := TierStatus{
			Resolution: time.Duration(t.resolution) * time.Second, Retention: h.o.Retention[i], Bytes: h.measured.bytes[i],
			Dropped: t.dropped.Load(), Refused: t.refused.Load(),
		}
		x.Damaged, _ = t.aside.look()
		if t.db != nil {
			x.Series, x.Blocks = int(t.db.Head().NumSeries()), len(t.db.Blocks())
			if oldest, newest, ok := t.bounds(); ok {
				x.Oldest, x.Newest = time.Unix(oldest, 0).UTC(), time.Unix(newest, 0).UTC()
			}
		}
		s.Tiers = append(s.Tiers, x)
	}
	return s
}
