package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A fleet that cannot be opened fails the start with its reason, and what was opened before is closed.
func TestAFleetThatCannotBeOpenedFailsTheStart(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "fleet"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := newServer(t.Context(), serverOptions{
		dir: dir, listen: "127.0.0.1:0", speed: 1, config: defaults(), log: slog.New(slog.DiscardHandler),
	})
	if s != nil || err == nil || !strings.Contains(err.Error(), "the fleet's directory") {
		t.Errorf("%v, %v", s, err)
	}
}
