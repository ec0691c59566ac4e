package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// docBlock is a fenced block of a page. mark is the HTML comment in front of it, which says how the tests treat it:
//
//	run last          its commands run after those of all other blocks
//	run by TestName   another test runs its commands
//	output            sample output of the page's last commands: its lines are in their output, in order
//	output, other numbers   the same, but the numbers may differ
type docBlock struct {
	language, mark, text string
}

// docPage is a Markdown file that the tests read: all of docs/ but the decisions, and llms.txt.
type docPage struct {
	name   string
	blocks []docBlock
	inline []string // code in the text
}

var (
	fencedBlock = regexp.MustCompile("(?ms)(?:^<!-- ([^\n]*) -->\n)?^```([a-z]*)\n(.*?)^```$")
	oneNumber   = regexp.MustCompile(`\d+(\.\d+)?`)
)

// docPages returns the pages, in the order in which a newcomer reads them: those that need a server follow the one that starts it.
func docPages(t *testing.T) (out []docPage) {
	t.Helper()
	names := []string{"../docs/tutorials/first-endpoint.md", "../docs/tutorials/reading-a-decision.md"}
	for _, pattern := range []string{"../docs/*.md", "../docs/*/*.md", "../llms.txt"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %v, %v", pattern, found, err)
		}
		for _, name := range found {
			if filepath.Base(filepath.Dir(name)) != "decisions" && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		p, rest, at := docPage{name: strings.TrimPrefix(name, "../")}, "", 0
		for _, m := range fencedBlock.FindAllSubmatchIndex(text, -1) {
			mark := ""
			if m[2] >= 0 {
				mark = string(text[m[2]:m[3]])
			}
			p.blocks = append(p.blocks, docBlock{string(text[m[4]:m[5]]), mark, string(text[m[6]:m[7]])})
			rest, at = rest+string(text[at:m[0]]), m[1]
		}
		for _, m := range inlineCode.FindAllStringSubmatch(rest+string(text[at:]), -1) {
			p.inline = append(p.inline, m[1])
		}
		out = append(out, p)
	}
	return out
}

// The commands in the pages' shell blocks and behind prompts run, one page after another in one shell with one server, and print what the
// pages show. Nothing goes to AWS, and nothing is left.
func TestDocsCommands(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("bash"); err != nil {
		lacking(t, "bash is not installed")
	}
	pages := docPages(t)
	script, n := docsScript(t, pages)
	if n < 20 {
		t.Fatalf("the pages have only %d blocks with commands: the search is broken", n)
	}
	dir := docsFolder(t)
	calls := outside(t)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute) // the pages wait for conditions without a deadline
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "--norc", "--noprofile")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) } // with what it started in the background
	cmd.WaitDelay = 10 * time.Second
	cmd.Dir, cmd.Stdin = dir, strings.NewReader(script)
	cmd.Env = append(os.Environ(), "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null", "AWS_EC2_METADATA_DISABLED=true",
		"HTTPS_PROXY="+calls.proxy, "HTTP_PROXY="+calls.proxy, "PATH="+filepath.Join(dir, "bin")+string(filepath.ListSeparator)+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	text := string(out)
	if err != nil {
		t.Errorf("%v", err)
	}
	for _, not := range []string{"command failed: ", "command not found", "Traceback", "An error occurred"} {
		if _, after, found := strings.Cut(text, not); found {
			line, _, _ := strings.Cut(after, "\n")
			t.Errorf("%s%s", not, line)
		}
	}
	compareSamples(t, pages, text)
	left, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range left {
		if !slices.Contains([]string{"Makefile", "bin", "examples", "scenarios"}, x.Name()) {
			t.Errorf("the commands leave %s", x.Name())
		}
	}
	if n := calls.n.Load(); n != 0 {
		t.Errorf("%d connections would have left this machine", n)
	}
	if t.Failed() {
		t.Log(text)
	}
}

