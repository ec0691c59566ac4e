package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"bellows.dev/bellows/scaling/policy"
)

// on runs a command line against the server.
func (s *served) on(args ...string) (string, error) {
	return bellows(s.t.Context(), append(args, "--data-dir", s.dir)...)
}

// prints runs a command line that has to succeed.
func (s *served) prints(args ...string) string {
	s.t.Helper()
	out, err := s.on(args...)
	if err != nil {
		s.t.Fatalf("bellows %s: %v", strings.Join(args, " "), err)
	}
	return out
}

// object runs a command line with --json.
func (s *served) object(args ...string) map[string]any {
	s.t.Helper()
	text := s.prints(append(args, "--json")...)
	var out map[string]any
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		s.t.Fatalf("bellows %s --json prints no JSON object: %v\n%s", strings.Join(args, " "), err, text)
	}
	return out
}

// at returns a member of nested objects and lists: a.0.b.
func at(v any, path string) any {
	for _, name := range strings.Split(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			v = x[name]
		case []any:
			i := 0
			if _, err := fmt.Sscan(name, &i); err != nil || i >= len(x) {
				return nil
			}
			v = x[i]
		default:
			return nil
		}
	}
	return v
}

// Every command that reads prints a table for people and JSON with AWS's member names, or those of the console's API.
func TestCommandsThatRead(t *testing.T) {
	s := serve(t, filepath.Join(t.TempDir(), "data"))
	if out := s.prints("endpoints"); !strings.Contains(out, "There is no endpoint. `bellows deploy` makes one") {
		t.Errorf("without an endpoint: %s", out)
	}
	s.deploy()
	s.prints("policies", "put", "keep", "--on", "chat/blue", "--type", "TargetTrackingScaling", "metric=SageMakerVariantInvocationsPerInstance", "target=70")
	s.prints("scale", "chat", "2", "--wait")
	s.prints("invoke", "chat", "--body", "5.1,3.5,1.4,0.2")
	for _, tt := range []struct {
		args   string
		header string   // the first words of the table
		has    []string // in the table
		path   string   // a member of the JSON
		want   any
	}{
		{"endpoints", "ENDPOINT STATUS VARIANTS", []string{"chat", "InService", "blue", "2 of 2"}, "Endpoints.0.EndpointName", "chat"},
		{"endpoints chat", "endpoint", []string{"bellows/demo-model", "VARIANT", "arn:aws:sagemaker:"}, "Endpoints.0.ProductionVariants.0.CurrentInstanceCount", 2.0},
		{"models", "MODEL IMAGE", []string{"m", "bellows/demo-model"}, "Models.0.PrimaryContainer.Image", "bellows/demo-model"},
		{"models m", "MODEL IMAGE", []string{"bellows/demo-model"}, "Models.0.ModelName", "m"},
		{"variants", "VARIANT STATUS HEALTH", []string{"chat/blue", "healthy", "2 of 2", "1..4"}, "variants.0.max", 4.0},
		{"variants nosuch", "None of the variants matches.", nil, "total", 0.0},
		{"instances chat", "INSTANCE VARIANT STATE START", []string{"chat/blue", "InService", "i-"}, "instances.1.ready", true},
		{"instances chat/blue", "INSTANCE VARIANT STATE START", nil, "instances.0.variant", "blue"},
		{"policies", "TARGET POLICY TYPE", []string{"chat/blue", "keep", "keep SageMakerVariantInvocationsPerInstance at 70"}, "ScalingPolicies.0.Settings.target", "70"},
		{"policies chat", "TARGET POLICY TYPE", nil, "ScalingPolicies.0.TargetTrackingScalingPolicyConfiguration.TargetValue", 70.0},
		{"policies other", "There is no scaling policy.", nil, "ScalingPolicies.0", nil},
		{"alarms", "ALARM STATE SINCE CONDITION", []string{"Sum InvocationsPerInstance > 70 for 3 of 3 × 1m0s", "AlarmLow"}, "MetricAlarms.0.Namespace", "AWS/SageMaker"},
		{"alarms --endpoint other", "No alarm matches.", nil, "MetricAlarms.0", nil},
		{"activities", "Nothing has scaled.", nil, "ScalingActivities.0", nil},
		{"schedules", "There is no scheduled action.", nil, "ScheduledActions.0", nil},
		{"metrics", "NAMESPACE METRIC DIMENSIONS", []string{"InvocationsPerInstance", "EndpointName=chat"}, "Metrics.0.Dimensions.0.Name", "EndpointName"},
		{"metrics chat", "Invocations Sum", []string{"ModelLatency p99", "┤"}, "MetricDataResults.0.Id", "m0"},
		{"metrics chat/blue --metric Invocations --stat Maximum --since 1h --period 5m", "Invocations Maximum", nil, "Period", 300.0},
		{"metrics --namespace AWS/SageMaker --metric Invocations --dimension EndpointName=chat --dimension VariantName=blue --stat Sum", "Invocations Sum", []string{"most"}, "MetricDataResults.0.Label", "Invocations Sum"},
	} {
		args := strings.Fields(tt.args)
		var text string
		until(t, "the table of "+tt.args, func() bool { // datapoints and instances' stages come a moment later
			text = strings.Join(strings.Fields(s.prints(args...)), " ")
			return !slices.ContainsFunc(tt.has, func(x string) bool { return !strings.Contains(text, x) })
		})
		if !strings.HasPrefix(text, tt.header) {
			t.Errorf("bellows %s prints %s", tt.args, text)
		}
		if got := at(s.object(args...), tt.path); got != tt.want {
			t.Errorf("bellows %s --json: %s is %v, want %v", tt.args, tt.path, got, tt.want)
		}
		if strings.Contains(text, "\x1b") {
			t.Errorf("bellows %s writes colours although its output is no terminal: %q", tt.args, text)
		}
	}
	name := at(s.object("alarms"), "MetricAlarms.0.AlarmName").(string)
	if out := s.prints("alarms", name, "--history", "5"); !strings.Contains(out, "WHAT HAPPENED") || !strings.Contains(out, "Alarm") {
		t.Errorf("an alarm with its history: %s", out)
	}
	if out := s.prints("scale", "chat/blue", "--max", "6"); !strings.Contains(out, "policies scale between 1 and 6") {
		t.Errorf("scale --max prints %s", out)
	}
}

