package modeldata

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"bellows.dev/bellows/hosting"
)

// Options are what a cache works with.
type Options struct {
	Dir      string // made on first use; one cache at a time may use it
	Private  string // a folder that no file:// URI may read: the server's data directory; "": Dir
	Settings Settings
	Log      *slog.Logger
}

// Cache keeps model data by its content. Its methods are safe for concurrent use.
//
// Below its directory, content/HASH/data is one model's data, whole and read-only, and content/HASH/meta.json says how large it is;
// sources/HASH holds the content's hash of what was once fetched from one place in one version; tmp/ is for what is not whole yet.
type Cache struct {
	dir    string
	closed []string // folders that are read for no model
	log    *slog.Logger
	state  atomic.Pointer[state]

	life   context.Context //nolint:containedctx // of fetches, which no single caller's context bounds
	cancel context.CancelFunc
	work   sync.WaitGroup

	mu      sync.Mutex
	entries map[string]*entryState // by content
	flights map[string]*flight     // by the listing's key
	pending int64                  // bytes that fetches have taken
}

// state is what the settings give.
type state struct {
	settings Settings
	clients  []*s3.Client // of the stores, in order
}

// entryState is what is known of content on disk.
type entryState struct {
	size int64
	used time.Time // last
	held int       // by so many instances
}

// meta is content's meta.json.
type meta struct {
	URI   string // that it was first fetched from
	Size  int64
	Files int
}

// Data is model data on this machine.
type Data struct {
	Folder  string // for the model server
	Content string // its name in the cache, to be released; "" where the folder is the operator's own
}

// New opens a cache's directory and removes what a crash left unfinished.
func New(o Options) (*Cache, error) {
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("finding the directory of model data: %w", err)
	}
	private, err := filepath.Abs(cmp.Or(o.Private, dir))
	if err != nil {
		return nil, fmt.Errorf("finding the data directory: %w", err)
	}
	c := &Cache{dir: dir, closed: []string{"/proc", "/sys", "/dev", private}, log: o.Log, entries: map[string]*entryState{}, flights: map[string]*flight{}}
	if err := removeTree(c.path("tmp")); err != nil {
		return nil, fmt.Errorf("removing unfinished model data: %w", err)
	}
	for _, d := range []string{"content", "sources", "tmp"} {
		if err := os.MkdirAll(c.path(d), 0o700); err != nil {
			return nil, fmt.Errorf("making the directory of model data: %w", err)
		}
	}
	if err := c.load(); err != nil {
		return nil, err
	}
	c.life, c.cancel = context.WithCancel(context.Background())
	c.Set(o.Settings)
	return c, nil
}

func (c *Cache) path(parts ...string) string {
	return filepath.Join(append([]string{c.dir}, parts...)...)
}

func (c *Cache) folder(content string) string { return c.path("content", content, "data") }

// load reads what is there.
func (c *Cache) load() error {
	found, err := os.ReadDir(c.path("content"))
	if err != nil {
		return fmt.Errorf("reading the directory of model data: %w", err)
	}
	for _, d := range found {
		file := c.path("content", d.Name(), "meta.json")
		text, err := os.ReadFile(file)
		var m meta
		if err == nil {
			err = json.Unmarshal(text, &m)
		}
		info, err2 := os.Stat(file)
		if err = errors.Join(err, err2); err != nil {
			c.log.Warn("removing model data that cannot be read", "content", d.Name(), "error", err)
			if err := removeTree(c.path("content", d.Name())); err != nil {
				return fmt.Errorf("removing damaged model data: %w", err)
			}
			continue
		}
		c.entries[d.Name()] = &entryState{size: m.Size, used: info.ModTime()}
	}
	return nil
}

// Set replaces the settings. Fetches that are under way go on with the old ones.
func (c *Cache) Set(s Settings) {
	s = s.withDefaults()
	next := &state{settings: s}
	for _, x := range s.Stores {
		next.clients = append(next.clients, newClient(x))
	}
	c.state.Store(next)
}

// client returns the client of a bucket's store.
func (c *Cache) client(name string) (*s3.Client, bool) {
	st := c.state.Load()
	at, found := st.settings.store(name)
	if !found {
		return nil, false
	}
	return st.clients[at], true
}

