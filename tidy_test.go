// Package bellows_test enforces rules of this repository that linters do not cover.
package bellows_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "bellows.dev/bellows/"

// purePackages may import only pureStd and one another, as ARCHITECTURE.md says; they have no goroutines and channels.
var (
	purePackages = []string{"plural", "schedule", "metric", "alarm", "scaling", "hosting", "forecast", "engine", "sim", "scenario"}
	pureStd      = []string{"cmp", "errors", "fmt", "iter", "maps", "math", "slices", "sort", "strconv", "strings", "time"}
)

// siblings lists packages whose subpackages must not import one another, each with those subpackages that may be imported.
var siblings = map[string][]string{
	"internal/awsapi": {"wire", "sigv4"},
	"internal/fleet":  {},
	"internal/log":    {},
}

const (
	fileLines     = 500
	functionLines = 70
)

type source struct {
	path  string // slash-separated, from the repository's root
	pkg   string // the first element, or the first two below internal
	lines int
	fset  *token.FileSet
	file  *ast.File
}

func (s source) test() bool { return strings.HasSuffix(s.path, "_test.go") }
func (s source) pure() bool { return slices.Contains(purePackages, s.pkg) && !s.test() }

// sources parses every Go file tracked by git.
func sources(t *testing.T) []source {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "git", "ls-files", "*.go").Output()
	if err != nil {
		t.Skipf("not a git checkout: %v", err)
	}
	var all []source
	for _, name := range strings.Fields(string(out)) {
		text, err := os.ReadFile(name)
		if os.IsNotExist(err) {
			continue // deleted, not yet committed
		}
		if err != nil {
			t.Fatal(err)
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, name, text, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, source{name, packageOf(name), strings.Count(string(text), "\n"), fset, file})
	}
	if len(all) < 10 {
		t.Fatalf("found %d Go files: the search is broken", len(all))
	}
	return all
}

func packageOf(name string) string {
	parts := strings.Split(path.Dir(name), "/")
	if (parts[0] == "internal" || parts[0] == "cmd") && len(parts) > 1 {
		return parts[0] + "/" + parts[1]
	}
	return parts[0]
}

// What several services, fleets or logs share belongs in the package above them.
func TestSiblingsDoNotImportOneAnother(t *testing.T) {
	found := map[string]int{}
	for _, s := range sources(t) {
		shared, parent := siblings[s.pkg]
		if !parent || s.test() || path.Dir(s.path) == s.pkg {
			continue
		}
		own, _, _ := strings.Cut(strings.TrimPrefix(s.path, s.pkg+"/"), "/")
		found[s.pkg]++
		for _, spec := range s.file.Imports {
			other, below := strings.CutPrefix(strings.Trim(spec.Path.Value, `"`), module+s.pkg+"/")
			other, _, _ = strings.Cut(other, "/")
			if below && other != own && !slices.Contains(shared, other) {
				t.Errorf("%s imports %s, which lies beside its package", s.path, s.pkg+"/"+other)
			}
		}
	}
	for pkg := range siblings {
		if found[pkg] == 0 {
			t.Errorf("nothing lies below %s: the search is broken", pkg)
		}
	}
}

func TestPurePackagesHaveNoGoroutinesAndChannels(t *testing.T) {
	for _, s := range sources(t) {
		if !s.pure() {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			switch n.(type) {
			case *ast.GoStmt, *ast.SelectStmt, *ast.ChanType, *ast.SendStmt:
				t.Errorf("%s: goroutines and channels are not allowed in a pure package", s.fset.Position(n.Pos()))
			}
			return true
		})
	}
}

func TestFilesAndFunctionsAreShort(t *testing.T) {
	for _, s := range sources(t) {
		if s.test() || strings.Contains(s.path, "zz_") {
			continue
		}
		if s.lines > fileLines {
			t.Errorf("%s has %d lines, more than %d", s.path, s.lines, fileLines)
		}
		for _, d := range s.file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Body == nil {
				continue
			}
			if n := s.fset.Position(f.End()).Line - s.fset.Position(f.Pos()).Line + 1; n > functionLines {
				t.Errorf("%s: %s has %d lines, more than %d", s.path, f.Name.Name, n, functionLines)
			}
		}
	}
}

