package machine_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"bellows.dev/bellows/internal/machine"
)

// This machine has processors and memory, as much as its control group may use at least.
func TestLook(t *testing.T) {
	found := machine.Look()
	if found.VCPUs < 1 || found.Memory < machine.Memory() || found.GPUs < 0 || found.Price != 0 {
		t.Errorf("%+v, and a process may have %d bytes", found, machine.Memory())
	}
}

func TestStated(t *testing.T) {
	for _, c := range []struct {
		capacity machine.Capacity
		want     bool
	}{
		{machine.Capacity{}, false}, {machine.Capacity{VCPUs: to(0.0)}, true}, {machine.Capacity{Memory: to(int64(0))}, true}, {machine.Capacity{GPUs: to(0)}, true},
	} {
		if got := c.capacity.Stated(); got != c.want {
			t.Errorf("%+v: %v", c.capacity, got)
		}
	}
}

func TestSizesAreWrittenForReaders(t *testing.T) {
	for _, c := range []struct {
		size machine.Size
		want string
	}{
		{machine.Size{}, "0 vCPU, 0 GiB of memory"},
		{machine.Size{VCPUs: 0.5, Memory: 1 << 29}, "0.5 vCPU, 0.5 GiB of memory"},
		{machine.Size{VCPUs: 4, Memory: 16 << 30, GPUs: 1, Price: 1}, "4 vCPU, 16 GiB of memory, 1 GPU"},
		{machine.Size{VCPUs: 192, Memory: 2048 << 30, GPUs: 8}, "192 vCPU, 2048 GiB of memory, 8 GPUs"},
	} {
		if got := c.size.String(); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

// Every type of the table fits an empty machine exactly where Check says that it can, and then has its size there.
func TestTakeAgreesWithCheck(t *testing.T) {
	fit, not := 0, 0
	for name, size := range machine.Table() {
		m := machine.New(machine.Options{Types: machine.Table(), Capacity: machine.Capacity{VCPUs: to(16.0), Memory: to(int64(64 << 30)), GPUs: to(1)}})
		checked := m.Check(name)
		_, taken := m.Take("i-1", name, machine.Size{})
		fits := size.VCPUs <= 16 && size.Memory <= 64<<30 && size.GPUs <= 1
		if (checked == nil) != fits || (taken == nil) != fits {
			t.Errorf("%s, %v: %v, %v", name, size, checked, taken)
		}
		full := (*machine.Full)(nil)
		used, _ := m.Used()
		if !fits {
			not++
			if !errors.As(taken, &full) || !full.Never || full.Type != name || full.Size != size || used != (machine.Size{}) {
				t.Errorf("%s: %+v; used %v", name, taken, used)
			}
			continue
		}
		fit++
		size.Price = 0 // is not added up
		if used != size || m.Size(name).VCPUs != size.VCPUs {
			t.Errorf("%s: used %v, want %v", name, used, size)
		}
	}
	if fit < 10 || not < 10 {
		t.Errorf("%d types fit and %d do not: the test compares nothing", fit, not)
	}
}

// Instances that are given back twice, never had room, or are held over the capacity leave the sum as it is.
func TestSumsOfWhatIsTaken(t *testing.T) {
	m := small()
	used := func(want float64) {
		t.Helper()
		if got, _ := m.Used(); got.VCPUs != want || got.Memory != int64(want*4)<<30 {
			t.Errorf("used %v, want %g vCPU", got, want)
		}
	}
	m.Give("i-1")
	used(0)
	m.Hold("i-1", "ml.m5.2xlarge", machine.Size{}) // 8 vCPU of 4: it runs already
	m.Hold("i-1", "ml.m5.2xlarge", machine.Size{})
	used(8)
	if _, err := m.Take("i-2", "ml.m5.large", machine.Size{}); err == nil || !strings.Contains(err.Error(), "free are 0 vCPU of 4 and 0 GiB of 16 GiB") {
		t.Errorf("beside an instance that is larger than the machine: %v", err)
	}
	used(8)
	m.Give("i-1")
	m.Give("i-1")
	used(0)
	if _, err := m.Take("i-2", "ml.m5.large", machine.Size{VCPUs: 3}); err != nil { // the table's size counts
		t.Error(err)
	}
	used(2)
}

func TestNamesAndSizesOfTypes(t *testing.T) {
	m := small()
	if names := m.TypeNames(); len(names) != len(machine.Table()) || !slices.IsSorted(names) {
		t.Errorf("%d names, sorted: %v", len(names), slices.IsSorted(names))
	}
	m.Set(map[string]machine.Size{"ml.b": {VCPUs: 2}, "ml.a": {VCPUs: 1}}, machine.Capacity{})
	if names := m.TypeNames(); !slices.Equal(names, []string{"ml.a", "ml.b"}) {
		t.Errorf("%v", names)
	}
	if m.Size("ml.b").VCPUs != 2 || m.Size("ml.m5.large") != (machine.Size{}) {
		t.Errorf("%v, %v", m.Size("ml.b"), m.Size("ml.m5.large"))
	}
}

// Many instances that wait for room all get it in the end, never more at once than fit.
func TestWaitersGetRoom(t *testing.T) {
	m := small()
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			id := fmt.Sprint("i-", i)
			for {
				changed, err := m.Take(id, "ml.m5.large", machine.Size{})
				if err == nil {
					break
				}
				<-changed
			}
			if used, _ := m.Used(); used.VCPUs > 4 {
				t.Errorf("used %v", used)
			}
			m.Give(id)
		})
	}
	wg.Wait()
	if used, _ := m.Used(); used != (machine.Size{}) {
		t.Errorf("left %v", used)
	}
}
