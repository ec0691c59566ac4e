package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	scalingtypes "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cw "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker"
	sm "github.com/aws/aws-sdk-go-v2/service/sagemaker/types"

	"bellows.dev/bellows/internal/addrfile"
	"bellows.dev/bellows/internal/credentials"
	"bellows.dev/bellows/scaling/policy"
	"bellows.dev/bellows/scaling/policy/example"
)

// asProgram is the variable that makes the test run as the program itself.
const asProgram = "BELLOWS_TEST_AS_PROGRAM"

// TestMain lets instances of the built-in model run: a server starts its own program for them, which is the test.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == "demo-model" || os.Getenv(asProgram) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// withExample are the policy types of this program, and the example's.
var withExample = append(policy.Types(), example.Type{})

// bellows runs a command line of a program that has the example's policy type.
func bellows(ctx context.Context, args ...string) (string, error) {
	var out bytes.Buffer
	c := root(withExample)
	c.SetArgs(args)
	c.SetOut(&out)
	c.SetErr(io.Discard)
	err := c.ExecuteContext(ctx)
	return out.String(), err
}

// served is a server that runs in the test.
type served struct {
	t    *testing.T
	dir  string
	aws  aws.Config
	url  string
	key  credentials.Key
	stop func()
}

// serve starts `bellows serve` with a minute of policy time in half a second.
func serve(t *testing.T, dir string, flags ...string) *served {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := bellows(ctx, append([]string{"serve", "--data-dir", dir, "--listen", "127.0.0.1:0", "--clock-speed", "120", "--log-level", "error"}, flags...)...)
		done <- err
	}()
	s := &served{t: t, dir: dir}
	stopped := false
	s.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
	}
	t.Cleanup(s.stop)
	until(t, "the server answers", func() bool {
		_, err := bellows(ctx, "policy", "types", "--data-dir", dir)
		return err == nil
	})
	keys, _, err := credentials.Load(dir, nil)
	address, region, found := addrfile.Read(dir)
	if err != nil || !found {
		t.Fatal(err, found)
	}
	s.key, s.url = keys[0], "http://"+address
	s.aws = aws.Config{Region: region, BaseEndpoint: &s.url, Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: s.key.AccessKeyID, SecretAccessKey: s.key.SecretAccessKey}, nil
	})}
	return s
}

// until waits for a condition.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(time.Minute); !holds(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("not within a minute: %s", what)
		}
	}
}

// deploy makes the endpoint chat with one instance, a scalable target from 1 to 4.
func (s *served) deploy() {
	s.t.Helper()
	ctx, models := s.t.Context(), sagemaker.NewFromConfig(s.aws)
	_, err := models.CreateModel(ctx, &sagemaker.CreateModelInput{
		ModelName: aws.String("m"), ExecutionRoleArn: aws.String("arn:aws:iam::123456789012:role/r"), PrimaryContainer: &sm.ContainerDefinition{Image: aws.String("bellows/demo-model")},
	})
	if err == nil {
		_, err = models.CreateEndpointConfig(ctx, &sagemaker.CreateEndpointConfigInput{EndpointConfigName: aws.String("c"), ProductionVariants: []sm.ProductionVariant{
			{VariantName: aws.String("blue"), ModelName: aws.String("m"), InitialInstanceCount: aws.Int32(1), InstanceType: sm.ProductionVariantInstanceTypeMlM5Large},
		}})
	}
	if err == nil {
		_, err = models.CreateEndpoint(ctx, &sagemaker.CreateEndpointInput{EndpointName: aws.String("chat"), EndpointConfigName: aws.String("c")})
	}
	if err != nil {
		s.t.Fatal(err)
	}
	until(s.t, "the endpoint is in service", func() bool { return s.instances() == 1 })
	if _, err := applicationautoscaling.NewFromConfig(s.aws).RegisterScalableTarget(ctx, &applicationautoscaling.RegisterScalableTargetInput{
		ServiceNamespace: scalingtypes.ServiceNamespaceSagemaker, ResourceId: aws.String("endpoint/chat/variant/blue"),
		ScalableDimension: scalingtypes.ScalableDimensionSageMakerVariantDesiredInstanceCount, MinCapacity: aws.Int32(1), MaxCapacity: aws.Int32(4),
	}); err != nil {
		s.t.Fatal(err)
	}
}

