package e2e

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/sagemakerruntime"
	"github.com/aws/smithy-go"
)

// singleThreaded is a model server that handles one request at a time, including pings. A request's body contains its duration in seconds;
// the file busy is created by the first one.
const singleThreaded = `import http.server, os, socketserver, time
class H(http.server.BaseHTTPRequestHandler):
    def answer(self):
        self.send_response(200); self.send_header("Content-Length", "0"); self.end_headers()
    def do_GET(self): self.answer()
    def do_POST(self):
        seconds = float(self.rfile.read(int(self.headers["Content-Length"])))
        open("busy", "w").close()
        time.sleep(seconds)
        self.answer()
    def log_message(self, *a): pass
socketserver.TCPServer.request_queue_size = 64  # all clients below: none is refused for want of room
socketserver.TCPServer(("127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"])), H).serve_forever()
`

// oneFails is a model server whose first process responds 500 at once and writes its process ID to the file bad; the others take 5 ms.
const oneFails = `import http.server, os, socketserver, time
try:
    with open("bad", "x") as f: f.write(str(os.getpid()))
    status, seconds = 500, 0
except FileExistsError:
    status, seconds = 200, 0.005
class H(http.server.BaseHTTPRequestHandler):
    def answer(self, status):
        self.send_response(status); self.send_header("Content-Length", "0"); self.end_headers()
    def do_GET(self): self.answer(200)
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        time.sleep(seconds)
        self.answer(status)
    def log_message(self, *a): pass
socketserver.ThreadingTCPServer(("127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"])), H).serve_forever()
`

// startModel runs a server whose demo model is a Python program, with further settings.
func startModel(t *testing.T, program, settings string) (s *server, folder string) {
	t.Helper()
	folder = t.TempDir()
	file := filepath.Join(folder, "bellows.yaml")
	for name, text := range map[string]string{
		filepath.Join(folder, "model.py"): program,
		file:                              settings + "images: [{image: bellows/demo-model, command: [python3, model.py], cwd: .}]\n",
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return start(t, filepath.Join(folder, "data"), "--config", file), folder
}

// invokeBody invokes an endpoint once, without the SDK's retries.
func (s *server) invokeBody(client *sagemakerruntime.Client, endpoint, body string) error {
	_, err := client.InvokeEndpoint(s.t.Context(), &sagemakerruntime.InvokeEndpointInput{EndpointName: aws.String(endpoint), Body: []byte(body)},
		func(o *sagemakerruntime.Options) { o.RetryMaxAttempts = 1 })
	return err
}

// A single-threaded model that is overloaded for much longer than its pings may fail is not killed: its process stays, its instance does not
// change, and each request gets a response, 503 only from the bounded queue.
func TestOverloadKillsNoInstance(t *testing.T) {
	t.Parallel()
	const pings = "ping_interval: 300ms\nping_timeout: 500ms\nping_failures: 3\n" // 1.5 s without a response means failure
	for name, x := range map[string]struct {
		settings string
		refused  string // text of the 503 responses; "": none expected
	}{
		"without a limit":        {settings: pings},
		"with a limit and queue": {pings + "max_concurrency: 1\nqueue_max: 4\n", "are busy, and the queue of requests that wait for them is full (queue_max)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, folder := startModel(t, singleThreaded, x.settings)
			s.deploy("slow", 1, nil)
			pids, changes := instances(t, s.dir), strings.Count(s.log(), "kind=InstanceChanged")
			var clients sync.WaitGroup
			var served, refused atomic.Int64
			began := time.Now()
			ask := func(requests ...string) {
				client := s.runtime()
				clients.Go(func() {
					for _, seconds := range requests {
						var answer *awshttp.ResponseError
						var ours smithy.APIError
						switch err := s.invokeBody(client, "slow", seconds); {
						case err == nil:
							served.Add(1)
						case x.refused != "" && errors.As(err, &answer) && answer.HTTPStatusCode() == http.StatusServiceUnavailable && answer.Response.Header.Get("Retry-After") == "1" &&
							errors.As(err, &ours) && ours.ErrorCode() == "ServiceUnavailable" && strings.Contains(ours.ErrorMessage(), x.refused):
							refused.Add(1)
						default:
							t.Error(err)
						}
					}
				})
			}
			ask("3") // without any response, including pings
			s.until("the model works", func() bool { _, err := os.Stat(filepath.Join(folder, "busy")); return err == nil })
			for range 11 {
				ask("0.2", "0.2")
			}
			clients.Wait()
			if took := time.Since(began); took < 3*time.Second || served.Load() < 5 || (refused.Load() > 0) != (x.refused != "") {
				t.Errorf("%d requests were served and %d refused within %v: the model is not overloaded", served.Load(), refused.Load(), took)
			}
			if err := s.invokeBody(s.runtime(), "slow", "0"); err != nil {
				t.Errorf("afterwards: %v", err)
			}
			if now := instances(t, s.dir); !slices.Equal(now, pids) || len(now) != 1 {
				t.Errorf("instances were %v, are %v", pids, now)
			}
			if now := strings.Count(s.log(), "kind=InstanceChanged"); now != changes {
				t.Errorf("the instance changed %d times", now-changes)
			}
		})
	}
}

