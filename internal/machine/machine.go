// Package machine knows the sizes of instance types and of this machine.
//
// A Machine says whether an instance type can ever fit, which limits its instances get, and counts what running instances take, where
// an operator has stated how much there is:
//
//	m := machine.New(machine.Options{Types: machine.Table(), Found: machine.Look()})
//	err := m.Check("ml.m5.large")
//	changed, err := m.Take("i-1", "ml.m5.large", machine.Size{})   // a *Full error: wait for changed
//	defer m.Give("i-1")
package machine

import (
	_ "embed"
	"encoding/csv"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/shirou/gopsutil/v4/mem"

	"bellows.dev/bellows/plural"
)

// Size is how large an instance type or a machine is.
type Size struct {
	VCPUs  float64
	Memory int64   // bytes
	GPUs   int     // and other accelerators
	Price  float64 // USD an hour; 0 where it is not known
}

// String writes the size for an operator.
func (s Size) String() string {
	text := fmt.Sprintf("%g vCPU, %s of memory", s.VCPUs, gib(s.Memory))
	if s.GPUs == 0 {
		return text
	}
	return text + ", " + plural.Of(s.GPUs, "GPU")
}

// gib writes bytes as GiB. From 1 GiB on it rounds down to hundredths, so that a machine of 15.999 GiB does not appear to have 16.
func gib(n int64) string {
	x := float64(n) / (1 << 30)
	if x >= 1 {
		x = math.Floor(x*100) / 100
	}
	return strconv.FormatFloat(x, 'f', -1, 64) + " GiB"
}

// tableText has SageMaker's instance types for hosting. AWS: EC2 instance types; prices are on demand in us-east-1, for comparison, as
// they were known in November 2026.
//
//go:embed types.csv
var tableText string

// Table returns the instance types that are known without configuration.
func Table() map[string]Size {
	rows, err := csv.NewReader(strings.NewReader(tableText)).ReadAll()
	if err != nil {
		panic("machine: the embedded table cannot be read: " + err.Error())
	}
	out := make(map[string]Size, len(rows))
	for _, row := range rows[1:] {
		var n [4]float64
		for i, text := range row[1:] {
			if text == "" {
				continue
			}
			if n[i], err = strconv.ParseFloat(text, 64); err != nil {
				panic("machine: the embedded table cannot be read: " + err.Error())
			}
		}
		out[row[0]] = Size{VCPUs: n[0], Memory: int64(n[1] * (1 << 30)), GPUs: int(n[2]), Price: n[3]}
	}
	return out
}

// Look finds out the size of this machine.
func Look() Size {
	s := Size{VCPUs: float64(runtime.NumCPU())}
	if v, err := mem.VirtualMemory(); err == nil {
		s.Memory = int64(v.Total)
	}
	if gpus, err := os.ReadDir("/proc/driver/nvidia/gpus"); err == nil {
		s.GPUs = len(gpus)
	} else if devices, err := filepath.Glob("/dev/nvidia[0-9]*"); err == nil {
		s.GPUs = len(devices)
	}
	return s
}

// Capacity is what an operator lets all instances use together. What is nil is not stated and not counted.
type Capacity struct {
	VCPUs  *float64
	Memory *int64
	GPUs   *int
}

// Stated reports whether anything is.
func (c Capacity) Stated() bool { return c.VCPUs != nil || c.Memory != nil || c.GPUs != nil }

// lacks names what a size needs more of than is left beside what is used, or returns "".
func (c Capacity) lacks(s, used Size) string {
	var out []string
	if c.VCPUs != nil && used.VCPUs+s.VCPUs > *c.VCPUs {
		out = append(out, fmt.Sprintf("%g vCPU of %g", max(0, *c.VCPUs-used.VCPUs), *c.VCPUs))
	}
	if c.Memory != nil && used.Memory+s.Memory > *c.Memory {
		out = append(out, fmt.Sprintf("%s of %s of memory", gib(max(0, *c.Memory-used.Memory)), gib(*c.Memory)))
	}
	if c.GPUs != nil && used.GPUs+s.GPUs > *c.GPUs {
		out = append(out, plural.Of(max(0, *c.GPUs-used.GPUs), "GPU")+fmt.Sprintf(" of %d", *c.GPUs))
	}
	return strings.Join(out, " and ")
}

// Options describe a machine.
type Options struct {
	Types    map[string]Size
	Found    Size
	Capacity Capacity
}

// Machine counts what instances take. Its methods are safe for concurrent use.
type Machine struct {
	mu      sync.Mutex
	o       Options
	used    map[string]Size // by instance
	changed chan struct{}   // closed when something may fit that did not
}

