package plainjson

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode"
)

// Marshal returns v as JSON. An enumeration is an integer type with a method String; its zero value, which stands for none, is null.
// Marshal fails where encoding/json does.
func Marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	if err := write(&b, reflect.ValueOf(v)); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// Write writes v as a line of JSON.
func Write(w io.Writer, v any) error {
	text, err := Marshal(v)
	if err != nil {
		return err
	}
	_, err = w.Write(append(text, '\n'))
	return err
}

func write(b *bytes.Buffer, v reflect.Value) error {
	if !v.IsValid() {
		b.WriteString("null")
		return nil
	}
	if own(v.Type()) {
		return writeLeaf(b, v)
	}
	switch v.Kind() {
	case reflect.Interface, reflect.Pointer:
		return write(b, v.Elem()) // of nil: invalid
	case reflect.Struct:
		return writeStruct(b, v)
	case reflect.Map:
		return writeMap(b, v)
	case reflect.Slice, reflect.Array:
		return writeList(b, v)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return writeInteger(b, v)
	default:
		return writeLeaf(b, v)
	}
}

// own reports whether a type says itself how it is encoded.
func own(t reflect.Type) bool {
	return t.Implements(reflect.TypeFor[json.Marshaler]()) || t.Implements(reflect.TypeFor[encoding.TextMarshaler]())
}

func writeLeaf(b *bytes.Buffer, v reflect.Value) error {
	text, err := json.Marshal(v.Interface())
	if err != nil {
		return fmt.Errorf("encoding %s: %w", v.Type(), err)
	}
	b.Write(text)
	return nil
}

func writeInteger(b *bytes.Buffer, v reflect.Value) error {
	if d, ok := v.Interface().(time.Duration); ok {
		return writeLeaf(b, reflect.ValueOf(d.Seconds()))
	}
	name, is := nameOf(v)
	switch {
	case !is:
		return writeLeaf(b, v)
	case v.IsZero():
		b.WriteString("null")
		return nil
	default:
		return writeLeaf(b, reflect.ValueOf(name))
	}
}

// nameOf returns the name of an enumeration's value; is tells whether it is one.
func nameOf(v reflect.Value) (name string, is bool) {
	if !v.CanInt() && !v.CanUint() {
		return "", false
	}
	x, is := v.Interface().(fmt.Stringer)
	if !is {
		return "", false
	}
	return x.String(), true
}

func writeList(b *bytes.Buffer, v reflect.Value) error {
	if v.Kind() == reflect.Slice && (v.IsNil() || v.Type().Elem().Kind() == reflect.Uint8) {
		return writeLeaf(b, v) // null, or base64
	}
	b.WriteByte('[')
	for i := range v.Len() {
		if i > 0 {
			b.WriteByte(',')
		}
		if err := write(b, v.Index(i)); err != nil {
			return err
		}
	}
	b.WriteByte(']')
	return nil
}

// writeMap writes a map in the order of its encoded keys.
func writeMap(b *bytes.Buffer, v reflect.Value) error {
	if v.IsNil() {
		b.WriteString("null")
		return nil
	}
	type entry struct {
		key   []byte
		value reflect.Value
	}
	entries := make([]entry, 0, v.Len())
	for it := v.MapRange(); it.Next(); {
		key, err := keyOf(it.Key())
		if err != nil {
			return err
		}
		entries = append(entries, entry{key, it.Value()})
	}
	slices.SortFunc(entries, func(x, y entry) int { return bytes.Compare(x.key, y.key) })
	b.WriteByte('{')
	for i, e := range entries {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(e.key)
		b.WriteByte(':')
		if err := write(b, e.value); err != nil {
			return err
		}
	}
	b.WriteByte('}')
	return nil
}

