package modeldata

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
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

func newCache(t testing.TB, s Settings) *Cache {
	t.Helper()
	c, err := New(Options{Dir: filepath.Join(t.TempDir(), "model-data"), Settings: s, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func testRoom(t *testing.T, most int64) *room {
	t.Helper()
	return &room{cache: newCache(t, Settings{}), most: most}
}

// link is a symbolic link in an archive.
func link(name, to string) file { return file{name: name, kind: tar.TypeSymlink, link: to} }

func TestUnpack(t *testing.T) {
	folder := t.TempDir()
	good := pack(file{name: "pax_global_header", kind: tar.TypeXGlobalHeader}, file{name: "./", kind: tar.TypeDir}, file{name: "model.bin", text: "weights"},
		file{name: "code/inference.py", text: "pass"}, file{name: "empty", kind: tar.TypeDir}, link("snapshots/main/code", "../../code"),
		file{name: "same.bin", kind: tar.TypeLink, link: "./model.bin"})
	if err := unpack(t.Context(), bytes.NewReader(good), folder, testRoom(t, 1<<20)); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"code/inference.py": "pass", "snapshots/main/code/inference.py": "pass", "same.bin": "weights"} {
		if text, err := os.ReadFile(filepath.Join(folder, name)); err != nil || string(text) != want {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	_ = w.WriteHeader(&tar.Header{Name: "d", Typeflag: tar.TypeDir, Mode: 0o755})
	_ = w.Close()
	_, _ = z.Write(make([]byte, paddingMax+2048))
	_ = z.Close()
	padded := b.Bytes()
	var many []file
	for i := range 20 {
		many = append(many, file{name: fmt.Sprint(i)})
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
		"too large":         {pack(file{name: "a", text: strings.Repeat("x", 6000)}, file{name: "b", text: strings.Repeat("x", 6000)}), "is larger than"},
		"many entries":      {pack(many...), "is larger than"},
		"nothing":           {pack(), "holds no entry"},
		"cut at the end":    {good[:len(good)-4], "archive's end"},
		"endless padding":   {padded, "follow the archive's last entry"},
		"no gzip":           {[]byte("plain"), "reading the archive"},
		"cut in half":       {good[:len(good)/2], "unexpected EOF"},
		"over a folder":     {pack(file{name: "d/x", text: "1"}, file{name: "d", text: "2"}), "is a directory"},
	} {
		dir := t.TempDir()
		folder := filepath.Join(dir, "m")
		if err := os.Mkdir(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		err := unpack(t.Context(), bytes.NewReader(c.archive), folder, testRoom(t, 10_000))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if _, err := os.Stat(filepath.Join(dir, "evil")); err == nil {
			t.Errorf("%s: wrote outside", name)
		}
	}
}

// Whatever an archive holds, nothing is written outside of the folder, no more than allowed inside, and no link leads out.
func FuzzUnpack(f *testing.F) {
	const most = 1 << 16
	cache := newCache(f, Settings{})
	f.Add(pack(file{name: "a/b", text: "x"}))
	f.Add(pack(file{name: "../../evil", text: "x"}))
	f.Add(pack(link("l", "."), link("m", "l/.."), file{name: "m/evil", text: "x"}))
	f.Add(pack(file{name: "a", text: "x"}, file{name: "b", kind: tar.TypeLink, link: "a"}))
	f.Fuzz(func(t *testing.T, archive []byte) {
		dir := t.TempDir()
		folder := filepath.Join(dir, "m")
		if err := os.Mkdir(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		unpacked := unpack(t.Context(), bytes.NewReader(archive), folder, &room{cache: cache, most: most})
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
