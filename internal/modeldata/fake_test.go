package modeldata

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// fakeStore is a store with configurable errors. Correct behaviour is tested with a real store, in e2e.
type fakeStore struct {
	mu      sync.Mutex
	objects map[string][]byte      // by bucket/key
	heads   map[string]http.Header // more headers of HEAD, by bucket/key
	gets    map[string]int         // whole or in part, by bucket/key
	cut     int                    // GETs that break after half of what they should send
	hang    bool                   // GETs send half and then nothing
	down    int                    // status of every answer, where it is not 0
	release chan struct{}          // where not nil, GETs wait for it
}

func newFakeStore(t *testing.T) (*fakeStore, Settings) {
	t.Helper()
	f := &fakeStore{objects: map[string][]byte{}, heads: map[string]http.Header{}, gets: map[string]int{}}
	server := httptest.NewServer(f)
	t.Cleanup(server.CloseClientConnections)
	t.Cleanup(server.Close)
	return f, Settings{Stores: []Store{{Endpoint: server.URL, PathStyle: true, AccessKeyID: "id", SecretAccessKey: "secret"}}}
}

func (f *fakeStore) put(name string, data []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.objects[name] = data
}

func (f *fakeStore) fetched(name string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.gets[name]
}

func etag(data []byte) string {
	sum := md5.Sum(data)
	return hex.EncodeToString(sum[:])
}

func (f *fakeStore) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	name := strings.TrimPrefix(r.URL.Path, "/")
	data, found := f.objects[name]
	down, heads := f.down, f.heads[name]
	f.mu.Unlock()
	switch {
	case down != 0:
		w.WriteHeader(down)
	case r.URL.Query().Has("list-type"):
		f.list(w, strings.TrimSuffix(name, "/")+"/", r.URL.Query().Get("prefix"))
	case !found:
		w.WriteHeader(http.StatusNotFound)
	case r.Header.Get("If-Match") != "" && r.Header.Get("If-Match") != `"`+etag(data)+`"`:
		w.WriteHeader(http.StatusPreconditionFailed)
	default:
		w.Header().Set("ETag", `"`+etag(data)+`"`)
		for k, v := range heads {
			w.Header()[k] = v
		}
		if r.Method == http.MethodHead {
			w.Header().Set("Content-Length", strconv.Itoa(len(data)))
			return
		}
		f.get(w, r, name, data)
	}
}

func (f *fakeStore) get(w http.ResponseWriter, r *http.Request, name string, data []byte) {
	f.mu.Lock()
	f.gets[name]++
	cut, hang, release := f.cut > 0, f.hang, f.release
	if f.cut > 0 {
		f.cut--
	}
	f.mu.Unlock()
	if release != nil {
		select {
		case <-release:
		case <-r.Context().Done():
			return
		}
	}
	status := http.StatusOK
	if part, ok := strings.CutPrefix(r.Header.Get("Range"), "bytes="); ok {
		from, to, _ := strings.Cut(part, "-")
		a, _ := strconv.Atoi(from)
		b, _ := strconv.Atoi(to)
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", a, b, len(data)))
		data, status = data[a:b+1], http.StatusPartialContent
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	w.WriteHeader(status)
	if !cut && !hang {
		_, _ = w.Write(data)
		return
	}
	_, _ = w.Write(data[:len(data)/2])
	w.(http.Flusher).Flush()
	if hang {
		<-r.Context().Done()
	}
	panic(http.ErrAbortHandler)
}

func (f *fakeStore) list(w http.ResponseWriter, bucket, prefix string) {
	type entry struct {
		Key  string
		Size int
		ETag string
	}
	out := struct {
		XMLName  xml.Name `xml:"ListBucketResult"`
		Contents []entry
	}{}
	f.mu.Lock()
	for name, data := range f.objects {
		if key, ok := strings.CutPrefix(name, bucket); ok && strings.HasPrefix(key, prefix) {
			out.Contents = append(out.Contents, entry{key, len(data), `"` + etag(data) + `"`})
		}
	}
	f.mu.Unlock()
	slices.SortFunc(out.Contents, func(a, b entry) int { return strings.Compare(a.Key, b.Key) })
	_ = xml.NewEncoder(w).Encode(out)
}
