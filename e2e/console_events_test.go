package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The console's page of what happened: changes by hand under the request that made them, refusals, filters in the address, the way back through
// the history, what comes in while one reads, links to the moment, a phone, accessibility.
func TestConsoleEvents(t *testing.T) {
	t.Parallel()
	browser, node := browserAndNode(t)
	s := start(t, t.TempDir(), "--clock-speed", "30")
	s.deploy("iris", 1, nil)
	if out := s.script(node, filepath.Join("js", "console_events.mjs"), browser, os.Getenv("BELLOWS_SCREENSHOTS")); !strings.Contains(out, "all passed") {
		t.Errorf("the test did not complete:\n%s", out)
	}
}