// Close ends fetches that are under way and waits for them. What is held stays on disk.
func (c *Cache) Close() {
	c.cancel()
	c.work.Wait()
}

// Hold notes another user of content, such as an instance that outlived an earlier server. It returns nothing where the content is gone.
func (c *Cache) Hold(content string) Data {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.holdLocked(content)
}

func (c *Cache) holdLocked(content string) Data {
	if c.entries[content] == nil {
		return Data{}
	}
	c.hold(content, 1)
	return Data{Folder: c.folder(content), Content: content}
}

// Release undoes a Hold or an Open. Content that nothing uses stays in the cache until its place is wanted.
func (c *Cache) Release(content string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hold(content, -1)
}

// hold counts users and notes the use, on disk too; c.mu is held.
func (c *Cache) hold(content string, n int) {
	e := c.entries[content]
	if e == nil {
		return
	}
	e.held = max(0, e.held+n)
	e.used = time.Now()
	if err := os.Chtimes(c.path("content", content, "meta.json"), e.used, e.used); err != nil {
		c.log.Warn("the use of model data could not be noted", "content", content, "error", err)
	}
}

// Check refuses model data that is known to be unusable: CreateModel's check. A store that does not answer proves nothing, and the
// start of an instance finds out. The error is an *Error, or ctx's.
func (c *Cache) Check(ctx context.Context, d hosting.ModelData) error {
	l, err := c.list(ctx, d)
	if err == nil {
		err = c.probe(ctx, l)
	}
	if err = c.name(d, err); err == nil {
		return nil
	}
	if p := (*Error)(nil); errors.Is(err, context.DeadlineExceeded) || errors.As(err, &p) && p.Kind == Unreachable {
		c.log.WarnContext(ctx, "a model's data could not be looked at", "uri", d.URI, "error", err)
		return nil
	}
	return err
}

// name says which model's data a problem is about.
func (c *Cache) name(d hosting.ModelData, err error) error {
	p := (*problem)(nil)
	switch {
	case err == nil:
		return nil
	case errors.As(err, &p):
		return &Error{URI: d.URI, Kind: p.kind, Err: p.err}
	default:
		return err
	}
}

// Open returns a model's data, fetching it where it is not there, within so long; 0 is the settings' time-out. waiting, which may be
// nil, is called once, with a sentence for an operator, where data has to be fetched. The caller releases the data's Content. The error
// is an *Error, or ctx's where that has ended.
func (c *Cache) Open(ctx context.Context, d hosting.ModelData, within time.Duration, waiting func(string)) (Data, error) {
	within = cmp.Or(within, c.state.Load().settings.Timeout)
	timed, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	out, err := c.open(timed, d, waiting)
	if err != nil && ctx.Err() == nil && timed.Err() != nil {
		err = late(within)
	}
	return out, c.name(d, err)
}

func (c *Cache) open(ctx context.Context, d hosting.ModelData, waiting func(string)) (Data, error) {
	l, err := c.list(ctx, d)
	if p := (*problem)(nil); errors.As(err, &p) && p.kind == Unreachable {
		if data, found := c.take(latestKey(d)); found {
			c.log.WarnContext(ctx, "a store does not answer: the model's data that was last fetched is used", "uri", d.URI, "error", err)
			return data, nil
		}
	}
	if err != nil {
		return Data{}, err
	}
	if l.folder != "" {
		return Data{Folder: l.folder}, nil
	}
	key := l.key(d)
	if data, found := c.take(key); found {
		return data, nil
	}
	if waiting != nil {
		waiting(fmt.Sprintf("Fetching its model data from %s (%s).", d.URI, bytesText(l.size())))
	}
	return c.join(ctx, key, d, l)
}

