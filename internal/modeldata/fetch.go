package modeldata

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"bellows.dev/bellows/hosting"
)

// fetchesAtOnce is how many objects of one prefix are fetched together.
const fetchesAtOnce = 4

// gzipMagic begins every gzip file.
var gzipMagic = []byte{0x1f, 0x8b}

// probe finds out what can be known of a listing without fetching it.
func (c *Cache) probe(ctx context.Context, l listing) error {
	if most := c.state.Load().settings.ModelMax; l.size() > most {
		return problemf(TooLarge, "it has %s, and model_max in bellows.yaml allows %s", bytesText(l.size()), bytesText(most))
	}
	if !l.archive {
		return nil
	}
	o := l.objects[0]
	if o.size < int64(len(gzipMagic)) {
		return problemf(Invalid, "it is not a gzip-compressed tar archive: it has %d bytes", o.size)
	}
	r := o.open(ctx, int64(len(gzipMagic)))
	head, err := io.ReadAll(r)
	if err = errors.Join(err, r.Close()); err != nil {
		if p := (*problem)(nil); errors.As(err, &p) {
			return p
		}
		return err
	}
	if !bytes.Equal(head, gzipMagic) {
		return problemf(Invalid, "it is not a gzip-compressed tar archive: it begins with %x", head)
	}
	return nil
}

// fetch downloads a listing into the cache, holds it and returns its content. It fails with a problem, or with ctx's error; then nothing is left.
func (c *Cache) fetch(ctx context.Context, d hosting.ModelData, l listing) (content string, size int64, err error) {
	half, err := os.MkdirTemp(c.path("tmp"), "fetch-")
	if err != nil {
		return "", 0, problemf(TooLarge, "it cannot be kept: %w", err)
	}
	r := c.room()
	defer func() {
		r.leave()
		if left := removeTree(half); left != nil {
			c.log.WarnContext(ctx, "unfinished model data could not be removed", "dir", half, "error", left)
		}
	}()
	folder := filepath.Join(half, "data")
	if err := os.Mkdir(folder, 0o700); err != nil {
		return "", 0, problemf(TooLarge, "it cannot be kept: %w", err)
	}
	if l.archive {
		content, err = fetchArchive(ctx, l.objects[0], folder, r)
	} else {
		content, err = fetchObjects(ctx, l.objects, folder, r)
	}
	if err != nil {
		return "", 0, onDisk(err)
	}
	files, err := seal(folder)
	if err == nil {
		err = writeMeta(half, meta{URI: d.URI, Size: r.used, Files: files})
	}
	if err != nil {
		return "", 0, onDisk(err)
	}
	return content, r.used, c.keep(half, content, r.used)
}

// onDisk turns a failure of the disk into a problem.
func onDisk(err error) error {
	if p := (*problem)(nil); errors.As(err, &p) {
		return p
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) {
		return problemf(TooLarge, "the disk is full: %w", err)
	}
	return problemf(Invalid, "%w", err)
}

// keep gives what was fetched its name, unless the same content is there already, and holds it.
func (c *Cache) keep(half, content string, size int64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.entries[content] != nil {
		c.hold(content, 1)
		return nil
	}
	if err := os.Rename(half, c.path("content", content)); err != nil {
		return problemf(TooLarge, "it cannot be kept: %w", err)
	}
	c.entries[content] = &entryState{size: size}
	c.hold(content, 1)
	return nil
}

// fetchArchive unpacks an archive while it is read. The content is named by the archive's SHA-256.
func fetchArchive(ctx context.Context, o object, folder string, r *room) (content string, err error) {
	whole := sha256.New()
	in := newChecked(ctx, o, whole)
	defer in.Close() //nolint:errcheck // it was only read
	if err := unpack(ctx, in, folder, r); err != nil {
		return "", cmp.Or(in.failed, err)
	}
	if err := in.finish(); err != nil {
		return "", err
	}
	return hex.EncodeToString(whole.Sum(nil)), nil
}

