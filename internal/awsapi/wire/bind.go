package wire

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"time"
	"unicode/utf8"
)

// Error reports a request body that cannot be deserialized into its operation's input. AWS: SerializationException.
type Error struct {
	Member string // path of the member; "" for the whole body
	Msg    string
}

// Error is the message for the client.
func (e *Error) Error() string {
	if e.Member == "" {
		return e.Msg
	}
	return fmt.Sprintf("%s at '%s'", e.Msg, e.Member)
}

// NumberError reports a double that is NaN or infinite.
type NumberError struct {
	Member string // path
	Value  string // NaN, Infinity or -Infinity
}

// Error is the message for the client, in the form of a constraint violation.
func (e *NumberError) Error() string {
	return Message([]Violation{{
		Member: e.Member, Text: fmt.Sprintf("Value '%s' at '%s' failed to satisfy constraint: Member must be a finite number", e.Value, e.Member),
	}})
}

// errText is the message for text that is not UTF-8.
const errText = "A text that is not UTF-8 cannot be converted to a String"

// depthMax is the nesting depth that a request may have. No shape of the services served here comes near it.
const depthMax = 32

var (
	timeType  = reflect.TypeFor[time.Time]()
	bytesType = reflect.TypeFor[[]byte]()
)

// bind sets v, which must be settable, from a decoded value: nil, bool, json.Number, string, []byte, float64, int64, uint64,
// time.Time, []any or map[string]any. Null leaves a member unset; unknown members are ignored.
func bind(v reflect.Value, x any, at *path, depth int) error {
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

func bindStruct(v reflect.Value, x any, at *path, depth int) error {
	m, ok := x.(map[string]any)
	if !ok {
		return mismatch(x, "a structure", at)
	}
	here := path{parent: at} // reused for all members: a path is rendered at once or not at all
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

func bindSlice(v reflect.Value, x any, at *path, depth int) error {
	list, ok := x.([]any)
	if !ok {
		return mismatch(x, "a list", at)
	}
	list = list[:decodedItems(at, len(list))]
	out := reflect.MakeSlice(v.Type(), len(list), len(list))
	here := path{parent: at}
	for i, e := range list {
		here.item = i + 1
		if err := bind(out.Index(i), e, &here, depth+1); err != nil {
			return err
		}
	}
	v.Set(out)
	return nil
}

func bindMap(v reflect.Value, x any, at *path, depth int) error {
	m, ok := x.(map[string]any)
	if !ok {
		return mismatch(x, "a map", at)
	}
	n := decodedItems(at, len(m))
	out := reflect.MakeMapWithSize(v.Type(), n)
	for k, e := range m {
		if out.Len() == n {
			break
		}
		if !utf8.ValidString(k) {
			return &Error{at.String(), errText}
		}
		value := reflect.New(v.Type().Elem()).Elem()
		if err := bind(value, e, &path{parent: at, key: k}, depth+1); err != nil {
			return err
		}
		out.SetMapIndex(reflect.ValueOf(k).Convert(v.Type().Key()), value)
	}
	v.Set(out)
	return nil
}

// tagsMax is the number of tags or tag keys above which a request is refused whatever else it holds. A resource may have 50 tags, and the
// longest list that a model allows has 200.
const tagsMax = 200

// isTags reports whether a member holds tags or tag keys.
func (p *path) isTags() bool { return p != nil && (p.member == "Tags" || p.member == "TagKeys") }

// decodedItems is how many of a collection's n items are decoded: of tags, one more than allowed is enough to refuse the request.
func decodedItems(at *path, n int) int {
	if at.isTags() {
		return min(n, tagsMax+1)
	}
	return n
}

func bindScalar(v reflect.Value, x any, at *path) error {
	switch v.Kind() {
	case reflect.String:
		s, ok := x.(string)
		if !ok {
			return mismatch(x, "a String", at)
		}
		if !utf8.ValidString(s) { // JSON and CBOR have refused it already
			return &Error{at.String(), errText}
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

// bindDouble accepts finite numbers only. Every protocol can express NaN and infinities, but no operation served here has a use for them, and
// the journal is JSON, which cannot express them.
func bindDouble(v reflect.Value, x any, at *path) error {
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

func bindTime(v reflect.Value, x any, at *path) error {
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

func bindBytes(v reflect.Value, x any, at *path) error {
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
	case string: // how awsJson and Query write what JSON has no literal for
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

func mismatch(x any, want string, at *path) error {
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
