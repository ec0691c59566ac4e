package addrfile

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestReachable(t *testing.T) {
	for listen, want := range map[string]string{
		"0.0.0.0:4580": "127.0.0.1:4580", "[::]:4580": "127.0.0.1:4580", ":4580": "127.0.0.1:4580", "10.1.2.3:80": "10.1.2.3:80", "[::1]:1": "[::1]:1",
	} {
		if got, err := Reachable(listen); err != nil || got != want {
			t.Errorf("%s: %s, %v", listen, got, err)
		}
	}
	if got, err := Reachable("nowhere"); err == nil {
		t.Errorf("an address without a port: %s", got)
	}
}

// What was written is read; what is there already is not written again, and a file that is damaged counts as none.
func TestReadAndWrite(t *testing.T) {
	dir := t.TempDir()
	if _, _, found := Read(dir); found {
		t.Error("an address was found in an empty directory")
	}
	for range 2 {
		if err := Write(dir, "127.0.0.1:4580", "eu-west-1"); err != nil {
			t.Fatal(err)
		}
	}
	if address, region, found := Read(dir); !found || address != "127.0.0.1:4580" || region != "eu-west-1" {
		t.Errorf("read %s %s %v", address, region, found)
	}
	file := filepath.Join(dir, fileName)
	past := time.Unix(1_700_000_000, 0)
	if err := os.Chtimes(file, past, past); err != nil {
		t.Fatal(err)
	}
	if err := Write(dir, "127.0.0.1:4580", "eu-west-1"); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file); err != nil || !info.ModTime().Equal(past) {
		t.Errorf("written again: %v, %v", info, err)
	}
	if err := os.WriteFile(file, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, found := Read(dir); found {
		t.Error("a damaged file was read")
	}
	if err := Write(filepath.Join(dir, "missing"), "127.0.0.1:1", "eu-west-1"); err == nil {
		t.Error("no error for a directory that does not exist")
	}
}
