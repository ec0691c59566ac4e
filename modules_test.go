package bellows_test

import (
	"os"
	"os/exec"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// modules are the folders with a go.mod of their own: the server, its benchmarks, and the programs that generate its tables.
var modules = []string{".", "bench", "tools"}

// requirement is a line of a go.mod that names a module, or Go, and its version.
var requirement = regexp.MustCompile(`(?m)^(?:require )?\s*(\S+\.\S+/\S+|go) (v?\d\S*)`)

func requirements(t *testing.T, dir string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(path.Join(dir, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, m := range requirement.FindAllStringSubmatch(string(text), -1) {
		out[m[1]] = m[2]
	}
	if len(out) == 0 {
		t.Fatalf("%s/go.mod requires nothing: the search is broken", dir)
	}
	return out
}

// The benchmarks and generators measure and generate what ships: with the same versions of what they share with the server.
func TestModulesRequireTheSameVersions(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "git", "ls-files", "--cached", "--others", "--exclude-standard", "go.mod", "**/go.mod").Output()
	if err != nil {
		t.Skipf("not a git checkout: %v", err)
	}
	var found []string
	for _, file := range strings.Fields(string(out)) {
		found = append(found, path.Dir(file))
	}
	slices.Sort(found)
	if want := slices.Sorted(slices.Values(append([]string{"internal/conntrack"}, modules...))); !slices.Equal(found, want) { // which replaces a module
		t.Errorf("go.mod is in %v, want %v", found, want)
	}
	server := requirements(t, ".")
	for _, dir := range modules[1:] {
		for name, version := range requirements(t, dir) {
			if ours := server[name]; ours != "" && ours != version {
				t.Errorf("%s requires %s %s, the server %s", dir, name, version, ours)
			}
		}
	}
	for name := range server {
		if strings.HasPrefix(name, module) {
			t.Errorf("the server requires %s", name)
		}
	}
	makefile, err := os.ReadFile("Makefile")
	if err != nil {
		t.Fatal(err)
	}
	if line := "\nMODULES := " + strings.Join(modules, " ") + "\n"; !strings.Contains(string(makefile), line) {
		t.Errorf("the Makefile lacks the line %q", strings.TrimSpace(line))
	}
}

// Templates call methods by name, so that the linker must keep every exported method of every type in the program: a quarter of the binary.
// See docs/decisions/0035-modules-and-binary.md.
func TestTheServerHasNoTemplates(t *testing.T) {
	for _, s := range sources(t) {
		for _, spec := range s.file.Imports {
			if what := strings.Trim(spec.Path.Value, `"`); !s.test() && (what == "text/template" || what == "html/template" || what == "net/rpc") {
				t.Errorf("%s imports %s", s.path, what)
			}
		}
	}
}

// unmaintained are modules that no code here may import, and what to use instead. Others may still bring them along.
var unmaintained = map[string]string{
	"gopkg.in/yaml.v2":          "go.yaml.in/yaml/v3",
	"gopkg.in/yaml.v3":          "go.yaml.in/yaml/v3",
	"github.com/aws/aws-sdk-go": "github.com/aws/aws-sdk-go-v2", // but tools/constraints reads its API models
}

func TestNoUnmaintainedModuleIsImported(t *testing.T) {
	for _, s := range sources(t) {
		for _, spec := range s.file.Imports {
			for old, instead := range unmaintained {
				if strings.HasPrefix(strings.Trim(spec.Path.Value, `"`)+"/", old+"/") && !strings.HasPrefix(s.path, "tools/constraints/") {
					t.Errorf("%s imports %s; use %s", s.path, old, instead)
				}
			}
		}
	}
	for _, dir := range modules {
		for name := range requirements(t, dir) {
			if strings.HasPrefix(name, "gopkg.in/yaml.") {
				t.Errorf("%s/go.mod requires %s", dir, name)
			}
		}
	}
}
