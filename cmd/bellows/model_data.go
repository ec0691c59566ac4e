package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/modeldata"
)

// modelDataConfig is model_data: in bellows.yaml.
type modelDataConfig struct {
	Stores          []storeConfig  `yaml:"stores"`
	Folders         []folderConfig `yaml:"folders"`
	CacheMax        size           `yaml:"cache_max"`        // of model data on disk
	ModelMax        size           `yaml:"model_max"`        // of one model's data, unpacked
	DownloadTimeout duration       `yaml:"download_timeout"` // where the variant sets none
}

// storeConfig is an S3-compatible store.
type storeConfig struct {
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

// folderConfig is a local folder that stands for an S3 prefix.
type folderConfig struct {
	Prefix string `yaml:"prefix"`
	Folder string `yaml:"folder"`
}

// settings are the cache's. The file with a secret is read each time.
func (c modelDataConfig) settings() (modeldata.Settings, error) {
	s := modeldata.Settings{CacheMax: int64(c.CacheMax), ModelMax: int64(c.ModelMax), Timeout: time.Duration(c.DownloadTimeout)}
	for i, x := range c.Stores {
		if x.SecretAccessKeyFile != "" {
			if x.SecretAccessKey != "" {
				return s, fmt.Errorf("stores[%d]: use secret_access_key or secret_access_key_file, not both", i)
			}
			text, err := os.ReadFile(x.SecretAccessKeyFile)
			if err != nil {
				return s, fmt.Errorf("stores[%d]: reading the secret access key: %w", i, err)
			}
			x.SecretAccessKey = strings.TrimSpace(string(text))
		}
		s.Stores = append(s.Stores, modeldata.Store{
			Bucket: x.Bucket, Endpoint: x.Endpoint, Region: x.Region, PathStyle: x.PathStyle, AccessKeyID: x.AccessKeyID,
			SecretAccessKey: x.SecretAccessKey, SessionToken: x.SessionToken, Anonymous: x.Anonymous, AllowHTTP: x.AllowHTTP,
		})
	}
	for _, x := range c.Folders {
		s.Folders = append(s.Folders, modeldata.Folder{Prefix: x.Prefix, Path: x.Folder})
	}
	return s, s.Check()
}

// openModelData opens the cache of model data.
func (s *server) openModelData() error {
	settings, err := s.o.config.ModelData.settings()
	if err != nil {
		return fmt.Errorf("model_data: %w", err)
	}
	s.data, err = modeldata.New(modeldata.Options{Dir: filepath.Join(s.o.dir, "model-data"), Settings: settings, Log: s.o.log})
	return err
}

// checkModelData is CreateModel's check. Its error is in the client's words.
func (s *server) checkModelData(ctx context.Context, d hosting.ModelData) error {
	err := s.data.Check(ctx, d)
	if e := (*modeldata.Error)(nil); errors.As(err, &e) {
		return errors.New(e.Refusal())
	}
	return err
}

// size is a number of bytes that YAML spells as such, or as 512MiB, 8GiB or 50GB.
type size int64

var units = map[string]float64{
	"": 1, "B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40,
}

// UnmarshalYAML reads a size.
func (s *size) UnmarshalYAML(n *yaml.Node) error {
	number := strings.TrimRight(n.Value, "BkKMGTi ")
	unit := strings.TrimSpace(n.Value[len(number):])
	factor, known := units[unit]
	v, err := strconv.ParseFloat(number, 64)
	if err != nil || !known || !(v*factor >= 1) || v*factor > 1<<60 {
		return misread(n, "a size such as 8GiB, 500MB or a number of bytes")
	}
	*s = size(v * factor)
	return nil
}
