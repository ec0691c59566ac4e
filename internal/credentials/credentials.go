// Package credentials keeps the access keys of a data directory, in a file that only its owner may read.
package credentials

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Key is an access key.
type Key struct {
	AccessKeyID     string    `json:"access_key_id"`
	SecretAccessKey string    `json:"secret_access_key"`
	SessionToken    string    `json:"session_token,omitempty"`
	Account         string    `json:"account"`
	User            string    `json:"user"`
	Created         time.Time `json:"created"`
	Expires         time.Time `json:"expires,omitzero"`
	ReadOnly        bool      `json:"read_only,omitempty"` // it sees everything and changes nothing
}

// fileName holds the keys, readable by its owner alone.
const fileName = "credentials.json"

// New returns a key with random identifier and secret.
func New(account, user string, now time.Time) Key {
	var id [10]byte
	var secret [30]byte
	_, _ = rand.Read(id[:]) // it does not fail
	_, _ = rand.Read(secret[:])
	return Key{
		AccessKeyID: "AKIA" + base32.StdEncoding.EncodeToString(id[:]), SecretAccessKey: base64.StdEncoding.EncodeToString(secret[:]),
		Account: account, User: user, Created: now,
	}
}

// Load reads the keys of a data directory. Where there is no file, it writes one with the key that create makes, and
// says so. A file that others may read, or that is malformed, is refused.
func Load(dir string, create func() Key) (keys []Key, created bool, err error) {
	path := filepath.Join(dir, fileName)
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) && create != nil {
		keys = []Key{create()}
		return keys, true, save(dir, keys)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, fmt.Errorf("%s is not the data directory of a server (--data-dir names another): %w", dir, err)
	}
	if err != nil {
		return nil, false, fmt.Errorf("reading the credentials: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, false, fmt.Errorf("%s may be read by others (mode %04o): run chmod 600 on it", path, info.Mode().Perm())
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, false, fmt.Errorf("reading the credentials: %w", err)
	}
	if keys, err = decode(text); err != nil {
		return nil, false, fmt.Errorf("%s: %w", path, err)
	}
	return keys, false, nil
}

// Discard removes the keys of a data directory whose server failed to start before it announced them, so that the next start creates and
// announces new ones.
func Discard(dir string) error {
	if err := os.Remove(filepath.Join(dir, fileName)); err != nil {
		return fmt.Errorf("removing the credentials of a start that failed: %w", err)
	}
	return syncDir(dir)
}

func decode(text []byte) ([]Key, error) {
	var keys []Key
	if err := json.Unmarshal(text, &keys); err != nil {
		return nil, fmt.Errorf("decoding the credentials: %w", err)
	}
	for i, k := range keys {
		if k.AccessKeyID == "" || k.SecretAccessKey == "" || len(k.Account) != 12 {
			return nil, fmt.Errorf("key %d needs an access_key_id, a secret_access_key and an account of twelve digits", i+1)
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("the file has no keys")
	}
	return keys, nil
}

// save replaces the file as a whole, so that a crash leaves the old or the new one.
func save(dir string, keys []Key) (err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("writing the credentials: %w", err)
	}
	text, err := json.MarshalIndent(keys, "", "  ")
	if err != nil {
		return fmt.Errorf("writing the credentials: %w", err)
	}
	f, err := os.CreateTemp(dir, fileName+".*") // mode 0600
	if err != nil {
		return fmt.Errorf("writing the credentials: %w", err)
	}
	_, err = f.Write(append(text, '\n'))
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), filepath.Join(dir, fileName))
	}
	if err != nil {
		return errors.Join(fmt.Errorf("writing the credentials: %w", err), os.Remove(f.Name()))
	}
	return syncDir(dir)
}

// syncDir makes a rename last.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("syncing %s: %w", dir, err)
	}
	return errors.Join(d.Sync(), d.Close())
}
