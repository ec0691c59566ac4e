package bellows_test

import (
	"go/ast"
	"go/token"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// refusedWords are not used in names and comments: metaphors, personifications and quaint English in place of the field's terms.
// docs/glossary.md has the terms.
var refusedWords = []string{
	"told", "heard", "hears", "sight", "shelf", "shelves", "said", "goner", "stood", "beat", "beats", "news",
	"relive", "relived", "relives", "foretell", "foretells", "foretold", "foretelling",
	"door", "doors", "stranger", "strangers", "whoever", "nobody", "somebody", "anew", "afresh", "wherever", "whereabouts",
}

// refusedPhrases are not used in comments and documents.
var refusedPhrases = regexp.MustCompile(`(?i)\b(at the word of|to be had|is no news|whose it is|has its say|have their say|goes without saying|` +
	`lets? time pass|makes? of it|as it stood|because of all|in vain|no business of|what \w+ polic(y|ies) wants?)\b`)

// nameWord is a word of a name in camel case.
var nameWord = regexp.MustCompile(`[A-Z]+(?:[^a-z]|$)|[A-Z]?[a-z]+`)

// word is a word of a text.
var word = regexp.MustCompile(`[A-Za-z]+`)

func TestNamesAndCommentsUseTheTermsOfTheField(t *testing.T) {
	for _, s := range sources(t) {
		report := func(n ast.Node, format string, args ...any) {
			t.Errorf("%s: "+format, append([]any{s.fset.Position(n.Pos())}, args...)...)
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			for _, id := range declaredBy(n) {
				for _, w := range nameWord.FindAllString(id.Name, -1) {
					if slices.Contains(refusedWords, strings.ToLower(w)) {
						report(id, "the name %s has the word %q; see docs/glossary.md", id.Name, w)
					}
				}
			}
			return true
		})
		for _, group := range s.file.Comments {
			if w := refusedIn(group.Text()); w != "" {
				report(group, "the comment has %q; see docs/glossary.md", w)
			}
		}
	}
}

// declaredBy returns the names that a node declares.
func declaredBy(n ast.Node) []*ast.Ident {
	switch n := n.(type) {
	case *ast.FuncDecl:
		return []*ast.Ident{n.Name}
	case *ast.TypeSpec:
		return []*ast.Ident{n.Name}
	case *ast.ValueSpec:
		return n.Names
	case *ast.Field:
		return n.Names
	case *ast.AssignStmt:
		if n.Tok == token.DEFINE {
			return identifiers(n.Lhs...)
		}
	case *ast.RangeStmt:
		if n.Tok == token.DEFINE {
			return identifiers(n.Key, n.Value)
		}
	}
	return nil
}

// identifiers returns those expressions that are names.
func identifiers(all ...ast.Expr) []*ast.Ident {
	var out []*ast.Ident
	for _, x := range all {
		if id, ok := x.(*ast.Ident); ok {
			out = append(out, id)
		}
	}
	return out
}

// refusedIn returns the first refused word or phrase of a text, "" if there is none. Quoted parts are not checked.
func refusedIn(text string) string {
	text = quoted.ReplaceAllString(text, "")
	if p := refusedPhrases.FindString(text); p != "" {
		return p
	}
	for _, w := range word.FindAllString(text, -1) {
		if slices.Contains(refusedWords, strings.ToLower(w)) {
			return w
		}
	}
	return ""
}

// quoted is a quoted part of a comment or document: recorded texts, names of settings, code.
var quoted = regexp.MustCompile("\"[^\"]*\"|`[^`]*`")

func TestDocumentsUseTheTermsOfTheField(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "git", "ls-files", "*.md", "scenarios/*.txt").Output()
	if err != nil {
		t.Skipf("not a git checkout: %v", err)
	}
	for _, name := range strings.Fields(string(out)) {
		text, err := os.ReadFile(name)
		if os.IsNotExist(err) || name == "docs/glossary.md" {
			continue // deleted, not yet committed; or the list of terms, with those not to be used
		}
		if err != nil {
			t.Fatal(err)
		}
		fenced, n := false, 0
		for line := range strings.Lines(string(text)) {
			n++
			if strings.HasPrefix(line, "```") {
				fenced = !fenced
			}
			if fenced || strings.HasSuffix(name, ".txt") && !strings.HasPrefix(line, "#") {
				continue
			}
			if w := refusedIn(line); w != "" {
				t.Errorf("%s:%d has %q; see docs/glossary.md", name, n, w)
			}
		}
	}
}

func TestRefusedWordsAreFound(t *testing.T) {
	for text, want := range map[string]string{
		"what one policy wants at the word of one alarm":              "what one policy wants",
		"Whoever asks is told":                                        "Whoever",
		"the capacity a policy recommends for one alarm":              "",
		"the text is \"said\", the setting `door`; doorway is a word": "",
	} {
		if got := refusedIn(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
