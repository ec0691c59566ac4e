package process

import (
	"bytes"
	"errors"
	"os"
	"strconv"
	"strings"
)

// stat is what /proc says of a process.
type stat struct {
	state   byte
	parent  int
	group   int
	session int
	born    uint64
}

// runs reports whether the process is more than an entry that waits for its parent to ask.
func (s stat) runs() bool { return s.state != 'Z' && s.state != 'X' }

// readStat reads /proc/PID/stat. The name in it may hold anything, so fields count from its closing parenthesis.
func readStat(pid int) (stat, bool) {
	text, err := os.ReadFile(procFile(pid, "stat"))
	if err != nil {
		return stat{}, false
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) < 20 {
		return stat{}, false
	}
	parent, err := strconv.Atoi(fields[1])
	group, err2 := strconv.Atoi(fields[2])
	session, err3 := strconv.Atoi(fields[3])
	born, err4 := strconv.ParseUint(fields[19], 10, 64)
	return stat{fields[0][0], parent, group, session, born}, errors.Join(err, err2, err3, err4) == nil
}

// bootID tells one run of the machine from another, since process numbers and ticks since the start come again; "" if unknown.
func bootID() string {
	text, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

func pids() []int {
	names, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var out []int
	for _, n := range names {
		if pid, err := strconv.Atoi(n.Name()); err == nil {
			out = append(out, pid)
		}
	}
	return out
}

// onlyZombies reports whether all that is left of a group waits for a parent which never asks.
func onlyZombies(group int) bool {
	for _, pid := range pids() {
		if st, ok := readStat(pid); ok && st.group == group && st.runs() {
			return false
		}
	}
	return true
}
