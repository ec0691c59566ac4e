package main

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bellows.dev/bellows/internal/credentials"
)

// evaluate runs what env prints in a shell with somebody's real credentials, then prints the environment's AWS variables.
func evaluate(t *testing.T, text string) (status int, variables map[string]string, said string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", `eval "$1"; echo "status=$?"; env | grep '^AWS_'`, "sh", text)
	cmd.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID=AKIAREALREALREALREAL", "AWS_SECRET_ACCESS_KEY=real", "AWS_SESSION_TOKEN=real", "AWS_PROFILE=production",
		"AWS_ENDPOINT_URL_S3=https://real", "AWS_ENDPOINT_URL_SAGEMAKER=https://real", "AWS_ROLE_ARN=real", "AWS_WEB_IDENTITY_TOKEN_FILE=real")
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, complaint.String())
	}
	variables = map[string]string{}
	for _, line := range strings.Split(string(out), "\n") {
		name, value, _ := strings.Cut(line, "=")
		variables[name] = value
	}
	if variables["status"] != "0" {
		status = 1
	}
	return status, variables, complaint.String()
}

func TestSettingsReplaceRealCredentials(t *testing.T) {
	k := credentials.Key{AccessKeyID: "AKIAOWN", SecretAccessKey: "a/b+c'd $(false)"}
	status, got, _ := evaluate(t, settings(k, "http://127.0.0.1:4580", "eu-west-1", false))
	want := map[string]string{
		"AWS_ENDPOINT_URL": "http://127.0.0.1:4580", "AWS_ACCESS_KEY_ID": "AKIAOWN", "AWS_SECRET_ACCESS_KEY": k.SecretAccessKey, "AWS_REGION": "eu-west-1",
		"AWS_DEFAULT_REGION": "eu-west-1", "AWS_SESSION_TOKEN": "", "AWS_PROFILE": "", "AWS_ENDPOINT_URL_SAGEMAKER": "", "AWS_ROLE_ARN": "", "AWS_WEB_IDENTITY_TOKEN_FILE": "",
	}
	for name, value := range want {
		if got[name] != value {
			t.Errorf("%s is %q, want %q", name, got[name], value)
		}
	}
	if status != 0 {
		t.Error("eval failed")
	}
	if quoted("a'b'c d'e") != `'a'\''b'\''c d'\''e'` || quoted("a$b") != "'a$b'" || quoted("") != "''" || quoted("a;b") != "'a;b'" {
		t.Error("words of a shell")
	}
	_, got, _ = evaluate(t, settings(k, "http://127.0.0.1:4580", "eu-west-1", true))
	if got["AWS_ENDPOINT_URL"] != "" || got["AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME"] != "http://127.0.0.1:4580" || got["AWS_ENDPOINT_URL_AUTO_SCALING"] != "http://127.0.0.1:4580" {
		t.Errorf("only what is served: %v", got)
	}
}

// Where no server answers env fails, and what it prints fails too and leaves nothing of the real credentials.
func TestEnvFailsLoudly(t *testing.T) {
	dir := t.TempDir()
	c := root()
	var out, complaint bytes.Buffer
	c.SetOut(&out)
	c.SetErr(&complaint)
	c.SetArgs([]string{"env", "--data-dir", dir, "--wait", "50ms"})
	err := c.ExecuteContext(t.Context())
	if err == nil || !strings.Contains(err.Error(), "no server answers: "+dir+" is no data directory") {
		t.Fatal(err)
	}
	status, got, said := evaluate(t, out.String())
	if n := strings.Count(complaint.String()+said, "no server answers"); n != 1 || !strings.Contains(complaint.String(), "reach nothing") {
		t.Errorf("the reason is printed %d times: %s%s", n, complaint.String(), said)
	}
	if status == 0 || said != "" || !strings.HasPrefix(got["AWS_ENDPOINT_URL"], "http://127.0.0.1:") ||
		got["AWS_ACCESS_KEY_ID"] != "bellows-env-failed" || got["AWS_SESSION_TOKEN"]+got["AWS_PROFILE"] != "" {
		t.Errorf("status %d, %v, %s", status, got, said)
	}
	// A server that listened once and does not answer, or is another one's.
	if err := os.WriteFile(filepath.Join(dir, addressFile), []byte("127.0.0.1:9 us-east-1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := credentials.Load(dir, func() credentials.Key { return credentials.New("123456789012", "admin", time.Now()) }); err != nil {
		t.Fatal(err)
	}
	f := envFlags{dir: dir, wait: 300 * time.Millisecond} // the reason is that of an attempt, not that the time is over
	if text, err := f.environment(t.Context()); err == nil || !strings.Contains(err.Error(), "127.0.0.1:9") || !strings.Contains(err.Error(), "refused") {
		t.Errorf("%q, %v", text, err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.environment(gone); err == nil {
		t.Error("no end")
	}
}

func TestReachable(t *testing.T) {
	for listen, want := range map[string]string{
		"0.0.0.0:4580": "127.0.0.1:4580", "[::]:4580": "127.0.0.1:4580", ":4580": "127.0.0.1:4580", "10.1.2.3:80": "10.1.2.3:80", "[::1]:1": "[::1]:1",
	} {
		if got, err := reachable(listen); err != nil || got != want {
			t.Errorf("%s: %s, %v", listen, got, err)
		}
	}
}

func TestLinesAreShort(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(newLines(&out, slog.LevelInfo)).With("a", 1)
	log.Debug("not shown")
	log.Info("ready", "address", "127.0.0.1:4580", "reason", "two words")
	slog.New(newLines(&out, slog.LevelInfo)).Warn("event", "kind", "InstanceChanged", "what", "instance i-1 of iris/blue failed: it exited")
	log.WithGroup("g").Error("broken", "error", "x")
	got := strings.Split(out.String(), "\n")
	for i, want := range []string{` ready a=1 address=127.0.0.1:4580 reason="two words"`, ` WARN instance i-1 of iris/blue failed: it exited`, ` ERROR broken a=1 g.error=x`} {
		if len(got) != 4 || len(got[i]) < 8 || got[i][8:] != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestVersion(t *testing.T) {
	c := root()
	var out bytes.Buffer
	c.SetOut(&out)
	c.SetArgs([]string{"--version"})
	if err := c.Execute(); err != nil || !strings.HasPrefix(out.String(), "bellows version ") || strings.TrimSpace(out.String()) == "bellows version" {
		t.Errorf("%q, %v", out.String(), err)
	}
}
