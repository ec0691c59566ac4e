package term

import (
	"bytes"
	"encoding/json"
	"testing"
)

// Characters that control a terminal or the direction of text are escaped in JSON, and its value stays the same.
func TestJSONEscapes(t *testing.T) {
	const value = "é\u0080\u009b31m\u009f\u200e\u200f\u202a\u202e\u2066\u2069\u00a0"
	const want = "\"é\\u0080\\u009b31m\\u009f\\u200e\\u200f\\u202a\\u202e\\u2066\\u2069\u00a0\"\n"
	for name, write := range map[string]func(*bytes.Buffer) error{
		"indented": func(b *bytes.Buffer) error { return WriteJSON(b, value) },
		"line":     func(b *bytes.Buffer) error { return EncodeJSON(b, value) },
		"repeated": func(b *bytes.Buffer) error { return again(&Screen{Out: b}, Answer{JSON: value}, true, true) },
	} {
		var b bytes.Buffer
		if err := write(&b); err != nil || b.String() != want {
			t.Errorf("%s: %v, %q", name, err, b.String())
		}
		var got string
		if err := json.Unmarshal(b.Bytes(), &got); err != nil || got != value {
			t.Errorf("%s: %v, %q", name, err, got)
		}
	}
}