// take returns content by a key of sources, and holds it.
func (c *Cache) take(key string) (Data, bool) {
	text, err := os.ReadFile(c.path("sources", key))
	if err != nil {
		return Data{}, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	data := c.holdLocked(string(text))
	return data, data.Content != ""
}

// flight is a fetch under way.
type flight struct {
	waiters int // in the cache's lock; the flight ends with the last
	cancel  context.CancelFunc
	done    chan struct{}

	content string // once done
	err     error
}

// join waits for the fetch of a listing, which the first caller starts and which is cancelled when no caller waits any more.
func (c *Cache) join(ctx context.Context, key string, d hosting.ModelData, l listing) (Data, error) {
	c.mu.Lock()
	f := c.flights[key]
	if f == nil {
		f = c.fly(key, d, l)
	}
	f.waiters++
	c.mu.Unlock()
	select {
	case <-f.done:
		return Data{Folder: c.folder(f.content), Content: f.content}, f.err
	case <-ctx.Done():
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-f.done:
		if f.err == nil {
			c.hold(f.content, -1)
		}
	default:
		if f.waiters--; f.waiters == 0 {
			f.cancel()
			delete(c.flights, key)
		}
	}
	return Data{}, ctx.Err()
}

// fly starts a fetch; c.mu is held.
func (c *Cache) fly(key string, d hosting.ModelData, l listing) *flight {
	ctx, cancel := context.WithCancel(c.life)
	f := &flight{cancel: cancel, done: make(chan struct{})}
	c.flights[key] = f
	c.work.Go(func() {
		defer cancel()
		began := time.Now()
		content, size, err := c.fetch(ctx, d, l)
		fetched := err == nil
		if fetched {
			err = c.note(content, key, latestKey(d))
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		f.content, f.err = content, err
		if fetched {
			c.hold(content, -1) // the fetch's own
		}
		if err == nil {
			c.hold(content, f.waiters)
			c.log.InfoContext(ctx, "model data fetched", "uri", d.URI, "content", content, "bytes", size, "took", time.Since(began).Round(time.Millisecond))
		}
		if c.flights[key] == f {
			delete(c.flights, key)
		}
		close(f.done)
	})
	return f
}

// note remembers where content was fetched from.
func (c *Cache) note(content string, keys ...string) error {
	for _, key := range keys {
		if err := c.replace(key, content); err != nil {
			return problemf(TooLarge, "it cannot be kept: %w", err)
		}
	}
	return nil
}

// replace writes a key of sources, whole or not at all. Two fetches may share a key, so the unfinished file has a name of its own.
func (c *Cache) replace(key, content string) error {
	half, err := os.CreateTemp(c.path("tmp"), "source-")
	if err != nil {
		return err
	}
	_, err = half.WriteString(content)
	if err = errors.Join(err, half.Close()); err == nil {
		err = os.Rename(half.Name(), c.path("sources", key))
	}
	if err != nil {
		_ = os.Remove(half.Name()) // the first error says more
	}
	return err
}

// Status is how full a cache is.
type Status struct {
	Dir      string `json:"dir"`
	Bytes    int64  `json:"disk_bytes"` // what is being fetched is counted, too
	BytesMax int64  `json:"disk_bytes_max"`
	Models   int    `json:"models"` // different contents
	Held     int    `json:"in_use"` // of which instances use so many
	Fetching int    `json:"being_fetched"`
}

// Status returns how full the cache is.
func (c *Cache) Status() Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := Status{Dir: c.dir, Bytes: c.pending, BytesMax: c.state.Load().settings.CacheMax, Models: len(c.entries), Fetching: len(c.flights)}
	for _, e := range c.entries {
		s.Bytes += e.size
		if e.held > 0 {
			s.Held++
		}
	}
	return s
}

// idle returns the contents that nothing uses, the least recently used first; c.mu is held.
func (c *Cache) idle() []string {
	var out []string
	for content, e := range c.entries {
		if e.held == 0 {
			out = append(out, content)
		}
	}
	slices.SortFunc(out, func(a, b string) int {
		return cmp.Or(c.entries[a].used.Compare(c.entries[b].used), cmp.Compare(a, b))
	})
	return out
}

// removeTree removes a folder, read-only folders in it too.
func removeTree(dir string) error {
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if d != nil && d.IsDir() {
			return errors.Join(ignoreMissing(err), ignoreMissing(os.Chmod(path, 0o700))) //nolint:gosec // a folder is entered to be emptied
		}
		return ignoreMissing(err)
	})
	return errors.Join(err, os.RemoveAll(dir))
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// bytesText writes a size for people.
func bytesText(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.1f GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	default:
		return fmt.Sprintf("%d bytes", n)
	}
}
