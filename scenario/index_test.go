package scenario_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const (
	indexFile = "../docs/scenarios.md"
	linesMax  = 60
)

// rule returns the rule that a scenario shows: its first comment, up to the source.
func rule(text string) string {
	var words []string
	for line := range strings.Lines(text) {
		comment, found := strings.CutPrefix(line, "#")
		if comment = strings.TrimSpace(comment); !found || strings.HasPrefix(comment, "AWS:") {
			break
		}
		words = append(words, comment)
	}
	s := strings.Join(words, " ")
	for _, source := range []string{" AWS:", " (AWS:", " (Recorded"} {
		s, _, _ = strings.Cut(s, source)
	}
	return s
}

// scenarioTexts reads all scenarios, by name.
func scenarioTexts(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("../scenarios/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		out[strings.TrimSuffix(filepath.Base(file), ".txt")] = string(text)
	}
	return out
}

var (
	named = regexp.MustCompile("`([^`]+)`")
	row   = regexp.MustCompile("^\\| `([^`]+)` \\| (.*) \\|$")
	test  = regexp.MustCompile(`^([a-z0-9/]+)\.(Test\w+)$`)
)

// The index lists each scenario once, with the rule at the beginning of its file, and lists nothing that does not exist.
func TestIndex(t *testing.T) {
	doc, err := os.ReadFile(indexFile)
	if err != nil {
		t.Fatal(err)
	}
	texts := scenarioTexts(t)
	before, index, found := strings.Cut(string(doc), "\n## Index\n")
	if !found {
		t.Fatalf("%s has no index", indexFile)
	}
	seen := map[string]bool{}
	lines := strings.Split(index, "\n")
	facts := false // the table of facts lists scenarios a second time, in its second column
	for i, line := range lines {
		if strings.HasPrefix(line, "### ") {
			facts = strings.HasPrefix(line, "### Facts")
		}
		if !strings.HasPrefix(line, "| ") {
			continue
		}
		if facts {
			cells := strings.Split(line, " | ")
			for _, m := range named.FindAllStringSubmatch(cells[len(cells)-1], -1) {
				isThere(t, texts, m[1])
			}
			continue
		}
		m := row.FindStringSubmatch(line)
		if m == nil {
			if line != "| shown by | rule |" {
				t.Errorf("%q is not a row", line)
			}
			continue
		}
		isThere(t, texts, m[1])
		if texts[m[1]] == "" {
			continue // a Go test
		}
		if seen[m[1]] {
			t.Errorf("%s is in the index twice", m[1])
		}
		seen[m[1]] = true
		if want := rule(texts[m[1]]); m[2] != want && !*rewrite {
			t.Errorf("%s: the index has %q, the file %q: run make scenarios REWRITE=1", m[1], m[2], want)
		} else {
			lines[i] = "| `" + m[1] + "` | " + want + " |"
		}
	}
	for name := range texts {
		if !seen[name] {
			t.Errorf("%s is not in the index: add a row \"| `%s` | %s |\" under its topic in docs/scenarios.md", name, name, rule(texts[name]))
		}
	}
	if *rewrite {
		if err := os.WriteFile(indexFile, []byte(before+"\n## Index\n"+strings.Join(lines, "\n")), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// isThere checks that a scenario or a Go test exists.
func isThere(t *testing.T, texts map[string]string, name string) {
	t.Helper()
	m := test.FindStringSubmatch(name)
	if m == nil {
		if texts[name] == "" {
			t.Errorf("the index lists %s: there is no such scenario", name)
		}
		return
	}
	files, err := filepath.Glob("../" + m[1] + "/*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(files, func(file string) bool {
		text, err := os.ReadFile(file)
		return err == nil && strings.Contains(string(text), "\nfunc "+m[2]+"(")
	}) {
		t.Errorf("the index lists %s: there is no such test", name)
	}
}

// Scenarios are readable: each begins with its rule and fits on a page.
func TestScenariosAreReadable(t *testing.T) {
	for name, text := range scenarioTexts(t) {
		if rule(text) == "" {
			t.Errorf("%s does not begin with a rule", name)
		}
		if n := strings.Count(text, "\n"); n > linesMax {
			t.Errorf("%s has %d lines, more than %d", name, n, linesMax)
		}
	}
}
