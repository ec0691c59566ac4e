package main

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
)

// What clients send reaches a terminal without the characters that terminals obey.
func TestLinesHaveNoControlCharacters(t *testing.T) {
	for _, value := range []string{"\x00", "\x1b[2J", "a\nb", "a\rb", "\x7f", "\u009b2J", "\u202e", "\xff"} {
		var out bytes.Buffer
		slog.New(newLines(&out, slog.LevelInfo)).Warn("a request was refused", "target", value, "status", 400)
		line := strings.TrimSuffix(out.String(), "\n")
		if strings.ContainsAny(line, "\x00\x1b\n\r\x7f\u009b\u202e") || !strings.Contains(line, ` target="`) || !strings.HasSuffix(line, " status=400") {
			t.Errorf("%q becomes %q", value, line)
		}
	}
}

func TestLinesAreShort(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(newLines(&out, slog.LevelInfo)).With("a", 1)
	log.Debug("not shown")
	log.Info("ready", "address", "127.0.0.1:4580", "reason", "two words")
	slog.New(newLines(&out, slog.LevelInfo)).Warn("event", "kind", "InstanceChanged", "what", "instance i-1 of iris/blue failed: it exited", "policy_time", "2026-11-28T10:00:00Z")
	log.WithGroup("g").Error("broken", "error", "x")
	got := strings.Split(out.String(), "\n")
	for i, want := range []string{` ready a=1 address=127.0.0.1:4580 reason="two words"`, ` WARN instance i-1 of iris/blue failed: it exited policy_time=2026-11-28T10:00:00Z`, ` ERROR broken a=1 g.error=x`} {
		if len(got) != 4 || len(got[i]) < 8 || got[i][8:] != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
