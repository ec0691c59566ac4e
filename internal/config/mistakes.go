package config

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"bellows.dev/bellows/plural"
)

// Mistake is one thing that is wrong in a configuration.
type Mistake struct {
	Line int    // 0: it has no line of its own
	Text string // names the setting
}

// String renders the mistake, with its line where it has one.
func (m Mistake) String() string {
	if m.Line == 0 {
		return m.Text
	}
	return fmt.Sprintf("line %d: %s", m.Line, m.Text)
}

// MistakesError is the error of a configuration that is not valid. It has every mistake that was found, by line.
type MistakesError struct {
	File     string // "" where the text came from none
	Mistakes []Mistake
}

// Error renders one mistake in a line, and several with a line each.
func (e *MistakesError) Error() string {
	file := ""
	if e.File != "" {
		file = e.File + ": "
	}
	if len(e.Mistakes) == 1 {
		return file + e.Mistakes[0].String()
	}
	text := file + plural.Of(len(e.Mistakes), "mistake") + ":"
	for _, m := range e.Mistakes {
		text += "\n  " + m.String()
	}
	return text
}

// source is the text of a configuration while it is read, and the mistakes in it.
type source struct {
	root     yaml.Node
	mistakes []Mistake

	// alone are the paths of settings whose own values are wrong, which checks of the settings around them would only repeat.
	alone []string

	merged map[*yaml.Node]bool // mappings that others include, which have been looked at
}

// wrong notes a mistake in a setting. at is the setting's path: names, and indexes of list entries, separated by dots. It is not noted where
// the value of a setting in it, or around it, is wrong by itself: that may be all that is wrong.
func (s *source) wrong(at, format string, args ...any) {
	for _, u := range s.alone {
		if u == at || strings.HasPrefix(u, at+".") || strings.HasPrefix(at, u+".") {
			return
		}
	}
	s.note(lineOf(&s.root, at), format, args...)
}

// wrongAlone notes that the value of the setting at a path is wrong by itself: of another type, or out of its range.
func (s *source) wrongAlone(at string, line int, format string, args ...any) {
	s.alone = append(s.alone, at)
	s.note(line, format, args...)
}

// note notes a mistake in a line. One that is the same in all is noted once.
func (s *source) note(line int, format string, args ...any) {
	if m := (Mistake{line, fmt.Sprintf(format, args...)}); !slices.Contains(s.mistakes, m) {
		s.mistakes = append(s.mistakes, m)
	}
}

// err returns the mistakes as an error; nil where there are none.
func (s *source) err(file string) error {
	if len(s.mistakes) == 0 {
		return nil
	}
	slices.SortStableFunc(s.mistakes, func(a, b Mistake) int { return cmp.Compare(a.Line, b.Line) })
	return &MistakesError{file, s.mistakes}
}

// entry matches the entry of a list that an error of a setting begins with.
var entry = regexp.MustCompile(`^([a-z_]+)\[(\d+)\]`)

// wrongEntries notes the errors of a setting that are joined in one, each with the list entry that it begins with. Of one entry the first counts.
func (s *source) wrongEntries(setting string, err error) {
	all := []error{err}
	if many, is := err.(interface{ Unwrap() []error }); is {
		all = many.Unwrap()
	}
	noted := map[string]bool{}
	for _, x := range all {
		at := setting
		if m := entry.FindStringSubmatch(x.Error()); m != nil {
			at += "." + m[1] + "." + m[2]
		}
		if !noted[at] {
			s.wrong(at, "%s: %v", setting, x)
		}
		noted[at] = true
	}
}

// lineOf returns the line of a setting, or of the innermost setting around it that the file has; 0 where there is none.
func lineOf(n *yaml.Node, at string) int {
	if n.Kind == yaml.DocumentNode && len(n.Content) > 0 {
		n = n.Content[0]
	}
	line := 0
	for _, step := range strings.Split(at, ".") {
		var next *yaml.Node
		if n.Kind == yaml.MappingNode {
			for i := 0; i+1 < len(n.Content); i += 2 {
				if n.Content[i].Value == step {
					line, next = n.Content[i].Line, n.Content[i+1]
				}
			}
		} else if i, err := strconv.Atoi(step); err == nil && n.Kind == yaml.SequenceNode && i < len(n.Content) {
			next = n.Content[i]
			line = next.Line
		}
		if next == nil {
			break
		}
		n = next
	}
	return line
}

// The YAML library's error texts, which name Go types.
var (
	lineForm  = regexp.MustCompile(`(?s)^line (\d+): (.*)$`)
	wrongKind = regexp.MustCompile("(?s)^cannot unmarshal (\\S+)(?: `(.*)`)? into (.*)$")
	setTwice  = regexp.MustCompile(`^mapping key (.*) already defined at line (\d+)$`)
)

// misread returns the error of a value that is not of its setting's type.
func misread(n *yaml.Node, want string) error {
	what := strconv.Quote(n.Value)
	switch n.Kind {
	case yaml.SequenceNode:
		what = "a list"
	case yaml.MappingNode:
		what = "a mapping"
	default:
	}
	return &yaml.TypeError{Errors: []string{fmt.Sprintf("line %d: %s is not %s", n.Line, what, want)}}
}

// plainYAML returns the mistakes of an error of the YAML library in the file's terms.
func plainYAML(err error) []Mistake {
	texts := []string{strings.TrimPrefix(err.Error(), "yaml: ")}
	if many := (*yaml.TypeError)(nil); errors.As(err, &many) {
		texts = many.Errors
	}
	out := make([]Mistake, len(texts))
	for i, text := range texts {
		if m := lineForm.FindStringSubmatch(text); m != nil {
			out[i].Line, _ = strconv.Atoi(m[1]) // digits
			text = m[2]
		}
		out[i].Text = plainMistake(text)
	}
	return out
}

func plainMistake(text string) string {
	if m := setTwice.FindStringSubmatch(text); m != nil {
		return fmt.Sprintf("%s is set twice, first in line %s", m[1], m[2])
	}
	if m := wrongKind.FindStringSubmatch(text); m != nil {
		what := map[string]string{"!!seq": "a list", "!!map": "a mapping"}[m[1]]
		if what == "" {
			what = strconv.Quote(m[2])
		}
		return fmt.Sprintf("%s is not %s", what, kindOf(m[3]))
	}
	return text
}

// kindOf describes the values that a Go type stands for in the file.
func kindOf(goType string) string {
	switch {
	case goType == "[]string":
		return "a list such as [python3, server.py]"
	case strings.HasPrefix(goType, "[]"):
		return "a list"
	case strings.HasPrefix(goType, "map["):
		return "a mapping"
	case strings.HasPrefix(goType, "int"), strings.HasPrefix(goType, "uint"):
		return "a whole number"
	case strings.HasPrefix(goType, "float"):
		return "a number"
	case goType == "bool":
		return "true or false"
	case goType == "string":
		return "a text"
	default:
		return "a mapping of settings"
	}
}
