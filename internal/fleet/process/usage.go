package process

import (
	"cmp"
	"context"
	"runtime"
	"slices"
	"time"

	"github.com/shirou/gopsutil/v4/disk"
	"github.com/shirou/gopsutil/v4/mem"
	psutil "github.com/shirou/gopsutil/v4/process"

	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/fleet"
)

// spent is how much processor time a group had used at a moment.
type spent struct {
	at      time.Time
	seconds float64
}

// Usage implements fleet.Fleet. It is called by one goroutine at a time.
func (f *Fleet) Usage(ctx context.Context) []fleet.Usage {
	leaders := map[int]hosting.InstanceID{}
	for _, m := range allMarked(f.o.Dir) {
		leaders[m.process.pid] = m.id
	}
	total := map[hosting.InstanceID]*group{}
	for _, pid := range pids() {
		st, ok := readStat(pid)
		id, ours := leaders[st.group]
		if !ok || !ours {
			continue
		}
		g := total[id]
		if g == nil {
			g = &group{}
			total[id] = g
		}
		g.add(ctx, pid)
	}
	memory, diskPercent := 0.0, 0.0
	if m, err := mem.VirtualMemoryWithContext(ctx); err == nil {
		memory = float64(m.Total)
	}
	if d, err := disk.UsageWithContext(ctx, f.o.Dir); err == nil {
		diskPercent = d.UsedPercent
	}
	var out []fleet.Usage
	now := time.Now()
	for id, g := range total {
		u := fleet.Usage{ID: id, DiskPercent: diskPercent}
		if memory > 0 {
			u.MemoryPercent = 100 * g.resident / memory
		}
		if last, known := f.spent[id]; known && g.seconds >= last.seconds && now.After(last.at) {
			u.CPUPercent = 100 * (g.seconds - last.seconds) / now.Sub(last.at).Seconds()
			u.CPUNormalized = u.CPUPercent / float64(runtime.NumCPU())
			out = append(out, u)
		}
		f.spent[id] = spent{now, g.seconds}
	}
	for id := range f.spent {
		if total[id] == nil {
			delete(f.spent, id)
		}
	}
	slices.SortFunc(out, func(a, b fleet.Usage) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

// group is what the processes of an instance use together.
type group struct {
	seconds  float64 // of processor time
	resident float64 // bytes
}

// add counts a process; one that has just ended counts nothing.
func (g *group) add(ctx context.Context, pid int) {
	p, err := psutil.NewProcessWithContext(ctx, int32(pid))
	if err != nil {
		return
	}
	if t, err := p.TimesWithContext(ctx); err == nil {
		g.seconds += t.User + t.System
	}
	if m, err := p.MemoryInfoWithContext(ctx); err == nil {
		g.resident += float64(m.RSS)
	}
}
