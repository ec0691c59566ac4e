package process

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// filesMax bounds how many files an archive may hold.
const filesMax = 100_000

// modelData returns the folder of the model's data, unpacking an archive into a folder of the instance's own; "" where it has none.
func (i *instance) modelData() (string, error) {
	if i.spec.ModelDataURL == "" {
		return "", nil
	}
	u, err := url.Parse(i.spec.ModelDataURL)
	if err != nil || u.Scheme != "file" || u.Host != "" || u.Path == "" {
		return "", fmt.Errorf("ModelDataUrl %q: this server reads file:///folder and file:///archive.tar.gz", i.spec.ModelDataURL)
	}
	info, err := os.Stat(u.Path)
	if err != nil {
		return "", err
	}
	if info.IsDir() {
		return u.Path, nil
	}
	if !strings.HasSuffix(u.Path, ".tar.gz") && !strings.HasSuffix(u.Path, ".tgz") {
		return "", fmt.Errorf("%s is neither a folder nor a .tar.gz archive", u.Path)
	}
	folder := i.fleet.models(i.spec.ID)
	if err := os.RemoveAll(folder); err != nil {
		return "", err
	}
	f, err := os.Open(u.Path)
	if err != nil {
		return "", err
	}
	defer f.Close() //nolint:errcheck // it was only read
	if err := unpack(f, folder, i.fleet.o.ModelMax); err != nil {
		return "", errors.Join(err, os.RemoveAll(folder))
	}
	return folder, nil
}

// unpack writes a .tar.gz into a folder that it makes. Nothing is written outside of it: os.Root refuses names and links that lead
// out. Files and folders are taken, other kinds of entries refused.
func unpack(r io.Reader, folder string, most int64) error {
	z, err := gzip.NewReader(r)
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
	left, files := most, 0
	for archive := tar.NewReader(z); ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading the archive: %w", err)
		}
		if files++; files > filesMax {
			return fmt.Errorf("the archive holds more than %d files", filesMax)
		}
		n, err := entry(root, h, archive, left)
		if err != nil {
			return fmt.Errorf("unpacking %q: %w", h.Name, err)
		}
		left -= n
	}
}

// entry writes one entry and returns its size.
func entry(root *os.Root, h *tar.Header, r io.Reader, most int64) (int64, error) {
	name := filepath.Clean(h.Name)
	switch {
	case name == ".":
		return 0, nil
	case !filepath.IsLocal(name):
		return 0, errors.New("its name leads out of the archive's folder")
	case h.Typeflag == tar.TypeDir:
		return 0, root.MkdirAll(name, 0o700)
	case h.Typeflag != tar.TypeReg:
		return 0, errors.New("it is neither a file nor a folder")
	}
	if dir := filepath.Dir(name); dir != "." {
		if err := root.MkdirAll(dir, 0o700); err != nil {
			return 0, err
		}
	}
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600|os.FileMode(h.Mode)&0o100)
	if err != nil {
		return 0, err
	}
	n, err := io.Copy(f, io.LimitReader(r, most+1))
	if err == nil && n > most {
		err = errors.New("the archive unpacks to more than is allowed")
	}
	return n, errors.Join(err, f.Close())
}
