package history

import (
	"time"
)

// Status is what people want to know of the history.
type Status struct {
	Kept     time.Time // up to where all that was recorded is on disk
	Failure  string    // why nothing can be written now; "" where all is well
	Held     int64     // samples that wait to be written, while nothing can be
	BytesMax int64
	Tiers    []TierStatus // finest first
}

// TierStatus is one tier of a Status.
type TierStatus struct {
	Resolution     time.Duration
	Retention      time.Duration
	Bytes          int64 // on disk, at most a minute ago
	Series, Blocks int
	Oldest, Newest time.Time // zero where there are no samples
	Damaged        []string  // what was set aside, and is there still
	Dropped        int64     // blocks that went before their time, for want of disk space
	Refused        int64     // samples that could not be written
}

// disk is how much space the tiers took when it was last measured.
type disk struct {
	at    time.Time
	bytes [len(resolutions)]int64
}

// Status tells how the history is.
func (h *History) Status() Status {
	h.health.Lock()
	defer h.health.Unlock()
	if time.Since(h.measured.at) > time.Minute {
		h.measured.at = time.Now()
		for i, t := range h.tiers {
			h.measured.bytes[i] = t.bytes()
		}
	}
	s := Status{Kept: h.kept, Held: h.held.Load(), BytesMax: h.o.BytesMax}
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
