package modeldata

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"bellows.dev/bellows/hosting"
)

// object is one thing to fetch.
type object struct {
	name    string // its path below the model's folder; "" for an archive
	size    int64
	version string // what distinguishes its versions: an ETag, or a local file's identity
	sum     checksum

	// describe returns the checksum of an object whose own is not known yet; nil where there is none.
	describe func(ctx context.Context) (checksum, error)

	// open returns the first bytes of it, at most so many.
	open func(ctx context.Context, most int64) io.ReadCloser
}

// listing is what a model's data consists of at one moment. A folder of the operator's own is used as it is and has no objects.
type listing struct {
	folder  string
	archive bool
	objects []object
}

// list finds out what a model's data consists of. It fails with a problem, or with ctx's error.
func (c *Cache) list(ctx context.Context, d hosting.ModelData) (listing, error) {
	file, local, err := c.local(d.URI)
	switch {
	case err != nil:
		return listing{}, err
	case local:
		if file, err = c.allowed(d.URI, file); err != nil {
			return listing{}, err
		}
		return listLocal(d, file)
	}
	name, key, _ := s3URI(d.URI)
	client, found := c.client(name)
	if !found {
		return listing{}, problemf(Unconfigured, "no store and no folder for the bucket %q is named under model_data: in bellows.yaml", name)
	}
	b := bucket{client, name}
	if d.Prefix {
		objects, err := b.list(ctx, key)
		if err != nil {
			return listing{}, err
		}
		return listing{objects: objects}, checkNames(objects)
	}
	if key == "" || strings.HasSuffix(key, "/") {
		return listing{}, problemf(Missing, "it names no object: %q is no key", key)
	}
	o, err := b.object(ctx, key)
	if err != nil {
		return listing{}, err
	}
	if d.ETag != "" && strings.Trim(d.ETag, `"`) != o.version {
		return listing{}, problemf(Missing, "its ETag is %q, and %q is asked for", o.version, d.ETag)
	}
	return single(d, key, o)
}

// single is a listing of one object.
func single(d hosting.ModelData, key string, o object) (listing, error) {
	if d.Archive {
		return listing{archive: true, objects: []object{o}}, nil
	}
	o.name = path.Base(key)
	l := listing{objects: []object{o}}
	return l, checkNames(l.objects)
}

// local returns the path of a URI that is read from this machine.
func (c *Cache) local(uri string) (file string, local bool, err error) {
	if _, _, ok := s3URI(uri); ok {
		return c.state.Load().settings.folder(uri)
	}
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "file" || u.Host != "" || !filepath.IsAbs(u.Path) {
		return "", false, problemf(Unconfigured, "this server reads s3://bucket/key and file:///path")
	}
	return filepath.Clean(u.Path), true, nil
}

// allowed resolves the links of a path and refuses one that leads into a folder that is closed to model data, out of the folder of the settings
// that serves the URI, or, for file://, to where such URIs may not read. A path that cannot be resolved is returned as it is: reading it fails.
func (c *Cache) allowed(uri, file string) (string, error) {
	resolved, err := filepath.EvalSymlinks(file)
	if err != nil {
		resolved = file
	}
	for _, closed := range c.closed {
		if within(resolved, closed) || within(file, closed) {
			return "", problemf(Denied, "%s may not be read: it is in %s", file, closed)
		}
	}
	settings := c.state.Load().settings
	if _, _, s3 := s3URI(uri); !s3 {
		return file, settings.readable(resolved)
	}
	if err != nil {
		return file, nil //nolint:nilerr // reading it says what is wrong
	}
	if root := settings.root(uri); root != "" && !within(resolved, root) {
		return "", problemf(Denied, "a link leads out of the folder %s", root)
	}
	return file, nil
}

// within reports whether a resolved path is a folder or below it, whose links are resolved first.
func within(file, folder string) bool {
	if resolved, err := filepath.EvalSymlinks(folder); err == nil {
		folder = resolved
	}
	return file == folder || strings.HasPrefix(file, strings.TrimSuffix(folder, "/")+"/")
}

