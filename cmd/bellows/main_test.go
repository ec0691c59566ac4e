package main

import (
	"bytes"
	"errors"
	"os/exec"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"bellows.dev/bellows/scaling/policy"
)

// A mistake on the command line is named in the words of the command line, with where to read on.
func TestMistakesOnTheCommandLineAreNamed(t *testing.T) {
	none := t.TempDir()
	for line, want := range map[string]string{
		"explain":                          "ENDPOINT[/VARIANT] is missing: bellows explain ENDPOINT[/VARIANT] [flags]\nRun 'bellows explain --help' for usage.",
		"explain a b":                      `too many arguments, from "b" on`,
		"simulate":                         "FILE is missing: bellows simulate FILE… [flags]\nRun 'bellows simulate --help' for usage.",
		"serve --bogus":                    "unknown flag: --bogus\nRun 'bellows serve --help' for usage.",
		"explain a --since 5":              "Run 'bellows explain --help' for usage.",
		"explain a --at noon":              `--at: "noon" is not a time such as 2026-11-24T10:00:00Z`,
		"replay --from 5m":                 `--from: "5m" is not a time such as`,
		"replay --to 5m":                   `--to: "5m" is not a time such as`,
		"replay --data-dir " + none:        none + " is not the data directory of a server (--data-dir names another): ",
		"explain a --data-dir " + none:     none + " is not the data directory of a server (--data-dir names another): ",
		"explain a/b/c --data-dir " + none: "a/b/c",
		"serve --listen 4592":              `--listen is "4592"; want ADDRESS:PORT, such as 127.0.0.1:4580, or :PORT`,
		"explain a --since -1h":            `"-1h" is not a duration such as 90s, 24h or 2d`,
		"serve --clock-speed NaN":          "--clock-speed is NaN; want more than 0 and at most 1000",
		"serve --clock-speed 1001":         "--clock-speed is 1001; want more than 0 and at most 1000",
		"demo --clock-speed -1":            "--clock-speed is -1; want more than 0 and at most 1000",
		"demo --clock-speed 0":             "--clock-speed is 0; want more than 0 and at most 1000",
	} {
		c := root(policy.Types())
		c.SetArgs(strings.Fields(line))
		c.SetOut(&strings.Builder{})
		c.SetErr(&strings.Builder{})
		if err := c.ExecuteContext(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("bellows %s: %v\nwant %s", line, err, want)
		}
	}
}

func TestVersionIsACommandToo(t *testing.T) {
	text := func(arg string) string {
		var out strings.Builder
		c := root(policy.Types())
		c.SetArgs([]string{arg})
		c.SetOut(&out)
		if err := c.ExecuteContext(t.Context()); err != nil {
			t.Errorf("bellows %s: %v", arg, err)
		}
		return out.String()
	}
	if got, want := text("version"), text("--version"); got != want || !strings.HasPrefix(got, "bellows version ") {
		t.Errorf("version prints %q, --version %q", got, want)
	}
}

func TestMistakesExitWith2(t *testing.T) {
	c := root(policy.Types())
	c.SetArgs([]string{"serve", "--bogus"})
	c.SetErr(&strings.Builder{})
	c.SetOut(&strings.Builder{})
	moment := func(args ...string) error {
		c := root(policy.Types())
		c.SetArgs(args)
		c.SetErr(&strings.Builder{})
		c.SetOut(&strings.Builder{})
		return c.ExecuteContext(t.Context())
	}
	for _, x := range []struct {
		err  error
		want int
	}{
		{nil, 0}, {errors.New("no room"), 1}, {c.ExecuteContext(t.Context()), 2}, {moment("explain", "a", "--at", "noon"), 2}, {moment("replay", "--from", "noon"), 2},
	} {
		if got := exitCode(x.err); got != x.want {
			t.Errorf("%v exits with %d, want %d", x.err, got, x.want)
		}
	}
}

// Where no server answers, the reason is printed once, whether or not a shell evaluates what env prints.
func TestEnvSaysOnceWhyItFails(t *testing.T) {
	dir := t.TempDir()
	var out, complaint strings.Builder
	c := root(policy.Types())
	c.SetArgs([]string{"env", "--data-dir", dir, "--wait", "50ms"})
	c.SetOut(&out)
	c.SetErr(&complaint)
	if err := c.ExecuteContext(t.Context()); err == nil {
		t.Fatal("no error")
	}
	evaluated, err := exec.CommandContext(t.Context(), "sh", "-c", `eval "$1"`, "sh", out.String()).CombinedOutput()
	if err == nil {
		t.Error("what is printed does not fail")
	}
	text := complaint.String() + string(evaluated)
	if strings.Count(text, "no server answers: "+dir) != 1 || !strings.Contains(text, "AWS clients of a shell that evaluates this output reach nothing") {
		t.Errorf("it says %s", text)
	}
}

func TestVersion(t *testing.T) {
	c := root(policy.Types())
	var out bytes.Buffer
	c.SetOut(&out)
	c.SetArgs([]string{"--version"})
	if err := c.Execute(); err != nil || !strings.HasPrefix(out.String(), "bellows version ") || strings.TrimSpace(out.String()) == "bellows version" {
		t.Errorf("%q, %v", out.String(), err)
	}
}

func TestOnlyLoopbackGoesWithoutAuthentication(t *testing.T) {
	for listen, ok := range map[string]bool{
		"127.0.0.1:0": true, "localhost:4580": true, "[::1]:1": true, "0.0.0.0:1": false, ":4580": false, "10.0.0.1:1": false, "nonsense": false,
	} {
		if err := loopback(listen); (err == nil) != ok {
			t.Errorf("%s: %v", listen, err)
		}
	}
}

// What a server or a model wrote into an error must not steer the terminal.
func TestErrorsWithoutControlCharacters(t *testing.T) {
	var out strings.Builder
	complain(&out, &cobra.Command{Use: "bellows"}, errors.New("a\x1b[2J\u009b31m\u202eb\nc"))
	if out.String() != "Error: a[2J31mb\nc\n" {
		t.Errorf("%q", out.String())
	}
}