// instances returns how many instances serve; 0 where the endpoint is not in service.
func (s *served) instances() int {
	out, err := sagemaker.NewFromConfig(s.aws).DescribeEndpoint(s.t.Context(), &sagemaker.DescribeEndpointInput{EndpointName: aws.String("chat")})
	if err != nil {
		s.t.Fatal(err)
	}
	if out.EndpointStatus != sm.EndpointStatusInService {
		return 0
	}
	return int(*out.ProductionVariants[0].CurrentInstanceCount)
}

// publish publishes the length of the queue.
func (s *served) publish(length float64) {
	s.t.Helper()
	if _, err := cloudwatch.NewFromConfig(s.aws).PutMetricData(s.t.Context(), &cloudwatch.PutMetricDataInput{
		Namespace: aws.String("App"), MetricData: []cw.MetricDatum{{MetricName: aws.String("Queue"), Value: &length}},
	}); err != nil {
		s.t.Fatal(err)
	}
}

// scaled waits until as many instances serve, while the queue has a length.
func (s *served) scaled(length float64, want int) {
	s.t.Helper()
	until(s.t, fmt.Sprintf("%v messages have %d instances", length, want), func() bool {
		s.publish(length)
		return s.instances() == want
	})
}

// page returns the page that explains chat/blue.
func (s *served) page() string {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.url+"/explain/chat/blue", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	r.SetBasicAuth(s.key.AccessKeyID, s.key.SecretAccessKey)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		s.t.Fatalf("%s %v", response.Status, err)
	}
	return string(text)
}

// A policy type that is a folder and a line goes all the way: it is put and listed on the command line and over the API, decides for real
// instances, is explained by the command and the page, restored by the next server, and replayed.
func TestAPolicyTypeOfOurOwnEndToEnd(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	s := serve(t, dir)
	s.deploy()
	run := func(args ...string) string {
		t.Helper()
		out, err := bellows(t.Context(), append(args, "--data-dir", dir)...)
		if err != nil {
			t.Fatalf("bellows %s: %v", strings.Join(args, " "), err)
		}
		return out
	}
	if out := strings.Join(strings.Fields(run("policy", "types")), " "); !strings.HasSuffix(out, "QueueLength each yes messages for each instance") || !strings.HasPrefix(out, "TYPE SETTING REQUIRED MEANING StepScaling adjustment-type yes ") {
		t.Errorf("policy types prints %s", out)
	}
	arn := run("policies", "put", "queue", "--on", "chat/blue", "--type", "QueueLength", "each=5")
	if !strings.HasSuffix(arn, ":policyName/queue\n") {
		t.Errorf("policy put prints %s", arn)
	}
	if out := strings.Join(strings.Fields(run("policies")), " "); !strings.HasSuffix(out, " chat/blue queue QueueLength each=5 0") {
		t.Errorf("policies prints %s", out)
	}
	var listed struct{ ScalingPolicies []map[string]any }
	if err := json.Unmarshal([]byte(run("policies", "chat/blue", "--json")), &listed); err != nil || len(listed.ScalingPolicies) != 1 ||
		listed.ScalingPolicies[0]["PolicyARN"] != strings.TrimSpace(arn) || fmt.Sprint(listed.ScalingPolicies[0]["Settings"]) != "map[each:5]" {
		t.Errorf("policies --json prints %v, %v", listed, err)
	}
	s.scaled(12, 3)

	const says = "wanted 3 = ceil(queue / each), queue 12, each 5"
	if out := run("explain", "chat/blue"); !strings.Contains(out, "decision   desired 1 -> 3: queue: "+says) {
		t.Errorf("explain prints %s", out)
	}
	var x struct {
		Moment struct {
			At       time.Time
			Policies []struct {
				Name, Type string
				Says       []string
			}
		}
		Story []struct{ Kind, Text string }
	}
	until(t, "explain --json has what the policy wants", func() bool { // where a minute has just begun, it has no data yet
		s.publish(12)
		if err := json.Unmarshal([]byte(run("explain", "chat/blue", "--json")), &x); err != nil {
			t.Fatal(err)
		}
		p := x.Moment.Policies
		return len(p) == 1 && p[0].Type == "QueueLength" && len(p[0].Says) == 1 && strings.HasPrefix(p[0].Says[0], says)
	})
	until(t, "the page has what the policy wants", func() bool {
		s.publish(12)
		page := s.page()
		return strings.Contains(page, says) && strings.Contains(page, "QueueLength")
	})

	s.stop()
	if out := run("explain", "chat/blue", "--at", x.Moment.At.Format(time.RFC3339)); !strings.Contains(out, says) {
		t.Errorf("without a server, explain --at prints %s", out)
	}
	if out := run("replay"); !strings.Contains(out, "desired 1 -> 3: queue: "+says) || !strings.HasSuffix(out, "; 0 disagree\n") {
		t.Errorf("replay prints %.3000s", out)
	}

	s = serve(t, dir) // it restores the policy from the journal or a snapshot
	s.scaled(2, 1)
	run("policies", "delete", "queue", "--on", "chat/blue")
	if out := run("policies", "--json"); out != "{\n  \"ScalingPolicies\": []\n}\n" {
		t.Errorf("after policies delete, policies prints %s", out)
	}
}

