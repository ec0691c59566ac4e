package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The AWS SDK for JavaScript, version 3, as `make e2e/js/node_modules` installs it.
func TestAWSSDKForJavaScript(t *testing.T) {
	t.Parallel()
	node, err := exec.LookPath("node")
	if err != nil {
		lacking(t, "node is not installed")
	}
	if _, err := os.Stat(filepath.Join("js", "node_modules")); err != nil {
		lacking(t, "the SDK is not installed: make e2e/js/node_modules")
	}
	if out, err := exec.CommandContext(t.Context(), node, "-p", "Number(process.versions.node.split('.')[0]) >= 20").Output(); err != nil || strings.TrimSpace(string(out)) != "true" {
		lacking(t, "node is older than version 20, which the SDK wants")
	}
	dir := t.TempDir()
	s := start(t, dir)
	if out := s.script(node, filepath.Join("js", "sdk.mjs")); !strings.Contains(out, "all passed") {
		t.Errorf("the script did not complete:\n%s", out)
	}
	if left := instances(t, dir); len(left) != 0 {
		t.Errorf("model servers are still running: %v", left)
	}
}
