package bellows_test

import (
	"fmt"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// row is a line of ARCHITECTURE.md's table of packages.
type row struct {
	packages []string // directories; each stands for those below it, too, that have no row of their own
	imports  []string // all packages of this module that they import, themselves and package plural aside, which any may import
	all      bool     // "everything"
}

var codeSpan = regexp.MustCompile("`([^`]+)`")

// packageTable reads ARCHITECTURE.md's table, whose lines are: | `package/` | what it is for | `import`, `import` |.
func packageTable(t *testing.T) (rows []row) {
	t.Helper()
	text, err := os.ReadFile("ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if !strings.HasPrefix(line, "| `") || len(cells) != 3 {
			continue
		}
		r := row{packages: names(cells[0]), imports: names(cells[2]), all: strings.TrimSpace(cells[2]) == "everything"}
		if len(r.imports) == 0 && !r.all && strings.TrimSpace(cells[2]) != "–" {
			t.Errorf("ARCHITECTURE.md: the imports of %q are neither packages in backquotes, everything, nor –", r.packages)
		}
		rows = append(rows, r)
	}
	if len(rows) < 20 {
		t.Fatalf("ARCHITECTURE.md's table of packages has %d rows", len(rows))
	}
	return rows
}

// names are the packages in a cell; a/{b,c} stands for two.
func names(cell string) (out []string) {
	for _, m := range codeSpan.FindAllStringSubmatch(cell, -1) {
		front, list, found := strings.Cut(strings.TrimSuffix(m[1], "/"), "{")
		if !found {
			out = append(out, front)
			continue
		}
		for _, x := range strings.Split(strings.TrimSuffix(list, "}"), ",") {
			out = append(out, front+strings.TrimSpace(x))
		}
	}
	return out
}

// separate reports whether a directory is in a module of its own.
func separate(dir string) bool {
	for ; dir != "."; dir = path.Dir(dir) {
		if _, err := os.Stat(path.Join(dir, "go.mod")); err == nil {
			return true
		}
	}
	return false
}

// rowOf returns the row that stands for a directory, -1 where there is none, and the package that the row names.
func rowOf(rows []row, dir string) (at int, name string) {
	at = -1
	for i, r := range rows {
		for _, p := range r.packages {
			if (dir == p || strings.HasPrefix(dir, p+"/")) && len(p) > len(name) {
				at, name = i, p
			}
		}
	}
	return at, name
}

// ARCHITECTURE.md's table says of each package what it imports, no more and no less; and what is pure imports only what is pure.
func TestImportsAreAsArchitectureSays(t *testing.T) {
	rows := packageTable(t)
	real, there := map[int]map[string]bool{}, map[string]bool{}
	for _, s := range sources(t) {
		dir := path.Dir(s.path)
		root, _, _ := strings.Cut(dir, "/")
		if s.test() || separate(dir) || !slices.Contains(purePackages, root) && root != "internal" && root != "cmd" {
			continue
		}
		at, self := rowOf(rows, dir)
		if at < 0 {
			t.Errorf("%s has no row in ARCHITECTURE.md's table of packages", dir)
			continue
		}
		if there[self] = true; real[at] == nil {
			real[at] = map[string]bool{}
		}
		for _, spec := range s.file.Imports {
			what := strings.Trim(spec.Path.Value, `"`)
			ours, is := strings.CutPrefix(what, module)
			if _, name := rowOf(rows, ours); is && name != self && ours != "plural" {
				real[at][name] = true
			}
			if is && s.pure() && !slices.Contains(purePackages, packageOf(ours+"/x")) {
				t.Errorf("%s is pure and imports %s, which is not", s.path, ours)
			}
			random := s.pkg == "sim" && what == "math/rand/v2"
			encoding := s.path == "scaling/encode.go" && what == "encoding/json" // policies are decoded by their types
			if s.pure() && !is && !random && !encoding && !slices.Contains(pureStd, what) {
				t.Errorf("%s is pure and imports %s", s.path, what)
			}
		}
	}
	for i, r := range rows {
		for _, p := range r.packages {
			if !there[p] && !r.all {
				t.Errorf("ARCHITECTURE.md has a row for %s, which is not there", p)
			}
		}
		want, got := slices.Sorted(slices.Values(r.imports)), slices.Sorted(maps.Keys(real[i]))
		if !r.all && !slices.Equal(want, got) {
			t.Errorf("ARCHITECTURE.md: the row of %s should have the imports %s", strings.Join(r.packages, ", "), cell(got))
		}
	}
}

// cell is how the table writes packages.
func cell(packages []string) string {
	if len(packages) == 0 {
		return "–"
	}
	out := make([]string, len(packages))
	for i, p := range packages {
		out[i] = fmt.Sprintf("`%s`", p)
	}
	return strings.Join(out, ", ")
}
