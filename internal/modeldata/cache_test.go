package modeldata

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"bellows.dev/bellows/hosting"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func archiveAt(uri string) hosting.ModelData { return hosting.ModelData{URI: uri, Archive: true} }

// mustOpen opens model data, which is released at the test's end.
func mustOpen(t *testing.T, c *Cache, d hosting.ModelData) Data {
	t.Helper()
	data, err := c.Open(t.Context(), d, time.Minute, nil)
	if err != nil {
		t.Fatalf("%s: %v", d.URI, err)
	}
	return data
}

func wantFile(t *testing.T, d Data, name, want string) {
	t.Helper()
	if text, err := os.ReadFile(filepath.Join(d.Folder, name)); err != nil || string(text) != want {
		t.Errorf("%s: %q, %v; want %q", name, text, err, want)
	}
}

// wantKind checks an error, and that nothing unfinished is left.
func wantKind(t *testing.T, c *Cache, err error, kind Kind, text string) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || e.Kind != kind || !strings.Contains(e.Error(), text) {
		t.Errorf("error %v, want kind %v with %q", err, kind, text)
	}
	for _, dir := range []string{"tmp"} {
		if left, err := os.ReadDir(c.path(dir)); err != nil || len(left) > 0 {
			t.Errorf("%s holds %v, %v", dir, left, err)
		}
	}
	if s := c.Status(); s.Bytes > s.BytesMax || s.Fetching > 0 {
		t.Errorf("status %+v", s)
	}
}

func TestManyInstancesShareOneDownload(t *testing.T) {
	store, settings := newFakeStore(t)
	store.put("models/m.tar.gz", pack(file{name: "weights", text: "1 2 3"}))
	store.release = make(chan struct{})
	c := newCache(t, settings)
	const instances = 20
	var started, done sync.WaitGroup
	folders := make([]string, instances)
	for i := range instances {
		started.Add(1)
		done.Go(func() {
			data, err := c.Open(t.Context(), archiveAt("s3://models/m.tar.gz"), time.Minute, func(string) { started.Done() })
			if err != nil {
				t.Error(err)
			}
			folders[i] = data.Folder
		})
	}
	started.Wait()
	close(store.release)
	done.Wait()
	for _, f := range folders[1:] {
		if f != folders[0] {
			t.Errorf("folders %s and %s", f, folders[0])
		}
	}
	if n := store.fetched("models/m.tar.gz"); n != 1 {
		t.Errorf("downloaded %d times", n)
	}
	data := mustOpen(t, c, archiveAt("s3://models/m.tar.gz"))
	wantFile(t, data, "weights", "1 2 3")
	if n := store.fetched("models/m.tar.gz"); n != 1 {
		t.Errorf("downloaded %d times", n)
	}
	if s := c.Status(); s.Models != 1 || s.Held != 1 {
		t.Errorf("status %+v", s)
	}
}

func TestTheSameContentIsKeptOnce(t *testing.T) {
	store, settings := newFakeStore(t)
	archive := pack(file{name: "weights", text: "1 2 3"})
	store.put("a/m.tar.gz", archive)
	store.put("b/copy.tar.gz", archive)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "m.tar.gz"), archive, 0o600); err != nil {
		t.Fatal(err)
	}
	settings.FileRoots = []string{dir}
	c := newCache(t, settings)
	first := mustOpen(t, c, archiveAt("s3://a/m.tar.gz"))
	second := mustOpen(t, c, archiveAt("s3://b/copy.tar.gz"))
	third := mustOpen(t, c, archiveAt("file://"+dir+"/m.tar.gz"))
	if first != second || first != third || c.Status().Models != 1 {
		t.Errorf("%v, %v, %v, %+v", first, second, third, c.Status())
	}
}

func TestANewVersionIsFetched(t *testing.T) {
	store, settings := newFakeStore(t)
	c := newCache(t, settings)
	d := archiveAt("s3://a/m.tar.gz")
	store.put("a/m.tar.gz", pack(file{name: "v", text: "one"}))
	old := mustOpen(t, c, d)
	store.put("a/m.tar.gz", pack(file{name: "v", text: "two"}))
	wantFile(t, mustOpen(t, c, d), "v", "two")
	wantFile(t, old, "v", "one") // instances that run keep theirs
	d.ETag = etag(pack(file{name: "v", text: "one"}))
	_, err := c.Open(t.Context(), d, time.Minute, nil)
	wantKind(t, c, err, Missing, "is asked for")
}

