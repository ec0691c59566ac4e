package config

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"bellows.dev/bellows/internal/modeldata"
)

// ModelData is model_data: in bellows.yaml.
type ModelData struct {
	Stores          []Store  `yaml:"stores"`
	Folders         []Folder `yaml:"folders"`
	FileRoots       []string `yaml:"file_roots"`       // that file:// URIs may read; default the user's home without hidden files
	CacheMax        Size     `yaml:"cache_max"`        // of model data on disk
	ModelMax        Size     `yaml:"model_max"`        // of one model's data, unpacked
	DownloadTimeout Duration `yaml:"download_timeout"` // where the variant sets none
}

// Store is an S3-compatible store.
type Store struct {
	Bucket              string `yaml:"bucket"` // a pattern; default all
	Endpoint            string `yaml:"endpoint"`
	Region              string `yaml:"region"`
	PathStyle           bool   `yaml:"path_style"`
	AccessKeyID         string `yaml:"access_key_id"`
	SecretAccessKey     string `yaml:"secret_access_key"`
	SecretAccessKeyFile string `yaml:"secret_access_key_file"`
	SessionToken        string `yaml:"session_token"`
	Anonymous           bool   `yaml:"anonymous"`
	AllowHTTP           bool   `yaml:"allow_http"`
}

// Folder is a local folder that stands for an S3 prefix.
type Folder struct {
	Prefix string `yaml:"prefix"`
	Folder string `yaml:"folder"`
}

// Settings returns the settings of the cache of model data. It reads the files with secrets each time. An error joins those of all entries.
func (c ModelData) Settings() (modeldata.Settings, error) {
	s := modeldata.Settings{
		FileRoots: c.FileRoots, CacheMax: int64(c.CacheMax), ModelMax: int64(c.ModelMax), Timeout: time.Duration(c.DownloadTimeout),
	}
	var wrong []error
	for i, x := range c.Stores {
		secret, err := x.secret()
		if err != nil {
			wrong = append(wrong, fmt.Errorf("stores[%d]: %w", i, err))
		}
		s.Stores = append(s.Stores, modeldata.Store{
			Bucket: x.Bucket, Endpoint: x.Endpoint, Region: x.Region, PathStyle: x.PathStyle, AccessKeyID: x.AccessKeyID,
			SecretAccessKey: secret, SessionToken: x.SessionToken, Anonymous: x.Anonymous, AllowHTTP: x.AllowHTTP,
		})
	}
	for _, x := range c.Folders {
		s.Folders = append(s.Folders, modeldata.Folder{Prefix: x.Prefix, Path: x.Folder})
	}
	return s, errors.Join(append(wrong, s.Check()...)...)
}

// secret returns the secret access key, directly or from its file.
func (x *Store) secret() (string, error) {
	if x.SecretAccessKeyFile == "" {
		return x.SecretAccessKey, nil
	}
	if x.SecretAccessKey != "" {
		return "", errors.New("use secret_access_key or secret_access_key_file, not both")
	}
	text, err := os.ReadFile(x.SecretAccessKeyFile)
	if err != nil {
		return "", fmt.Errorf("reading the secret access key: %w", err)
	}
	return strings.TrimSpace(string(text)), nil
}

// Size is a number of bytes that YAML spells as such, or as 512MiB, 8GiB or 50GB.
type Size int64

var units = map[string]float64{
	"": 1, "B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40,
}

// UnmarshalYAML reads a size.
func (s *Size) UnmarshalYAML(n *yaml.Node) error {
	number := strings.TrimRight(n.Value, "BkKMGTi ")
	unit := strings.TrimSpace(n.Value[len(number):])
	factor, known := units[unit]
	v, err := strconv.ParseFloat(number, 64)
	if err != nil || !known || !(v*factor >= 1) || v*factor > 1<<60 {
		return misread(n, "a size such as 8GiB, 500MB or a number of bytes")
	}
	*s = Size(v * factor)
	return nil
}
