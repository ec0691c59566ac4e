package config

import (
	"fmt"
	"math"
	"reflect"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// shape notes settings that do not exist or are set twice, and values that are not of their setting's type, at or below a node. It removes
// them, so that the rest can be decoded and checked. Aliases of lists and mappings are not followed: their anchors are checked where they stand.
func (s *source) shape(n *yaml.Node, t reflect.Type, at string) {
	value := n
	if n.Kind == yaml.AliasNode && n.Alias.Kind == yaml.ScalarNode {
		value = n.Alias
	}
	switch {
	case value.Kind == yaml.AliasNode:
	case t.Kind() == reflect.Pointer:
		s.shape(n, t.Elem(), at)
	case value.Kind == yaml.MappingNode && t.Kind() == reflect.Struct:
		s.settings(n, t, at)
	case value.Kind == yaml.SequenceNode && t.Kind() == reflect.Slice:
		for i, x := range value.Content {
			s.shape(x, t.Elem(), inside(at, strconv.Itoa(i)))
		}
	default:
		if s.value(value, t, at) {
			*n = yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Line: n.Line, Column: n.Column} // in its place: indexes of entries stay
		}
	}
}

// settings is shape for a mapping of settings.
func (s *source) settings(n *yaml.Node, t reflect.Type, at string) {
	first := map[string]int{} // lines
	var names []string
	fields := map[string]reflect.Type{}
	for i := range t.NumField() {
		if name := yamlName(t.Field(i)); name != "" {
			names, fields[name] = append(names, name), t.Field(i).Type
		}
	}
	kept := make([]*yaml.Node, 0, len(n.Content))
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.ShortTag() == "!!merge" {
			s.include(value, t, at)
			kept = append(kept, key, value)
			continue
		}
		name, path := key.Value, inside(at, key.Value)
		switch line, twice := first[name]; {
		case twice:
			s.note(key.Line, "%q is set twice, first in line %d", name, line)
			continue
		case fields[name] == nil:
			s.wrongAlone(path, key.Line, "there is no setting %q%s", name, meant(name, names))
			continue
		}
		first[name] = key.Line
		s.shape(value, fields[name], path)
		kept = append(kept, key, value)
	}
	n.Content = kept
}

// include is shape for what a mapping includes with <<: a mapping, an alias of one, or a list of these.
func (s *source) include(n *yaml.Node, t reflect.Type, at string) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	switch {
	case s.merged[n]:
	case n.Kind == yaml.SequenceNode:
		for _, x := range n.Content {
			s.include(x, t, at)
		}
	case n.Kind == yaml.MappingNode:
		if s.merged == nil {
			s.merged = map[*yaml.Node]bool{}
		}
		s.merged[n] = true // it may include itself
		s.settings(n, t, at)
	}
}

// value notes whether a value is not of its setting's type.
func (s *source) value(n *yaml.Node, t reflect.Type, at string) (wrong bool) {
	err := n.Decode(reflect.New(t).Interface())
	if f := 0.0; err == nil && t.Kind() == reflect.Int && n.Decode(&f) == nil && f != math.Trunc(f) { // the YAML library would truncate it
		err = misread(n, kindOf("int"))
	}
	if err == nil {
		return false
	}
	name, want := settingName(at), ""
	if name != "" {
		name += ": "
	}
	if r, found := rangeOf(at); found {
		want = ": want " + r.String()
	}
	for _, m := range plainYAML(err) {
		s.wrongAlone(at, m.Line, "%s%s%s", name, m.Text, want)
	}
	return true
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
