package process

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"bellows.dev/bellows/hosting"
)

// stat is what /proc says of a process.
type stat struct {
	state  byte
	parent int
	group  int
	born   uint64
}

// runs reports whether the process is more than an entry that waits for its parent to ask.
func (s stat) runs() bool { return s.state != 'Z' && s.state != 'X' }

// readStat reads /proc/PID/stat. The name in it may hold anything, so fields count from its closing parenthesis.
func readStat(pid int) (stat, bool) {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return stat{}, false
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) < 20 {
		return stat{}, false
	}
	parent, err := strconv.Atoi(fields[1])
	group, err2 := strconv.Atoi(fields[2])
	born, err3 := strconv.ParseUint(fields[19], 10, 64)
	return stat{fields[0][0], parent, group, born}, err == nil && err2 == nil && err3 == nil
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

// marked is a running process that carries a fleet's marks.
type marked struct {
	id  hosting.InstanceID
	pid int
	stat
}

// allMarked finds every process that carries the marks of the fleet at dir: leaders of groups, and the workers that they started.
func allMarked(dir string) []marked {
	var out []marked
	for _, pid := range pids() {
		env, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "environ"))
		if err != nil {
			continue
		}
		id, ours := hosting.InstanceID(""), false
		for v := range bytes.SplitSeq(env, []byte{0}) {
			key, value, _ := strings.Cut(string(v), "=")
			switch key {
			case markInstance:
				id = hosting.InstanceID(value)
			case markFleet:
				ours = value == dir
			}
		}
		if !ours {
			continue
		}
		if st, ok := readStat(pid); ok && st.runs() {
			out = append(out, marked{id, pid, st})
		}
	}
	return out
}

// findLeader finds an instance's process by its mark: the eldest leader of a group, since workers may lead groups of their own.
func findLeader(dir string, id hosting.InstanceID) (pid int, born uint64, found bool) {
	for _, m := range allMarked(dir) {
		if m.id == id && m.group == m.pid && (!found || m.born < born) {
			pid, born, found = m.pid, m.born, true
		}
	}
	return pid, born, found
}
