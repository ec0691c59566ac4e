package modeldata

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// Limits of an archive, beside its size: entries, and folders in one another.
const (
	entriesMax = 100_000
	depthMax   = 50

	entryCost  = 512     // bytes that an entry counts besides its content: files without any take room, too
	paddingMax = 1 << 20 // bytes after the last entry
)

// reader is a function that reads.
type reader func(p []byte) (int, error)

// Read implements io.Reader.
func (r reader) Read(p []byte) (int, error) { return r(p) }

// unpack writes a .tar.gz into a folder, until ctx ends or there is no room. Nothing is written outside of it: os.Root refuses names
// that lead outside, and a link is refused unless its target is inside. Other kinds of entries than files, folders and links are
// refused, and an archive that ends too soon is, too: it is read to its end.
func unpack(ctx context.Context, r io.Reader, folder string, space *room) error {
	z, err := gzip.NewReader(reader(func(p []byte) (int, error) {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		return r.Read(p)
	}))
	if err != nil {
		return fmt.Errorf("reading the archive: %w", err)
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return err
	}
	defer root.Close() //nolint:errcheck // nothing is buffered in it
	var links []string
	archive := tar.NewReader(z)
	for n := 0; ; n++ {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return errors.Join(checkLinks(root, links), checkEnd(z, n))
		}
		if err != nil {
			return fmt.Errorf("reading the archive: %w", err)
		}
		if n == entriesMax {
			return problemf(TooLarge, "the archive holds more than %d entries", entriesMax)
		}
		if err := space.add(entryCost); err != nil {
			return err
		}
		if err := entry(root, h, archive, space); err != nil {
			return fmt.Errorf("unpacking %q: %w", h.Name, err)
		}
		if h.Typeflag == tar.TypeSymlink || h.Typeflag == tar.TypeLink {
			links = append(links, h.Name)
		}
	}
}

// checkLinks follows each link once everything is unpacked: only then is it known where chains of links lead.
func checkLinks(root *os.Root, links []string) error {
	for _, name := range links {
		if _, err := root.Stat(filepath.Clean(name)); err != nil {
			return fmt.Errorf("the link %q leads out of the archive's folder, or to nothing: %w", name, err)
		}
	}
	return nil
}

// checkEnd reads what follows the last entry: padding, and the checksum that detects a truncated archive.
func checkEnd(z io.Reader, entries int) error {
	n, err := io.Copy(io.Discard, io.LimitReader(z, paddingMax+1))
	switch {
	case err != nil:
		return fmt.Errorf("reading the archive's end: %w", err)
	case n > paddingMax:
		return fmt.Errorf("more than %d bytes follow the archive's last entry", paddingMax)
	case entries == 0:
		return errors.New("the archive holds no entry")
	default:
		return nil
	}
}

// entry writes one entry.
func entry(root *os.Root, h *tar.Header, r io.Reader, space *room) error {
	name := filepath.Clean(h.Name)
	switch {
	case name == "." && h.Typeflag == tar.TypeDir, h.Typeflag == tar.TypeXGlobalHeader: // git writes the latter: a commit's name
		return nil
	case !filepath.IsLocal(name):
		return errors.New("its name leads out of the archive's folder")
	case strings.Count(name, "/") > depthMax:
		return fmt.Errorf("it lies more than %d folders deep", depthMax)
	}
	if dir := filepath.Dir(name); dir != "." {
		if err := root.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	switch h.Typeflag {
	case tar.TypeDir:
		return root.MkdirAll(name, 0o700)
	case tar.TypeSymlink:
		return root.Symlink(h.Linkname, name)
	case tar.TypeLink:
		return root.Link(filepath.Clean(h.Linkname), name)
	case tar.TypeReg:
		return writeFile(root, name, 0o600|os.FileMode(h.Mode)&0o100, r, space)
	default:
		return errors.New("it is neither a file, a folder nor a link")
	}
}

// writeFile writes a file as far as there is room.
func writeFile(root *os.Root, name string, mode os.FileMode, r io.Reader, space *room) error {
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.MultiWriter(space, f), r) // room first
	return errors.Join(err, f.Close())
}
