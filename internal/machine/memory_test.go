package machine

import "testing"

// A control group's limit counts where it is smaller than the machine.
func TestMemoryOfAControlGroup(t *testing.T) {
	for _, c := range []struct {
		total int64
		limit string
		want  int64
	}{{100, "max\n", 100}, {100, "40\n", 40}, {100, "9223372036854771712\n", 100}, {0, "40\n", 40}, {100, "", 100}, {100, "0", 100}} {
		if got := smaller(c.total, c.limit); got != c.want {
			t.Errorf("of %d, with memory.max %q: %d, want %d", c.total, c.limit, got, c.want)
		}
	}
	if Memory() <= 0 {
		t.Error("this machine has no memory")
	}
}
