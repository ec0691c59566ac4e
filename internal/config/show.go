package config

import (
	"reflect"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// hidden stands for a secret.
const hidden = "(hidden)"

// Show returns all settings as YAML, as bellows.yaml has them, without secrets.
func (c Config) Show() ([]byte, error) {
	return yaml.Marshal(shown("", reflect.ValueOf(c)))
}

// shown returns a value as YAML spells it.
func shown(name string, v reflect.Value) *yaml.Node {
	switch x := v.Interface().(type) {
	case Duration:
		return scalar(time.Duration(x).String())
	case Size:
		return scalar(strconv.FormatInt(int64(x), 10))
	}
	switch v.Kind() {
	case reflect.Struct:
		n := &yaml.Node{Kind: yaml.MappingNode}
		for i := range v.NumField() {
			key, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
			if key != "" && key != "-" {
				n.Content = append(n.Content, scalar(key), shown(key, v.Field(i)))
			}
		}
		return n
	case reflect.Slice:
		n := &yaml.Node{Kind: yaml.SequenceNode}
		for i := range v.Len() {
			n.Content = append(n.Content, shown(name, v.Index(i)))
		}
		return n
	case reflect.Pointer:
		if v.IsNil() {
			return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null"}
		}
		return shown(name, v.Elem())
	default:
		return plain(name, v)
	}
}

// plain returns a value without parts as YAML spells it, a secret as hidden.
func plain(name string, v reflect.Value) *yaml.Node {
	if text, is := v.Interface().(string); is && text != "" && secret(name) {
		return scalar(hidden)
	}
	var n yaml.Node
	if err := n.Encode(v.Interface()); err != nil {
		return scalar("")
	}
	return &n
}

// secret reports whether a setting is one; files that have one are none.
func secret(name string) bool {
	return !strings.HasSuffix(name, "_file") && (strings.Contains(name, "password") || strings.Contains(name, "secret") || strings.Contains(name, "token"))
}

func scalar(text string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Value: text}
}
