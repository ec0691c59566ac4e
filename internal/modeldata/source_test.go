package modeldata

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bellows.dev/bellows/hosting"
	"log/slog"
)

func TestLocalFoldersStandForPrefixes(t *testing.T) {
	dir := t.TempDir()
	for name, data := range map[string][]byte{"prod/iris/weights": []byte("1"), "prod/m.tar.gz": pack(file{name: "v", text: "one"}), "other/x": []byte("2")} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c := newCache(t, Settings{Folders: []Folder{
		{"s3://models/", filepath.Join(dir, "other")}, {"s3://models/prod/", filepath.Join(dir, "prod")},
	}}) // file:// reads these folders, too
	wantFile(t, mustOpen(t, c, hosting.ModelData{URI: "s3://models/prod/iris/", Prefix: true}), "weights", "1")
	wantFile(t, mustOpen(t, c, archiveAt("s3://models/prod/iris")), "weights", "1")
	wantFile(t, mustOpen(t, c, archiveAt("s3://models/prod/m.tar.gz")), "v", "one")
	wantFile(t, mustOpen(t, c, hosting.ModelData{URI: "s3://models/", Prefix: true}), "x", "2")
	wantFile(t, mustOpen(t, c, hosting.ModelData{URI: "s3://models/x"}), "x", "2")
	wantFile(t, mustOpen(t, c, archiveAt("file://"+dir+"/prod/iris")), "weights", "1")
	if data := mustOpen(t, c, archiveAt("file://"+dir+"/prod/iris")); data.Content != "" {
		t.Errorf("the operator's own folder is in the cache: %+v", data)
	}
	for uri, want := range map[string]string{
		"s3://models/prod/../other/x": "leads out", "s3://models/prod/../../etc/passwd": "leads out", "s3://models/prod//x": "the key has an empty part", "s3://models//x": "the key has an empty part", "s3://models/a//x": "the key has an empty part",
		"s3://models/none": "does not exist", "s3://modelsx/prod/m.tar.gz": "is named under model_data:", "https://models/x": "this server reads s3://",
		"file://host/x": "this server reads", "file:x": "this server reads",
	} {
		err := c.Check(t.Context(), archiveAt(uri))
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(e.Refusal(), want) || !strings.Contains(e.Refusal(), "model data at "+uri) {
			t.Errorf("%s: %v, want %q", uri, err, want)
		}
	}
}

// What can be known is refused before an instance starts, in SageMaker's words.
func TestCheckRefuses(t *testing.T) {
	store, settings := newFakeStore(t)
	settings.ModelMax = 1000
	store.put("a/text.tar.gz", []byte("no archive"))
	store.put("a/empty.tar.gz", nil)
	store.put("a/large", make([]byte, 1001))
	store.put("a/m.tar.gz", pack(file{name: "v", text: "one"}))
	c := newCache(t, settings)
	for _, x := range []struct {
		data hosting.ModelData
		want string
	}{
		{archiveAt("s3://a/none.tar.gz"), "Could not find model data at s3://a/none.tar.gz. Detail: there is no such object"},
		{archiveAt("s3://a/text.tar.gz"), "not a gzip-compressed tar archive"},
		{archiveAt("s3://a/empty.tar.gz"), "it has 0 bytes"},
		{archiveAt("s3://a/"), "names no object"},
		{archiveAt("s3://a"), "names no object"},
		{hosting.ModelData{URI: "s3://a/large"}, "model_max"},
		{hosting.ModelData{URI: "s3://a/m.tar.gz", Archive: true, ETag: "x"}, "is asked for"},
	} {
		err := c.Check(t.Context(), x.data)
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(e.Refusal(), x.want) {
			t.Errorf("%s: %v, want %q", x.data.URI, err, x.want)
		}
	}
	if err := c.Check(t.Context(), archiveAt("s3://a/m.tar.gz")); err != nil {
		t.Error(err)
	}
	for status, refused := range map[int]bool{http.StatusForbidden: true, http.StatusMovedPermanently: true, http.StatusServiceUnavailable: false} {
		store.mu.Lock()
		store.down = status
		store.mu.Unlock()
		if err := c.Check(t.Context(), archiveAt("s3://a/m.tar.gz")); (err != nil) != refused {
			t.Errorf("%d: %v", status, err)
		}
	}
}