// docsScript returns the commands of the pages as one script that prints where each block begins, and the number of blocks with commands.
func docsScript(t *testing.T, pages []docPage) (string, int) {
	t.Helper()
	var b, last strings.Builder
	b.WriteString(`set -E; trap 'case $BASH_COMMAND in wait*) ;; *) echo "command failed: $BASH_COMMAND";; esac' ERR` + "\n")
	n := 0
	for _, p := range pages {
		own := slices.ContainsFunc(p.blocks, func(x docBlock) bool { return strings.Contains(x.text, "serve --data-dir") })
		if own { // a server of its own: what it sets is not for the other pages
			b.WriteString("(\n")
		}
		for i, x := range p.blocks {
			commands := ""
			if x.language == "sh" {
				commands = x.text
			} else if !strings.HasPrefix(x.mark, "output") {
				continued := false
				for line := range strings.Lines(x.text) {
					if command, behind := strings.CutPrefix(line, "$ "); behind || continued {
						commands += command
						continued = strings.HasSuffix(command, "\\\n")
					}
				}
			}
			if commands == "" {
				continue
			}
			n++
			commands = "echo '" + blockMark(p, i) + "'\n" + commands
			by, other := strings.CutPrefix(x.mark, "run by ")
			switch {
			case x.mark == "":
				b.WriteString(commands)
			case x.mark == "run last":
				last.WriteString(commands)
			case other:
				runBy(t, p.name, by, x.text)
			default:
				t.Errorf("%s: the mark %q of a block with commands is unknown", p.name, x.mark)
			}
		}
		if own {
			b.WriteString(")\n")
		}
	}
	return b.String() + last.String(), n
}

func blockMark(p docPage, i int) string { return "==== " + p.name + " " + strconv.Itoa(i) }

// runBy checks that a test exists and runs the programs of a block.
func runBy(t *testing.T, page, test, commands string) {
	t.Helper()
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		source, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(source), "\nfunc "+test+"(t *testing.T) {") {
			continue
		}
		for _, program := range regexp.MustCompile(`python3 (\S+\.py)`).FindAllStringSubmatch(commands, -1) {
			if filepath.Base(program[1]) != "traffic.py" && !strings.Contains(string(source), "../"+program[1]) { // TestReadmeCommands runs traffic.py
				t.Errorf("%s: %s does not run %s", page, test, program[1])
			}
		}
		return
	}
	t.Errorf("%s: there is no test %s", page, test)
}

// docsFolder makes the folder that the commands run in: the program has been built, and servers that are not given a port use a free one.
func docsFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"examples", "scenarios"} {
		to, err := filepath.Abs("../" + name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "bin"), 0o700); err != nil {
		t.Fatal(err)
	}
	// What `make build` builds, as the pages say: without the race detector, which makes dozens of commands slow.
	if out, err := exec.CommandContext(t.Context(), "make", "-s", "-C", "..", "build").CombinedOutput(); err != nil {
		t.Fatalf("make build: %v\n%s", err, out)
	}
	built, err := filepath.Abs("../bin/bellows")
	if err != nil {
		t.Fatal(err)
	}
	program := "#!/bin/sh\nif [ \"$1\" = serve ]; then shift; exec " + built + " serve --listen 127.0.0.1:0 \"$@\"; fi\nexec " + built + " \"$@\"\n"
	for name, text := range map[string]string{"Makefile": "build:\n\t@true\n", "bin/bellows": program} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// compareSamples compares the sample output in the pages with that of the commands before it.
func compareSamples(t *testing.T, pages []docPage, output string) {
	t.Helper()
	for _, p := range pages {
		from := ""
		for i, x := range p.blocks {
			if x.language == "sh" {
				_, from, _ = strings.Cut(output, blockMark(p, i)+"\n")
				from, _, _ = strings.Cut(from, "==== ")
			}
			if !strings.HasPrefix(x.mark, "output") {
				continue
			}
			rest := from
			for line := range strings.Lines(x.text) {
				pattern := regexp.QuoteMeta(strings.TrimSpace(line))
				if x.mark == "output, other numbers" {
					pattern = oneNumber.ReplaceAllString(strings.ReplaceAll(pattern, `\.`, "."), `\d+(\.\d+)?`)
				}
				at := regexp.MustCompile(pattern).FindStringIndex(rest)
				if at == nil && x.mark == "output, other numbers" {
					t.Logf("%s: live traffic led to other output than\n%s", p.name, line) // as on a machine that is busy
					break
				}
				if at == nil {
					t.Errorf("%s: the commands do not print\n%s", p.name, line)
					break
				}
				rest = rest[at[1]:]
			}
		}
	}
}

// Commands that the pages mention within sentences and lists exist, with these flags: bellows, make and go test. Those with AWS's names are in
// blocks. docs/cli.md, which the program writes, says which commands and flags there are.
func TestDocsMentionCommandsThatExist(t *testing.T) {
	t.Parallel()
	flags, n := commandFlags(t), 0
	for _, p := range docPages(t) {
		if p.name == "docs/cli.md" {
			continue
		}
		for _, code := range p.inline {
			code = strings.TrimPrefix(code, "./bin/")
			if isCommand.MatchString(code) {
				n++
				mentioned(t, p.name, code, flags)
			}
		}
	}
	if n < 40 {
		t.Errorf("only %d commands were found: the search is broken", n)
	}
}

