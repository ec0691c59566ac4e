package process

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// Limits of an archive, beside its size: entries, and folders in one another.
const (
	entriesMax = 100_000
	depthMax   = 50
)

// modelData returns the folder of the model's data, unpacking an archive into a folder of the instance's own; "" where it has none.
// An instance that starts again finds its folder there.
func (i *instance) modelData(ctx context.Context) (string, error) {
	if i.spec.ModelData.URI == "" {
		return "", nil
	}
	u, err := url.Parse(i.spec.ModelData.URI)
	if err != nil || u.Scheme != "file" || u.Host != "" || !filepath.IsAbs(u.Path) {
		return "", fmt.Errorf("ModelDataUrl %q: this server reads file:///folder and file:///archive.tar.gz", i.spec.ModelData.URI)
	}
	folder := i.fleet.models(i.spec.ID)
	if _, err := os.Stat(folder); err == nil {
		return folder, nil
	}
	info, err := os.Stat(u.Path)
	if err != nil {
		return "", err
	}
	if info.IsDir() {
		return u.Path, nil
	}
	if !info.Mode().IsRegular() || !strings.HasSuffix(u.Path, ".tar.gz") && !strings.HasSuffix(u.Path, ".tgz") {
		return "", fmt.Errorf("%s is neither a folder nor a .tar.gz archive", u.Path)
	}
	return folder, unpackFile(ctx, u.Path, folder, i.fleet.o.ModelMax)
}

// unpackFile unpacks an archive beside the folder and gives the whole its name, so that no half of a model passes for one.
func unpackFile(ctx context.Context, archive, folder string, most int64) error {
	half := folder + unpacking
	if err := os.RemoveAll(half); err != nil {
		return err
	}
	f, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // it was only read
	if err := unpack(ctx, f, half, most); err != nil {
		return errors.Join(err, os.RemoveAll(half))
	}
	return os.Rename(half, folder)
}

// reader is a function that reads.
type reader func(p []byte) (int, error)

// Read implements io.Reader.
func (r reader) Read(p []byte) (int, error) { return r(p) }

// unpack writes a .tar.gz into a folder that it makes, until ctx ends. Nothing is written outside of it: os.Root refuses names that
// lead out, and a link is refused unless it leads to something inside. Other kinds of entries than files, folders and links are
// refused.
func unpack(ctx context.Context, r io.Reader, folder string, most int64) error {
	z, err := gzip.NewReader(reader(func(p []byte) (int, error) {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		return r.Read(p)
	}))
	if err != nil {
		return fmt.Errorf("reading the archive: %w", err)
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return err
	}
	defer root.Close() //nolint:errcheck // nothing is buffered in it
	var links []string
	left := most
	archive := tar.NewReader(z)
	for n := 0; ; n++ {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return checkLinks(root, links)
		}
		if err != nil {
			return fmt.Errorf("reading the archive: %w", err)
		}
		if n == entriesMax {
			return fmt.Errorf("the archive holds more than %d entries", entriesMax)
		}
		size, err := entry(root, h, archive, left)
		if err != nil {
			return fmt.Errorf("unpacking %q: %w", h.Name, err)
		}
		left -= size
		if h.Typeflag == tar.TypeSymlink || h.Typeflag == tar.TypeLink {
			links = append(links, h.Name)
		}
	}
}

// checkLinks follows each link once all is there: only then is it known where chains of links lead.
func checkLinks(root *os.Root, links []string) error {
	for _, name := range links {
		if _, err := root.Stat(filepath.Clean(name)); err != nil {
			return fmt.Errorf("the link %q leads out of the archive's folder, or to nothing: %w", name, err)
		}
	}
	return nil
}

// entry writes one entry and returns its size.
func entry(root *os.Root, h *tar.Header, r io.Reader, most int64) (int64, error) {
	name := filepath.Clean(h.Name)
	switch {
	case name == "." && h.Typeflag == tar.TypeDir, h.Typeflag == tar.TypeXGlobalHeader: // the latter is git's word about a commit
		return 0, nil
	case !filepath.IsLocal(name):
		return 0, errors.New("its name leads out of the archive's folder")
	case strings.Count(name, "/") > depthMax:
		return 0, fmt.Errorf("it lies more than %d folders deep", depthMax)
	}
	if dir := filepath.Dir(name); dir != "." {
		if err := root.MkdirAll(dir, 0o700); err != nil {
			return 0, err
		}
	}
	switch h.Typeflag {
	case tar.TypeDir:
		return 0, root.MkdirAll(name, 0o700)
	case tar.TypeSymlink:
		return 0, root.Symlink(h.Linkname, name)
	case tar.TypeLink:
		return 0, root.Link(filepath.Clean(h.Linkname), name)
	case tar.TypeReg:
		return writeFile(root, name, 0o600|os.FileMode(h.Mode)&0o100, io.LimitReader(r, most+1), most)
	default:
		return 0, errors.New("it is neither a file, a folder nor a link")
	}
}

// writeFile writes a file and returns its size.
func writeFile(root *os.Root, name string, mode os.FileMode, r io.Reader, most int64) (int64, error) {
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, mode)
	if err != nil {
		return 0, err
	}
	n, err := io.Copy(f, r)
	if err == nil && n > most {
		err = errors.New("the archive unpacks to more than is allowed")
	}
	return n, errors.Join(err, f.Close())
}
