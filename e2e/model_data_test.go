package e2e

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker/types"
)

// Keys of the store; it refuses others.
const storeKey, storeSecret = "store", "store-secret"

// store is a real S3 server over a folder.
type store struct {
	t   *testing.T
	url string
	*s3.Client
}

// newStore starts versitygw with a bucket "models".
func newStore(t *testing.T) *store {
	t.Helper()
	program, err := filepath.Abs("../bin/versitygw")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(program); err != nil {
		lacking(t, "versitygw: `make clients` builds it")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	var output bytes.Buffer
	cmd := exec.Command(program, "--port", address, "--quiet", "posix", "--sidecar", t.TempDir(), dir)
	cmd.Env = append(os.Environ(), "ROOT_ACCESS_KEY_ID="+storeKey, "ROOT_SECRET_ACCESS_KEY="+storeSecret)
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	s := &store{t: t, url: "http://" + address}
	s.Client = s3.New(s3.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(s.url), UsePathStyle: true, RetryMaxAttempts: 30,
		Credentials: credentials.NewStaticCredentialsProvider(storeKey, storeSecret, ""),
	})
	if _, err := s.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("models")}); err != nil {
		t.Fatalf("the store does not start: %v\n%s", err, output.String())
	}
	return s
}

func (s *store) put(key string, data []byte, algorithm s3types.ChecksumAlgorithm) {
	s.t.Helper()
	if _, err := s.PutObject(s.t.Context(), &s3.PutObjectInput{
		Bucket: aws.String("models"), Key: aws.String(key), Body: bytes.NewReader(data), ChecksumAlgorithm: algorithm,
	}); err != nil {
		s.t.Fatal(err)
	}
}

// putParts uploads an object in two parts, whose ETag is not an MD5.
func (s *store) putParts(key string, data []byte) {
	s.t.Helper()
	object := struct{ Bucket, Key *string }{aws.String("models"), aws.String(key)}
	up, err := s.CreateMultipartUpload(s.t.Context(), &s3.CreateMultipartUploadInput{Bucket: object.Bucket, Key: object.Key})
	if err != nil {
		s.t.Fatal(err)
	}
	var parts []s3types.CompletedPart
	for i, part := range [][]byte{data[:5<<20], data[5<<20:]} {
		out, err := s.UploadPart(s.t.Context(), &s3.UploadPartInput{
			Bucket: object.Bucket, Key: object.Key, UploadId: up.UploadId, PartNumber: aws.Int32(int32(i + 1)), Body: bytes.NewReader(part),
		})
		if err != nil {
			s.t.Fatal(err)
		}
		parts = append(parts, s3types.CompletedPart{
			ETag: out.ETag, PartNumber: aws.Int32(int32(i + 1)), ChecksumCRC32: out.ChecksumCRC32, ChecksumCRC64NVME: out.ChecksumCRC64NVME,
		})
	}
	if _, err := s.CompleteMultipartUpload(s.t.Context(), &s3.CompleteMultipartUploadInput{
		Bucket: object.Bucket, Key: object.Key, UploadId: up.UploadId, MultipartUpload: &s3types.CompletedMultipartUpload{Parts: parts},
	}); err != nil {
		s.t.Fatal(err)
	}
}

func tarball(name string, text []byte) []byte {
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.NoCompression)
	w := tar.NewWriter(z)
	_ = w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(text))})
	_, _ = w.Write(text)
	_ = w.Close()
	_ = z.Close()
	return b.Bytes()
}

// withData creates a model with data, its config and its endpoint, all with one name.
func (s *server) withData(name string, d types.ContainerDefinition, count int32) error {
	s.t.Helper()
	d.Image = aws.String("bellows/demo-model")
	d.Environment = map[string]string{"BELLOWS_DEMO_LATENCY_MS": "1"}
	if _, err := s.sagemaker().CreateModel(s.t.Context(), &sagemaker.CreateModelInput{ModelName: aws.String(name), PrimaryContainer: &d}); err != nil {
		return err
	}
	if _, err := s.sagemaker().CreateEndpointConfig(s.t.Context(), &sagemaker.CreateEndpointConfigInput{
		EndpointConfigName: aws.String(name), ProductionVariants: []types.ProductionVariant{{
			VariantName: aws.String("v"), ModelName: aws.String(name), InitialInstanceCount: aws.Int32(count), InstanceType: types.ProductionVariantInstanceTypeMlM5Large,
		}},
	}); err != nil {
		s.t.Fatal(err)
	}
	if _, err := s.sagemaker().CreateEndpoint(s.t.Context(), &sagemaker.CreateEndpointInput{
		EndpointName: aws.String(name), EndpointConfigName: aws.String(name),
	}); err != nil {
		s.t.Fatal(err)
	}
	return nil
}

// modelDirs returns the model data folders of the running model servers.
func modelDirs(t *testing.T, dir string) map[string]int {
	t.Helper()
	out := map[string]int{}
	for _, pid := range instances(t, dir) {
		env, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
		if err != nil {
			t.Fatal(err)
		}
		for v := range bytes.SplitSeq(env, []byte{0}) {
			if folder, ok := strings.CutPrefix(string(v), "SM_MODEL_DIR="); ok {
				out[folder]++
			}
		}
	}
	return out
}

