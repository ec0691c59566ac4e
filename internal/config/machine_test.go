package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestModelDataAndMachineSettings(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Parse([]byte(`
model_data:
  stores:
    - {bucket: "models-*", endpoint: "https://s3.example.com", region: eu-west-1, path_style: true, access_key_id: id, secret_access_key_file: `+secret+`}
    - {anonymous: true}
  folders:
    - {prefix: "s3://models/prod/", folder: /srv/models}
  file_roots: [/srv/files, data]
  cache_max: 50GB
  model_max: 1.5GiB
  download_timeout: 5m
capacity: {vcpus: 2.5, memory: 4GiB, gpus: 0}
instance_types: [{type: ml.mine.large, vcpus: 3, memory: 1000000000, gpus: 1, usd_per_hour: 0.5}]
limits: required
`), "/etc/bellows")
	if err != nil {
		t.Fatal(err)
	}
	s, err := c.ModelData.Settings()
	if err != nil {
		t.Fatal(err)
	}
	if x := s.Stores[0]; x.SecretAccessKey != "s3cret" || !x.PathStyle || x.Region != "eu-west-1" || !s.Stores[1].Anonymous {
		t.Errorf("%+v", s.Stores)
	}
	if s.Folders[0].Path != "/srv/models" || s.CacheMax != 50e9 || s.ModelMax != 3<<29 || s.Timeout != 5*time.Minute {
		t.Errorf("%+v", s)
	}
	if !slices.Equal(s.FileRoots, []string{"/srv/files", "/etc/bellows/data"}) {
		t.Errorf("%q", s.FileRoots)
	}
	if c, err := Parse([]byte("model_data: {file_roots: []}"), "/"); err != nil || c.ModelData.FileRoots == nil {
		t.Errorf("no roots are not the default: %v, %v", c.ModelData.FileRoots, err)
	}
	if k := c.Capacity.Machine(); *k.VCPUs != 2.5 || *k.Memory != 4<<30 || *k.GPUs != 0 || c.Limits != LimitsRequired {
		t.Errorf("%+v", k)
	}
	if x := c.Types()["ml.mine.large"]; x.VCPUs != 3 || x.Memory != 1e9 || x.GPUs != 1 || x.Price != 0.5 {
		t.Errorf("%+v", x)
	}
	if x := c.Types()["ml.m5.large"]; x.VCPUs != 2 {
		t.Errorf("the table's: %+v", x)
	}
}

func TestModelDataAndMachineMistakesAreNamed(t *testing.T) {
	for text, want := range map[string]string{
		"model_data: {stores: [{endpoint: x}]}":                          "model_data: stores[0]: the endpoint",
		"model_data: {folders: [{prefix: s3://a/}]}":                     "folders[0]: the folder",
		"model_data: {cache_max: 3 apples}":                              "is not a size",
		"model_data: {cache_max: -1}":                                    "is not a size",
		"model_data: {bucket: x}":                                        "bucket",
		"model_data: {stores: [{secret_access_key_file: /nowhere/x}]}":   "reading the secret access key",
		"model_data: {file_roots: ['']}":                                 "file_roots[0]: the folder \"\" is not",
		"capacity: {vcpus: 0}":                                           "line 1: capacity.vcpus is 0: want 0.001",
		"capacity: {gpus: -1}":                                           "line 1: capacity.gpus is -1: want 0",
		"instance_types: [{type: m5.large, vcpus: 1, memory: 1GiB}]":     "line 1: instance_types[0]: \"m5.large\" needs a type that begins with ml.",
		"instance_types: [{type: ml.x.y, memory: 1GiB}]":                 "instance_types[0].vcpus is 0",
		"limits: sometimes":                                              "want auto, off or required",
		"model_data: {stores: [{access_key_id: a}]}":                     "go together",
		"model_data: {stores: [{endpoint: 'http://s3.example.com'}]}":    "plain http",
		"model_data: {folders: [{prefix: s3://a/b, folder: /srv/here}]}": "ends with a slash",
	} {
		if _, err := Parse([]byte(text), "/etc/bellows"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