// listLocal lists a file. A folder is used as it is.
func listLocal(d hosting.ModelData, file string) (listing, error) {
	info, err := os.Stat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return listing{}, problemf(Missing, "%s does not exist", file)
	case errors.Is(err, fs.ErrPermission):
		return listing{}, problemf(Denied, "%s may not be read", file)
	case err != nil:
		return listing{}, problemf(Denied, "%w", err)
	case info.IsDir() && d.ETag == "":
		if _, err := os.ReadDir(file); err != nil {
			return listing{}, problemf(Denied, "%w", err)
		}
		return listing{folder: file}, nil
	case info.IsDir() || d.ETag != "":
		return listing{}, problemf(Missing, "%s is on this machine and has no ETag, and %q is asked for", file, d.ETag)
	case d.Prefix:
		return listing{}, problemf(Missing, "%s is not a folder", file)
	case !info.Mode().IsRegular():
		return listing{}, problemf(Invalid, "%s is neither a folder nor a file", file)
	}
	if err := unix.Access(file, unix.R_OK); err != nil {
		return listing{}, problemf(Denied, "%s may not be read", file)
	}
	return single(d, file, object{size: info.Size(), version: identity(info), open: func(_ context.Context, most int64) io.ReadCloser {
		return &localFile{path: file, version: identity(info), left: most}
	}})
}

// identity distinguishes the versions of a file.
func identity(info fs.FileInfo) string {
	inode := uint64(0)
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		inode = st.Ino
	}
	return fmt.Sprintf("%d-%d-%d", info.Size(), info.ModTime().UnixNano(), inode)
}

// localFile reads one version of a file.
type localFile struct {
	path    string
	version string
	left    int64
	file    *os.File
}

// Read implements io.Reader.
func (l *localFile) Read(p []byte) (int, error) {
	if l.file == nil {
		f, err := os.Open(l.path)
		if err != nil {
			return 0, problemf(Denied, "%w", err)
		}
		l.file = f
	}
	n, err := l.file.Read(p[:min(int64(len(p)), l.left)])
	if l.left -= int64(n); n > 0 || err == nil && l.left > 0 {
		return n, nil
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, problemf(Denied, "%w", err)
	}
	if info, err := l.file.Stat(); err != nil || identity(info) != l.version {
		return 0, problemf(Missing, "%s was changed while it was read", l.path)
	}
	return 0, io.EOF
}

// Close implements io.Closer.
func (l *localFile) Close() error {
	if l.file == nil {
		return nil
	}
	return l.file.Close()
}

// nameMax is the longest name of a file or folder. AWS: S3ModelDataSource, CompressionType.
const nameMax = 255

// checkNames refuses paths that cannot be files below one folder. AWS: S3ModelDataSource, CompressionType: no part may be empty, "." or
// "..", hold a null byte or be longer than 255 bytes, and no object may be a folder of another.
func checkNames(objects []object) error {
	files := map[string]bool{}
	for _, o := range objects {
		parts := strings.Split(o.name, "/")
		for _, part := range parts {
			if part == "" || part == "." || part == ".." || len(part) > nameMax || strings.ContainsRune(part, 0) {
				return problemf(Invalid, "the object %q cannot be a file: %q is no name of a file or folder", o.name, part)
			}
		}
		if len(parts) > depthMax {
			return problemf(Invalid, "the object %q lies more than %d folders deep", o.name, depthMax)
		}
		files[o.name] = true
	}
	for _, o := range objects {
		for dir := path.Dir(o.name); dir != "."; dir = path.Dir(dir) {
			if files[dir] {
				return problemf(Invalid, "the object %q would be a file and a folder, which holds %q", dir, o.name)
			}
		}
	}
	return nil
}

// size is what fetching a listing transfers.
func (l listing) size() int64 {
	var sum int64
	for _, o := range l.objects {
		sum += o.size
	}
	return sum
}

// key names a listing among those that have been fetched: equal keys, equal data.
func (l listing) key(d hosting.ModelData) string {
	type version struct {
		Name, Version string
		Size          int64
	}
	all := struct {
		URI     string
		Archive bool
		Objects []version
	}{d.URI, l.archive, nil}
	for _, o := range l.objects {
		all.Objects = append(all.Objects, version{o.name, o.version, o.size})
	}
	slices.SortFunc(all.Objects, func(a, b version) int { return cmp.Compare(a.Name, b.Name) })
	text, err := json.Marshal(all)
	if err != nil {
		panic("modeldata: encoding strings and numbers: " + err.Error())
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// latestKey names what was last fetched for a model's data, whatever its version.
func latestKey(d hosting.ModelData) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "latest\x00%s\x00%t\x00%t\x00%s", d.URI, d.Prefix, d.Archive, d.ETag))
	return hex.EncodeToString(sum[:])
}
