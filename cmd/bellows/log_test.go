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
