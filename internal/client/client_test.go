package client_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sagemaker"
	"github.com/google/go-cmp/cmp"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/addrfile"
	"bellows.dev/bellows/internal/audit"
	"bellows.dev/bellows/internal/awsapi"
	"bellows.dev/bellows/internal/awsapi/autoscaling"
	"bellows.dev/bellows/internal/awsapi/policies"
	"bellows.dev/bellows/internal/awsapi/sigv4"
	"bellows.dev/bellows/internal/client"
	"bellows.dev/bellows/internal/credentials"
	"bellows.dev/bellows/internal/log"
	"bellows.dev/bellows/scaling"
	"bellows.dev/bellows/scaling/policy"
	"bellows.dev/bellows/scaling/policy/example"
)

var (
	scope    = engine.Scope{Account: "123456789012", Region: "eu-west-1"}
	started  = time.Date(2026, 11, 28, 10, 0, 0, 0, time.UTC)
	chat     = scaling.VariantTarget("chat", "blue")
	variants = []string{"blue", "green", "red"}
)

// backend is an engine at a fixed time.
type backend struct{ engine *engine.Engine }

func (b backend) Step(_ context.Context, in engine.Input) (engine.Result, error) {
	out, err := b.engine.Step(started, in)
	return out.Result, err
}

func (b backend) View(_ context.Context, f func(time.Time, *engine.Engine)) error {
	f(started, b.engine)
	return nil
}

func (backend) Events(context.Context, log.EventQuery) ([]engine.Recorded, string, error) {
	return nil, "", errors.New("there are no events")
}

// serve runs the APIs that clients call, with signatures verified, and returns a data directory with the address and the key.
func serve(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	keys, _, err := credentials.Load(dir, func() credentials.Key { return credentials.New(scope.Account, "admin", time.Now()) })
	if err != nil {
		t.Fatal(err)
	}
	b := backend{engine.New(engine.Config{Seed: 1, Policies: append(policy.Types(), example.Type{})})}
	s := httptest.NewServer(&awsapi.Server{
		Auth: &awsapi.Authenticator{
			Now: time.Now, Account: scope.Account, Region: scope.Region,
			Lookup: func(id string) (sigv4.Key, bool) {
				return sigv4.Key{Secret: keys[0].SecretAccessKey, Account: keys[0].Account}, id == keys[0].AccessKeyID
			},
		},
		Services: []*awsapi.Service{policies.New(b), autoscaling.New(b)}, NewID: func() string { return "1" }, Log: slog.New(slog.DiscardHandler),
	})
	t.Cleanup(s.Close)
	one, ten := 1, 10
	config := hosting.EndpointConfig{Name: "c"}
	for _, name := range variants {
		config.Variants = append(config.Variants, hosting.VariantConfig{
			Name: name, Model: "m", InitialCount: 1, InitialWeight: 1, InstanceType: "ml.m5.large",
		})
	}
	inputs := []engine.Input{
		engine.CreateModel{Scope: scope, Model: hosting.Model{Name: "m"}},
		engine.CreateEndpointConfig{Scope: scope, Config: config},
		engine.CreateEndpoint{Key: engine.EndpointKey{Scope: scope, Endpoint: "chat"}, Config: "c"},
	}
	for _, name := range variants {
		inputs = append(inputs, engine.RegisterScalableTarget{Scope: scope, Registration: scaling.Registration{
			Key: scaling.VariantTarget("chat", name), Min: &one, Max: &ten,
		}})
	}
	for _, in := range inputs {
		if _, err := b.Step(t.Context(), in); err != nil {
			t.Fatalf("%T: %v", in, err)
		}
	}
	if err := addrfile.Write(dir, strings.TrimPrefix(s.URL, "http://"), scope.Region); err != nil {
		t.Fatal(err)
	}
	return dir
}

