package process

import (
	"cmp"
	"context"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/shirou/gopsutil/v4/disk"
	"github.com/shirou/gopsutil/v4/mem"
	psutil "github.com/shirou/gopsutil/v4/process"

	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/fleet"
)

// meter keeps what was last read, so that the next reading gives a rate.
type meter struct {
	mu      sync.Mutex
	at      time.Time
	seen    map[hosting.InstanceID]bool
	seconds map[identity]float64 // processor time
}

// identity distinguishes a process from a later one of the same number.
type identity struct {
	pid  int
	born uint64
}

// consumed is what the processes of an instance used together.
type consumed struct {
	seconds  float64   // of processor time, since the last reading
	resident float64   // bytes
	born     time.Time // when the first of them was started
}

// Usage implements fleet.Fleet. An instance's first reading is the mean since it was started, others are since the reading before. They
// include its copies' processes, their groups and their descendants.
func (f *Fleet) Usage(ctx context.Context) []fleet.Usage {
	m := &f.usage
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	total, seconds := f.consumed(ctx, m.seconds)
	memory, diskPercent := 0.0, 0.0
	if v, err := mem.VirtualMemoryWithContext(ctx); err == nil {
		memory = float64(v.Total)
	}
	if d, err := disk.UsageWithContext(ctx, f.o.Dir); err == nil {
		diskPercent = d.UsedPercent
	}
	var out []fleet.Usage
	seen := map[hosting.InstanceID]bool{}
	for id, c := range total {
		seen[id] = true
		passed := now.Sub(m.at).Seconds()
		if !m.seen[id] {
			passed = max(now.Sub(c.born).Seconds(), 1) // a process that has just begun has used nothing that can be measured
		}
		if passed <= 0 {
			continue
		}
		u := fleet.Usage{ID: id, CPUPercent: 100 * c.seconds / passed, DiskPercent: diskPercent}
		u.CPUNormalized = min(100, u.CPUPercent/float64(runtime.NumCPU()))
		if memory > 0 {
			u.MemoryPercent = min(100, 100*c.resident/memory) // memory that processes share is counted for each
		}
		out = append(out, u)
	}
	m.at, m.seen, m.seconds = now, seen, seconds
	slices.SortFunc(out, func(a, b fleet.Usage) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

// consumed adds up what each instance's processes used since earlier readings, and returns the readings of now.
func (f *Fleet) consumed(ctx context.Context, earlier map[identity]float64) (map[hosting.InstanceID]consumed, map[identity]float64) {
	total, seconds := map[hosting.InstanceID]consumed{}, map[identity]float64{}
	for who, id := range f.members() {
		p, err := psutil.NewProcessWithContext(ctx, int32(who.pid))
		if err != nil {
			continue // it has just ended
		}
		c := total[id]
		if t, err := p.TimesWithContext(ctx); err == nil {
			seconds[who] = t.User + t.System
			c.seconds += max(0, seconds[who]-earlier[who])
		}
		if ms, err := p.CreateTimeWithContext(ctx); err == nil && (c.born.IsZero() || time.UnixMilli(ms).Before(c.born)) {
			c.born = time.UnixMilli(ms)
		}
		if m, err := p.MemoryInfoWithContext(ctx); err == nil {
			c.resident += float64(m.RSS)
		}
		total[id] = c
	}
	return total, seconds
}

// members returns every process that works for an instance: of its group, or started by one that does.
func (f *Fleet) members() map[identity]hosting.InstanceID {
	leaders := map[int]hosting.InstanceID{}
	f.mu.Lock()
	for _, k := range f.keepers {
		if p := k.running.Load(); p != nil {
			leaders[p.pid] = k.instance.ID
		}
	}
	f.mu.Unlock()
	all := map[int]stat{}
	for _, pid := range pids() {
		if st, ok := readStat(pid); ok && st.runs() {
			all[pid] = st
		}
	}
	out := map[identity]hosting.InstanceID{}
	for pid, st := range all {
		at := st
		for range len(all) { // parents that were read at different moments might form a cycle
			if id, ours := leaders[at.group]; ours {
				out[identity{pid, st.born}] = id
				break
			}
			parent, known := all[at.parent]
			if !known {
				break
			}
			at = parent
		}
	}
	return out
}
