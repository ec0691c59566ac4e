package term

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"time"
)

// Answer is what a command prints: Blocks for people, JSON for programs.
type Answer struct {
	Blocks []Block
	JSON   any
}

// Write prints an answer.
func (a Answer) Write(s *Screen, asJSON bool) error {
	if asJSON {
		return WriteJSON(s.Out, a.JSON)
	}
	for _, b := range a.Blocks {
		if err := b.Write(s); err != nil {
			return err
		}
	}
	return nil
}

// WriteJSON writes v as indented JSON: members of the AWS SDK's structures by AWS's names, those without a value left out, times in RFC 3339.
func WriteJSON(out io.Writer, v any) error {
	plain, err := withoutNulls(v)
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(plain, "", "  ")
	if err != nil {
		return err
	}
	_, err = out.Write(append(escape(text), '\n'))
	return err
}

// withoutNulls returns v as maps and lists, without members that are null and without the SDK's own ResultMetadata.
func withoutNulls(v any) (any, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var plain any
	if err := d.Decode(&plain); err != nil {
		return nil, err
	}
	return strip(plain), nil
}

func strip(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, x := range v { //tidy:unordered each is handled alone
			if x == nil || name == "ResultMetadata" {
				delete(v, name)
				continue
			}
			v[name] = strip(x)
		}
	case []any:
		for i := range v {
			v[i] = strip(v[i])
		}
	}
	return v
}

// Repeat prints answers again and again, until ctx ends: on a terminal in place, elsewhere below one another, as JSON one a line. Where read fails
// after it has once succeeded, the error is printed and read is called again: servers restart.
func Repeat(ctx context.Context, s *Screen, every time.Duration, asJSON bool, read func(context.Context) (Answer, error)) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for first := true; ; first = false {
		a, err := read(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil && first {
			return err
		}
		if err != nil {
			a = Answer{Blocks: []Block{Line{Text: err.Error(), Tone: Bad}}, JSON: map[string]string{"error": err.Error()}}
		}
		if err := again(s, a, asJSON, first); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// again prints one of the answers of Repeat.
func again(s *Screen, a Answer, asJSON, first bool) error {
	if asJSON {
		plain, err := withoutNulls(a.JSON)
		if err != nil {
			return err
		}
		return EncodeJSON(s.Out, plain)
	}
	var text bytes.Buffer
	drawn := *s
	drawn.Out = &text
	if err := a.Write(&drawn, false); err != nil {
		return err
	}
	switch {
	case s.terminal: // to the top, each line to its end, then what is below
		text = *bytes.NewBuffer(append([]byte("\x1b[H"), bytes.ReplaceAll(text.Bytes(), []byte("\n"), []byte("\x1b[K\n"))...))
		text.WriteString("\x1b[J")
		if first {
			text = *bytes.NewBuffer(append([]byte("\x1b[2J"), text.Bytes()...))
		}
	case !first:
		text = *bytes.NewBuffer(append([]byte("\n"), text.Bytes()...))
	}
	_, err := s.Out.Write(text.Bytes())
	return err
}