// One of three instances responds 500 at once, so least outstanding requests would route most invocations to it: it is ejected, few
// invocations fail afterwards, and the log, explain and the page show it with the reason.
func TestAnInstanceThatFailsFastIsEjected(t *testing.T) {
	t.Parallel()
	s, folder := startModel(t, oneFails, "")
	s.deploy("flaky", 3, nil)
	bad := s.instanceOf(filepath.Join(folder, "bad"))
	var clients sync.WaitGroup
	var ended atomic.Bool
	var served, failed atomic.Int64
	for range 8 {
		client := s.runtime()
		clients.Go(func() {
			for !ended.Load() {
				var answer *awshttp.ResponseError
				switch err := s.invokeBody(client, "flaky", "x"); {
				case err == nil:
					served.Add(1)
				case errors.As(err, &answer) && answer.HTTPStatusCode() == http.StatusFailedDependency && strings.Contains(err.Error(), "Received server error (500)"):
					failed.Add(1)
				default:
					t.Error(err)
				}
			}
		})
	}
	defer clients.Wait()
	defer ended.Store(true)
	logged := fmt.Sprintf(`level=WARN msg="an instance is not routed to for a while" endpoint=flaky variant=AllTraffic instance=%s for=5s reason="`, bad)
	s.until("the ejection in the log", func() bool { return strings.Contains(s.log(), logged) })
	after := failed.Load()
	s.until("the page says that it is ejected", func() bool { return s.health().Status == "degraded" })
	from := served.Load()
	s.until("500 more calls", func() bool { return served.Load() >= from+500 })
	if all, late := failed.Load(), failed.Load()-after; late > 25 || all > 50 {
		t.Errorf("%d calls failed, %d of them after the ejection; %d were served", all, late, served.Load())
	}
	_, html := s.fetch("/health", "text/html")
	message := bad + " is not routed to for a while: "
	for what, text := range map[string]string{
		"explain": s.script(binary, "explain", "flaky", "--data-dir", s.dir), "explain's JSON": s.script(binary, "explain", "flaky", "--json", "--data-dir", s.dir),
		"the page": html, "the health JSON": s.get("/health"),
	} {
		if _, why, found := strings.Cut(text, message); !found || !strings.Contains(why[:min(100, len(why))], "it answered 500") {
			t.Errorf("%s does not show %q and the reason:\n%s", what, message, text)
		}
	}
	if text := s.script(binary, "explain", "flaky", "--data-dir", s.dir); !strings.Contains(text, "instance   "+bad+" of flaky/AllTraffic is not routed to for a while: ") ||
		!strings.Contains(text, " failures in a row, the last: it answered 500\n") || !strings.Contains(text, "\n  degraded: "+message) {
		t.Errorf("explain shows\n%s", text)
	}
	if n := strings.Count(s.log(), "not routed to for a while"); n != strings.Count(s.log(), "instance="+bad) {
		t.Errorf("other instances are ejected, too, or an event is logged twice:\n%s", s.log())
	}
}

// instanceOf returns the ID of the instance whose process ID is in a file, by the name of its log.
func (s *server) instanceOf(file string) string {
	s.t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		s.t.Fatal(err)
	}
	pid, err := strconv.Atoi(string(text))
	if err != nil {
		s.t.Fatal(err)
	}
	log, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/1", pid))
	if err != nil {
		s.t.Fatal(err)
	}
	return strings.TrimSuffix(filepath.Base(log), filepath.Ext(log))
}
