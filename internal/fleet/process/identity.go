package process

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"bellows.dev/bellows/hosting"
)

// owner distinguishes a fleet's own processes from all others, in particular from those of a directory that its own is a copy of.
type owner struct {
	dir      string // absolute
	identity string
}

// openOwner returns the owner of a fleet's directory. Its identity is derived from a random number, which is stored at the first start,
// and the directory's device, inode number and birth time. A copy has the same number but is another directory and so has another
// identity. A directory that is renamed or mounted elsewhere keeps its identity.
func openOwner(dir string) (owner, error) {
	number, err := randomNumber(filepath.Join(dir, "identity"))
	if err != nil {
		return owner{}, fmt.Errorf("reading the identity of the fleet's directory: %w", err)
	}
	var st unix.Statx_t
	if err := unix.Statx(unix.AT_FDCWD, dir, 0, unix.STATX_INO|unix.STATX_BTIME, &st); err != nil {
		return owner{}, fmt.Errorf("reading the identity of the fleet's directory: %w", err)
	}
	if st.Mask&unix.STATX_BTIME == 0 { // a file system that does not keep it
		st.Btime = unix.StatxTimestamp{}
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d:%d %d %d.%d", number, st.Dev_major, st.Dev_minor, st.Ino, st.Btime.Sec, st.Btime.Nsec))
	return owner{dir, hex.EncodeToString(sum[:16])}, nil
}

// randomNumber returns the number that a file holds, and makes both where there is none.
func randomNumber(file string) (string, error) {
	text, err := os.ReadFile(file)
	if err == nil && len(text) > 0 {
		return strings.TrimSpace(string(text)), nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	number := rand.Text()
	return number, replaceFile(file, []byte(number+"\n"))
}

// replaceFile replaces a file as a whole.
func replaceFile(file string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(file), halfWritten+"*")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// Whether a process belongs to a fleet.
const (
	ownershipUnknown ownership = iota // nothing shows to which it belongs
	ownershipOurs
	ownershipForeign // another data directory's
)

type ownership int

// owns reports whether a running process works for a copy of this fleet. The marks in its environment show it, unless it has
// overwritten them; so do its control group and the file that it writes its output to. A copied directory has none of the three.
func (o owner) owns(pid int, id hosting.CopyID) ownership {
	switch fleet, instance := marks(pid); {
	case fleet == o.identity && instance == id:
		return ownershipOurs
	case fleet != "" && !byPath(fleet):
		return ownershipForeign
	case o.groups(pid, id) || o.takesOutput(pid, id):
		return ownershipOurs
	case fleet != "":
		return ownershipForeign
	default:
		return ownershipUnknown
	}
}

// byPath reports whether a mark is one of an earlier version's, which named the directory's path: it does not distinguish a directory from
// another one that has its path by now.
func byPath(fleet string) bool { return filepath.IsAbs(fleet) }

// groupName is the name of the fleet's control group.
func (o owner) groupName() string { return "bellows-" + o.identity }

// groups reports whether a process is in an instance's control group.
func (o owner) groups(pid int, id hosting.CopyID) bool {
	text, err := os.ReadFile(procFile(pid, "cgroup"))
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(text)) {
		if strings.Contains(strings.TrimSuffix(line, "\n")+"/", "/"+o.groupName()+"/"+string(id)+"/") {
			return true
		}
	}
	return false
}

// takesOutput reports whether a process writes to an instance's log in this very directory. The kernel knows the file by the name under
// which it was opened, as it is now: a hard link in a copy has another.
func (o owner) takesOutput(pid int, id hosting.CopyID) bool {
	logs, err := os.Stat(filepath.Join(o.dir, "logs"))
	if err != nil {
		return false
	}
	for _, fd := range []string{"1", "2"} {
		target, err := os.Readlink(procFile(pid, "fd", fd))
		if err != nil || filepath.Base(target) != string(id)+".log" {
			continue
		}
		if at, err := os.Stat(filepath.Dir(target)); err == nil && os.SameFile(at, logs) {
			return true
		}
	}
	return false
}

// marks returns the marks in a process's environment; both are "" where there are none.
func marks(pid int) (fleet string, id hosting.CopyID) {
	env, err := os.ReadFile(procFile(pid, "environ"))
	if err != nil {
		return "", ""
	}
	for v := range bytes.SplitSeq(env, []byte{0}) {
		key, value, _ := strings.Cut(string(v), "=")
		switch key {
		case markInstance:
			id = hosting.CopyID(value)
		case markFleet:
			fleet = value
		}
	}
	return fleet, id
}

// marked is a running process that carries a fleet's marks.
type marked struct {
	id  hosting.CopyID
	pid int
	stat
}

// marked finds every process that carries the fleet's marks: leaders of groups, and the workers that they started.
func (o owner) marked() []marked {
	var out []marked
	for _, pid := range pids() {
		fleet, id := marks(pid)
		if fleet != o.identity && (!byPath(fleet) || !o.takesOutput(pid, id)) {
			continue
		}
		if st, ok := readStat(pid); ok && st.runs() {
			out = append(out, marked{id, pid, st})
		}
	}
	return out
}

// leader finds an instance's process by its mark: the eldest leader of a group, since workers may lead groups of their own.
func (o owner) leader(id hosting.CopyID) (pid int, born uint64, found bool) {
	for _, m := range o.marked() {
		if m.id == id && m.group == m.pid && (!found || m.born < born) {
			pid, born, found = m.pid, m.born, true
		}
	}
	return pid, born, found
}

func procFile(pid int, name ...string) string {
	return filepath.Join(append([]string{"/proc", strconv.Itoa(pid)}, name...)...)
}
