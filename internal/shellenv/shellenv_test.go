package shellenv

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bellows.dev/bellows/internal/addrfile"
	"bellows.dev/bellows/internal/credentials"
)

// evaluate runs the output of env in a shell with other credentials, then prints the environment's AWS variables.
func evaluate(t *testing.T, text string) (status int, variables map[string]string, stderr string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", `eval "$1"; echo "status=$?"; env | grep -e '^AWS_' -e '^NODE_'`, "sh", text)
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
	status, got, _ := evaluate(t, settings(k, addrfile.Endpoint{Address: "127.0.0.1:4580", Region: "eu-west-1"}, false))
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
	if Quoted("a'b'c d'e") != `'a'\''b'\''c d'\''e'` || Quoted("a$b") != "'a$b'" || Quoted("") != "''" || Quoted("a;b") != "'a;b'" {
		t.Error("words of a shell")
	}
	_, got, _ = evaluate(t, settings(k, addrfile.Endpoint{Address: "127.0.0.1:4580", Region: "eu-west-1"}, true))
	if got["AWS_ENDPOINT_URL"] != "" || got["AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME"] != "http://127.0.0.1:4580" || got["AWS_ENDPOINT_URL_AUTO_SCALING"] != "http://127.0.0.1:4580" {
		t.Errorf("only what is served: %v", got)
	}
	if got["AWS_ACCESS_KEY_ID"] != "AKIAREALREALREALREAL" || got["AWS_SECRET_ACCESS_KEY"] != "real" || got["AWS_SESSION_TOKEN"] != "real" ||
		got["AWS_PROFILE"] != "production" || got["AWS_ROLE_ARN"] != "real" || got["AWS_ENDPOINT_URL_S3"] != "https://real" || got["AWS_REGION"] == "eu-west-1" {
		t.Errorf("the services that are left with AWS lose their credentials: %v", got)
	}
}

// Requests to the server go through no proxy, whatever hosts NO_PROXY has already; evaluating the output again adds nothing.
func TestNoProxy(t *testing.T) {
	for _, c := range []struct{ address, upper, lower, wantUpper, wantLower string }{
		{"127.0.0.1:4580", "", "", "127.0.0.1", "127.0.0.1"},
		{"127.0.0.1:4580", "corp.example", "", "corp.example,127.0.0.1", "corp.example,127.0.0.1"},
		{"127.0.0.1:4580", "", "a, b", "a, b,127.0.0.1", "a, b,127.0.0.1"},
		{"127.0.0.1:4580", "a,127.0.0.1", "127.0.0.10", "a,127.0.0.1", "127.0.0.10,127.0.0.1"},
		{"127.0.0.1:4580", "*", "", "*", "*"},
		{"[::1]:4580", "", "", "[::1],::1", "[::1],::1"},
	} {
		text := settings(credentials.Key{}, addrfile.Endpoint{Address: c.address, Region: "us-east-1"}, false)
		cmd := exec.CommandContext(t.Context(), "sh", "-euc", `eval "$1"; eval "$1"; printf '%s\n' "$NO_PROXY" "$no_proxy"; env | grep -ic '^no_proxy='`, "sh", text)
		cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
		if c.upper != "" {
			cmd.Env = append(cmd.Env, "NO_PROXY="+c.upper)
		}
		if c.lower != "" {
			cmd.Env = append(cmd.Env, "no_proxy="+c.lower)
		}
		out, err := cmd.CombinedOutput()
		if want := c.wantUpper + "\n" + c.wantLower + "\n2\n"; err != nil || string(out) != want {
			t.Errorf("%+v: %v, %q, want %q", c, err, out, want)
		}
	}
	if !strings.Contains(Failure(), "NO_PROXY") {
		t.Error("calls of a shell where env failed go to a proxy")
	}
}

// Where no server answers, Text fails with the reason of its last attempt, and what Failure returns fails too and leaves nothing of the real
// credentials.
func TestFailure(t *testing.T) {
	dir := t.TempDir()
	fails := func(ctx context.Context, want ...string) {
		t.Helper()
		text, err := Text(ctx, Options{Dir: dir, Wait: 300 * time.Millisecond})
		for _, part := range want {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("%q, %v: want %q", text, err, part)
			}
		}
	}
	fails(t.Context(), "no server answers: "+dir+" is no data directory")
	status, got, stderr := evaluate(t, Failure())
	if status == 0 || stderr != "" || !strings.HasPrefix(got["AWS_ENDPOINT_URL"], "http://127.0.0.1:") ||
		got["AWS_ACCESS_KEY_ID"] != "bellows-env-failed" || got["AWS_SESSION_TOKEN"]+got["AWS_PROFILE"] != "" {
		t.Errorf("status %d, %v, %s", status, got, stderr)
	}
	if _, _, err := credentials.Load(dir, func() credentials.Key { return credentials.New("123456789012", "admin", time.Now()) }); err != nil {
		t.Fatal(err)
	}
	fails(t.Context(), "has not written its address")
	// A server that listened once and does not answer.
	if err := os.WriteFile(filepath.Join(dir, "address"), []byte("127.0.0.1:9 us-east-1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	fails(t.Context(), "127.0.0.1:9", "refused")
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	fails(gone, "no server answers")
}

// With TLS by the server's own authority, clients are pointed at https and trust the authority; where they call AWS as well, they go on trusting
// public authorities. A certificate of a public authority needs no trust, and is asked for by its name.
func TestSettingsWithTLS(t *testing.T) {
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, []byte("OWN\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	own := addrfile.Endpoint{Address: "127.0.0.1:4580", Region: "eu-west-1", TLS: true, CAFile: ca}
	if _, got, _ := evaluate(t, settings(credentials.Key{}, own, false)); got["AWS_ENDPOINT_URL"] != "https://127.0.0.1:4580" || got["AWS_CA_BUNDLE"] != ca || got["NODE_EXTRA_CA_CERTS"] != ca {
		t.Errorf("%v", got)
	}
	t.Setenv("AWS_CA_BUNDLE", "")
	before := bundles
	t.Cleanup(func() { bundles = before })
	public := filepath.Join(t.TempDir(), "public.pem")
	if err := os.WriteFile(public, []byte("PUBLIC"), 0o600); err != nil {
		t.Fatal(err)
	}
	bundles = []string{"/nowhere", public}
	_, got, _ := evaluate(t, settings(credentials.Key{}, own, true))
	if text, err := os.ReadFile(got["AWS_CA_BUNDLE"]); err != nil || string(text) != "PUBLIC\nOWN\n" || got["AWS_ENDPOINT_URL_STS"] != "https://127.0.0.1:4580" {
		t.Errorf("%q, %v, %v", text, err, got)
	}
	named := addrfile.Endpoint{Address: "127.0.0.1:443", Region: "eu-west-1", TLS: true, Name: "models.example.com"}
	if _, got, _ = evaluate(t, settings(credentials.Key{}, named, false)); got["AWS_ENDPOINT_URL"] != "https://models.example.com:443" || got["AWS_CA_BUNDLE"] != os.Getenv("AWS_CA_BUNDLE") {
		t.Errorf("%v", got)
	}
}
