package e2e

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// The commands of README.md's section "Five minutes", pasted into a new shell with real AWS credentials, all work, and nothing goes to AWS.
func TestReadmeCommands(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"bash", "aws"} {
		if _, err := exec.LookPath(name); err != nil {
			lacking(t, name+" is not installed")
		}
	}
	var pasted strings.Builder
	n := 0
	for _, c := range readmeCommands(t) {
		if c.pasted {
			pasted.WriteString(c.text + "\n")
			n++
		}
	}
	if n < 15 {
		t.Fatalf("the README's five minutes have %d commands", n)
	}
	pasted.WriteString("echo \"endpoint: $AWS_ENDPOINT_URL key: $AWS_ACCESS_KEY_ID token: $AWS_SESSION_TOKEN profile: $AWS_PROFILE\"\nkill $(jobs -p)\nwait\n")

	dir := t.TempDir()
	examples, err := filepath.Abs("../examples")
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, text string, mode os.FileMode) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	// The program has been built; the README's port may be in use during tests, so this server uses a free one.
	write("Makefile", "build:\n\t@true\n", 0o600)
	write("bin/bellows", "#!/bin/sh\nif [ \"$1\" = serve ]; then shift; exec "+binary+" serve --listen 127.0.0.1:0 \"$@\"; fi\nexec "+binary+" \"$@\"\n", 0o700)
	const real = "[production]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\nregion = eu-central-1\n"
	write("credentials", real, 0o600)
	if err := os.Symlink(examples, filepath.Join(dir, "examples")); err != nil {
		t.Fatal(err)
	}
	calls := outside(t)
	cmd := exec.CommandContext(t.Context(), "bash", "--norc", "--noprofile")
	cmd.Dir, cmd.Stdin = dir, strings.NewReader(pasted.String())
	cmd.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
		"AWS_SESSION_TOKEN=IQoJb3JpZ2luX2VjEXAMPLE", "AWS_PROFILE=production", "AWS_REGION=eu-central-1", "AWS_SHARED_CREDENTIALS_FILE="+filepath.Join(dir, "credentials"),
		"AWS_CONFIG_FILE=/dev/null", "AWS_PAGER=", "AWS_EC2_METADATA_DISABLED=true", "HTTPS_PROXY="+calls.proxy, "HTTP_PROXY="+calls.proxy)
	out, err := cmd.CombinedOutput()
	text := string(out)
	if err != nil && !strings.Contains(err.Error(), "exit status") { // the exit status of wait, since the jobs were killed
		t.Errorf("%v\n%s", err, text)
	}
	for _, want := range []string{"setosa", `"PolicyARN"`, `"EndpointArn"`, "key: AKIA", "token:  profile: \n", "endpoint: http://127.0.0.1:", "iris/AllTraffic at ", "keep-70", `"ScalingActivities"`, "agree"} {
		if !strings.Contains(text, want) {
			t.Errorf("lacks %q", want)
		}
	}
	for _, not := range []string{"key: AKIAIOSFODNN7EXAMPLE", "command not found", "An error occurred", "Traceback", "Unknown options"} {
		if strings.Contains(text, not) {
			t.Errorf("has %q", not)
		}
	}
	if n := calls.n.Load(); n != 0 {
		t.Errorf("%d connections would have left this machine", n)
	}
	if t.Failed() {
		t.Log(text)
	}
}

// outsider is a proxy that refuses and counts all connections.
type outsider struct {
	proxy string
	n     atomic.Int64
}

func outside(t *testing.T) *outsider {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o := &outsider{proxy: "http://" + l.Addr().String()}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			o.n.Add(1)
			_ = c.Close() // the error is not relevant
		}
	}()
	t.Cleanup(func() {
		_ = l.Close() // ends Accept
		<-ended
	})
	return o
}