// Policies are put, listed over more than one page, and deleted by signed requests to the server of a data directory, in its region.
func TestPoliciesOfAServer(t *testing.T) {
	c, err := client.Open(t.Context(), client.Options{Dir: serve(t)})
	if err != nil {
		t.Fatal(err)
	}
	if c.Region() != scope.Region {
		t.Errorf("region %s", c.Region())
	}
	const each = 34 // 102 of all variants: DescribePolicies has at most 100 a page
	for _, variant := range variants {
		for i := range each {
			name := fmt.Sprintf("queue%02d", i)
			arn, err := c.PutPolicy(t.Context(), scaling.VariantTarget("chat", variant), name, "QueueLength", map[string]string{"each": "5"})
			if err != nil || !strings.HasSuffix(arn, ":policyName/"+name) {
				t.Fatalf("%s, %v", arn, err)
			}
		}
	}
	all, err := c.Policies(t.Context(), "")
	if err != nil || len(all) != 3*each {
		t.Fatalf("%d policies, %v", len(all), err)
	}
	want := client.Policy{Name: "queue00", Type: "QueueLength", Target: chat.ResourceID, ARN: all[0].ARN, Settings: map[string]string{"each": "5"}}
	if diff := cmp.Diff(want, all[0]); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if err := c.DeletePolicy(t.Context(), chat, "queue00"); err != nil {
		t.Error(err)
	}
	if all, err = c.Policies(t.Context(), chat.ResourceID); err != nil || len(all) != each-1 {
		t.Errorf("%d policies after a deletion, %v", len(all), err)
	}
	if all, err = c.Policies(t.Context(), "endpoint/other/variant/v"); err != nil || len(all) != 0 {
		t.Errorf("%d policies of an unknown variant, %v", len(all), err)
	}
	types, err := c.PolicyTypes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, x := range types {
		names = append(names, x.Name)
	}
	if got := strings.Join(names, " "); !strings.Contains(got, "StepScaling") || !strings.Contains(got, "QueueLength") {
		t.Errorf("types %s", got)
	}
}

// Refusals have the code and the text of the server; what is no refusal is another error.
func TestErrors(t *testing.T) {
	dir := serve(t)
	c, err := client.Open(t.Context(), client.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	var refused *client.Error
	_, err = c.PutPolicy(t.Context(), chat, "queue", "QueueLength", map[string]string{"each": "0"})
	if !errors.As(err, &refused) || refused.Code != "ValidationException" || !strings.Contains(err.Error(), "Each must be greater than 0 (ValidationException)") {
		t.Errorf("a refused setting: %v", err)
	}
	if err = client.Plain(c.DeletePolicy(t.Context(), chat, "none")); !errors.As(err, &refused) || refused.Code != "ObjectNotFoundException" {
		t.Errorf("a policy that does not exist: %v", err)
	}
	if _, err = c.SageMaker.ListEndpoints(t.Context(), &sagemaker.ListEndpointsInput{}); !errors.As(client.Plain(err), &refused) || refused.Code != "UnknownOperationException" {
		t.Errorf("an operation that is not served: %v", err)
	}
	if c, err = client.Open(t.Context(), client.Options{Dir: dir, Region: "us-east-1"}); err != nil || c.Region() != "us-east-1" {
		t.Fatalf("another region: %v", err)
	}
	if all, err := c.Policies(t.Context(), ""); err != nil || len(all) != 0 {
		t.Errorf("%d policies in another region, %v", len(all), err)
	}
}

// Open says what is missing.
func TestOpenSaysWhatIsMissing(t *testing.T) {
	dir := serve(t)
	if _, err := client.Open(t.Context(), client.Options{Dir: filepath.Join(dir, "none")}); err == nil || !strings.Contains(err.Error(), "is not the data directory of a server") {
		t.Errorf("no directory: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "address"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Open(t.Context(), client.Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), "has not written its address") {
		t.Errorf("no address: %v", err)
	}
	if err := addrfile.Write(dir, "127.0.0.1:1", "us-east-1"); err != nil {
		t.Fatal(err)
	}
	c, err := client.Open(t.Context(), client.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Policies(t.Context(), ""); err == nil || !strings.Contains(client.Plain(err).Error(), "no server answers at http://127.0.0.1:1: ") {
		t.Errorf("no server: %v", err)
	}
}

// A command that only calls a server does not contain one.
func TestAClientIsNoServer(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "bellows.dev/bellows/internal/client").Output()
	if err != nil {
		t.Skipf("no go command: %v", err)
	}
	for _, p := range []string{"server", "control", "history", "console", "fleet"} {
		if strings.Contains(string(out), "bellows.dev/bellows/internal/"+p+"\n") {
			t.Errorf("the client imports internal/%s", p)
		}
	}
}

// A record has texts of senders that may not be known: they must not steer the terminal of who reads it.
func TestRenderAuditWithoutControlCharacters(t *testing.T) {
	const evil = "a\x1b[2J\u009b31m\u202eb"
	var out strings.Builder
	if err := client.RenderAudit(&out, []audit.Record{{
		EventSource: evil, EventName: evil, SourceIP: evil, UserIdentity: audit.UserIdentity{AccessKeyID: evil}, Resources: []audit.Resource{{ARN: ":" + evil}},
		ErrorCode: evil, ErrorMessage: evil + "\nok",
	}}, true); err != nil {
		t.Fatal(err)
	}
	if text := out.String(); strings.ContainsAny(text, "\x1b\u009b\u202e") || strings.Count(text, "\n") != 2 {
		t.Errorf("%q", text)
	}
}
