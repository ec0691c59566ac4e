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
	former   map[string]bool // identities that the directory had before and lost, as processes that write to its logs show
	lost     string          // what is wrong with the stored number, so that this identity is a new one; "" where nothing is
}

// openOwner returns the owner of a fleet's directory. Its identity is derived from a random number, which is stored at the first start,
// and the directory's device, inode number and birth time. A copy has the same number but is another directory and so has another
// identity. A directory that is renamed or mounted elsewhere keeps its identity.
func openOwner(dir string) (owner, error) {
	number, lost, err := randomNumber(dir)
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
	o := owner{dir: dir, identity: hex.EncodeToString(sum[:16]), former: map[string]bool{}, lost: lost}
	for _, pid := range pids() {
		// An identity of an earlier version is a path, which another directory may have by now.
		if fleet, id := marks(pid); fleet != "" && fleet != o.identity && !filepath.IsAbs(fleet) && o.takesOutput(pid, id) {
			o.former[fleet] = true
		}
	}
	return o, nil
}

// randomNumber returns the number that a directory's file identity holds, with its checksum in the second line. Where there is none, or it is
// damaged, it makes one; lost says so, unless the directory is new.
func randomNumber(dir string) (number, lost string, err error) {
	file := filepath.Join(dir, "identity")
	text, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", "", err
	}
	lines := strings.Fields(string(text))
	switch {
	case len(lines) == 2 && lines[1] == checksum(lines[0]):
		return lines[0], "", nil
	case len(lines) == 1 && len(lines[0]) == len(rand.Text()): // an earlier version's, without a checksum
		number = lines[0]
	default:
		number = rand.Text()
		records, readErr := os.ReadDir(filepath.Join(dir, "instances"))
		switch {
		case err == nil:
			lost = "it is damaged"
		case readErr == nil && len(records) > 0:
			lost = "it is missing"
		}
	}
	return number, lost, replaceFile(file, []byte(number+"\n"+checksum(number)+"\n"))
}

func checksum(number string) string {
	sum := sha256.Sum256([]byte(number))
	return hex.EncodeToString(sum[:4])
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
// overwritten them or the directory's identity was lost; so do its control group and the file that it writes its output to. A copied directory
// has none of the three.
func (o owner) owns(pid int, id hosting.CopyID) ownership {
	switch fleet, instance := marks(pid); {
	case o.ours(fleet) && instance == id:
		return ownershipOurs
	case o.groups(pid, id) || o.takesOutput(pid, id):
		return ownershipOurs
	case fleet != "":
		return ownershipForeign
	default:
		return ownershipUnknown
	}
}

// ours reports whether an identity is the directory's, or was.
func (o owner) ours(fleet string) bool { return fleet == o.identity || o.former[fleet] }

// groupPrefix precedes an identity in the name of a fleet's control group.
const groupPrefix = "bellows-"

// ownGroup reports whether a control group's name is that of the fleet, or was.
func (o owner) ownGroup(name string) bool {
	fleet, found := strings.CutPrefix(name, groupPrefix)
	return found && o.ours(fleet)
}

// groups reports whether a process is in an instance's control group.
func (o owner) groups(pid int, id hosting.CopyID) bool {
	text, err := os.ReadFile(procFile(pid, "cgroup"))
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(text)) {
		parts := strings.Split(strings.TrimSuffix(line, "\n"), "/")
		for i := 1; i < len(parts); i++ {
			if parts[i] == string(id) && o.ownGroup(parts[i-1]) {
				return true
			}
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
		if fleet == "" || !o.ours(fleet) && !o.takesOutput(pid, id) {
			continue
		}
		if st, ok := readStat(pid); ok && st.runs() {
			out = append(out, marked{id, pid, st})
		}
	}
	return out
}

// orphans finds the running processes that a fleet's directory at this path started whose files were deleted: nothing proves that they
// belong to this directory.
func (o owner) orphans() (out []marked) {
	for _, pid := range pids() {
		fleet, id := marks(pid)
		if fleet == "" || o.ours(fleet) {
			continue
		}
		target, err := os.Readlink(procFile(pid, "fd", "1"))
		if err != nil || target != filepath.Join(o.dir, "logs", string(id)+".log")+" (deleted)" {
			continue
		}
		if st, ok := readStat(pid); ok && st.runs() && st.group == pid {
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
