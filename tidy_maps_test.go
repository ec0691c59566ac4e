package bellows_test

import (
	"go/ast"
	"go/build"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// unordered is a comment that says why a range over a map may take any order.
var unordered = regexp.MustCompile(`//tidy:unordered\s+(\S.*)`)

// checker type-checks the module's packages from their sources, each once.
type checker struct {
	fset *token.FileSet
	std  types.Importer
	done map[string]*checked // by directory
}

// checked is a package with its types.
type checked struct {
	pkg   *types.Package
	info  *types.Info
	files []*ast.File
}

func newChecker(t *testing.T) *checker {
	t.Helper()
	fset := token.NewFileSet()
	if build.Default.GOROOT == "" { // of a test that was built with -trimpath
		out, err := exec.CommandContext(t.Context(), "go", "env", "GOROOT").Output()
		if err != nil {
			t.Fatal(err)
		}
		build.Default.GOROOT = strings.TrimSpace(string(out))
	}
	return &checker{fset: fset, std: importer.ForCompiler(fset, "source", nil), done: map[string]*checked{}}
}

// Import implements types.Importer.
func (c *checker) Import(name string) (*types.Package, error) {
	if ours, ok := strings.CutPrefix(name, module); ok {
		p, err := c.check(ours)
		if err != nil {
			return nil, err
		}
		return p.pkg, nil
	}
	return c.std.Import(name)
}

// check type-checks a directory's package, without its tests.
func (c *checker) check(dir string) (*checked, error) {
	if p := c.done[dir]; p != nil {
		return p, nil
	}
	found, err := build.ImportDir(dir, 0)
	if err != nil {
		return nil, err
	}
	p := &checked{info: &types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Uses: map[*ast.Ident]types.Object{}}}
	for _, name := range found.GoFiles {
		f, err := parser.ParseFile(c.fset, path.Join(dir, name), nil, parser.ParseComments)
		if err != nil {
			return nil, err
		}
		p.files = append(p.files, f)
	}
	config := types.Config{Importer: c}
	if p.pkg, err = config.Check(module+dir, c.fset, p.files, p.info); err != nil {
		return nil, err
	}
	c.done[dir] = p
	return p, nil
}

// reasons returns the lines of a file that have a comment //tidy:unordered, and what it says.
func (c *checker) reasons(f *ast.File) map[int]string {
	out := map[int]string{}
	for _, group := range f.Comments {
		for _, comment := range group.List {
			if m := unordered.FindStringSubmatch(comment.Text); m != nil {
				out[c.fset.Position(comment.Pos()).Line] = m[1]
			} else if strings.HasPrefix(comment.Text, "//tidy:unordered") {
				out[c.fset.Position(comment.Pos()).Line] = ""
			}
		}
	}
	return out
}

// found is a place where a map's order can reach a decision.
type found struct {
	pos  token.Pos
	what string
	body *ast.BlockStmt // of the function around it
}

// mapOrders finds each range over a map, and each use of an iterator over one that is not sorted at once.
func (p *checked) mapOrders(f *ast.File) (out []found) {
	var bodies []*ast.BlockStmt
	sorted := map[ast.Expr]bool{}
	var visit func(n ast.Node) bool
	visit = func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if n.Body == nil {
				return false
			}
			bodies = append(bodies, n.Body)
			ast.Inspect(n.Body, visit)
			bodies = bodies[:len(bodies)-1]
			return false
		case *ast.RangeStmt:
			if _, is := p.info.Types[n.X].Type.Underlying().(*types.Map); is {
				out = append(out, found{n.Pos(), "a range over a map", bodies[len(bodies)-1]})
			}
		case *ast.CallExpr:
			switch name := p.called(n); {
			case slices.Contains([]string{"slices.Sorted", "slices.SortedFunc", "slices.SortedStableFunc"}, name):
				sorted[n.Args[0]] = true
			case slices.Contains([]string{"maps.Keys", "maps.Values", "maps.All"}, name) && !sorted[n]:
				body := (*ast.BlockStmt)(nil)
				if len(bodies) > 0 {
					body = bodies[len(bodies)-1]
				}
				out = append(out, found{n.Pos(), name + ", which is not sorted at once", body})
			}
		}
		return true
	}
	ast.Inspect(f, visit)
	return out
}