func TestAStoreThatIsNotThereProvesNothingButFailsAStart(t *testing.T) {
	c := newCache(t, Settings{Stores: []Store{{Endpoint: "http://127.0.0.1:1", PathStyle: true, Anonymous: true}}})
	if err := c.Check(t.Context(), archiveAt("s3://a/m.tar.gz")); err != nil {
		t.Errorf("check: %v", err)
	}
	_, err := c.Open(t.Context(), archiveAt("s3://a/m.tar.gz"), time.Minute, nil)
	wantKind(t, c, err, Unreachable, "connection refused")
	var e *Error
	if errors.As(err, &e); !strings.HasPrefix(e.FailureReason(), `Failed to download model data for container "container_1" from URL: "s3://a/m.tar.gz".`) {
		t.Errorf("%s", e.FailureReason())
	}
}

func TestSettingsMistakesAreNamed(t *testing.T) {
	for want, s := range map[string]Settings{
		"not a pattern":          {Stores: []Store{{Bucket: "["}}},
		"go together":            {Stores: []Store{{AccessKeyID: "x"}}},
		"has no keys":            {Stores: []Store{{AccessKeyID: "x", SecretAccessKey: "y", Anonymous: true}}},
		"not an http":            {Stores: []Store{{Endpoint: "ftp://x"}}},
		"plain http":             {Stores: []Store{{Endpoint: "http://example.com"}}},
		"belong into":            {Stores: []Store{{Endpoint: "https://a:b@example.com"}}},
		"ends with a slash":      {Folders: []Folder{{"s3://a/b", "/x"}}},
		"not an absolute path":   {Folders: []Folder{{"s3://a/b/", "x"}}},
		"must be positive":       {CacheMax: -1},
		"folders[0]: the prefix": {Folders: []Folder{{"https://a/", "/x"}}},
	} {
		if err := errors.Join(s.Check()...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", s, err, want)
		}
	}
	for _, s := range []Settings{
		{}, {Stores: []Store{{}, {Endpoint: "http://127.0.0.1:9"}, {Endpoint: "http://x", AllowHTTP: true}, {Bucket: "a-*", Endpoint: "https://x"}}},
	} {
		if err := errors.Join(s.Check()...); err != nil {
			t.Errorf("%+v: %v", s, err)
		}
	}
}

