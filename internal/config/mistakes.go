package config

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// wrong returns the error of a setting, with its line. at is the path of the setting: names, and indexes of list entries, separated by dots.
func (c *Config) wrong(at, format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	if line := lineOf(&c.Source, at); line > 0 {
		return fmt.Errorf("line %d: %w", line, err)
	}
	return err
}

// entry matches the entry of a list that an error of a setting begins with.
var entry = regexp.MustCompile(`^([a-z_]+)\[(\d+)\]`)

// entryOf returns the path of the list entry that an error begins with, or of the setting where it begins with none.
func entryOf(setting string, err error) string {
	if m := entry.FindStringSubmatch(err.Error()); m != nil {
		return setting + "." + m[1] + "." + m[2]
	}
	return setting
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
	unknownSetting = regexp.MustCompile(`^line (\d+): field (.*) not found in type (.*)$`)
	wrongKind      = regexp.MustCompile("(?s)^line (\\d+): cannot unmarshal (\\S+)(?: `(.*)`)? into (.*)$")
	setTwice       = regexp.MustCompile(`^line (\d+): mapping key (.*) already defined at line (\d+)$`)
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

// plainYAML rewords the YAML library's errors in the file's terms, each with its line. named are the texts of the values that are not of
// their settings' type, which replace the library's texts for those.
func plainYAML(err error, named []string) error {
	var many *yaml.TypeError
	if !errors.As(err, &many) {
		return errors.New(strings.TrimPrefix(err.Error(), "yaml: "))
	}
	var texts []string
	for _, text := range many.Errors {
		if names := unknownSetting.MatchString(text) || setTwice.MatchString(text); names || len(named) == 0 {
			texts = append(texts, plainMistake(text))
		}
	}
	return errors.New(strings.Join(append(texts, named...), "; "))
}

func plainMistake(text string) string {
	if m := unknownSetting.FindStringSubmatch(text); m != nil {
		return fmt.Sprintf("line %s: there is no setting %q", m[1], m[2]) + meant(m[2], settingsOf(m[3]))
	}
	if m := setTwice.FindStringSubmatch(text); m != nil {
		return fmt.Sprintf("line %s: %s is set twice, first in line %s", m[1], m[2], m[3])
	}
	if m := wrongKind.FindStringSubmatch(text); m != nil {
		what := map[string]string{"!!seq": "a list", "!!map": "a mapping"}[m[2]]
		if what == "" {
			what = strconv.Quote(m[3])
		}
		return fmt.Sprintf("line %s: %s is not %s", m[1], what, kindOf(m[4]))
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

// settingsOf returns the names of the settings in a type of the configuration. typeName is the type's name in the YAML library's errors.
func settingsOf(typeName string) []string {
	var names []string
	seen := map[reflect.Type]bool{}
	var look func(t reflect.Type)
	look = func(t reflect.Type) {
		for t.Kind() == reflect.Slice || t.Kind() == reflect.Pointer || t.Kind() == reflect.Map {
			t = t.Elem()
		}
		if t.Kind() != reflect.Struct || seen[t] {
			return
		}
		seen[t] = true
		for i := range t.NumField() {
			name, _, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ",")
			if name == "" || name == "-" {
				continue
			}
			if t.String() == typeName {
				names = append(names, name)
			}
			look(t.Field(i).Type)
		}
	}
	look(reflect.TypeFor[Config]())
	return names
}

// meant suggests the known name that is nearest to an unknown one; "" where none is near.
func meant(name string, known []string) string {
	best, least := "", len(name)/2+1 // half of it may differ
	for _, k := range known {
		if d := distance(name, k); d < least {
			best, least = k, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(": did you mean %q?", best)
}

// distance returns the Levenshtein distance of two texts in bytes.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
