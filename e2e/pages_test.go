package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/sagemakerruntime"
)

// page requests a page with the authentication set by add, and returns status, header and text of the response.
func (s *server) page(path string, add func(*http.Request)) (int, http.Header, string) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.url+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	add(r)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer.StatusCode, answer.Header, string(text)
}

// The pages require a key, also from the local machine, since behind a proxy all requests come from there. /health needs none.
func TestPagesRequireAKey(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "bellows.yaml")
	const token = "a-token-for-prometheus"
	if err := os.WriteFile(file, []byte("metrics: {token: "+token+"}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := start(t, filepath.Join(dir, "data"), "--config", file)
	s.deploy("iris", 1, nil)
	id, secret := s.env["AWS_ACCESS_KEY_ID"], s.env["AWS_SECRET_ACCESS_KEY"]
	basic := func(id, secret string) func(*http.Request) {
		return func(r *http.Request) { r.SetBasicAuth(id, secret) }
	}
	bearer := func(token string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }
	}
	signed := func(secret, service string) func(*http.Request) {
		return func(r *http.Request) {
			sum := sha256.Sum256(nil)
			who := aws.Credentials{AccessKeyID: id, SecretAccessKey: secret}
			if err := v4.NewSigner().SignHTTP(t.Context(), who, r, hex.EncodeToString(sum[:]), service, "us-east-1", time.Now()); err != nil {
				t.Error(err)
			}
		}
	}
	for _, c := range []struct {
		name string
		add  func(*http.Request)
		want map[string]int
	}{
		{"nothing", func(*http.Request) {}, map[string]int{"/": 401, "/explain/iris": 401, "/metrics": 401, "/health": 200}},
		{"the key", basic(id, secret), map[string]int{"/": 200, "/explain/iris": 200, "/metrics": 200, "/health": 200}},
		{"a wrong secret", basic(id, "x"), map[string]int{"/": 401, "/explain/iris": 401, "/metrics": 401}},
		{"a signature", signed(secret, "sagemaker"), map[string]int{"/": 200, "/explain/iris": 200, "/metrics": 200}},
		{"a wrong signature", signed("x", "sagemaker"), map[string]int{"/": 401, "/explain/iris": 401, "/metrics": 401}},
		{"the token of metrics", bearer(token), map[string]int{"/": 401, "/explain/iris": 401, "/metrics": 200}},
		{"a wrong token", bearer("x"), map[string]int{"/metrics": 401}},
		{"aws s3", signed(secret, "s3"), map[string]int{"/": 501, "/metrics": 501}},
	} {
		for path, want := range c.want {
			code, head, text := s.page(path, c.add)
			if code != want {
				t.Errorf("%s with %s: %d, want %d: %s", path, c.name, code, want, text)
			}
			if code == 401 && !strings.HasPrefix(head.Get("Www-Authenticate"), "Basic ") {
				t.Errorf("%s with %s: browsers are not asked for the key: %v", path, c.name, head)
			}
			if c.name == "nothing" && strings.Contains(text, "iris") {
				t.Errorf("%s shows iris without authentication: %s", path, text)
			}
		}
	}
	if _, _, text := s.page("/health", func(*http.Request) {}); !strings.Contains(text, `"status":"ok"`) || strings.Contains(text, "uptime") {
		t.Errorf("a probe gets %s", text)
	}
	if _, _, text := s.page("/", signed(secret, "s3")); !strings.Contains(text, "<Error><Code>NotImplemented</Code><Message>This server does not serve the service s3.") {
		t.Errorf("aws s3 ls gets %s", text)
	}
}

// An endpoint that only responds 500 is shown as unhealthy everywhere and listed first.
func TestFailingEndpointLooksUnhealthy(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	server := filepath.Join(dir, "broken.py")
	if err := os.WriteFile(server, []byte(`import http.server, os
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self): self.send_response(200); self.send_header("Content-Length", "0"); self.end_headers()
    def do_POST(self): self.send_response(500); self.send_header("Content-Length", "0"); self.end_headers()
    def log_message(self, *a): pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"])), H).serve_forever()
`), 0o600); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "bellows.yaml")
	if err := os.WriteFile(file, []byte("images:\n- image: bellows/demo-model\n  command: [python3, broken.py]\n  cwd: .\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := start(t, filepath.Join(dir, "data"), "--config", file)
	s.deploy("a-quiet", 1, nil)
	s.deploy("broken", 1, nil)
	var failure error
	for range 5 {
		_, failure = s.runtime().InvokeEndpoint(t.Context(), &sagemakerruntime.InvokeEndpointInput{EndpointName: aws.String("broken"), Body: []byte("x")},
			func(o *sagemakerruntime.Options) { o.RetryMaxAttempts = 1 })
	}
	if failure == nil || !strings.Contains(failure.Error(), filepath.Join(dir, "data", "fleet", "logs", "i-")) || strings.Contains(failure.Error(), "console") {
		t.Errorf("the error does not name the log file: %v", failure)
	}
	s.until("the page says that it fails", func() bool { return s.health().Status == "failing" })
	_, page := s.fetch("/health", "text/html")
	if broken, quiet := strings.Index(page, "<td>broken"), strings.Index(page, "<td>a-quiet"); broken < 0 || quiet < broken {
		t.Errorf("the failing endpoint is not listed first:\n%s", page)
	}
	for _, want := range []string{"<h1>Bellows: <span class=\"failing\">failing</span>", "<th>Invocations/min", "<th>5XX, 5 min", "answered with a 5XX status"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s:\n%s", want, page)
		}
	}
	if text := s.script(binary, "explain", "broken", "--data-dir", s.dir); !strings.Contains(text, "  failing: 5 of 5 invocations") {
		t.Errorf("explain shows\n%s", text)
	}
	if text := s.get("/metrics"); !strings.Contains(text, `bellows_variant_health{account="123456789012",endpoint="broken",health="failing",region="us-east-1",variant="AllTraffic"} 1`) ||
		!strings.Contains(text, `bellows_variant_health{account="123456789012",endpoint="a-quiet",health="healthy",region="us-east-1",variant="AllTraffic"} 1`) {
		t.Error("/metrics does not show that it fails")
	}
}