func TestEveryPackageHasAComment(t *testing.T) {
	documented := map[string]bool{}
	for _, s := range sources(t) {
		dir := path.Dir(s.path)
		if s.test() || dir == "." {
			continue
		}
		documented[dir] = documented[dir] || s.file.Doc != nil
	}
	for dir, ok := range documented {
		if !ok {
			t.Errorf("package %s has no package comment", dir)
		}
	}
}

func TestExportedFunctionsAreDocumented(t *testing.T) {
	for _, s := range sources(t) {
		if s.test() {
			continue
		}
		for _, d := range s.file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || !f.Name.IsExported() {
				continue
			}
			if f.Doc == nil && f.Recv == nil {
				t.Errorf("%s: %s has no comment", s.fset.Position(f.Pos()), f.Name.Name)
			}
			for _, word := range []string{"Replica", "Alert", "Sample", "Pod", "Strategy"} {
				if strings.HasPrefix(f.Name.Name, word) {
					t.Errorf("%s: %s uses a word that docs/glossary.md replaces", s.fset.Position(f.Pos()), f.Name.Name)
				}
			}
		}
	}
}

func TestNoOpenTasks(t *testing.T) {
	for _, s := range sources(t) {
		for _, group := range s.file.Comments {
			for _, word := range []string{"TO" + "DO", "FIX" + "ME", "X" + "XX"} {
				if strings.Contains(group.Text(), word) {
					t.Errorf("%s: a comment contains %s", s.fset.Position(group.Pos()), word)
				}
			}
		}
	}
}

func TestReadmeMakeTargetsExist(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	makefile, err := os.ReadFile("Makefile")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for line := range strings.Lines(string(readme)) {
		target, ok := strings.CutPrefix(strings.TrimSpace(line), "make ")
		if !ok {
			continue
		}
		found++
		target, _, _ = strings.Cut(target, " ")
		if !strings.Contains(string(makefile), "\n"+target+":") {
			t.Errorf("README.md has `make %s`, which is not in the Makefile", target)
		}
	}
	if found == 0 {
		t.Error("README.md has no make command")
	}
}

// reference matches a link of a Markdown file to another file, or the path of a document in a comment.
var reference = regexp.MustCompile(`\]\(([^)#:\s]+\.md)(?:#[^)]*)?\)|\b(docs/[a-z0-9/-]+\.md)\b`)

func TestDecisionsAreNumberedOnceAndDocumentsExist(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "git", "ls-files", "*.md", "*.go").Output()
	if err != nil {
		t.Skipf("not a git checkout: %v", err)
	}
	numbered := map[string]string{}
	for _, name := range strings.Fields(string(out)) {
		text, err := os.ReadFile(name)
		if os.IsNotExist(err) {
			continue // deleted, not yet committed
		}
		if err != nil {
			t.Fatal(err)
		}
		if path.Dir(name) == "docs/decisions" {
			number, _, _ := strings.Cut(path.Base(name), "-")
			if other := numbered[number]; other != "" {
				t.Errorf("%s and %s have the same number", other, name)
			}
			numbered[number] = name
			if heading := "# " + strings.TrimLeft(number, "0") + ". "; !strings.HasPrefix(string(text), heading) {
				t.Errorf("%s does not begin with %q", name, heading)
			}
		}
		for _, m := range reference.FindAllStringSubmatch(string(text), -1) {
			to := m[2]
			if to == "" {
				to = path.Join(path.Dir(name), m[1])
			}
			if _, err := os.Stat(to); err != nil {
				t.Errorf("%s refers to %s, which does not exist", name, to)
			}
		}
	}
	if len(numbered) == 0 {
		t.Error("no decision found: the search is broken")
	}
}
