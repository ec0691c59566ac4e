package term

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
)

// EncodeJSON writes v as JSON on one line, without characters that control a terminal or the direction of text.
func EncodeJSON(out io.Writer, v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	_, err := out.Write(escape(b.Bytes()))
	return err
}

// escape writes C1 control characters and those that change the direction of text as their escapes (\u009b): terminals act on them. In JSON they occur only in
// strings, so its value stays the same; C0 control characters are already escaped.
func escape(text []byte) []byte {
	var b bytes.Buffer
	for _, r := range string(text) {
		switch {
		case r >= 0x80 && r <= 0x9f, r == 0x200e, r == 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.Bytes()
}