// Mistakes exit with 2 before any call, refusals with 3, an absent server with 4, unknown names with 5; each error says what to do next.
func TestExitCodesAndWhatToDoNext(t *testing.T) {
	s := serve(t, filepath.Join(t.TempDir(), "data"))
	s.deploy()
	none := t.TempDir()
	for _, tt := range []struct {
		args string
		dir  string
		code int
		want string
	}{
		{"endpoints nosuch", s.dir, exitNotFound, "Could not find endpoint"},
		{"endpoints nosuch", s.dir, exitNotFound, "\n`bellows endpoints` lists the endpoints"},
		{"models nosuch", s.dir, exitNotFound, "\n`bellows models` lists the models"},
		{"alarms nosuch", s.dir, exitNotFound, `There is no alarm "nosuch"`},
		{"instances nosuch", s.dir, exitNotFound, "Could not find endpoint"},
		{"instances a/b/c", s.dir, exitUsage, "neither ENDPOINT/VARIANT nor ENDPOINT"},
		{"instances", s.dir, exitUsage, "ENDPOINT[/VARIANT] is missing"},
		{"variants --state bad", s.dir, exitRefused, "want failing, degraded"},
		{"alarms --state bad", s.dir, exitRefused, "(ValidationError)"},
		{"scale chat", s.dir, exitUsage, "there is nothing to change"},
		{"scale chat many", s.dir, exitUsage, `"many" is no number of instances`},
		{"scale chat 20000", s.dir, exitRefused, "(ResourceLimitExceeded)"},
		{"scale chat --min 9", s.dir, exitRefused, "(ValidationException)"},
		{"invoke chat --body @/nosuch", s.dir, exitUsage, "--body: open /nosuch"},
		{"invoke nosuch --body x", s.dir, exitRefused, "Endpoint nosuch of account"},
		{"metrics --metric Invocations", s.dir, exitUsage, "--metric needs ENDPOINT"},
		{"metrics chat --metric Bogus", s.dir, exitFailed, "want Invocations, "},
		{"metrics chat --since 0s", s.dir, exitUsage, "--since is 0s"},
		{"metrics chat --until noon", s.dir, exitUsage, `--until: "noon" is not a time`},
		{"policies delete nosuch --on chat/blue", s.dir, exitNotFound, "(ObjectNotFoundException)"},
		{"endpoints --watch=1ms", s.dir, exitUsage, "want at least 100ms"},
		{"endpoints --aws", s.dir, exitUsage, "none of the others can be"},
		{"nosuch", "", exitUsage, "unknown command"},
		{"endpoints", none, exitNoServer, "is not the data directory of a server"},
		{"endpoints", none, exitNoServer, "\nStart a server with `bellows serve`, or name one with --data-dir"},
		{"endpoints --endpoint-url http://127.0.0.1:1 --region us-east-1", "", exitNoServer, "no server answers at http://127.0.0.1:1: "},
		{"endpoints --endpoint-url nonsense --region us-east-1", "", exitFailed, `--endpoint-url is "nonsense"`},
	} {
		args := strings.Fields(tt.args)
		if tt.dir != "" {
			args = append(args, "--data-dir", tt.dir)
		}
		t.Setenv("AWS_ACCESS_KEY_ID", "x")
		t.Setenv("AWS_SECRET_ACCESS_KEY", "y")
		t.Setenv("AWS_MAX_ATTEMPTS", "1")
		_, err := bellows(t.Context(), args...)
		if err == nil || !strings.Contains(err.Error(), tt.want) || exitCode(err) != tt.code {
			t.Errorf("bellows %s: exit %d: %v\nwant exit %d: %s", tt.args, exitCode(err), err, tt.code, tt.want)
		}
	}
}