// called is the name of a function of another package that is called, "" for others.
func (p *checked) called(call *ast.CallExpr) string {
	fun := call.Fun
	if x, ok := fun.(*ast.IndexExpr); ok {
		fun = x.X
	}
	if x, ok := fun.(*ast.IndexListExpr); ok {
		fun = x.X
	}
	selector, ok := fun.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	f, ok := p.info.Uses[selector.Sel].(*types.Func)
	if !ok || f.Pkg() == nil || f.Pkg() == p.pkg {
		return ""
	}
	return f.Pkg().Name() + "." + f.Name()
}

// sortsAfter reports whether a function sorts something behind a place.
func (p *checked) sortsAfter(body *ast.BlockStmt, pos token.Pos) bool {
	sorts := false
	ast.Inspect(body, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok && call.Pos() > pos {
			name := p.called(call)
			sorts = sorts || strings.HasPrefix(name, "slices.Sort") || strings.HasPrefix(name, "sort.")
		}
		return true
	})
	return sorts
}

// orderFaults says what is wrong with how a package uses the order of maps.
func (c *checker) orderFaults(p *checked) (out []string) {
	for _, f := range p.files {
		reasons := c.reasons(f)
		used := map[int]bool{}
		for _, x := range p.mapOrders(f) {
			line := c.fset.Position(x.pos).Line
			why, given := reasons[line]
			used[line] = true
			switch {
			case !given:
				out = append(out, c.fset.Position(x.pos).String()+": "+x.what+": sort the keys, or say why any order will do: //tidy:unordered why")
			case why == "":
				out = append(out, c.fset.Position(x.pos).String()+": //tidy:unordered does not say why")
			case strings.HasPrefix(why, "sorted below") && !p.sortsAfter(x.body, x.pos):
				out = append(out, c.fset.Position(x.pos).String()+": nothing is sorted below")
			}
		}
		for line := range reasons {
			if !used[line] {
				out = append(out, c.fset.Position(f.Pos()).Filename+": a comment //tidy:unordered stands where no map is ranged over")
			}
		}
	}
	return out
}

// No decision depends on the order in which Go goes through a map, which differs from run to run.
func TestNothingDependsOnTheOrderOfMaps(t *testing.T) {
	c := newChecker(t)
	n := 0
	for _, dir := range pureDirs(t) {
		p, err := c.check(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range p.files {
			n += len(p.mapOrders(f))
		}
		for _, x := range c.orderFaults(p) {
			t.Error(x)
		}
	}
	if n < 20 {
		t.Errorf("only %d ranges over maps were found: the search is broken", n)
	}
}

// pureDirs are the directories of the pure packages.
func pureDirs(t *testing.T) (dirs []string) {
	t.Helper()
	for _, s := range sources(t) {
		if dir := path.Dir(s.path); s.pure() && !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

// Each kind of fault is found in a package that has it, and nothing is found where there is none.
func TestOrderFaultsAreFound(t *testing.T) {
	for name, x := range map[string]struct {
		body, want string
	}{
		"plain":           {`for k := range m { out = append(out, k) }`, "a range over a map"},
		"a named type":    {`for k := range named(m) { out = append(out, k) }`, "a range over a map"},
		"keys":            {`for k := range maps.Keys(m) { out = append(out, k) }`, "maps.Keys"},
		"collected":       {`out = slices.Collect(maps.Keys(m))`, "maps.Keys"},
		"sorted":          {`for _, k := range slices.Sorted(maps.Keys(m)) { out = append(out, k) }`, ""},
		"a reason":        {"for range m { n++ } //tidy:unordered counted", ""},
		"no reason":       {"for range m { n++ } //tidy:unordered", "does not say why"},
		"sorted below":    {"for k := range m { out = append(out, k) } //tidy:unordered sorted below\nslices.Sort(out)", ""},
		"not sorted":      {"for k := range m { out = append(out, k) } //tidy:unordered sorted below", "nothing is sorted below"},
		"a stale comment": {"out = append(out, \"x\") //tidy:unordered counted", "where no map is ranged over"},
		"a slice":         {`for _, k := range []string{"a"} { out = append(out, k) }`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			text := "package p\nimport (\"maps\"; \"slices\")\ntype named map[string]int\nvar _ = slices.Sorted(maps.Keys(map[string]int{}))\n" +
				"func f(m map[string]int) (out []string, n int) {\n" + x.body + "\nreturn out, n\n}\n"
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "p.go"), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			c := newChecker(t)
			p, err := c.check(dir)
			if err != nil {
				t.Fatal(err)
			}
			faults := c.orderFaults(p)
			if x.want == "" && len(faults) > 0 || x.want != "" && (len(faults) != 1 || !strings.Contains(faults[0], x.want)) {
				t.Errorf("%q, want %q", faults, x.want)
			}
		})
	}
}
