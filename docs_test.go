package bellows_test

import (
	"net/url"
	"os"
	"os/exec"
	"path"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

var (
	markdownLink = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	fence        = regexp.MustCompile("(?ms)^```.*?^```")
	spanOfCode   = regexp.MustCompile("`[^`\n]*`")
	heading      = regexp.MustCompile(`(?m)^#+ (.+)$`)
)

// Links of Markdown files to files and headings of the repository lead somewhere.
func TestLinksLeadSomewhere(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "git", "ls-files", "-co", "--exclude-standard", "*.md", "llms.txt").Output()
	if err != nil {
		t.Skipf("not a git checkout: %v", err)
	}
	anchors, n := map[string]map[string]bool{}, 0
	for _, name := range strings.Fields(string(out)) {
		for _, m := range markdownLink.FindAllStringSubmatch(proseOf(t, name), -1) {
			u, err := url.Parse(m[1])
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if u.Host != "" || u.Scheme != "" {
				continue
			}
			n++
			to := name
			if u.Path != "" {
				to = path.Join(path.Dir(name), u.Path)
			}
			if _, err := os.Stat(to); err != nil {
				t.Errorf("%s links to %s, which does not exist", name, m[1])
				continue
			}
			if u.Fragment == "" || !strings.HasSuffix(to, ".md") {
				continue
			}
			if anchors[to] == nil {
				anchors[to] = headings(t, to)
			}
			if !anchors[to][u.Fragment] {
				t.Errorf("%s links to %s, but there is no such heading", name, m[1])
			}
		}
	}
	if n < 100 {
		t.Errorf("only %d links were found: the search is broken", n)
	}
}

// Every page of docs/ can be reached from the site's navigation.
func TestNavigationHasEveryPage(t *testing.T) {
	config, err := os.ReadFile("docs/.vitepress/config.mts")
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "git", "ls-files", "-co", "--exclude-standard", "docs/*.md").Output()
	if err != nil {
		t.Skipf("not a git checkout: %v", err)
	}
	for _, name := range strings.Fields(string(out)) {
		page := strings.TrimSuffix(strings.TrimPrefix(name, "docs"), ".md")
		if page == "/index" || path.Dir(page) == "/decisions" {
			continue
		}
		if !strings.Contains(string(config), "link: '"+page+"'") {
			t.Errorf("docs/.vitepress/config.mts has no link to %s", page)
		}
	}
}

// proseOf returns the text of a Markdown file without code.
func proseOf(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if os.IsNotExist(err) {
		return "" // deleted, not yet committed
	}
	if err != nil {
		t.Fatal(err)
	}
	return spanOfCode.ReplaceAllString(fence.ReplaceAllString(string(text), ""), "")
}

// headings returns the anchors of a file's headings: lower case, with hyphens for spaces, and without other punctuation.
func headings(t *testing.T, name string) map[string]bool {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]bool{}
	for _, m := range heading.FindAllStringSubmatch(fence.ReplaceAllString(string(text), ""), -1) {
		out[strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
				return unicode.ToLower(r)
			default:
				return -1
			}
		}, m[1])] = true
	}
	return out
}
