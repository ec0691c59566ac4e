package e2e

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	aastypes "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker/types"
	"github.com/aws/aws-sdk-go-v2/service/sagemakerruntime"
)

// waitsForGo is a model server that serves once the file go exists. Each start leaves a file start-PID; the body of a request is its answer.
const waitsForGo = `import http.server, os, socketserver, time
open("start-%d" % os.getpid(), "w").close()
while not os.path.exists("go"): time.sleep(0.02)
class H(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def answer(self, body=b""):
        self.send_response(200); self.send_header("Content-Length", str(len(body))); self.end_headers(); self.wfile.write(body)
    def do_GET(self): self.answer()
    def do_POST(self): self.answer(self.rfile.read(int(self.headers["Content-Length"])))
    def log_message(self, *a): pass
socketserver.TCPServer.request_queue_size = 512
socketserver.ThreadingTCPServer(("127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"])), H).serve_forever()
`

// flood sends many requests at once and returns how many get their own body back, how many 503 with Retry-After, and how many anything else.
func (s *server) flood(n int, done *sync.WaitGroup) (served, refused, lost *atomic.Int64) {
	served, refused, lost = new(atomic.Int64), new(atomic.Int64), new(atomic.Int64)
	client := s.runtime()
	for i := range n {
		done.Go(func() {
			body := strconv.Itoa(i)
			out, err := client.InvokeEndpoint(s.t.Context(), &sagemakerruntime.InvokeEndpointInput{EndpointName: aws.String("sleepy"), Body: []byte(body)},
				func(o *sagemakerruntime.Options) { o.RetryMaxAttempts = 1 })
			answer := (*awshttp.ResponseError)(nil)
			switch {
			case err == nil && string(out.Body) == body:
				served.Add(1)
			case errors.As(err, &answer) && answer.HTTPStatusCode() == http.StatusServiceUnavailable && answer.Response.Header.Get("Retry-After") != "":
				refused.Add(1)
			default:
				lost.Add(1)
			}
		})
	}
	return served, refused, lost
}

// A flood of requests wakes an endpoint from zero once, also where the server is killed while they wait: the next server adopts the instance
// that starts, holds as many requests as may wait, refuses the others with Retry-After, and serves all that it holds.
func TestAFloodThatWakesSurvivesAKill(t *testing.T) {
	t.Parallel()
	const sent, most = 120, 80
	s, folder := startModel(t, waitsForGo, "queue_max: "+strconv.Itoa(most)+"\n")
	open := func(is bool) {
		gate := filepath.Join(folder, "go")
		err := os.Remove(gate)
		if is {
			err = os.WriteFile(gate, nil, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	starts := func() int {
		files, err := filepath.Glob(filepath.Join(folder, "start-*"))
		if err != nil {
			t.Fatal(err)
		}
		return len(files)
	}
	if err := os.WriteFile(filepath.Join(folder, "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s.deploy("sleepy", 1, nil)
	const resource = "endpoint/sleepy/variant/AllTraffic"
	if _, err := s.scaling().RegisterScalableTarget(t.Context(), &applicationautoscaling.RegisterScalableTargetInput{
		ServiceNamespace: aastypes.ServiceNamespaceSagemaker, ResourceId: aws.String(resource),
		ScalableDimension: aastypes.ScalableDimensionSageMakerVariantDesiredInstanceCount, MinCapacity: aws.Int32(0), MaxCapacity: aws.Int32(3),
		Tags: map[string]string{"bellows:wake-on-request": "true"},
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.sagemaker().UpdateEndpointWeightsAndCapacities(t.Context(), &sagemaker.UpdateEndpointWeightsAndCapacitiesInput{
		EndpointName:                aws.String("sleepy"),
		DesiredWeightsAndCapacities: []types.DesiredWeightAndCapacity{{VariantName: aws.String("AllTraffic"), DesiredInstanceCount: aws.Int32(0)}},
	}); err != nil {
		t.Fatal(err)
	}
	s.settled("sleepy", 0)
	open(false)
	before := starts()
	var first, second sync.WaitGroup
	served, refused, _ := s.flood(sent, &first)
	s.until("the first flood waits, and its instance starts", func() bool { return refused.Load() == sent-most && starts() == before+1 })
	s.kill()
	first.Wait()
	if served.Load() != 0 {
		t.Errorf("%d requests were served without an instance", served.Load())
	}
	s = start(t, filepath.Join(folder, "data"), "--config", filepath.Join(folder, "bellows.yaml"))
	served, refused, lost := s.flood(sent, &second)
	s.until("the second flood waits", func() bool { return refused.Load() == sent-most })
	open(true)
	second.Wait()
	if served.Load() != most || lost.Load() != 0 {
		t.Errorf("%d requests were served and %d lost, want %d and none", served.Load(), lost.Load(), most)
	}
	s.settled("sleepy", 1)
	all, err := s.scaling().DescribeScalingActivities(t.Context(), &applicationautoscaling.DescribeScalingActivitiesInput{
		ServiceNamespace: aastypes.ServiceNamespaceSagemaker, ResourceId: aws.String(resource),
	})
	if err != nil || len(all.ScalingActivities) != 1 || !strings.Contains(aws.ToString(all.ScalingActivities[0].Cause), "waited while the capacity was 0") {
		t.Errorf("activities %+v, %v", all, err)
	}
	if n := starts() - before; n != 1 {
		t.Errorf("%d instances started, want one", n)
	}
}
