package modeldata

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// Settings are what an operator chooses. They may change while the cache is in use.
type Settings struct {
	Stores  []Store  // the first whose pattern matches a bucket serves it
	Folders []Folder // of those that hold a URI, the one with the longest prefix serves it, before any store

	// FileRoots are the folders that file:// URIs may read, besides those of Folders; absolute. Nil: the home folder of the server's user without
	// hidden files, in which programs keep secrets.
	FileRoots []string

	CacheMax int64         // bytes of model data kept on disk; default 50 GB
	ModelMax int64         // bytes of one model's data, unpacked; default 20 GB
	Timeout  time.Duration // for fetching a model's data, where its variant does not say; default 20 min
}

// Store is an S3-compatible object store.
type Store struct {
	Bucket    string // a pattern of buckets: * stands for any text, ? for a character; "" for all
	Endpoint  string // the store's URL; "" for AWS's own in the region
	Region    string // that requests are signed for; default us-east-1
	PathStyle bool   // the bucket is in the path, not in the host name

	// AccessKeyID and SecretAccessKey sign requests. Without them the credentials are those of the server's environment: its variables,
	// shared files, or the role of its machine.
	AccessKeyID     string
	SecretAccessKey string
	SessionToken    string
	Anonymous       bool // requests are not signed

	// AllowHTTP lets an endpoint on another machine be http://, where anybody on the way may change what is served.
	AllowHTTP bool
}

// Folder is a local folder that stands for an S3 prefix.
type Folder struct {
	Prefix string // s3://bucket/ or s3://bucket/some/prefix/
	Path   string // absolute
}

func (s Settings) withDefaults() Settings {
	if s.CacheMax == 0 {
		s.CacheMax = 50_000_000_000
	}
	if s.ModelMax == 0 {
		s.ModelMax = 20_000_000_000
	}
	if s.Timeout == 0 {
		s.Timeout = 20 * time.Minute
	}
	return s
}

// Check returns what is wrong with the settings: an error for each entry that cannot be used.
func (s Settings) Check() (wrong []error) {
	for i, x := range s.Stores {
		if err := x.check(); err != nil {
			wrong = append(wrong, fmt.Errorf("stores[%d]: %w", i, err))
		}
	}
	for i, x := range s.Folders {
		bucket, _, ok := s3URI(x.Prefix)
		switch {
		case !ok || bucket == "" || !strings.HasSuffix(x.Prefix, "/"):
			wrong = append(wrong, fmt.Errorf("folders[%d]: the prefix %q is not s3://bucket/ or s3://bucket/prefix/: it ends with a slash", i, x.Prefix))
		case !filepath.IsAbs(x.Path):
			wrong = append(wrong, fmt.Errorf("folders[%d]: the folder %q is not an absolute path", i, x.Path))
		}
	}
	for i, x := range s.FileRoots {
		if !filepath.IsAbs(x) {
			wrong = append(wrong, fmt.Errorf("file_roots[%d]: the folder %q is not an absolute path", i, x))
		}
	}
	if s.CacheMax < 0 || s.ModelMax < 0 || s.Timeout < 0 {
		wrong = append(wrong, errors.New("sizes and time-outs must be positive"))
	}
	return wrong
}

func (s Store) check() error {
	if _, err := path.Match(s.Bucket, ""); err != nil {
		return fmt.Errorf("the bucket %q is not a pattern", s.Bucket)
	}
	if (s.AccessKeyID == "") != (s.SecretAccessKey == "") {
		return errors.New("access_key_id and secret_access_key go together")
	}
	if s.Anonymous && s.AccessKeyID != "" {
		return errors.New("an anonymous store has no keys")
	}
	if s.Endpoint == "" {
		return nil
	}
	u, err := url.Parse(s.Endpoint)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("the endpoint %q is not an http or https URL", s.Endpoint)
	case u.User != nil:
		return errors.New("keys do not belong into the endpoint: use access_key_id and secret_access_key")
	case u.Scheme == "http" && !s.AllowHTTP && !loopback(u.Hostname()):
		return fmt.Errorf("the endpoint %q is plain http on another machine: use https, or allow_http: true", s.Endpoint)
	}
	return nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// s3URI splits s3://bucket/key.
func s3URI(uri string) (bucket, key string, ok bool) {
	rest, ok := strings.CutPrefix(uri, "s3://")
	bucket, key, _ = strings.Cut(rest, "/")
	return bucket, key, ok && bucket != ""
}

// Serving returns the index of the folder or the store that serves a URI of s3://; -1 for the other, or for both where none does.
func (s Settings) Serving(uri string) (folder, store int) {
	folder, store = -1, -1
	longest := 0
	for i, x := range s.Folders {
		if (strings.HasPrefix(uri, x.Prefix) || uri+"/" == x.Prefix) && len(x.Prefix) > longest {
			folder, longest = i, len(x.Prefix)
		}
	}
	if bucket, _, ok := s3URI(uri); ok && folder < 0 {
		if i, found := s.store(bucket); found {
			store = i
		}
	}
	return folder, store
}

// serving returns the folder that serves a URI; the zero value where none does.
func (s Settings) serving(uri string) Folder {
	if i, _ := s.Serving(uri); i >= 0 {
		return s.Folders[i]
	}
	return Folder{}
}

// root returns the path of the folder that serves a URI, "" where none does.
func (s Settings) root(uri string) string { return s.serving(uri).Path }

// readable checks that a file:// URI may read a path, whose links are resolved.
func (s Settings) readable(file string) error {
	for _, x := range s.Folders {
		if within(file, x.Path) {
			return nil
		}
	}
	for _, x := range s.FileRoots {
		if within(file, x) {
			return nil
		}
	}
	if s.FileRoots != nil {
		return problemf(Denied, "%s may not be read: it is in no folder of file_roots, under model_data: in bellows.yaml", file)
	}
	if home, err := os.UserHomeDir(); err == nil && home != "/" && filepath.IsAbs(home) {
		if resolved, err := filepath.EvalSymlinks(home); err == nil {
			home = resolved
		}
		below, found := strings.CutPrefix(file, home+"/")
		if found && !strings.HasPrefix(below, ".") && !strings.Contains(below, "/.") {
			return nil
		}
	}
	return problemf(Denied, "%s may not be read: file:// reads the home folder of the server's user, without hidden files. "+
		"List other folders in file_roots, under model_data: in bellows.yaml", file)
}

// folder returns the path that a folder of the settings gives to a URI.
func (s Settings) folder(uri string) (file string, found bool, err error) {
	best := s.serving(uri)
	if best.Prefix == "" {
		return "", false, nil
	}
	below := strings.TrimPrefix(strings.TrimSuffix(uri, "/")+"/", best.Prefix)
	if below = strings.TrimSuffix(below, "/"); below == "" {
		return best.Path, true, nil
	}
	if strings.HasPrefix(below, "/") || strings.Contains(below, "//") {
		return "", true, problemf(Missing, "the key has an empty part (//), which no file in the folder %s has", best.Path)
	}
	if !filepath.IsLocal(below) {
		return "", true, problemf(Missing, "it leads out of the folder %s, which stands for %s", best.Path, best.Prefix)
	}
	return filepath.Join(best.Path, below), true, nil
}

// store returns the store of a bucket.
func (s Settings) store(bucket string) (at int, found bool) {
	for i, x := range s.Stores {
		if ok, err := path.Match(x.Bucket, bucket); x.Bucket == "" || ok && err == nil {
			return i, true
		}
	}
	return 0, false
}
