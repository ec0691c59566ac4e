package machine_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/sagemaker/types"

	"bellows.dev/bellows/internal/machine"
)

// Every type that SageMaker's API names is in the table.
func TestTheTableIsWhole(t *testing.T) {
	table := machine.Table()
	for _, x := range types.ProductionVariantInstanceType("").Values() {
		s, known := table[string(x)]
		if !known {
			t.Errorf("%s is missing", x)
		}
		if known && (s.VCPUs <= 0 || s.Memory < 1<<30 || s.GPUs < 0 || s.Price < 0) {
			t.Errorf("%s: %+v", x, s)
		}
	}
	for name, want := range map[string]machine.Size{
		"ml.m5.large": {2, 8 << 30, 0, 0.1152}, "ml.g5.12xlarge": {48, 192 << 30, 4, 7.09}, "ml.c4.large": {2, 15 << 28, 0, 0.12},
		"ml.g7.12xlarge": {48, 192 << 30, 2, 0}, "ml.p5.48xlarge": {192, 2048 << 30, 8, 0},
	} {
		if table[name] != want {
			t.Errorf("%s: %+v, want %+v", name, table[name], want)
		}
	}
}

func to[T any](v T) *T { return &v }

func small() *machine.Machine {
	return machine.New(machine.Options{
		Types: machine.Table(), Found: machine.Size{VCPUs: 4, Memory: 16 << 30},
		Capacity: machine.Capacity{VCPUs: to(4.0), Memory: to(int64(16 << 30)), GPUs: to(0)},
	})
}

func TestWhatCanNeverFitIsRefused(t *testing.T) {
	m := small()
	for name, want := range map[string]string{
		"ml.m5.large": "", "ml.m5.xlarge": "", "ml.m5.2xlarge": "4 vCPU of 4 and 16 GiB of 16 GiB of memory", "ml.g4dn.xlarge": "0 GPUs of 0",
		"ml.r5.xlarge": "it can never fit: an instance of ml.r5.xlarge takes 4 vCPU, 32 GiB of memory", "ml.x": "the size of ml.x is not known", "m5.large": "the size of m5.large is not known",
	} {
		err := m.Check(name)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
	unstated := machine.New(machine.Options{Types: machine.Table(), Found: machine.Size{VCPUs: 1, Memory: 1 << 30}})
	if err := unstated.Check("ml.p5.48xlarge"); err != nil {
		t.Errorf("without a stated capacity: %v", err)
	}
}

func TestWhatDoesNotFitNowWaits(t *testing.T) {
	m := small()
	take := func(id string) (<-chan struct{}, *machine.Full) {
		t.Helper()
		changed, err := m.Take(id, "ml.m5.large", machine.Size{})
		full := (*machine.Full)(nil)
		if err != nil && !errors.As(err, &full) {
			t.Fatal(err)
		}
		return changed, full
	}
	for _, id := range []string{"i-1", "i-2", "i-2"} { // the second time it has its place
		if _, full := take(id); full != nil {
			t.Fatalf("%s: %v", id, full)
		}
	}
	changed, full := take("i-3")
	if full == nil || full.Never || !strings.Contains(full.Error(), "free are 0 vCPU of 4 and 0 GiB of 16 GiB of memory") {
		t.Errorf("%v", full)
	}
	m.Give("i-9")
	select {
	case <-changed:
		t.Error("nothing was given back")
	default:
	}
	m.Give("i-1")
	<-changed
	if _, full := take("i-3"); full != nil {
		t.Error(full)
	}
	m.Hold("i-4", "ml.m5.large", machine.Size{}) // it runs already
	if used, _ := m.Used(); used.VCPUs != 6 {
		t.Errorf("used %v", used)
	}
	changed, _ = take("i-5")
	m.Set(machine.Table(), machine.Capacity{})
	<-changed
	if _, full := take("i-5"); full != nil {
		t.Error(full)
	}
	if _, err := m.Take("i-6", "ml.forgotten", machine.Size{}); err != nil {
		t.Errorf("a type of before the table: %v", err)
	}
}

func TestLimits(t *testing.T) {
	m := machine.New(machine.Options{Types: machine.Table(), Found: machine.Size{VCPUs: 2, Memory: 16 << 30}})
	for name, want := range map[string]machine.Size{
		"ml.m5.large": {0, 8 << 30, 0, 0.1152}, "ml.m5.xlarge": {0, 0, 0, 0.2304}, "ml.r8g.medium": {1, 8 << 30, 0, 0.0707}, "ml.x": {},
	} {
		if got := m.Limits(name, machine.Size{}, machine.Size{}); got != want {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
	if m.Misfit("ml.m5.large") != "" || !strings.Contains(m.Misfit("ml.g5.xlarge"), "4 vCPU, 16 GiB of memory, 1 GPU, and this machine has 2 vCPU") {
		t.Errorf("%q, %q", m.Misfit("ml.m5.large"), m.Misfit("ml.g5.xlarge"))
	}
}

// A type that the table does not have takes what is stated for it, and a copy is held to what it needs itself.
func TestStatedSizes(t *testing.T) {
	m := small()
	if _, err := m.Take("i-1", "ml.own", machine.Size{VCPUs: 3}); err != nil {
		t.Fatal(err)
	}
	full := (*machine.Full)(nil)
	if _, err := m.Take("i-2", "ml.own", machine.Size{VCPUs: 3}); !errors.As(err, &full) || full.Never {
		t.Errorf("beside it: %v", err)
	}
	if _, err := m.Take("i-3", "ml.own", machine.Size{VCPUs: 5}); !errors.As(err, &full) || !full.Never {
		t.Errorf("more than the machine has: %v", err)
	}
	m = machine.New(machine.Options{Types: machine.Table(), Found: machine.Size{VCPUs: 4, Memory: 16 << 30}})
	if got := m.Limits("ml.m5.large", machine.Size{VCPUs: 3}, machine.Size{VCPUs: 0.5, Memory: 1 << 30}); got.VCPUs != 0.5 || got.Memory != 1<<30 {
		t.Errorf("a copy's own: %+v", got)
	}
	if got := m.Limits("ml.own", machine.Size{VCPUs: 3, Memory: 2 << 30}, machine.Size{}); got.VCPUs != 3 || got.Memory != 2<<30 {
		t.Errorf("its instance's: %+v", got)
	}
}

func TestMemoryIsWrittenForReaders(t *testing.T) {
	for n, want := range map[int64]string{
		25_276_022_784: "23.54 GiB of memory", 16<<30 - 1: "15.99 GiB of memory", 16 << 30: "16 GiB of memory", 32 << 20: "0.03125 GiB of memory", 0: "0 GiB of memory",
	} {
		if got := (machine.Size{VCPUs: 2, Memory: n}).String(); got != "2 vCPU, "+want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}
