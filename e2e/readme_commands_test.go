package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// readmeCommand is a command that the README tells people to run.
type readmeCommand struct {
	text   string
	pasted bool // it is part of the five minutes, in a block or in the words around one
}

var (
	shellBlock = regexp.MustCompile("(?s)```([a-z]*)\n(.*?)```")
	inlineCode = regexp.MustCompile("`([^`\n]+)`")
	isCommand  = regexp.MustCompile(`^(make|\./bin/bellows|bellows|aws|python3|curl|go)( |$)`)
)

// readmeCommands are all of the README's commands, in order: the lines of its shell blocks, those behind a prompt, and code in its text that
// begins with a program's name.
func readmeCommands(t *testing.T) (out []readmeCommand) {
	t.Helper()
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	readme := string(text)
	begins, ends := strings.Index(readme, "\n## Five minutes\n"), strings.Index(readme, "\n**Your own model** is a program")
	if begins < 0 || ends < begins {
		t.Fatal("the README's five minutes are not found")
	}
	add := func(at int, command string) {
		command = strings.TrimSpace(command)
		if command != "" && !strings.HasPrefix(command, "#") {
			out = append(out, readmeCommand{command, at > begins && at < ends})
		}
	}
	at := 0
	prose := func(until int) {
		for _, m := range inlineCode.FindAllStringSubmatchIndex(readme[at:until], -1) {
			if code := readme[at+m[2] : at+m[3]]; isCommand.MatchString(code) {
				if strings.HasPrefix(code, "bellows ") && strings.Contains(readme, "./bin/"+code) {
					continue // a mention of a command that is there in full
				}
				add(at+m[0], code)
			}
		}
	}
	for _, m := range shellBlock.FindAllStringSubmatchIndex(readme, -1) {
		prose(m[0])
		at = m[1]
		block := strings.ReplaceAll(readme[m[4]:m[5]], "\\\n", " ")
		for line := range strings.Lines(block) {
			prompt, behind := strings.CutPrefix(line, "$ ")
			switch {
			case readme[m[2]:m[3]] == "sh":
				add(m[0], line)
			case behind:
				add(m[0], prompt)
			}
		}
	}
	prose(len(readme))
	if len(out) < 20 {
		t.Fatalf("the README has only %d commands: the search is broken", len(out))
	}
	return out
}

// Every command of the README runs: those of the five minutes in TestReadmeCommands, the others here.
func TestEveryReadmeCommandRuns(t *testing.T) {
	t.Parallel()
	for _, c := range readmeCommands(t) {
		command, _, _ := strings.Cut(c.text, " #")
		words := strings.Fields(command)
		switch {
		case c.pasted:
		case words[0] == "make":
			// What the targets do is tested elsewhere: the demo by TestDemo, the tests by the run that this test is part of. The programs that they name exist.
			out, err := exec.CommandContext(t.Context(), "make", append([]string{"-n", "-C", ".."}, words[1:]...)...).CombinedOutput()
			if err != nil {
				t.Errorf("%s: %v\n%s", command, err, out)
			}
			for _, m := range regexp.MustCompile(`(?:run|build -o \S+) (\./[a-z]\S*)`).FindAllStringSubmatch(string(out), -1) {
				if _, err := os.Stat(filepath.Join("..", m[1])); err != nil {
					t.Errorf("%s: %v", command, err)
				}
			}
		case strings.HasPrefix(command, "./bin/bellows simulate "):
			cmd := exec.CommandContext(t.Context(), binary, words[1:]...)
			cmd.Dir = ".."
			if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "desired") {
				t.Errorf("%s: %v\n%s", command, err, out)
			}
		case command == "bellows serve --config bellows.yaml":
			text, err := os.ReadFile("../examples/bellows.yaml")
			if err != nil {
				t.Fatal(err)
			}
			config := filepath.Join(t.TempDir(), "bellows.yaml") // its models run the program, which is elsewhere here
			if err := os.WriteFile(config, bytes.ReplaceAll(text, []byte("../bin/bellows"), []byte(binary)), 0o600); err != nil {
				t.Fatal(err)
			}
			s := start(t, t.TempDir(), "--config", config)
			if err := s.cmd.Process.Signal(syscall.SIGHUP); err != nil { // reads the file again
				t.Fatal(err)
			}
			s.until("the file is read again", func() bool { return strings.Contains(s.log(), "the configuration is read again") })
		case strings.HasPrefix(command, "bellows deploy "):
			config := filepath.Join(t.TempDir(), "bellows.yaml")
			if err := os.WriteFile(config, fmt.Appendf(nil, "images: [{image: my-model, command: [%q, demo-model]}]\n", binary), 0o600); err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			start(t, dir, "--config", config)
			cmd := exec.CommandContext(t.Context(), binary, append(words[1:], "--data-dir", dir)...)
			if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "mine is in service") {
				t.Errorf("%s: %v\n%s", command, err, out)
			}
		default:
			t.Errorf("no test runs the README's %q", c.text)
		}
	}
}
