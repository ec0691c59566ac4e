package control

import (
	"bytes"
	"cmp"
	"encoding"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"time"
)

// pieces writes a value as json.Marshal does, but one element of a map or slice at a time, through one buffer. json.Marshal holds all of it in
// memory twice, which is gigabytes for a region of 100,000 targets, and causes a garbage collection. After a failure nothing more is written.
type pieces struct {
	w      io.Writer
	pace   *pace
	err    error
	buffer bytes.Buffer
	json   *json.Encoder // writes to buffer
}

func newPieces(w io.Writer, p *pace) *pieces {
	s := &pieces{w: w, pace: p}
	s.json = json.NewEncoder(&s.buffer)
	return s
}

// value writes a value: structs field by field, maps and slices element by element, all else at once.
func (s *pieces) value(v reflect.Value) {
	if marshals(v.Type()) {
		s.whole(v)
		return
	}
	switch v.Kind() { //nolint:exhaustive // others are written at once
	case reflect.Pointer:
		if !v.IsNil() {
			s.value(v.Elem())
			return
		}
	case reflect.Struct:
		if fields, ok := fieldsOf(v.Type()); ok {
			s.fields(v, fields)
			return
		}
	case reflect.Map:
		if !v.IsNil() {
			s.entries(v)
			return
		}
	case reflect.Slice:
		if !v.IsNil() && v.Type().Elem().Kind() != reflect.Uint8 {
			s.elements(v)
			return
		}
	}
	s.whole(v)
}

var (
	marshaler     = reflect.TypeFor[json.Marshaler]()
	textMarshaler = reflect.TypeFor[encoding.TextMarshaler]()
	zeroer        = reflect.TypeFor[interface{ IsZero() bool }]()
)

// marshals reports whether a type, or a pointer to it, has an encoding of its own.
func marshals(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return t.Implements(marshaler) || p.Implements(marshaler) || t.Implements(textMarshaler) || p.Implements(textMarshaler)
}

// whole writes a value at once.
func (s *pieces) whole(v reflect.Value) {
	if v.CanAddr() {
		v = v.Addr() // methods of the pointer count then
	}
	if s.err == nil {
		s.buffer.Reset()
		s.err = s.json.Encode(v.Interface())
	}
	if s.err == nil {
		_, s.err = s.w.Write(bytes.TrimSuffix(s.buffer.Bytes(), []byte("\n")))
		s.pace.rest()
	}
}

func (s *pieces) text(text string) {
	if s.err == nil {
		_, s.err = io.WriteString(s.w, text)
	}
}

// field is a field of a struct.
type field struct {
	index               int
	name                string // as it is written, with quotation marks and a colon
	omitEmpty, omitZero bool
}

// fieldsOf returns the fields of a struct that json.Marshal writes; ok is false if it has any with a rule that is not known here.
func fieldsOf(t reflect.Type) (all []field, ok bool) {
	for i := range t.NumField() {
		f := t.Field(i)
		tag := f.Tag.Get("json")
		if !f.Anonymous && !f.IsExported() || tag == "-" {
			continue
		}
		name, options, _ := strings.Cut(tag, ",")
		x := field{index: i, name: `"` + cmp.Or(name, f.Name) + `":`}
		switch options {
		case "":
		case "omitempty":
			x.omitEmpty = true
		case "omitzero":
			x.omitZero = true
		default:
			return nil, false
		}
		if f.Anonymous || x.omitZero && !f.Type.Implements(zeroer) && reflect.PointerTo(f.Type).Implements(zeroer) {
			return nil, false
		}
		all = append(all, x)
	}
	return all, true
}

// omits reports whether a field is not written.
func (f field) omits(v reflect.Value) bool {
	switch {
	case f.omitZero:
		z, ok := v.Interface().(interface{ IsZero() bool })
		return v.IsZero() || ok && z.IsZero()
	case f.omitEmpty && (v.Kind() == reflect.Map || v.Kind() == reflect.Slice):
		return v.Len() == 0
	case f.omitEmpty && (v.Kind() == reflect.Struct || v.Kind() == reflect.Array):
		return v.Kind() == reflect.Array && v.Len() == 0
	default:
		return f.omitEmpty && v.IsZero()
	}
}

func (s *pieces) fields(v reflect.Value, fields []field) {
	s.list("{", "}", func(next func()) {
		for _, f := range fields {
			if x := v.Field(f.index); !f.omits(x) {
				next()
				s.text(f.name)
				s.value(x)
			}
		}
	})
}

func (s *pieces) elements(v reflect.Value) {
	s.list("[", "]", func(next func()) {
		for i := range v.Len() {
			next()
			s.whole(v.Index(i))
		}
	})
}

func (s *pieces) entries(v reflect.Value) {
	type entry struct {
		key   string
		value reflect.Value
	}
	all := make([]entry, 0, v.Len())
	for i := v.MapRange(); i.Next(); {
		key, err := keyText(i.Key())
		if err != nil {
			if s.err == nil {
				s.err = err
			}
			return
		}
		all = append(all, entry{key, i.Value()})
	}
	slices.SortFunc(all, func(a, b entry) int { return strings.Compare(a.key, b.key) })
	s.list("{", "}", func(next func()) {
		for _, x := range all {
			next()
			s.whole(reflect.ValueOf(x.key))
			s.text(":")
			s.whole(x.value)
		}
	})
}

// keyText returns a map's key as json.Marshal writes it.
func keyText(k reflect.Value) (string, error) {
	if k.Kind() == reflect.String {
		return k.String(), nil
	}
	if m, ok := k.Interface().(encoding.TextMarshaler); ok {
		text, err := m.MarshalText()
		return string(text), err
	}
	return fmt.Sprint(k.Interface()), nil // an integer: json.Marshal accepts no others
}

// list writes what each writes, between two brackets. each calls next before every element.
func (s *pieces) list(open, end string, each func(next func())) {
	s.text(open)
	separator := ""
	each(func() {
		s.text(separator)
		separator = ","
	})
	s.text(end)
}

// pace interrupts long work, so that goroutines that are woken meanwhile run soon. Where all processors are busy, as with such work beside a
// garbage collection, the runtime leaves a goroutine and the timers of its processor alone for 10 ms. runtime.Gosched would not do: it goes on
// with the same goroutine before it looks at the network and at the timers and goroutines of other processors. A nil *pace never rests.
type pace struct {
	since time.Time
	off   bool
}

const (
	paceWork = time.Millisecond
	paceRest = 100 * time.Microsecond
	paceLate = 2 * time.Millisecond  // a rest that ends so late had to wait for a processor
	paceLong = 20 * time.Millisecond // the longest rest after it
)

// rest sleeps if the work has gone on for paceWork.
func (p *pace) rest() {
	if p == nil || p.off {
		return
	}
	if now := time.Now(); now.Sub(p.since) > paceWork {
		time.Sleep(paceRest)
		if late := time.Since(now) - paceRest; late > paceLate {
			time.Sleep(min(4*late, paceLong))
		}
		p.since = time.Now()
	}
}
