package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The console's pages of policies in a browser: scalable targets, policies of every type, scheduled actions, each form with its refusals and its
// picture, a phone, and accessibility.
func TestConsolePolicies(t *testing.T) {
	t.Parallel()
	browser, node := browserAndNode(t)
	s := start(t, t.TempDir())
	s.deploy("iris", 1, nil)
	if out := s.script(node, filepath.Join("js", "console_policies.mjs"), browser, os.Getenv("BELLOWS_SCREENSHOTS")); !strings.Contains(out, "all passed") {
		t.Error(out)
	}
}