func gzipObject(key string) types.ContainerDefinition {
	return types.ContainerDefinition{ModelDataUrl: aws.String("s3://models/" + key)}
}

func prefix(key string) types.ContainerDefinition {
	return types.ContainerDefinition{ModelDataSource: &types.ModelDataSource{S3DataSource: &types.S3ModelDataSource{
		S3Uri: aws.String("s3://models/" + key), S3DataType: types.S3ModelDataTypeS3Prefix, CompressionType: types.ModelCompressionTypeNone,
	}}}
}

// startWithStore starts a server with a store.
func startWithStore(t *testing.T, s *store) *server {
	t.Helper()
	config := filepath.Join(t.TempDir(), "bellows.yaml")
	if err := os.WriteFile(config, fmt.Appendf(nil, "model_data:\n  stores:\n"+
		"  - {bucket: models, endpoint: '%s', path_style: true, access_key_id: %s, secret_access_key: %s}\n"+
		"  - {bucket: foreign, endpoint: '%s', path_style: true, access_key_id: %s, secret_access_key: wrong}\n",
		s.url, storeKey, storeSecret, s.url, storeKey), 0o600); err != nil {
		t.Fatal(err)
	}
	return start(t, t.TempDir(), "--config", config)
}

// Endpoints serve models with data from a real S3 server: archives, including large ones, prefixes and single objects.
func TestModelDataFromS3(t *testing.T) {
	t.Parallel()
	store := newStore(t)
	store.put("iris/model.tar.gz", tarball("weights", []byte("1 2 3")), s3types.ChecksumAlgorithmSha256)
	store.putParts("large/model.tar.gz", tarball("weights", bytes.Repeat([]byte("0123456789abcdef"), 6<<20/16)))
	store.put("llm/config.json", []byte("{}"), s3types.ChecksumAlgorithmCrc32c)
	store.put("llm/shards/1.bin", []byte("one"), s3types.ChecksumAlgorithmCrc64nvme)
	s := startWithStore(t, store)
	for name, d := range map[string]types.ContainerDefinition{
		"archive": gzipObject("iris/model.tar.gz"), "large": gzipObject("large/model.tar.gz"), "prefix": prefix("llm/"),
	} {
		if err := s.withData(name, d, 2); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		s.settled(name, 2)
	}
	dirs := modelDirs(t, s.dir)
	found := map[string]bool{}
	for folder, n := range dirs {
		if n != 2 {
			t.Errorf("%d instances share %s", n, folder)
		}
		for _, name := range []string{"weights", "config.json", "shards/1.bin"} {
			if text, err := os.ReadFile(filepath.Join(folder, name)); err == nil {
				found[fmt.Sprintf("%s %d", name, len(text))] = true
			}
		}
	}
	if len(dirs) != 3 || !found["weights 5"] || !found["weights 6291456"] || !found["config.json 2"] || !found["shards/1.bin 3"] {
		t.Errorf("folders %v, files %v", dirs, found)
	}
	out, err := s.sagemaker().DescribeModel(t.Context(), &sagemaker.DescribeModelInput{ModelName: aws.String("prefix")})
	if err != nil {
		t.Fatal(err)
	}
	if got := out.PrimaryContainer.ModelDataSource.S3DataSource; aws.ToString(got.S3Uri) != "s3://models/llm/" || got.S3DataType != types.S3ModelDataTypeS3Prefix {
		t.Errorf("described as %+v", got)
	}
}