// commandFlags returns the flags of each command, by its name such as "bellows keys create", from docs/cli.md.
func commandFlags(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile("../docs/cli.md")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]string{}
	for _, section := range strings.Split(string(text), "\n### ")[1:] {
		name, rest, _ := strings.Cut(section, "\n")
		out[name] = []string{"--help", "--data-dir", "--region", "--endpoint-url", "--profile", "--aws"}
		for line := range strings.Lines(rest) {
			if code, row := strings.CutPrefix(line, "| `-"); row {
				code, _, _ = strings.Cut("-"+code, "`")
				for word := range strings.FieldsSeq(code) {
					out[name] = append(out[name], strings.TrimSuffix(word, ","))
				}
			}
		}
	}
	if len(out) < 10 {
		t.Fatalf("docs/cli.md has only %d commands: the search is broken", len(out))
	}
	return out
}

func mentioned(t *testing.T, page, code string, flags map[string][]string) {
	t.Helper()
	words := strings.Fields(code)
	if end := slices.IndexFunc(words, func(w string) bool { return strings.ContainsAny(w, "|&;#>") }); end > 0 {
		words = words[:end]
	}
	switch words[0] {
	case "bellows":
		n := len(words)
		for n > 1 && flags[strings.Join(words[:n], " ")] == nil {
			n--
		}
		if n == 1 && len(words) > 1 {
			t.Errorf("%s: %s: there is no such command", page, code)
		}
		for _, w := range words[n:] {
			if flag, _, _ := strings.Cut(w, "="); strings.HasPrefix(flag, "-") && n > 1 && !slices.Contains(flags[strings.Join(words[:n], " ")], flag) {
				t.Errorf("%s: %s: there is no flag %s", page, code, flag)
			}
		}
	case "make":
		if out, err := exec.CommandContext(t.Context(), "make", append([]string{"-n", "-C", ".."}, words[1:]...)...).CombinedOutput(); err != nil {
			t.Errorf("%s: %s: %v\n%s", page, code, err, out)
		}
	case "go":
		goTest(t, page, words)
	case "aws":
		if len(words) > 1 && !sourcesHave(t, words[1]) {
			t.Errorf("%s: no test calls aws %s", page, words[1])
		}
	default:
		t.Errorf("%s: no test runs %q: put it into a block", page, code)
	}
}

// sourcesHave reports whether a test here passes a text to the AWS CLI or to a client: it is quoted, or in its words.
func sourcesHave(t *testing.T, text string) bool {
	t.Helper()
	files, err := filepath.Glob("*_test.*")
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(files, func(f string) bool {
		source, err := os.ReadFile(f)
		return err == nil && (strings.Contains(string(source), `"`+text+`"`) || strings.Contains(string(source), "aws "+text))
	})
}

// The picture of make run is drawn from output that was recorded.
func TestPictureOfTheDemo(t *testing.T) {
	t.Parallel()
	recorded, err := os.Open("../docs/terminal/make-run.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer recorded.Close()
	cmd := exec.CommandContext(t.Context(), "python3", "../docs/terminal/terminal.py")
	cmd.Stdin = recorded
	want, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../docs/terminal/make-run.svg")
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Error("docs/terminal/make-run.svg is not drawn from docs/terminal/make-run.txt: run the command in terminal.py")
	}
}

// goTest checks that the package of a go test command has the test that it names.
func goTest(t *testing.T, page string, words []string) {
	t.Helper()
	if len(words) < 3 || words[1] != "test" {
		t.Errorf("%s: %q is not go test", page, words)
		return
	}
	files, err := filepath.Glob(filepath.Join("..", words[2], "*_test.go"))
	if err != nil || len(files) == 0 {
		t.Errorf("%s: %s has no tests: %v", page, words[2], err)
	}
	for i, w := range words {
		if w != "-run" {
			continue
		}
		found := slices.ContainsFunc(files, func(f string) bool {
			source, err := os.ReadFile(f)
			return err == nil && strings.Contains(string(source), "\nfunc "+words[i+1])
		})
		if !found {
			t.Errorf("%s: %s has no test %s", page, words[2], words[i+1])
		}
	}
}
