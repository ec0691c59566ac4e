package wire

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"time"
)

// Error says that a request's bytes do not have the form that its operation wants. AWS calls it SerializationException.
type Error struct {
	Member string // path of the member, "" where the whole body is meant
	Msg    string
}

// Error renders the refusal for the client.
func (e *Error) Error() string {
	if e.Member == "" {
		return e.Msg
	}
	return fmt.Sprintf("%s at '%s'", e.Msg, e.Member)
}

// NumberError says that a double is NaN or an infinity.
type NumberError struct {
	Member string // path
	Value  string // NaN, Infinity or -Infinity
}

// Error renders the refusal as a violation of the member's constraints.
func (e *NumberError) Error() string {
	return Message([]Violation{{
		Member: e.Member, Text: fmt.Sprintf("Value '%s' at '%s' failed to satisfy constraint: Member must be a finite number", e.Value, e.Member),
	}})
}

// depthMax bounds how deep a request may nest: no shape of these services comes near it.
const depthMax = 32

var (
	timeType  = reflect.TypeFor[time.Time]()
	bytesType = reflect.TypeFor[[]byte]()
)

// bind sets v, which must be settable, from a decoded value: nil, bool, json.Number, string, []byte, float64, int64, uint64,
// time.Time, []any or map[string]any. Null leaves a member unset; members that the struct does not have are ignored.
func bind(v reflect.Value, x any, at *place, depth int) error {
	if x == nil {
		return nil
	}
	if depth > depthMax {
		return &Error{at.String(), "The request nests too deeply"}
	}
	if v.Type() == timeType {
		return bindTime(v, x, at)
	}
	if v.Type() == bytesType {
		return bindBytes(v, x, at)
	}
	switch v.Kind() {
	case reflect.Pointer:
		p := reflect.New(v.Type().Elem())
		if err := bind(p.Elem(), x, at, depth+1); err != nil {
			return err
		}
		v.Set(p)
		return nil
	case reflect.Struct:
		return bindStruct(v, x, at, depth)
	case reflect.Slice:
		return bindSlice(v, x, at, depth)
	case reflect.Map:
		return bindMap(v, x, at, depth)
	case reflect.Interface:
		return bindUnion(v, x, at, depth)
	default:
		return bindScalar(v, x, at)
	}
}

func bindStruct(v reflect.Value, x any, at *place, depth int) error {
	m, ok := x.(map[string]any)
	if !ok {
		return mismatch(x, "a structure", at)
	}
	here := place{up: at} // one for all members: a place is rendered at once or not at all
	for _, f := range fieldsOf(v.Type()) {
		value, found := m[f.name]
		if !found {
			continue
		}
		here.member = f.name
		if err := bind(v.Field(f.index), value, &here, depth+1); err != nil {
			return err
		}
	}
	return nil
}

func bindSlice(v reflect.Value, x any, at *place, depth int) error {
	list, ok := x.([]any)
	if !ok {
		return mismatch(x, "a list", at)
	}
	list = list[:decoded(at, len(list))]
	out := reflect.MakeSlice(v.Type(), len(list), len(list))
	here := place{up: at}
	for i, e := range list {
		here.item = i + 1
		if err := bind(out.Index(i), e, &here, depth+1); err != nil {
			return err
		}
	}
	v.Set(out)
	return nil
}

func bindMap(v reflect.Value, x any, at *place, depth int) error {
	m, ok := x.(map[string]any)
	if !ok {
		return mismatch(x, "a map", at)
	}
	n := decoded(at, len(m))
	out := reflect.MakeMapWithSize(v.Type(), n)
	for k, e := range m {
		if out.Len() == n {
			break
		}
		value := reflect.New(v.Type().Elem()).Elem()
		if err := bind(value, e, &place{up: at, key: k}, depth+1); err != nil {
			return err
		}
		out.SetMapIndex(reflect.ValueOf(k).Convert(v.Type().Key()), value)
	}
	v.Set(out)
	return nil
}

// tagsMax is how many tags, or keys of tags, of a request are looked at. A resource may have 50, and the longest list that a model allows has
// 200: with one more the request is refused, whatever else it holds.
const tagsMax = 200

