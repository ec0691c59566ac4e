package server

import (
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"bellows.dev/bellows/internal/addrfile"
	"bellows.dev/bellows/internal/config"
)

// A server answers a signed call, and when it has stopped nothing of it is left: no goroutine, and its directory and port are free.
func TestAServerStartsAnswersAndStops(t *testing.T) {
	before := goleak.IgnoreCurrent()
	dir := t.TempDir()
	for start := range 2 {
		t.Run("start", func(t *testing.T) {
			r := startServer(t, func(o *Options) { o.Dir = dir })
			if key, created := r.Key(); key.AccessKeyID == "" || created != (start == 0) {
				t.Errorf("start %d: the key is %q, created: %t", start, key.AccessKeyID, created)
			}
			body := `{"ModelName":"m","ExecutionRoleArn":"arn:aws:iam::123456789012:role/r","PrimaryContainer":{"Image":"bellows/demo-model"}}`
			target := "SageMaker.CreateModel"
			if start == 1 { // what the first start took is still there
				body, target = `{"ModelName":"m"}`, "SageMaker.DescribeModel"
			}
			got := r.raw(r.signed("sagemaker", http.MethodPost, "/", body, http.Header{
				"X-Amz-Target": {target}, "Content-Type": {"application/x-amz-json-1.1"}, "Connection": {"close"},
			}) + body)
			if !strings.HasPrefix(got, "HTTP/1.1 200") || !strings.Contains(got, ":model/m") {
				t.Errorf("start %d: %.400q", start, got)
			}
			if address, region, found := addrfile.Read(dir); !found || address != r.Address() || region != "us-east-1" {
				t.Errorf("start %d: the address is noted as %q, %q, %t", start, address, region, found)
			}
		})
		if err := leaked(before); err != nil {
			t.Errorf("start %d: %v", start, err)
		}
	}
}

// Where a part cannot be opened, New says why, and closes what it opened before: once the fault is gone, a server starts with the same
// directory and port.
func TestAFailedStartClosesWhatItOpened(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	file := func(name, content string) func(t *testing.T, o *Options) (mend func()) {
		return func(t *testing.T, o *Options) func() {
			path := filepath.Join(o.Dir, name)
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			return func() {
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	setting := func(change func(*config.Config)) func(*testing.T, *Options) func() {
		return func(_ *testing.T, o *Options) func() {
			sound := o.Config
			change(&o.Config)
			return func() { o.Config = sound }
		}
	}
	for name, c := range map[string]struct {
		fault func(t *testing.T, o *Options) (mend func())
		want  string
	}{
		"the store": {file("bellows.db", "no database"), "database"},
		"the keys":  {file("credentials.json", "no JSON"), "credentials"},
		"the port": {func(t *testing.T, o *Options) func() {
			l, err := net.Listen("tcp", o.Listen)
			if err != nil {
				t.Fatal(err)
			}
			return func() { l.Close() }
		}, "--listen sets another"},
		"the model data": {setting(func(c *config.Config) {
			c.ModelData.Stores = []config.Store{{AccessKeyID: "a", SecretAccessKeyFile: missing}}
		}), "model_data: stores[0]: reading the secret access key"},
		"the fleet":   {file("fleet", ""), "the fleet's directory"},
		"the history": {file("history", ""), "history"},
		"retention":   {setting(func(c *config.Config) { c.Retention = "60s=soon" }), "retention: "},
		"remote write": {setting(func(c *config.Config) {
			c.RemoteWrite = make([]config.RemoteWrite, 1)
			c.RemoteWrite[0].URL, c.RemoteWrite[0].BasicAuth.PasswordFile = "http://127.0.0.1:9", missing
		}), "reading a password of remote_write"},
	} {
		t.Run(name, func(t *testing.T) {
			before := goleak.IgnoreCurrent()
			o := Options{Dir: t.TempDir(), Listen: freeAddress(t), Speed: 1, Config: config.Default(), Log: slog.New(slog.DiscardHandler)}
			mend := c.fault(t, &o)
			s, err := New(t.Context(), o)
			if s != nil || err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("%v, %v: want an error with %q", s, err, c.want)
			}
			if err := leaked(before); err != nil {
				t.Errorf("after the failed start: %v", err)
			}
			mend()
			if s, err = New(t.Context(), o); err != nil {
				t.Fatalf("after the fault is gone: %v", err)
			}
			if _, created := s.Key(); !created {
				t.Error("the key of the failed start, which was not announced, was kept")
			}
			s.release()
			if err := leaked(before); err != nil {
				t.Errorf("after the next: %v", err)
			}
		})
	}
}

// leaked finds goroutines that began since before. fasthttp has one that updates the date, for as long as the process lives.
func leaked(before goleak.Option) error {
	return goleak.Find(before, goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"))
}

// freeAddress returns an address that nothing listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