// keyOf returns a map's key as the name of a member.
func keyOf(k reflect.Value) ([]byte, error) {
	if name, is := nameOf(k); is {
		return json.Marshal(name)
	}
	// A map of one entry tells how encoding/json writes the key: {"key":0}.
	one := reflect.MakeMap(reflect.MapOf(k.Type(), reflect.TypeFor[int]()))
	one.SetMapIndex(k, reflect.ValueOf(0))
	text, err := json.Marshal(one.Interface())
	if err != nil {
		return nil, fmt.Errorf("encoding a key of type %s: %w", k.Type(), err)
	}
	return text[1 : len(text)-len(":0}")], nil
}

// member is a member of a JSON object.
type member struct {
	name  string
	value reflect.Value
}

func writeStruct(b *bytes.Buffer, v reflect.Value) error {
	b.WriteByte('{')
	for i, m := range members(v) {
		if i > 0 {
			b.WriteByte(',')
		}
		if err := writeLeaf(b, reflect.ValueOf(m.name)); err != nil {
			return err
		}
		b.WriteByte(':')
		if err := write(b, m.value); err != nil {
			return err
		}
	}
	b.WriteByte('}')
	return nil
}

// members are the members that a struct's fields make, in their order. Those of an embedded struct stand among them; a field hides one of
// the same name further in.
func members(v reflect.Value) []member {
	var out []member
	outer := map[string]bool{}
	for i := range v.NumField() {
		if name, _, skip := tagOf(v.Type().Field(i)); !skip {
			outer[name] = true
		}
	}
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if embedded(f) {
			for _, m := range members(v.Field(i)) {
				if !outer[m.name] {
					out = append(out, m)
				}
			}
			continue
		}
		if name, options, skip := tagOf(f); !skip && !left(v.Field(i), options) {
			out = append(out, member{name, v.Field(i)})
		}
	}
	return out
}

// embedded reports whether a field is an embedded struct whose fields stand among those of the struct that it is in.
func embedded(f reflect.StructField) bool {
	return f.Anonymous && f.Tag.Get("json") == "" && f.Type.Kind() == reflect.Struct && !own(f.Type)
}

// tagOf reads a field's tag.
func tagOf(f reflect.StructField) (name string, options []string, skip bool) {
	tag := f.Tag.Get("json")
	if tag == "-" || !f.IsExported() || embedded(f) {
		return "", nil, true
	}
	parts := strings.Split(tag, ",")
	if name = parts[0]; name == "" || unicode.IsUpper(rune(name[0])) { // none, or the name that the journal knows the field by
		name = snakeCase(f.Name)
	}
	return name, parts[1:], false
}

// snakeCase returns the name of a Go field in lower case with underscores between its words: MutedUntil is muted_until, ARN is arn,
// IDs is ids, Errors4XX is errors4xx.
func snakeCase(name string) string {
	in := []rune(strings.ReplaceAll(name, "PromQL", "Promql"))
	var out []rune
	for i, r := range in {
		if i > 0 && unicode.IsUpper(r) {
			// A word begins after a small letter, and with the last capital of several that a small letter follows; not before a plural s.
			follows := i+1 < len(in) && unicode.IsLower(in[i+1]) && (in[i+1] != 's' || i+2 < len(in) && unicode.IsLower(in[i+2]))
			if unicode.IsLower(in[i-1]) || unicode.IsUpper(in[i-1]) && follows {
				out = append(out, '_')
			}
		}
		out = append(out, unicode.ToLower(r))
	}
	return string(out)
}

// left reports whether a field's options leave its value out.
func left(v reflect.Value, options []string) bool {
	if slices.Contains(options, "omitempty") {
		switch v.Kind() {
		case reflect.Array, reflect.Map, reflect.Slice, reflect.String:
			return v.Len() == 0
		case reflect.Struct:
			return false
		default:
			return v.IsZero()
		}
	}
	if !slices.Contains(options, "omitzero") {
		return false
	}
	if x, ok := v.Interface().(interface{ IsZero() bool }); ok && (v.Kind() != reflect.Pointer || !v.IsNil()) {
		return x.IsZero()
	}
	return v.IsZero()
}