// fetchObjects writes objects under their names. The content is named by the SHA-256 of their names and SHA-256s.
func fetchObjects(ctx context.Context, objects []object, folder string, r *room) (content string, err error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return "", err
	}
	defer root.Close() //nolint:errcheck // nothing is buffered in it
	if err := reserve(objects, r); err != nil {
		return "", err
	}
	sums := make([]string, len(objects))
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(fetchesAtOnce)
	for i, o := range objects {
		work.Go(func() error {
			sum, err := fetchObject(ctx, root, o)
			sums[i] = fmt.Sprintf("%s\x00%s\n", o.name, sum)
			return err
		})
	}
	if err := work.Wait(); err != nil {
		return "", err
	}
	slices.Sort(sums)
	whole := sha256.New()
	whole.Write([]byte("objects\n")) // an archive of these very bytes is another content; a hash does not fail
	for _, s := range sums {
		whole.Write([]byte(s))
	}
	return hex.EncodeToString(whole.Sum(nil)), nil
}

// reserve takes the room of all objects before the first is fetched.
func reserve(objects []object, r *room) error {
	for _, o := range objects {
		if err := r.add(o.size); err != nil {
			return err
		}
	}
	return nil
}

func fetchObject(ctx context.Context, root *os.Root, o object) (sum string, err error) {
	if o.describe != nil {
		if o.sum, err = o.describe(ctx); err != nil {
			return "", err
		}
	}
	if dir := filepath.Dir(o.name); dir != "." {
		if err := root.MkdirAll(dir, 0o700); err != nil {
			return "", err
		}
	}
	whole := sha256.New()
	in := newChecked(ctx, o, whole)
	defer in.Close() //nolint:errcheck // it was only read
	f, err := root.OpenFile(o.name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	_, err = io.Copy(f, in)
	if err = errors.Join(err, f.Close()); err != nil {
		return "", cmp.Or(in.failed, err)
	}
	return hex.EncodeToString(whole.Sum(nil)), in.finish()
}

// checked reads an object and compares its size and its checksum with the store's.
type checked struct {
	io.ReadCloser
	object object
	hashes []io.Writer
	sum    hash.Hash // nil where the store has none
	read   int64
	failed error // of reading, but for the end
}

func newChecked(ctx context.Context, o object, hashes ...io.Writer) *checked {
	c := &checked{ReadCloser: o.open(ctx, o.size), object: o, hashes: hashes}
	if o.sum.make != nil {
		c.sum = o.sum.make()
		c.hashes = append(c.hashes, c.sum)
	}
	return c
}

// Read implements io.Reader.
func (c *checked) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.read += int64(n)
	for _, h := range c.hashes {
		_, _ = h.Write(p[:n]) // a hash does not fail
	}
	if err != nil && !errors.Is(err, io.EOF) {
		c.failed = err
	}
	return n, err
}

// finish reads what is left and compares.
func (c *checked) finish() error {
	if _, err := io.Copy(io.Discard, c); err != nil {
		return err
	}
	if c.read != c.object.size {
		return problemf(Invalid, "%d of its %d bytes were read", c.read, c.object.size)
	}
	if c.sum == nil {
		return nil
	}
	return c.object.sum.agrees(c.sum)
}

// seal makes a folder read-only, syncs it to the disk, and returns how many files it has.
func seal(folder string) (files int, err error) {
	err = filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			return os.Chmod(path, 0o555) //nolint:gosec // a model server may run as another user
		case d.Type().IsRegular():
			info, err := d.Info()
			if err != nil {
				return err
			}
			files++
			return os.Chmod(path, 0o444|info.Mode()&0o111)
		default: // a link has no mode of its own
			return nil
		}
	})
	if err != nil {
		return 0, err
	}
	f, err := os.Open(folder)
	if err != nil {
		return 0, err
	}
	return files, errors.Join(unix.Syncfs(int(f.Fd())), f.Close())
}

func writeMeta(dir string, m meta) error {
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "meta.json"), text, 0o600)
}
