package process

import (
	"os"
	"path/filepath"

	"bellows.dev/bellows/hosting"
)

// markedOf returns the processes that carry the marks of the fleet at dir.
func markedOf(dir string) []marked {
	dir, err := filepath.Abs(dir)
	if err != nil {
		panic(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "identity")); err != nil {
		return nil // there is no fleet yet, and it is not for a test to make its identity
	}
	o, err := openOwner(dir)
	if err != nil {
		panic(err)
	}
	return o.marked()
}

// leaderOf returns the process of an instance of the fleet at dir.
func leaderOf(dir string, id hosting.InstanceID) (pid int, born uint64, found bool) {
	for _, m := range markedOf(dir) {
		if m.id == id && m.group == m.pid && (!found || m.born < born) {
			pid, born, found = m.pid, m.born, true
		}
	}
	return pid, born, found
}
