package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The console's pages of alarms and metrics in a browser: the list, the page of an alarm, each form and its refusals, the metrics explorer, a phone,
// accessibility, and a read-only key.
func TestConsoleAlarms(t *testing.T) {
	t.Parallel()
	browser, node := browserAndNode(t)
	s := start(t, t.TempDir())
	if out := s.script(node, filepath.Join("js", "console_alarms.mjs"), browser, os.Getenv("BELLOWS_SCREENSHOTS")); !strings.Contains(out, "all passed") {
		t.Error(out)
	}
}