// A server is called by its URL with AWS's variables, by AWS_ENDPOINT_URL alone, and by a profile.
func TestCommandsByURL(t *testing.T) {
	s := serve(t, filepath.Join(t.TempDir(), "data"))
	s.deploy()
	config := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(config, []byte("[profile own]\nendpoint_url = "+s.url+"\nregion = "+s.aws.Region+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	keys := filepath.Join(t.TempDir(), "credentials")
	if err := os.WriteFile(keys, []byte("[own]\naws_access_key_id = "+s.key.AccessKeyID+"\naws_secret_access_key = "+s.key.SecretAccessKey+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_CONFIG_FILE", config)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", keys)
	t.Setenv("AWS_ACCESS_KEY_ID", s.key.AccessKeyID)
	t.Setenv("AWS_SECRET_ACCESS_KEY", s.key.SecretAccessKey)
	for _, args := range [][]string{{"--endpoint-url", s.url, "--region", s.aws.Region}, {"--profile", "own"}} {
		for _, command := range []string{"endpoints", "variants"} { // an API of AWS's, and one of Bellows'
			if out, err := bellows(t.Context(), append([]string{command}, args...)...); err != nil || !strings.Contains(out, "chat") {
				t.Errorf("bellows %s %v: %v\n%s", command, args, err, out)
			}
		}
	}
	t.Setenv("AWS_REGION", s.aws.Region)
	t.Setenv("AWS_ENDPOINT_URL", s.url)
	if out, err := bellows(t.Context(), "variants"); err != nil || !strings.Contains(out, "chat/blue") {
		t.Errorf("with AWS_ENDPOINT_URL: %v\n%s", err, out)
	}
	t.Setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
	if _, err := s.on("variants"); err != nil {
		t.Errorf("--data-dir counts more than AWS_ENDPOINT_URL: %v", err)
	}
	t.Setenv("AWS_SECRET_ACCESS_KEY", "wrong")
	if _, err := bellows(t.Context(), "endpoints", "--endpoint-url", s.url); exitCode(err) != exitRefused || !strings.Contains(err.Error(), "`bellows doctor` looks for the cause") {
		t.Errorf("with a wrong secret: %v", err)
	}
}

// --watch prints again until it is interrupted; with --json one document a line.
func TestWatch(t *testing.T) {
	s := serve(t, filepath.Join(t.TempDir(), "data"))
	for _, command := range [][]string{{"endpoints", "--json", "--watch=100ms"}, {"watch", "endpoints", "--json"}} {
		reader, writer := io.Pipe()
		c := root(policy.Types())
		c.SetArgs(append(command, "--data-dir", s.dir))
		c.SetOut(writer)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- c.ExecuteContext(ctx) }()
		d := json.NewDecoder(reader)
		for range 2 {
			var x struct{ Endpoints []any }
			if err := d.Decode(&x); err != nil || x.Endpoints == nil {
				t.Errorf("%v: %v, %v", command, x, err)
			}
		}
		cancel()
		go io.Copy(io.Discard, reader)
		if err := <-ended; err != nil {
			t.Errorf("%v ends with %v", command, err)
		}
	}
}

// Names are completed from the server, and nothing is completed where none answers.
func TestCompletion(t *testing.T) {
	s := serve(t, filepath.Join(t.TempDir(), "data"))
	s.deploy()
	for line, want := range map[string]string{
		"endpoints c": "chat", "instances chat/": "chat/blue", "models ": "m", "variants chat": "chat/blue", "policies put x --on ": "chat/blue",
		"policies put x --type St": "StepScaling", "variants --state de": "failing", "endpoints z": "", "rollback c": "chat", "delete c": "chat",
	} {
		args := append([]string{"__complete"}, strings.Split(line, " ")...)
		begin := len(args) - 1 // of what is completed: a word, or a flag with its value
		if strings.HasPrefix(args[begin-1], "--") {
			begin--
		}
		args = slices.Insert(args, begin, "--data-dir", s.dir)
		out, err := bellows(t.Context(), args...)
		got, _, _ := strings.Cut(out, "\n")
		if want == "" {
			want = ":4" // no files
		}
		if err != nil || got != want {
			t.Errorf("%v completes %q, %v; want %s", args, out, err, want)
		}
	}
	began := time.Now()
	if out, err := bellows(t.Context(), "__complete", "endpoints", "--data-dir", t.TempDir(), ""); err != nil || !strings.HasPrefix(out, ":4") {
		t.Errorf("without a server: %q, %v", out, err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if out, err := bellows(t.Context(), "completion", shell); err != nil || !strings.Contains(out, "bellows") {
			t.Errorf("completion %s: %v", shell, err)
		}
	}
}

// The answer of a model is on standard output alone; bodies come from flags, files and standard input.
func TestInvoke(t *testing.T) {
	s := serve(t, filepath.Join(t.TempDir(), "data"))
	s.deploy()
	file := filepath.Join(t.TempDir(), "rows.csv")
	if err := os.WriteFile(file, []byte("5.1,3.5,1.4,0.2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(in string, args ...string) (string, string, error) {
		var out, errs bytes.Buffer
		c := root(policy.Types())
		c.SetArgs(append(args, "--data-dir", s.dir))
		c.SetIn(strings.NewReader(in))
		c.SetOut(&out)
		c.SetErr(&errs)
		err := c.ExecuteContext(t.Context())
		return out.String(), errs.String(), err
	}
	for _, tt := range []struct {
		in, args string
	}{{"", "invoke chat --body 5.1,3.5,1.4,0.2"}, {"", "invoke chat/blue --body @" + file}, {"5.1,3.5,1.4,0.2", "invoke chat"}} {
		out, errs, err := run(tt.in, strings.Fields(tt.args)...)
		if err != nil || strings.TrimSpace(out) != "setosa" || !strings.HasPrefix(errs, "blue, ") {
			t.Errorf("%s: %q, %q, %v", tt.args, out, errs, err)
		}
	}
	if out, errs, err := run(`{"instances": [[5.1,3.5,1.4,0.2]]}`, "invoke", "chat", "-q"); err != nil || !strings.Contains(out, "predictions") || errs != "" {
		t.Errorf("JSON: %q, %q, %v", out, errs, err)
	}
	if _, _, err := run("nonsense", "invoke", "chat"); exitCode(err) != exitRefused || !strings.Contains(err.Error(), "(ModelError)") {
		t.Errorf("what the model refuses: %v", err)
	}
}
