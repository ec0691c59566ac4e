package sqlite

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// directoryKey names the setting with the identity of the data directory, a random text.
const directoryKey = "directory"

// belongsName is a file in a folder beside the database that has the identity of the database which the folder belongs to.
const belongsName = "journal"

// companions are the folders whose content belongs to one database: a fleet's instances and the history of metrics.
var companions = []string{"fleet", "history"}

// checkCompanions refuses folders of another data directory. Folders of earlier versions have no identity and are accepted.
func (s *Store) checkCompanions(ctx context.Context, dir string) error {
	id, _, err := s.Meta(ctx, directoryKey)
	if err != nil {
		return err
	}
	for _, name := range companions {
		path := filepath.Join(dir, name, belongsName)
		text, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
			continue
		}
		if err != nil {
			return fmt.Errorf("reading which database %s belongs to: %w", filepath.Dir(path), err)
		}
		if strings.TrimSpace(string(text)) != string(id) {
			return fmt.Errorf("%s belongs to another database than %s: the server would mix two states. Put back the folder and the database that belong together; "+
				"or move the folder away; or, if they belong together, delete %s", filepath.Dir(path), filepath.Join(dir, FileName), path)
		}
	}
	if len(id) > 0 {
		return nil
	}
	err = s.SetMeta(ctx, directoryKey, []byte(rand.Text()))
	if ofDisk(err) {
		return nil // a full disk does not prevent a start: the next one does it
	}
	return err
}

// claimCompanions writes the identity into the folders that exist. What fails is tried again when the store is opened or closed next.
func (s *Store) claimCompanions(ctx context.Context, dir string) {
	id, found, err := s.Meta(ctx, directoryKey)
	if err != nil || !found {
		return
	}
	for _, name := range companions {
		path := filepath.Join(dir, name, belongsName)
		if text, err := os.ReadFile(path); err == nil && strings.TrimSpace(string(text)) == string(id) {
			continue
		}
		next := path + ".new"
		if os.WriteFile(next, append(id, '\n'), 0o600) == nil {
			_ = os.Rename(next, path)
		}
	}
}
