package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cw "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"bellows.dev/bellows/internal/client"
	"bellows.dev/bellows/internal/doctor"
)

// doctor finds what is wrong, each with how to mend it, and exits with 1; it finds nothing with an endpoint that is well.
func TestDoctor(t *testing.T) {
	s := serve(t, filepath.Join(t.TempDir(), "data"))
	report := func(args ...string) (doctor.Report, string) {
		t.Helper()
		out, err := s.on(append([]string{"doctor"}, args...)...)
		c := client.New(s.url, s.aws.Region, s.key)
		r := doctor.Examine(t.Context(), doctor.Subject{Client: c, Endpoint: strings.Join(args, "")})
		if (r.Bad+r.Warnings > 0) != (err != nil) || err != nil && exitCode(err) != exitFailed {
			t.Errorf("doctor %v: %v, %+v", args, err, r)
		}
		return r, out
	}
	s.prints("deploy", "--name", "iris")
	until(t, "the list has the endpoint in service", func() bool { return at(s.object("variants"), "variants.0.running") == 1.0 }) // it is up to a second old
	if r, out := report(); r.Bad+r.Warnings != 0 || !strings.Contains(out, "✓ endpoint iris/AllTraffic  InService, 1 of 1 instances in service") || !strings.Contains(out, "✓ clock") || !strings.Contains(out, "✓ key") {
		t.Errorf("%s", out)
	}
	has := func(r doctor.Report, check, text string) {
		t.Helper()
		for _, f := range r.Findings {
			if f.Check == check && f.Level != doctor.OK && strings.Contains(f.Text, text) && f.Mend != "" {
				return
			}
		}
		t.Errorf("there is no finding %q %q of %+v", check, text, r)
	}
	r, _ := report("nosuch")
	has(r, "endpoint", "there is no such endpoint")

	// A policy that no alarm invokes, and an alarm whose policy is gone.
	s.prints("scale", "iris", "--min", "1", "--max", "3")
	arn := strings.TrimSpace(s.prints("policies", "put", "steps", "--on", "iris/AllTraffic", "--type", "StepScaling", "adjustment-type=ChangeInCapacity", "steps=0..:1"))
	until(t, "the list has the warning", func() bool { return len(at(s.object("variants"), "variants.0.warnings").([]any)) > 0 })
	r, _ = report("iris")
	has(r, "scaling", "no alarm invokes policy steps")
	s.prints("policies", "delete", "steps", "--on", "iris/AllTraffic")
	if _, err := cloudwatch.NewFromConfig(s.aws).PutMetricAlarm(t.Context(), &cloudwatch.PutMetricAlarmInput{
		AlarmName: aws.String("queue"), Namespace: aws.String("App"), MetricName: aws.String("Queue"), Statistic: cw.StatisticSum, Period: aws.Int32(60), EvaluationPeriods: aws.Int32(1),
		Threshold: aws.Float64(1), ComparisonOperator: cw.ComparisonOperatorGreaterThanThreshold, AlarmActions: []string{arn},
	}); err != nil {
		t.Fatal(err)
	}
	r, out := report()
	has(r, "alarm", "names a scaling policy that does not exist")
	if !strings.Contains(out, "✗ alarm queue") || !strings.Contains(out, "    → ") {
		t.Errorf("%s", out)
	}
}

// Without a server, with another key, with little disk space and few descriptors, doctor says what to do.
func TestDoctorOfASetUp(t *testing.T) {
	out, err := bellows(t.Context(), "doctor", "--data-dir", t.TempDir())
	if exitCode(err) != exitFailed || !strings.Contains(out, "✗ server") || !strings.Contains(out, "is not the data directory of a server") || !strings.Contains(out, "→ Start a server with `bellows serve`") {
		t.Errorf("without a data directory: %v\n%s", err, out)
	}
	s := serve(t, filepath.Join(t.TempDir(), "data"))
	other := s.key
	other.SecretAccessKey = "wrong"
	r := doctor.Examine(t.Context(), doctor.Subject{
		Client: client.New(s.url, s.aws.Region, other), Dir: s.dir,
		Descriptors: func() (uint64, bool) { return 1024, true }, Space: func(string) (uint64, uint64, error) { return 1 << 20, 1 << 40, nil },
	})
	var got []string
	for _, f := range r.Findings {
		if f.Level != doctor.OK {
			got = append(got, f.Check)
			if f.Mend == "" {
				t.Errorf("%+v does not say how to mend it", f)
			}
		}
	}
	if strings.Join(got, " ") != "disk key descriptors" {
		t.Errorf("found %v", got)
	}
	if out, err := bellows(t.Context(), "doctor", "--data-dir", s.dir); err != nil || !strings.Contains(out, "✓ disk "+s.dir) {
		t.Errorf("%v\n%s", err, out)
	}
	s.stop()
	if out, err := bellows(t.Context(), "doctor", "--data-dir", s.dir); exitCode(err) != exitFailed || !strings.Contains(out, "no server answers at http://127.0.0.1:") {
		t.Errorf("with a server that has stopped: %v\n%s", err, out)
	}
}

// config check names each mistake with its line; config show has every setting, and no secret.
func TestConfig(t *testing.T) {
	file := filepath.Join(t.TempDir(), "bellows.yaml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("region: eu-west-1\nremote_write:\n  - url: http://127.0.0.1:9/write\n    basic_auth: {username: u, password: geheim}\n")
	if out, err := bellows(t.Context(), "config", "check", file); err != nil || out != file+": no mistakes\n" {
		t.Errorf("%q, %v", out, err)
	}
	out, err := bellows(t.Context(), "config", "show", file)
	if err != nil || !strings.Contains(out, "region: eu-west-1\n") || !strings.Contains(out, "drain_timeout: 1m0s\n") || strings.Contains(out, "geheim") || !strings.Contains(out, "password: (hidden)") {
		t.Errorf("%s, %v", out, err)
	}
	write("regiom: x\nqueue_max: -1\n")
	for _, command := range []string{"check", "show"} {
		if _, err := bellows(t.Context(), "config", command, file); exitCode(err) != exitFailed || !strings.Contains(err.Error(), "line 1") || !strings.Contains(err.Error(), "line 2") {
			t.Errorf("config %s: %v", command, err)
		}
	}
	if out, err := bellows(t.Context(), "config", "show"); err != nil || !strings.Contains(out, "wake_timeout: 1m0s\n") {
		t.Errorf("the defaults: %s, %v", out, err)
	}
}
