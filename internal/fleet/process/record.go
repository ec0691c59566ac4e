package process

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"bellows.dev/bellows/hosting"
)

// halfWritten is the prefix of a file that is to replace another and is not complete yet.
const halfWritten = ".new-"

// damagedPrefix is the prefix of a record that was set aside, in the fleet's directory.
const damagedPrefix = "damaged-"

// record is what is kept on disk of a copy: enough to find and adopt it.
type record struct {
	Spec hosting.InstanceSpec // with this copy alone
	Port int
	PID  int    `json:",omitzero"` // 0 until it has started
	Born uint64 `json:",omitzero"`
	Boot string `json:",omitzero"` // the boot of the machine in which it started: PID and Born repeat after the next one

	Cgroup string `json:",omitzero"` // the folder of its control group; "" where it has none

	Content string `json:",omitzero"` // of the model data that it uses, in the cache
}

// id returns the identity of the record's copy.
func (r record) id() hosting.CopyID { return r.Spec.Copies[0].ID }

func recordFile(dir string, id hosting.CopyID) string {
	return filepath.Join(dir, "instances", string(id)+".json")
}

// write replaces the record as a whole.
func (r record) write(dir string) error {
	text, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("writing its record: %w", err)
	}
	if err := replaceFile(recordFile(dir, r.id()), text); err != nil {
		return fmt.Errorf("writing its record: %w", err)
	}
	return nil
}

func removeRecord(dir string, id hosting.CopyID) error {
	if err := os.Remove(recordFile(dir, id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing a record: %w", err)
	}
	return nil
}

// readRecords reads all records. One that is damaged is set aside: its process is killed as one that no record names. One that cannot be read
// is an error.
func readRecords(dir string, log *slog.Logger) ([]record, error) {
	files, err := os.ReadDir(filepath.Join(dir, "instances"))
	if err != nil {
		return nil, fmt.Errorf("reading the fleet's records: %w", err)
	}
	var out []record
	for _, file := range files {
		path := filepath.Join(dir, "instances", file.Name())
		if strings.HasPrefix(file.Name(), halfWritten) { // a crash before its rename
			if err := os.Remove(path); err != nil {
				return nil, fmt.Errorf("removing half a record: %w", err)
			}
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("reading a record: %w", err)
		}
		r, err := parseRecord(text)
		if err == nil && string(r.id())+".json" != file.Name() {
			err = fmt.Errorf("it is of instance %s", r.id())
		}
		if err != nil {
			aside := filepath.Join(dir, damagedPrefix+file.Name())
			log.Error("the record of an instance is damaged: it is set aside, and the instance is replaced", "file", path, "aside", aside, "error", err)
			if err := os.Rename(path, aside); err != nil {
				return nil, fmt.Errorf("setting a damaged record aside: %w", err)
			}
			continue
		}
		out = append(out, r)
	}
	return out, nil
}

// parseRecord reads a record. One of an earlier version has the members of its instance's one copy in the instance's spec.
func parseRecord(text []byte) (record, error) {
	var r record
	if err := json.Unmarshal(text, &r); err != nil {
		return r, err
	}
	if len(r.Spec.Copies) == 0 {
		var earlier struct{ Spec hosting.CopySpec }
		if err := json.Unmarshal(text, &earlier); err != nil {
			return r, err
		}
		earlier.Spec.Draining = false // its instance's
		r.Spec.Copies = []hosting.CopySpec{earlier.Spec}
	}
	return r, nil
}