// Mistakes are named: those of the command line before the server is asked, the others with AWS's error.
func TestPolicyRefusals(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	if _, err := bellows(t.Context(), "policies", "--data-dir", dir); err == nil || !strings.HasPrefix(err.Error(), dir+" is not the data directory of a server (--data-dir names another)\n") {
		t.Errorf("without a server: %v", err)
	}
	serve(t, dir)
	put := []string{"policies", "put", "queue", "--on", "chat/blue", "--type", "QueueLength"}
	for _, tt := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"policies", "put", "--on", "chat/blue", "--type", "QueueLength"}, 2, "NAME is missing"},
		{[]string{"policies", "put", "queue", "each=5"}, 2, `required flag(s) "on", "type" not set`},
		{append(slices.Clone(put), "each"), 2, `"each" is not SETTING=VALUE`},
		{append(slices.Clone(put), "each=5", "each=6"), 2, `"each=6" is not SETTING=VALUE, or its setting is there twice`},
		{[]string{"policies", "put", "queue", "--on", "chat", "--type", "QueueLength", "each=5"}, 2, `"chat" has no variant: want ENDPOINT/VARIANT`},
		{append(slices.Clone(put), "each=many"), exitRefused, "The setting each must be a finite number, but was 'many' (ValidationException)"},
		{append(slices.Clone(put), "each=5"), exitNotFound, "No scalable target registered for service namespace: sagemaker"},
		{[]string{"policies", "delete", "queue", "--on", "chat/blue"}, exitNotFound, "(ObjectNotFoundException)"},
	} {
		_, err := bellows(t.Context(), append(tt.args, "--data-dir", dir)...)
		if err == nil || !strings.Contains(err.Error(), tt.want) || exitCode(err) != tt.code {
			t.Errorf("bellows %s: exit %d: %v\nwant exit %d: %s", strings.Join(tt.args, " "), exitCode(err), err, tt.code, tt.want)
		}
	}
	// The program as it is has no such type.
	c := root(policy.Types())
	c.SetArgs([]string{"replay", "--quiet", "--data-dir", dir})
	var out bytes.Buffer
	c.SetOut(&out)
	if err := c.ExecuteContext(t.Context()); err != nil {
		t.Errorf("replay without a policy of the type: %v", err)
	}
}
