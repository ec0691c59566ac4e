package server

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bellows.dev/bellows/internal/config"
)

// The account of the configuration is that of the first key. Where it differs later, the server says at the start and at a reload that it has no
// effect, and does not announce it for the next start. A configuration without an account is no difference.
func TestAccountOfAnotherKey(t *testing.T) {
	dir := t.TempDir()
	read := func(text string) config.Config {
		t.Helper()
		path := filepath.Join(dir, "bellows.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := config.Read(path)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	const (
		first   = "account: '111111111111'\n"
		another = "account: '222222222222'\n"
		warning = "the setting account has no effect"
	)
	for _, c := range []struct {
		starts, reloads string
		noAuth          bool
		want            int // warnings
		waits           bool
	}{
		{first, first, false, 0, false},
		{"", first, false, 0, false},
		{first, another, false, 1, false},
		{another, another, false, 2, false},
		{first, another, true, 0, true}, // without keys the account is the configured one, from the next start on
	} {
		var log bytes.Buffer
		o := Options{
			Dir: filepath.Join(dir, "data"), Listen: "127.0.0.1:0", Speed: 1, NoAuth: c.noAuth, Config: read(c.starts),
			Log: slog.New(slog.NewTextHandler(&log, nil)), Read: func() (config.Config, error) { return read(c.reloads), nil },
		}
		s, err := New(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.account(); got != "111111111111" {
			t.Errorf("%+v: the account is %s", c, got)
		}
		s.reload(t.Context())
		s.release()
		if got := strings.Count(log.String(), warning); got != c.want || strings.Contains(log.String(), "next start") != c.waits {
			t.Errorf("%+v: %d warnings:\n%s", c, got, log.String())
		}
	}
}
