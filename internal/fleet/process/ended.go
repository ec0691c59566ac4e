package process

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"bellows.dev/bellows/hosting"
)

// endedFile lists the copies that a requested stop ends, so that the next server does not report them lost.
func endedFile(dir string) string { return filepath.Join(dir, "ended.json") }

func writeEnded(dir string, ids []hosting.CopyID) error {
	if len(ids) == 0 {
		return removeEnded(dir)
	}
	text, err := json.Marshal(ids)
	if err != nil {
		return err
	}
	return replaceFile(endedFile(dir), text)
}

func readEnded(dir string) (ids []hosting.CopyID, err error) {
	text, err := os.ReadFile(endedFile(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return ids, json.Unmarshal(text, &ids)
}

func removeEnded(dir string) error {
	if err := os.Remove(endedFile(dir)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
