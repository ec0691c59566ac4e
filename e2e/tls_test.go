package e2e

import (
	"context"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cw "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/sagemakerruntime"

	"bellows.dev/bellows/internal/certs"
)

// trusting returns a client that trusts the authorities of a file.
func trusting(t *testing.T, file string) *http.Client {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		t.Fatalf("%s has no certificate", file)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// readOnly makes calls with a read-only key, in each protocol, and prints the errors' codes.
const readOnly = `
import boto3, botocore
def code(f, **k):
    try: f(**k)
    except botocore.exceptions.ClientError as e: return e.response["Error"]["Code"] + ("" if "no identity-based policy allows" in str(e) else "?")
    return "ok"
sm, rt, cw = boto3.client("sagemaker"), boto3.client("sagemaker-runtime"), boto3.client("cloudwatch")
aas, asg, sts = boto3.client("application-autoscaling"), boto3.client("autoscaling"), boto3.client("sts")
print(code(sm.list_endpoints), code(cw.describe_alarms), code(asg.describe_auto_scaling_groups), code(sts.get_caller_identity), code(aas.describe_scaling_policies, ServiceNamespace="sagemaker"))
print(code(sm.delete_endpoint, EndpointName="e"), code(rt.invoke_endpoint, EndpointName="e", Body=b"1"), code(cw.delete_alarms, AlarmNames=["a"]),
      code(aas.deregister_scalable_target, ServiceNamespace="sagemaker", ResourceId="endpoint/e/variant/AllTraffic", ScalableDimension="sagemaker:variant:DesiredInstanceCount"),
      code(asg.set_desired_capacity, AutoScalingGroupName="e.AllTraffic", DesiredCapacity=2))
`

// The AWS CLI and boto3 reach a server with --tls internal by AWS_CA_BUNDLE, in each of their protocols; without it they do not. An invocation in
// flight is answered when the server stops. A read-only key reads, and is refused the rest in AWS's words.
func TestClientsOverTLS(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("aws"); err != nil {
		lacking(t, "the AWS CLI is not installed")
	}
	s := start(t, t.TempDir(), "--tls", "internal")
	if !strings.HasPrefix(s.url, "https://127.0.0.1:") || s.env["AWS_CA_BUNDLE"] == "" {
		t.Fatalf("env prints %v", s.env)
	}
	s.client = trusting(t, s.env["AWS_CA_BUNDLE"])
	s.deploy("e", 1, map[string]string{"BELLOWS_DEMO_LATENCY_MS": "10"})
	body := filepath.Join(t.TempDir(), "out")
	s.script("aws", "sagemaker-runtime", "invoke-endpoint", "--endpoint-name", "e", "--content-type", "text/csv", "--body", "5.1,3.5,1.4,0.2", body)
	if text, err := os.ReadFile(body); err != nil || strings.TrimSpace(string(text)) != "setosa" {
		t.Errorf("%q, %v", text, err)
	}
	untrusted := s.command(t.Context(), "aws", "sagemaker", "list-endpoints")
	untrusted.Env = append(untrusted.Env, "AWS_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt", "AWS_MAX_ATTEMPTS=1")
	if out, err := untrusted.CombinedOutput(); err == nil || !strings.Contains(string(out), "SSL validation failed") {
		t.Errorf("without the authority: %v, %s", err, out)
	}
	text, err := runBinary(t.Context(), "keys", "create", "--data-dir", s.dir, "--user", "ann", "--read-only", "--json")
	var key struct {
		ID     string `json:"access_key_id"`
		Secret string `json:"secret_access_key"`
	}
	if err != nil || json.Unmarshal([]byte(text), &key) != nil {
		t.Fatalf("%v: %s", err, text)
	}
	reader := s.command(t.Context(), "python3", "-c", readOnly)
	reader.Env = append(reader.Env, "AWS_ACCESS_KEY_ID="+key.ID, "AWS_SECRET_ACCESS_KEY="+key.Secret)
	const want = "ok ok ok ok ok\nAccessDeniedException AccessDeniedException AccessDeniedException AccessDeniedException AccessDenied\n"
	if out, err := reader.CombinedOutput(); err != nil || strings.Replace(string(out), "AccessDenied ", "AccessDeniedException ", 1) != want {
		t.Errorf("a read-only key: %v\n%s", err, out)
	}
	answered := make(chan error, 1)
	runtime := s.runtime()
	s.deploy("slow", 1, map[string]string{"BELLOWS_DEMO_LATENCY_MS": "4000"})
	go func() {
		out, err := runtime.InvokeEndpoint(t.Context(), &sagemakerruntime.InvokeEndpointInput{
			EndpointName: aws.String("slow"), ContentType: aws.String("text/csv"), Body: []byte("5.1,3.5,1.4,0.2"),
		})
		if err == nil && strings.TrimSpace(string(out.Body)) != "setosa" {
			err = fmt.Errorf("the answer is %q", out.Body)
		}
		answered <- err
	}()
	s.until("the invocation in flight", func() bool {
		out, err := s.cloudwatch().GetMetricStatistics(t.Context(), &cloudwatch.GetMetricStatisticsInput{
			Namespace: aws.String("AWS/SageMaker"), MetricName: aws.String("ConcurrentRequestsPerModel"), Period: aws.Int32(60), Statistics: []cw.Statistic{cw.StatisticMaximum},
			StartTime: aws.Time(time.Now().Add(-time.Minute)), EndTime: aws.Time(time.Now().Add(time.Minute)),
			Dimensions: []cw.Dimension{{Name: aws.String("EndpointName"), Value: aws.String("slow")}, {Name: aws.String("VariantName"), Value: aws.String("AllTraffic")}},
		})
		if err != nil {
			t.Fatal(err)
		}
		return len(out.Datapoints) > 0 && *out.Datapoints[len(out.Datapoints)-1].Maximum >= 1
	})
	s.stop()
	if err := <-answered; err != nil {
		t.Errorf("an invocation in flight when the server stops: %v", err)
	}
}

// freePort returns a port that was free a moment ago.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// With --tls auto a server gets its certificate from an ACME authority, pebble, which checks it by tls-alpn-01 on the server's own port.
func TestACME(t *testing.T) {
	t.Parallel()
	pebble, err := exec.LookPath("pebble")
	if err != nil {
		t.Skip("pebble is not installed: go install github.com/letsencrypt/pebble/v2/cmd/pebble@latest")
	}
	dir := t.TempDir()
	source, err := certs.OpenInternal(dir, nil, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := source.Config().GetCertificate(&tls.ClientHelloInfo{})
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalECPrivateKey(ecdsaKey(t, certificate))
	if err != nil {
		t.Fatal(err)
	}
	file := func(name string, text []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	authority, manage, port := freePort(t), freePort(t), freePort(t)
	config, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": fmt.Sprintf("127.0.0.1:%d", authority), "managementListenAddress": fmt.Sprintf("127.0.0.1:%d", manage),
		"certificate": file("cert.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Certificate[0]})),
		"privateKey":  file("key.pem", pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})),
		"httpPort":    1, "tlsPort": port,
	}})
	if err != nil {
		t.Fatal(err)
	}
	ca := exec.CommandContext(t.Context(), pebble, "-config", file("pebble.json", config))
	ca.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=0")
	if err := ca.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = ca.Process.Kill(), ca.Wait() })
	root := filepath.Join(dir, certs.Dir, certs.CAFile)
	yaml := file("bellows.yaml", fmt.Appendf(nil, "tls: {mode: auto, domains: [localhost], email: ops@example.com, ca: \"https://127.0.0.1:%d/dir\", ca_root: %s}\n", authority, root))
	server := exec.CommandContext(context.WithoutCancel(t.Context()), binary, "serve", "--data-dir", filepath.Join(dir, "data"), "--listen", fmt.Sprintf("127.0.0.1:%d", port), "--config", yaml)
	var log strings.Builder
	server.Stderr = &log
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Signal(syscall.SIGTERM)
		if err := server.Wait(); err != nil {
			t.Errorf("the server ended with %v\n%s", err, log.String())
		}
	})
	issuer := acmeRoot(t, trusting(t, root), fmt.Sprintf("https://127.0.0.1:%d/roots/0", manage))
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); ; <-tick.C {
		c, err := (&tls.Dialer{Config: &tls.Config{RootCAs: issuer, ServerName: "localhost"}}).DialContext(t.Context(), "tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			_ = c.Close()
			break
		}
		if time.Now().After(end) {
			t.Fatalf("no certificate of the authority: %v\n%s", err, log.String())
		}
	}
}

func ecdsaKey(t *testing.T, c *tls.Certificate) *ecdsa.PrivateKey {
	t.Helper()
	key, ok := c.PrivateKey.(*ecdsa.PrivateKey)
	if !ok {
		t.Fatalf("the key is a %T", c.PrivateKey)
	}
	return key
}

// acmeRoot asks pebble for the certificate that it signs with.
func acmeRoot(t *testing.T, c *http.Client, url string) *x509.CertPool {
	t.Helper()
	roots := x509.NewCertPool()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); ; <-tick.C {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		if w, err := c.Do(r); err == nil {
			text, err := io.ReadAll(w.Body)
			_ = w.Body.Close()
			if err == nil && roots.AppendCertsFromPEM(text) {
				return roots
			}
		}
		if time.Now().After(end) {
			t.Fatal("pebble does not answer")
		}
	}
}
