package cloudwatch

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"bellows.dev/bellows/alarm"
)

// object is a JSON object with ordered members, for HistoryData.
type object []member

type member struct {
	name  string
	value any
}

// verbatim is a JSON text that is written unchanged, including white space: StateReasonData.
type verbatim string

// set adds a member.
func (o *object) set(name string, value any) { *o = append(*o, member{name, value}) }

// setText adds a member unless it is empty.
func (o *object) setText(name, value string) {
	if value != "" {
		o.set(name, value)
	}
}

// write renders an object, a list of objects, or any JSON value. It returns an error if StateReasonData is not JSON.
func write(b *strings.Builder, value any) error {
	switch v := value.(type) {
	case object:
		b.WriteByte('{')
		for i, m := range v {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(`"` + m.name + `":`)
			if err := write(b, m.value); err != nil {
				return err
			}
		}
		b.WriteByte('}')
	case []object:
		b.WriteByte('[')
		for i, o := range v {
			if i > 0 {
				b.WriteByte(',')
			}
			if err := write(b, o); err != nil {
				return err
			}
		}
		b.WriteByte(']')
	case verbatim:
		if !json.Valid([]byte(v)) {
			return errNoJSON
		}
		b.WriteString(string(v))
	case float64:
		b.WriteString(alarm.JavaDouble(v))
	case time.Time:
		b.WriteString(`"` + v.UTC().Format(historyDate) + `"`)
	default:
		var text bytes.Buffer
		e := json.NewEncoder(&text)
		e.SetEscapeHTML(false)
		if err := e.Encode(v); err != nil {
			return err
		}
		b.Write(bytes.TrimSpace(text.Bytes()))
	}
	return nil
}

// text returns a value as rendered by write.
func text(value any) (string, error) {
	var b strings.Builder
	err := write(&b, value)
	return b.String(), err
}

// original returns the members of an object that are missing in another object or differ. AWS: recorded: members added by an update have no original.
func (o object) original(updated object) (object, error) {
	out := object{}
	for _, m := range o {
		was, err := text(m.value)
		if err != nil {
			return nil, err
		}
		is := ""
		if i := slices.IndexFunc(updated, func(x member) bool { return x.name == m.name }); i >= 0 {
			if is, err = text(updated[i].value); err != nil {
				return nil, err
			}
		}
		if was != is {
			out = append(out, m)
		}
	}
	return out, nil
}
