package machine

import (
	"os"
	"strconv"
	"strings"

	"github.com/shirou/gopsutil/v4/mem"
)

// Memory returns how many bytes of memory this process may have: the machine's, or what its control group is limited to; 0 where that is not
// known.
func Memory() int64 {
	var total int64
	if v, err := mem.VirtualMemory(); err == nil {
		total = int64(v.Total)
	}
	if text, err := os.ReadFile("/sys/fs/cgroup/memory.max"); err == nil {
		total = smaller(total, string(text))
	}
	return total
}

// smaller returns a limit as memory.max has it, where it is smaller than the total: a number, or max for none.
func smaller(total int64, limit string) int64 {
	if n, err := strconv.ParseInt(strings.TrimSpace(limit), 10, 64); err == nil && n > 0 && (total == 0 || n < total) {
		return n
	}
	return total
}