// New returns a machine without instances.
func New(o Options) *Machine {
	return &Machine{o: o, used: map[string]Size{}, changed: make(chan struct{})}
}

// Set replaces the types and the capacity. Instances keep what they took.
func (m *Machine) Set(types map[string]Size, c Capacity) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.o.Types, m.o.Capacity = types, c
	m.wake()
}

// wake lets those who wait look again; m.mu is held.
func (m *Machine) wake() {
	close(m.changed)
	m.changed = make(chan struct{})
}

// Full is why an instance does not fit now, or, if Never, on this machine at all.
type Full struct {
	Type  string
	Size  Size
	Lacks string
	Never bool
}

// Error says what is lacking.
func (e *Full) Error() string {
	if e.Never {
		return fmt.Sprintf("it can never fit: an instance of %s takes %s, and there are %s (capacity: in bellows.yaml)", e.Type, e.Size, e.Lacks)
	}
	return fmt.Sprintf("an instance of %s takes %s, and free are %s", e.Type, e.Size, e.Lacks)
}

// TypeNames returns the instance types whose sizes are known, sorted.
func (m *Machine) TypeNames() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Sorted(maps.Keys(m.o.Types))
}

// Check refuses a type that is not known, or, by a *Full, one that can never fit.
func (m *Machine) Check(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, err := m.check(name, Size{})
	return err
}

// check returns the size of a type; stated is that of one which the table does not have, zero where it is not known.
func (m *Machine) check(name string, stated Size) (Size, error) {
	s, known := m.o.Types[name]
	if !known && stated != (Size{}) {
		s, known = stated, true
	}
	if !known {
		return s, errors.New("the size of " + name + " is not known: give it under instance_types: in bellows.yaml")
	}
	if lacks := m.o.Capacity.lacks(s, Size{}); lacks != "" {
		return s, &Full{name, s, lacks, true}
	}
	return s, nil
}

// Take counts an instance of a type, unless there is no room: then it returns a *Full, and a channel that is closed when to try again.
// stated is the size of a type that the table does not have. A type of which no size is known takes nothing: it was accepted before types
// were checked.
func (m *Machine) Take(id, name string, stated Size) (changed <-chan struct{}, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, has := m.used[id]; has {
		return nil, nil
	}
	s, err := m.check(name, stated)
	if full := (*Full)(nil); errors.As(err, &full) {
		return m.changed, full
	} else if err != nil {
		return nil, nil
	}
	if lacks := m.o.Capacity.lacks(s, m.total()); lacks != "" {
		return m.changed, &Full{name, s, lacks, false}
	}
	m.used[id] = s
	return nil, nil
}

// Hold counts an instance that runs already, whether or not there is room.
func (m *Machine) Hold(id, name string, stated Size) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.used[id] = m.sizeOf(name, stated)
}

// sizeOf returns the size of a type by the table, or else as it is stated.
func (m *Machine) sizeOf(name string, stated Size) Size {
	if s, known := m.o.Types[name]; known {
		return s
	}
	return stated
}

// Give ends the count of an instance.
func (m *Machine) Give(id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, has := m.used[id]; has {
		delete(m.used, id)
		m.wake()
	}
}

func (m *Machine) total() Size {
	var sum Size
	for _, s := range m.used {
		sum.VCPUs += s.VCPUs
		sum.Memory += s.Memory
		sum.GPUs += s.GPUs
	}
	return sum
}

// Used returns what the instances take together, by their types.
func (m *Machine) Used() (Size, Options) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.total(), m.o
}

// Size returns the size of a type; zero where it is not known.
func (m *Machine) Size(name string) Size {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.o.Types[name]
}

// Limits returns what a copy on an instance of a type may use: the size that the copy states, or else its instance's, which is stated for
// types that the table does not have. A limit that this machine does not reach is 0: no limit. A type that is larger than the machine
// stands for as much as there is.
func (m *Machine) Limits(name string, stated, own Size) Size {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.sizeOf(name, stated)
	if own.VCPUs > 0 {
		s.VCPUs = own.VCPUs
	}
	if own.Memory > 0 {
		s.Memory = own.Memory
	}
	if s.VCPUs >= m.o.Found.VCPUs {
		s.VCPUs = 0
	}
	if s.Memory >= m.o.Found.Memory {
		s.Memory = 0
	}
	return s
}

// Misfit says in what an instance type is more than this machine has, or returns "".
func (m *Machine) Misfit(name string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, found := m.o.Types[name], m.o.Found
	if s.VCPUs <= found.VCPUs && s.Memory <= found.Memory && s.GPUs <= found.GPUs {
		return ""
	}
	return fmt.Sprintf("%s has %s, and this machine has %s: its instances get what there is", name, s, found)
}