// isTags reports whether a member holds tags or their keys.
func (p *place) isTags() bool { return p != nil && (p.member == "Tags" || p.member == "TagKeys") }

// decoded is how many of the items of a collection are decoded.
func decoded(at *place, n int) int {
	if at.isTags() {
		return min(n, tagsMax+1)
	}
	return n
}

func bindScalar(v reflect.Value, x any, at *place) error {
	switch v.Kind() {
	case reflect.String:
		s, ok := x.(string)
		if !ok {
			return mismatch(x, "a String", at)
		}
		v.SetString(s)
		return nil
	case reflect.Bool:
		b, ok := x.(bool)
		if !ok {
			return mismatch(x, "a Boolean", at)
		}
		v.SetBool(b)
		return nil
	case reflect.Int32, reflect.Int64:
		n, ok := integer(x)
		if !ok || v.OverflowInt(n) {
			return mismatch(x, "an Integer", at)
		}
		v.SetInt(n)
		return nil
	case reflect.Float32, reflect.Float64:
		return bindDouble(v, x, at)
	default:
		return &Error{at.String(), "This member is not served here"}
	}
}

// bindDouble takes finite numbers only. Every protocol can write the others, but nothing that is served has a use for one, and records are
// JSON, which has none.
func bindDouble(v reflect.Value, x any, at *place) error {
	f, ok := double(x)
	switch {
	case !ok:
		return mismatch(x, "a Double", at)
	case math.IsNaN(f) || math.IsInf(f, 0):
		return &NumberError{Member: at.String(), Value: decimal(f, 64)}
	case v.OverflowFloat(f):
		return mismatch(x, "a Float", at)
	}
	v.SetFloat(f)
	return nil
}

func bindTime(v reflect.Value, x any, at *place) error {
	t, ok := x.(time.Time)
	if s, text := x.(string); text {
		parsed, err := time.Parse(time.RFC3339Nano, s)
		t, ok = parsed, err == nil
	} else if f, number := double(x); !ok && number && math.Abs(f) < 1e11 {
		sec, frac := math.Modf(f)
		t, ok = time.Unix(int64(sec), int64(math.Round(frac*1e6))*1e3), true
	}
	if !ok {
		return mismatch(x, "a Timestamp", at)
	}
	v.Set(reflect.ValueOf(t.UTC()))
	return nil
}

func bindBytes(v reflect.Value, x any, at *place) error {
	b, ok := x.([]byte)
	if s, text := x.(string); text {
		decoded, err := base64.StdEncoding.DecodeString(s)
		b, ok = decoded, err == nil
	}
	if !ok {
		return mismatch(x, "a Blob", at)
	}
	v.SetBytes(b)
	return nil
}

func integer(x any) (int64, bool) {
	switch n := x.(type) {
	case json.Number:
		if i, err := n.Int64(); err == nil {
			return i, true
		}
		f, err := n.Float64()
		return int64(f), err == nil && f == math.Trunc(f) && math.Abs(f) < 1<<53
	case int64:
		return n, true
	case uint64:
		return int64(n), n <= math.MaxInt64
	case float64:
		return int64(n), n == math.Trunc(n) && math.Abs(n) < 1<<53
	default:
		return 0, false
	}
}

func double(x any) (float64, bool) {
	switch n := x.(type) {
	case json.Number:
		f, err := n.Float64()
		return f, err == nil
	case int64:
		return float64(n), true
	case uint64:
		return float64(n), true
	case float64:
		return n, true
	case string: // JSON has no literals for them
		switch n {
		case "NaN":
			return math.NaN(), true
		case "Infinity":
			return math.Inf(1), true
		case "-Infinity":
			return math.Inf(-1), true
		}
	}
	return 0, false
}

func mismatch(x any, want string, at *place) error {
	return &Error{at.String(), kindOf(x) + " cannot be converted to " + want}
}

func kindOf(x any) string {
	switch x.(type) {
	case bool:
		return "A Boolean"
	case string:
		return "A String"
	case []byte:
		return "A Blob"
	case []any:
		return "A list"
	case map[string]any:
		return "A structure"
	case time.Time:
		return "A Timestamp"
	default:
		return "A number"
	}
}