// Files of the system and of the server itself are no model data, however they are named, and links do not lead out of a folder of the settings.
func TestFilesThatAreNoModelData(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	private := filepath.Join(t.TempDir(), "data")
	mapped := filepath.Join(dir, "mapped")
	for _, folder := range []string{private, filepath.Join(mapped, "inner")} {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []string{filepath.Join(private, "secret"), filepath.Join(outside, "x"), filepath.Join(mapped, "inner", "x")} {
		if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, target := range map[string]string{
		filepath.Join(mapped, "in"): "inner/x", filepath.Join(mapped, "out"): filepath.Join(outside, "x"), filepath.Join(mapped, "folder"): outside,
		filepath.Join(outside, "data"): private, filepath.Join(outside, "environ"): "/proc/self/environ",
	} {
		if err := os.Symlink(target, name); err != nil {
			t.Fatal(err)
		}
	}
	c, err := New(Options{
		Dir: filepath.Join(private, "model-data"), Private: private, Settings: Settings{Folders: []Folder{{"s3://m/", mapped}}, FileRoots: []string{"/"}}, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	for uri, want := range map[string]string{
		"file:///proc/self/environ": "it is in /proc", "file:///sys/kernel": "it is in /sys", "file:///dev/null": "it is in /dev",
		"file:///../proc/self/environ": "it is in /proc", "file://" + outside + "/environ": "it is in /proc",
		"file://" + private + "/secret": "it is in " + private, "file://" + outside + "/data/secret": "it is in " + private,
		"s3://m/out": "a link leads out", "s3://m/folder/x": "a link leads out",
		"s3://m/in": "", "s3://m/inner/x": "", "file://" + outside + "/x": "",
	} {
		err := c.Check(t.Context(), hosting.ModelData{URI: uri})
		if want == "" && err == nil {
			continue
		}
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(e.Refusal(), want) || want == "" {
			t.Errorf("%s: %v, want %q", uri, err, want)
		}
	}
}

// file:// reads the folders of file_roots, and without the setting the home folder of the server's user without hidden files: neither /etc, nor
// keys, nor other users' files, whether they exist or not.
func TestFoldersThatFileURIsRead(t *testing.T) {
	top, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	home, other := filepath.Join(top, "me"), filepath.Join(top, "other")
	for _, file := range []string{"me/models/m", "me/models/.cache/m", "me/.ssh/id", "me2/m", "other/m", "mapped/m"} {
		file = filepath.Join(top, file)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, target := range map[string]string{"me/out": other, "me/keys": filepath.Join(home, ".ssh"), "other/in": filepath.Join(home, "models"), "home": home} {
		if err := os.Symlink(target, filepath.Join(top, name)); err != nil {
			t.Fatal(err)
		}
	}
	folders := []Folder{{"s3://m/", filepath.Join(top, "mapped")}}
	const hint = "List other folders in file_roots"
	for _, c := range []struct {
		home   string
		roots  []string
		path   string // "/" is top's
		refuse string
	}{
		{home, nil, "/me/models/m", ""}, {home, nil, "/me/models", ""}, {home, nil, "/me/none", "does not exist"}, {home, nil, "/other/in/m", ""},
		{filepath.Join(top, "home"), nil, "/me/models/m", ""}, {filepath.Join(top, "home"), nil, "/home/models/m", ""}, {home, nil, "/mapped/m", ""},
		{home, nil, "/me", hint}, {home, nil, "/me/.ssh/id", hint}, {home, nil, "/me/.ssh", hint}, {home, nil, "/me/models/.cache/m", hint},
		{home, nil, "/me/keys/id", hint}, {home, nil, "/me/out/m", hint}, {home, nil, "/me2/m", hint}, {home, nil, "/other/m", hint}, {home, nil, "/other/none", hint},
		{home, nil, "/me/../other/m", hint}, {"/", nil, "/other/m", hint}, {"", nil, "/other/m", hint},
		{home, []string{other}, "/other/m", ""}, {home, []string{other}, "/other/none", "does not exist"}, {home, []string{other}, "/mapped/m", ""},
		{home, []string{other}, "/me/out/m", ""}, {home, []string{other}, "/other/in/m", "in no folder of file_roots"},
		{home, []string{filepath.Join(home, ".ssh")}, "/me/.ssh/id", ""},
		{home, []string{other}, "/me/models/m", "in no folder of file_roots"}, {home, []string{}, "/me/models/m", "in no folder of file_roots"},
	} {
		t.Setenv("HOME", c.home)
		cache := newCache(t, Settings{Folders: folders, FileRoots: c.roots})
		err := cache.Check(t.Context(), hosting.ModelData{URI: "file://" + top + c.path})
		var e *Error
		if (err == nil) != (c.refuse == "") || err != nil && (!errors.As(err, &e) || !strings.Contains(e.Refusal(), c.refuse)) {
			t.Errorf("home %s, roots %q, %s: %v, want %q", c.home, c.roots, c.path, err, c.refuse)
		}
	}
	t.Setenv("HOME", "/root")
	for _, path := range []string{"/etc/passwd", "/etc", "/root/.ssh", "/root", "/"} {
		var e *Error
		if err := newCache(t, Settings{}).Check(t.Context(), hosting.ModelData{URI: "file://" + path}); !errors.As(err, &e) || e.Kind != Denied {
			t.Errorf("%s: %v", path, err)
		}
	}
}
