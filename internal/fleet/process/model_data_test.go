package process

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/fleet"
)

type file struct {
	name, text string
	kind       byte
	link       string
}

func pack(files ...file) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for _, f := range files {
		h := &tar.Header{Name: f.name, Mode: 0o644, Size: int64(len(f.text)), Typeflag: f.kind, Linkname: f.link}
		if f.kind == 0 {
			h.Typeflag = tar.TypeReg
		}
		_ = w.WriteHeader(h)
		_, _ = w.Write([]byte(f.text))
	}
	_ = w.Close()
	_ = z.Close()
	return b.Bytes()
}

// link is a symbolic link in an archive.
func link(name, to string) file { return file{name: name, kind: tar.TypeSymlink, link: to} }

func TestUnpack(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "m")
	good := pack(file{name: "pax_global_header", kind: tar.TypeXGlobalHeader}, file{name: "./", kind: tar.TypeDir}, file{name: "model.bin", text: "weights"},
		file{name: "code/inference.py", text: "pass"}, file{name: "empty", kind: tar.TypeDir}, link("snapshots/main/code", "../../code"),
		file{name: "same.bin", kind: tar.TypeLink, link: "./model.bin"})
	if err := unpack(t.Context(), bytes.NewReader(good), folder, 100); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"code/inference.py": "pass", "snapshots/main/code/inference.py": "pass", "same.bin": "weights"} {
		if text, err := os.ReadFile(filepath.Join(folder, name)); err != nil || string(text) != want {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
	for name, c := range map[string]struct {
		archive []byte
		want    string
	}{
		"up and out":        {pack(file{name: "../evil", text: "x"}), "leads out"},
		"absolute":          {pack(file{name: "/evil", text: "x"}), "leads out"},
		"absolute link":     {pack(link("l", "/etc")), "leads out"},
		"link out":          {pack(link("l", "../..")), "leads out"},
		"link to nothing":   {pack(link("l", "nothing")), "or to nothing"},
		"link to itself":    {pack(link("l", "l")), "leads out"},
		"links in a chain":  {pack(link("e", "."), link("d", "e/..")), "leads out"},
		"file through link": {pack(link("l", ".."), file{name: "l/evil", text: "x"}), "escapes"},
		"file over a link":  {pack(link("l", "../evil"), file{name: "l", text: "x"}), "escapes"},
		"moved link":        {pack(file{name: "a/b", text: "x"}, link("a/l", ".."), file{name: "l", kind: tar.TypeLink, link: "a/l"}), "leads out"},
		"hard link out":     {pack(file{name: "l", kind: tar.TypeLink, link: "../x"}), "escapes"},
		"device":            {pack(file{name: "d", kind: tar.TypeBlock}), "neither a file, a folder nor a link"},
		"pipe":              {pack(file{name: "p", kind: tar.TypeFifo}), "neither a file, a folder nor a link"},
		"deep":              {pack(file{name: strings.Repeat("d/", depthMax+1) + "x", text: "x"}), "folders deep"},
		"too large":         {pack(file{name: "a", text: strings.Repeat("x", 60)}, file{name: "b", text: strings.Repeat("x", 60)}), "more than is allowed"},
		"no gzip":           {[]byte("plain"), "reading the archive"},
		"cut in half":       {good[:len(good)/2], "unexpected EOF"},
		"over a folder":     {pack(file{name: "d/x", text: "1"}, file{name: "d", text: "2"}), "is a directory"},
	} {
		dir := t.TempDir()
		err := unpack(t.Context(), bytes.NewReader(c.archive), filepath.Join(dir, "m"), 100)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if _, err := os.Stat(filepath.Join(dir, "evil")); err == nil {
			t.Errorf("%s: wrote outside", name)
		}
	}
}

// Unpacking ends with the instance, and leaves nothing that could pass for a whole model.
func TestUnpackingEndsWithItsContext(t *testing.T) {
	dir := t.TempDir()
	archive := filepath.Join(dir, "model.tar.gz")
	if err := os.WriteFile(archive, pack(file{name: "weights", text: "1 2 3"}), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := unpackFile(ctx, archive, filepath.Join(dir, "i-1"), 100); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "i-1*")); err != nil || len(left) != 0 {
		t.Errorf("left %v, %v", left, err)
	}
}

// Whatever an archive holds, nothing is written outside of the folder, no more than allowed inside, and no link leads out.
func FuzzUnpack(f *testing.F) {
	const most = 1 << 16
	f.Add(pack(file{name: "a/b", text: "x"}))
	f.Add(pack(file{name: "../../evil", text: "x"}))
	f.Add(pack(link("l", "."), link("m", "l/.."), file{name: "m/evil", text: "x"}))
	f.Add(pack(file{name: "a", text: "x"}, file{name: "b", kind: tar.TypeLink, link: "a"}))
	f.Fuzz(func(t *testing.T, archive []byte) {
		dir := t.TempDir()
		folder := filepath.Join(dir, "m")
		unpacked := unpack(t.Context(), bytes.NewReader(archive), folder, most)
		if files, err := os.ReadDir(dir); err != nil || len(files) > 1 {
			t.Fatalf("%v outside the folder (%v)", files, err)
		}
		if unpacked != nil {
			return
		}
		size := int64(0)
		if err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			real, err := filepath.EvalSymlinks(path)
			if err != nil || real != folder && !strings.HasPrefix(real, folder+"/") {
				return fmt.Errorf("%s leads to %s (%w)", path, real, err)
			}
			if info, err := d.Info(); err == nil && info.Mode().IsRegular() {
				size += info.Size() / int64(info.Sys().(*syscall.Stat_t).Nlink)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if size > most {
			t.Fatalf("%d bytes", size)
		}
	})
}

// A model server finds an archive's content in the folder it is told.
func TestModelDataIsUnpackedForTheInstance(t *testing.T) {
	dir := t.TempDir()
	archive := filepath.Join(dir, "model.tar.gz")
	if err := os.WriteFile(archive, pack(file{name: "weights", text: "1 2 3"}), 0o600); err != nil {
		t.Fatal(err)
	}
	o := options(filepath.Join(dir, "fleet"))
	ready := make(chan hosting.InstanceReport, 10)
	o.Report = func(r hosting.InstanceReport) { ready <- r }
	f, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	s := hosting.InstanceSpec{ID: "i-1", Image: "demo", ModelData: hosting.ModelData{Archive: true, URI: "file://" + archive}, StartupTimeout: time.Minute}
	f.Apply([]fleet.Level{{Group: "g", Instances: []hosting.InstanceSpec{s}}})
	if r := <-ready; r.State != hosting.FleetReady {
		t.Errorf("%+v", r)
	}
	folder := f.models("i-1")
	if text, err := os.ReadFile(filepath.Join(folder, "weights")); err != nil || string(text) != "1 2 3" {
		t.Errorf("%q, %v", text, err)
	}
	env, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", markedOf(f.o.Dir)[0].pid))
	if err != nil || !bytes.Contains(env, []byte("SM_MODEL_DIR="+folder)) {
		t.Errorf("the folder is not in its environment (%v)", err)
	}
	if err := os.Remove(archive); err != nil {
		t.Fatal(err)
	}
	if err := unix.Kill(markedOf(f.o.Dir)[0].pid, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if r := <-ready; r.State != hosting.FleetFailed {
		t.Errorf("%+v", r)
	}
	if r := <-ready; r.State != hosting.FleetReady { // it is not unpacked again
		t.Errorf("%+v", r)
	}
	if err := f.StopAll(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(folder); err == nil {
		t.Error("the folder is still there")
	}
}