func TestWhatWasFetchedOutlivesTheServerAndTheStore(t *testing.T) {
	store, settings := newFakeStore(t)
	store.put("a/m.tar.gz", pack(file{name: "v", text: "one"}))
	first := newCache(t, settings)
	mustOpen(t, first, archiveAt("s3://a/m.tar.gz"))
	first.Close()
	store.mu.Lock()
	store.down = http.StatusServiceUnavailable
	store.mu.Unlock()
	second, err := New(Options{Dir: first.dir, Settings: settings, Log: first.log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(second.Close)
	wantFile(t, mustOpen(t, second, archiveAt("s3://a/m.tar.gz")), "v", "one")
	_, err = second.Open(t.Context(), archiveAt("s3://a/other.tar.gz"), time.Minute, nil)
	wantKind(t, second, err, Unreachable, "503")
}

func TestADownloadThatBreaksGoesOnWhereItStopped(t *testing.T) {
	store, settings := newFakeStore(t)
	store.put("a/m.tar.gz", pack(file{name: "v", text: strings.Repeat("weights ", 10_000)}))
	store.cut = 3
	c := newCache(t, settings)
	wantFile(t, mustOpen(t, c, archiveAt("s3://a/m.tar.gz")), "v", strings.Repeat("weights ", 10_000))
	if n := store.fetched("a/m.tar.gz"); n != 4 {
		t.Errorf("%d requests, want 4", n)
	}
}

func TestADeadlineEndsADownload(t *testing.T) {
	store, settings := newFakeStore(t)
	store.put("a/m.tar.gz", pack(file{name: "v", text: "one"}))
	store.hang = true
	c := newCache(t, settings)
	_, err := c.Open(t.Context(), archiveAt("s3://a/m.tar.gz"), 200*time.Millisecond, nil)
	c.work.Wait()
	wantKind(t, c, err, Late, "longer than 200ms")
	ctx, cancel := context.WithCancel(t.Context())
	go cancel()
	if _, err := c.Open(ctx, archiveAt("s3://a/m.tar.gz"), time.Minute, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestOnlyTheLastWhoWantsADownloadEndsIt(t *testing.T) {
	store, settings := newFakeStore(t)
	store.put("a/m.tar.gz", pack(file{name: "v", text: "one"}))
	store.release = make(chan struct{})
	c := newCache(t, settings)
	both := make(chan struct{}, 2)
	ctx, cancel := context.WithCancel(t.Context())
	var work sync.WaitGroup
	work.Go(func() {
		if _, err := c.Open(ctx, archiveAt("s3://a/m.tar.gz"), time.Minute, func(string) { both <- struct{}{} }); !errors.Is(err, context.Canceled) {
			t.Errorf("the one who left: %v", err)
		}
	})
	work.Go(func() {
		data, err := c.Open(t.Context(), archiveAt("s3://a/m.tar.gz"), time.Minute, func(string) { both <- struct{}{} })
		if err != nil {
			t.Error(err)
			return
		}
		wantFile(t, data, "v", "one")
	})
	<-both
	<-both
	cancel()
	close(store.release)
	work.Wait()
}

func TestChecksumsAreHeld(t *testing.T) {
	archive := pack(file{name: "v", text: "one"})
	sum := sha256.Sum256(archive)
	wrong := base64.StdEncoding.EncodeToString(make([]byte, 32))
	for name, x := range map[string]struct {
		heads http.Header
		want  string
	}{
		"right SHA-256":    {http.Header{"X-Amz-Checksum-Sha256": {base64.StdEncoding.EncodeToString(sum[:])}}, ""},
		"wrong SHA-256":    {http.Header{"X-Amz-Checksum-Sha256": {wrong}}, "its SHA256 is"},
		"wrong CRC32C":     {http.Header{"X-Amz-Checksum-Crc32c": {"AAAAAA=="}}, "its CRC32C is"},
		"wrong CRC64NVME":  {http.Header{"X-Amz-Checksum-Crc64nvme": {"AAAAAAAAAAA="}}, "its CRC64NVME is"},
		"of parts":         {http.Header{"X-Amz-Checksum-Sha256": {wrong + "-2"}}, ""},
		"composite":        {http.Header{"X-Amz-Checksum-Sha256": {wrong}, "X-Amz-Checksum-Type": {"COMPOSITE"}}, ""},
		"the ETag's alone": {nil, ""},
	} {
		store, settings := newFakeStore(t)
		store.put("a/m.tar.gz", archive)
		store.heads["a/m.tar.gz"] = x.heads
		c := newCache(t, settings)
		_, err := c.Open(t.Context(), archiveAt("s3://a/m.tar.gz"), time.Minute, nil)
		if x.want == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		wantKind(t, c, err, Invalid, x.want)
	}
}

func TestAnETagThatIsTheMD5IsHeld(t *testing.T) {
	if got := md5ETag("d41d8cd98f00b204e9800998ecf8427e", ""); got.agrees(got.make()) != nil {
		t.Errorf("the MD5 of nothing: %v", got.agrees(got.make()))
	}
	if got := md5ETag("d41d8cd98f00b204e9800998ecf8427f", "AES256"); got.agrees(got.make()) == nil {
		t.Error("a wrong MD5 agrees")
	}
	for _, x := range [][2]string{{"d41d8cd98f00b204e9800998ecf8427e-2", ""}, {"d41d8cd98f00b204e9800998ecf8427e", "aws:kms"}, {"abc", ""}} {
		if md5ETag(x[0], x[1]).make != nil {
			t.Errorf("%v is taken for an MD5", x)
		}
	}
}

func TestChecksumsOfKnownBytes(t *testing.T) {
	// The check values of "123456789": the catalogue of parametrised CRC algorithms; FIPS 180 for the SHAs.
	for algorithm, want := range map[string]string{
		"CRC32": "cbf43926", "CRC32C": "e3069283", "CRC64NVME": "ae8b14860a799888", "SHA1": "f7c3bc1d808e04732adf679965ccc34ca7ae3441",
	} {
		for _, a := range algorithms {
			if a.name == algorithm {
				h := a.make()
				h.Write([]byte("123456789"))
				if got := fmt.Sprintf("%x", h.Sum(nil)); got != want {
					t.Errorf("%s: %s, want %s", algorithm, got, want)
				}
			}
		}
	}
}

func TestPrefixes(t *testing.T) {
	store, settings := newFakeStore(t)
	for name, text := range map[string]string{"llm/config.json": "{}", "llm/shards/1.bin": "one", "llm/shards/2.bin": "two", "llm/shards/": "", "llmother": "x"} {
		store.put("models/"+name, []byte(text))
	}
	c := newCache(t, settings)
	data := mustOpen(t, c, hosting.ModelData{URI: "s3://models/llm/", Prefix: true})
	wantFile(t, data, "config.json", "{}")
	wantFile(t, data, "shards/2.bin", "two")
	if files, err := os.ReadDir(data.Folder); err != nil || len(files) != 2 {
		t.Errorf("%v, %v", files, err)
	}
	object := mustOpen(t, c, hosting.ModelData{URI: "s3://models/llm/shards/1.bin"})
	wantFile(t, object, "1.bin", "one")
	for name, want := range map[string]string{"a//b": "no name of a file", "a/../b": "no name of a file", "clash": "a file and a folder", strings.Repeat("n", 256): "no name of a file"} {
		store.put("bad/"+name, []byte("x"))
		if name == "clash" {
			store.put("bad/clash/part", []byte("x"))
		}
		_, err := c.Open(t.Context(), hosting.ModelData{URI: "s3://bad/", Prefix: true}, time.Minute, nil)
		wantKind(t, c, err, Invalid, want)
		store.mu.Lock()
		delete(store.objects, "bad/"+name)
		delete(store.objects, "bad/clash/part")
		store.mu.Unlock()
	}
	_, err := c.Open(t.Context(), hosting.ModelData{URI: "s3://models/none/", Prefix: true}, time.Minute, nil)
	wantKind(t, c, err, Missing, "no object's key begins with")
}

func TestTheCacheIsBounded(t *testing.T) {
	store, settings := newFakeStore(t)
	settings.CacheMax = 25 << 20
	big := func(n int) []byte { return bytes.Repeat([]byte{byte(n)}, 10<<20) }
	for i := range 4 {
		store.put(fmt.Sprintf("m/%d", i), big(i))
	}
	c := newCache(t, settings)
	at := func(i int) hosting.ModelData { return hosting.ModelData{URI: fmt.Sprintf("s3://m/%d", i)} }
	zero, one := mustOpen(t, c, at(0)), mustOpen(t, c, at(1))
	_, err := c.Open(t.Context(), at(2), time.Minute, nil)
	wantKind(t, c, err, TooLarge, "cache_max")
	c.Release(one.Content)
	c.Release(zero.Content) // the less recently used is the other
	mustOpen(t, c, at(2))
	if _, err := os.Stat(one.Folder); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the least recently used: %v", err)
	}
	if _, err := os.Stat(zero.Folder); err != nil {
		t.Errorf("the most recently used: %v", err)
	}
	if s := c.Status(); s.Models != 2 || s.Bytes > s.BytesMax {
		t.Errorf("%+v", s)
	}
	mustOpen(t, c, at(1)) // comes back; number 0 goes
	if n := store.fetched("m/1"); n != 2 {
		t.Errorf("fetched %d times", n)
	}
}

func TestWhatAnEarlierServersInstancesHoldIsNotEvicted(t *testing.T) {
	store, settings := newFakeStore(t)
	settings.CacheMax = 15 << 20
	store.put("m/0", make([]byte, 10<<20))
	store.put("m/1", bytes.Repeat([]byte{1}, 10<<20))
	first := newCache(t, settings)
	data := mustOpen(t, first, hosting.ModelData{URI: "s3://m/0"})
	first.Close()
	second, err := New(Options{Dir: first.dir, Settings: settings, Log: first.log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(second.Close)
	second.Hold(data.Content)
	_, err = second.Open(t.Context(), hosting.ModelData{URI: "s3://m/1"}, time.Minute, nil)
	wantKind(t, second, err, TooLarge, "no room")
	second.Release(data.Content)
	mustOpen(t, second, hosting.ModelData{URI: "s3://m/1"})
}

func TestSharedDataIsReadOnly(t *testing.T) {
	store, settings := newFakeStore(t)
	store.put("a/m.tar.gz", pack(file{name: "code/run.py", text: "pass"}))
	c := newCache(t, settings)
	data := mustOpen(t, c, archiveAt("s3://a/m.tar.gz"))
	if err := filepath.WalkDir(data.Folder, func(path string, d fs.DirEntry, err error) error {
		if info, err := d.Info(); err != nil || info.Mode().Perm()&0o222 != 0 || info.Mode().Perm()&0o444 != 0o444 {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

func TestABombIsBounded(t *testing.T) {
	store, settings := newFakeStore(t)
	settings.ModelMax = 1 << 20
	bomb := pack(file{name: "zeros", text: string(make([]byte, 16<<20))})
	if len(bomb) > 1<<20 {
		t.Fatalf("the bomb is %d bytes", len(bomb))
	}
	store.put("a/m.tar.gz", bomb)
	c := newCache(t, settings)
	_, err := c.Open(t.Context(), archiveAt("s3://a/m.tar.gz"), time.Minute, nil)
	wantKind(t, c, err, TooLarge, "model_max")
}

func TestDamagedContentIsRemovedAtTheStart(t *testing.T) {
	c := newCache(t, Settings{})
	for _, dir := range []string{"content/abc/data", "tmp/fetch-1/data"} {
		if err := os.MkdirAll(c.path(dir), 0o555); err != nil {
			t.Fatal(err)
		}
	}
	again, err := New(Options{Dir: c.dir, Log: c.log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(again.Close)
	for _, dir := range []string{"content", "tmp"} {
		if left, err := os.ReadDir(c.path(dir)); err != nil || len(left) > 0 {
			t.Errorf("%s: %v, %v", dir, left, err)
		}
	}
}

// Fetches of two listings of one source end together: each notes the same key, and what is noted is one of theirs, whole.
func TestNotesOfOneSourceDoNotMeet(t *testing.T) {
	c, err := New(Options{Dir: t.TempDir(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	contents := [...]string{strings.Repeat("a", 64), strings.Repeat("b", 32), strings.Repeat("c", 128)}
	var work sync.WaitGroup
	for i := range 300 {
		work.Go(func() {
			if err := c.note(contents[i%len(contents)], "latest"); err != nil {
				t.Errorf("noting: %v", err)
			}
			if text, err := os.ReadFile(c.path("sources", "latest")); err != nil || !slices.Contains(contents[:], string(text)) {
				t.Errorf("noted is %q, %v", text, err)
			}
		})
	}
	work.Wait()
	if left, err := os.ReadDir(c.path("tmp")); err != nil || len(left) > 0 {
		t.Errorf("unfinished are %v, %v", left, err)
	}
}