// Missing model data is refused by CreateModel if possible; otherwise the start fails at once, long before the startup timeout.
func TestMissingModelData(t *testing.T) {
	t.Parallel()
	store := newStore(t)
	store.put("no-archive", []byte("plain text"), "")
	store.put("damaged", append(tarball("weights", []byte("1"))[:60], "damage"...), "")
	store.put("goes", tarball("weights", []byte("1")), "")
	s := startWithStore(t, store)
	url := func(u string) types.ContainerDefinition {
		return types.ContainerDefinition{ModelDataUrl: aws.String(u)}
	}
	for want, d := range map[string]types.ContainerDefinition{
		"Could not find model data at s3://models/none.tar.gz.":               gzipObject("none.tar.gz"),
		"is not a gzip-compressed tar archive":                                gzipObject("no-archive"),
		"no store and no folder for the bucket \"elsewhere\"":                 url("s3://elsewhere/model.tar.gz"),
		"it may not be read with the credentials":                             url("s3://foreign/model.tar.gz"),
		"List other folders in file_roots, under model_data: in bellows.yaml": url("file:///nowhere/model.tar.gz"),
		"Member must satisfy regular expression pattern: ^(https|s3)://":      url("ftp://x/y"),
		"this server reads s3://bucket/key and file:///path":                  url("https://models.s3.amazonaws.com/x"),
		"with S3Prefix it must end with a forward slash":                      prefix("llm"),
		"no object's key begins with \"llm/\"":                                prefix("llm/"),
		"'primaryContainer.modelDataSource.s3DataSource.modelAccessConfig' a": gated(),
	} {
		err := s.withData("refused", d, 1)
		if err == nil || !strings.Contains(err.Error(), "ValidationException") || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	if err := s.withData("damaged", gzipObject("damaged"), 1); err != nil {
		t.Fatal(err)
	}
	s.failed("damaged", `Failed to extract model data archive for container "container_1" from URL "s3://models/damaged".`)
	if _, err := s.sagemaker().CreateModel(t.Context(), &sagemaker.CreateModelInput{ModelName: aws.String("goes"), PrimaryContainer: &types.ContainerDefinition{
		Image: aws.String("bellows/demo-model"), ModelDataUrl: aws.String("s3://models/goes"),
	}}); err != nil {
		t.Fatal(err)
	}
	if _, err := store.DeleteObject(context.WithoutCancel(t.Context()), &s3.DeleteObjectInput{Bucket: aws.String("models"), Key: aws.String("goes")}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.sagemaker().CreateEndpointConfig(t.Context(), &sagemaker.CreateEndpointConfigInput{
		EndpointConfigName: aws.String("goes"), ProductionVariants: []types.ProductionVariant{{
			VariantName: aws.String("v"), ModelName: aws.String("goes"), InitialInstanceCount: aws.Int32(3), InstanceType: types.ProductionVariantInstanceTypeMlM5Large,
		}},
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.sagemaker().CreateEndpoint(t.Context(), &sagemaker.CreateEndpointInput{
		EndpointName: aws.String("goes"), EndpointConfigName: aws.String("goes"),
	}); err != nil {
		t.Fatal(err)
	}
	s.failed("goes", `Failed to download model data for container "container_1" from URL: "s3://models/goes".`)
}

func gated() types.ContainerDefinition {
	d := prefix("llm/")
	d.ModelDataSource.S3DataSource.ModelAccessConfig = &types.ModelAccessConfig{AcceptEula: aws.Bool(true)}
	return d
}

// failed waits until an endpoint has failed with a reason that has a prefix. The startup timeout of eight minutes is longer than the wait.
func (s *server) failed(name, reason string) {
	s.t.Helper()
	s.until(name+" has failed", func() bool {
		out, err := s.sagemaker().DescribeEndpoint(s.t.Context(), &sagemaker.DescribeEndpointInput{EndpointName: aws.String(name)})
		if err != nil {
			s.t.Fatal(err)
		}
		if out.EndpointStatus != types.EndpointStatusFailed {
			return false
		}
		if got := aws.ToString(out.FailureReason); !strings.HasPrefix(got, reason) {
			s.t.Errorf("%s failed for %q, want %q", name, got, reason)
		}
		return true
	})
}

// Local folders are mapped to prefixes without a store.
func TestModelDataFromFolders(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "iris"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "iris", "model.tar.gz"), tarball("weights", []byte("1 2 3")), 0o600); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(t.TempDir(), "bellows.yaml")
	if err := os.WriteFile(config, fmt.Appendf(nil, "model_data:\n  folders:\n  - {prefix: 's3://models/', folder: %s}\n  file_roots: [%s]\n", dir, dir), 0o600); err != nil {
		t.Fatal(err)
	}
	s := start(t, t.TempDir(), "--config", config)
	if err := s.withData("mapped", gzipObject("iris/model.tar.gz"), 1); err != nil {
		t.Fatal(err)
	}
	if err := s.withData("file", types.ContainerDefinition{ModelDataUrl: aws.String("file://" + dir + "/iris/model.tar.gz")}, 1); err != nil {
		t.Fatal(err)
	}
	s.settled("mapped", 1)
	s.settled("file", 1)
	if dirs := modelDirs(t, s.dir); len(dirs) != 1 {
		t.Errorf("the same archive is in %v", dirs)
	}
}

// A store without keys in bellows.yaml is read with those of the server's environment, independent of other AWS variables.
func TestModelDataWithCredentialsOfTheEnvironment(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", storeKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", storeSecret)
	t.Setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1") // as set for clients of this server
	store := newStore(t)
	store.put("llm/config.json", []byte("{}"), s3types.ChecksumAlgorithmCrc32c)
	config := filepath.Join(t.TempDir(), "bellows.yaml")
	if err := os.WriteFile(config, fmt.Appendf(nil, "model_data:\n  stores:\n  - {bucket: models, endpoint: '%s', path_style: true}\n", store.url), 0o600); err != nil {
		t.Fatal(err)
	}
	s := start(t, t.TempDir(), "--config", config)
	if err := s.withData("llm", prefix("llm/"), 1); err != nil {
		t.Fatal(err)
	}
	s.settled("llm", 1)
	for folder := range modelDirs(t, s.dir) {
		if text, err := os.ReadFile(filepath.Join(folder, "config.json")); err != nil || string(text) != "{}" {
			t.Errorf("%s: %q, %v", folder, text, err)
		}
	}
}
