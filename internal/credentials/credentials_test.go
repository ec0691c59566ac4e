package credentials

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func TestCredentials(t *testing.T) {
	dir := t.TempDir()
	create := func() Key { return New("123456789012", "admin", noon) }
	first, created, err := Load(dir, create)
	if err != nil || !created || len(first[0].AccessKeyID) != 20 || len(first[0].SecretAccessKey) != 40 {
		t.Fatalf("%+v, %v, %v", first, created, err)
	}
	path := filepath.Join(dir, fileName)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	again, created, err := Load(dir, create)
	if err != nil || created || again[0] != first[0] {
		t.Errorf("%+v, %v, %v", again, created, err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Load(dir, create); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("readable by others: %v", err)
	}
}

// After Discard the next Load creates a key and reports so.
func TestDiscardedKeysAreCreatedAgain(t *testing.T) {
	dir := t.TempDir()
	create := func() Key { return New("123456789012", "admin", noon) }
	first, _, err := Load(dir, create)
	if err != nil {
		t.Fatal(err)
	}
	if err := Discard(dir); err != nil {
		t.Fatal(err)
	}
	if again, created, err := Load(dir, create); err != nil || !created || again[0] == first[0] {
		t.Errorf("%v, created %v, %v", again, created, err)
	}
	if err := Discard(t.TempDir()); err == nil {
		t.Error("removes what is not there")
	}
}

func FuzzCredentials(f *testing.F) {
	f.Add(`[{"access_key_id":"a","secret_access_key":"b","account":"123456789012"}]`)
	f.Fuzz(func(t *testing.T, text string) {
		if keys, err := decode([]byte(text)); err == nil && len(keys) == 0 {
			t.Error("no keys and no error")
		}
	})
}
