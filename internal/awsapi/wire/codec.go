package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"reflect"
	"strconv"
	"time"
)

// Protocol is the serialization of a request and its response.
type Protocol int

// Protocols. REST-JSON is used by the data plane only, which never decodes a body.
const (
	JSON10 Protocol = iota + 1
	JSON11
	CBOR
	Query
)

// ContentType returns the content type of responses.
func (p Protocol) ContentType() string {
	switch p {
	case JSON10:
		return "application/x-amz-json-1.0"
	case JSON11:
		return "application/x-amz-json-1.1"
	case CBOR:
		return "application/cbor"
	default:
		return "text/xml"
	}
}

// String names the protocol.
func (p Protocol) String() string {
	switch p {
	case JSON10:
		return "awsJson1.0"
	case JSON11:
		return "awsJson1.1"
	case CBOR:
		return "rpc-v2-cbor"
	case Query:
		return "Query"
	default:
		return "invalid"
	}
}

// DecodeJSON reads an awsJson body into an SDK input struct. An empty body is an empty structure. It fails with *Error.
func DecodeJSON(body []byte, into any) error {
	if len(bytes.TrimSpace(body)) == 0 {
		return nil
	}
	if err := checkCounts(body); err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var x any
	if err := d.Decode(&x); err != nil {
		return &Error{Msg: "The request body is not valid JSON: " + err.Error()}
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return &Error{Msg: "The request body holds more than one JSON value"}
	}
	return bindRoot(x, into)
}

// DecodeCBOR reads an rpc-v2-cbor body into an SDK input struct. It fails with *Error.
func DecodeCBOR(body []byte, into any) error {
	if len(body) == 0 {
		return nil
	}
	x, err := parseCBOR(body)
	if errors.Is(err, errCBORTooMany) {
		return errTooMany()
	}
	if err != nil {
		return &Error{Msg: "The request body is not valid CBOR: " + err.Error()}
	}
	return bindRoot(x, into)
}

func bindRoot(x, into any) error {
	if x == nil {
		return nil
	}
	return bind(reflect.ValueOf(into).Elem(), x, nil, 0)
}

// EncodeJSON writes an SDK output struct as an awsJson body. Unset members are omitted.
func EncodeJSON(out any) []byte {
	var b bytes.Buffer
	writeJSON(&b, reflect.ValueOf(out))
	return b.Bytes()
}

func writeJSON(b *bytes.Buffer, v reflect.Value) {
	v = reflect.Indirect(v)
	if !v.IsValid() {
		b.WriteString("{}")
		return
	}
	switch {
	case v.Kind() == reflect.Interface:
		member, value := memberOf(v)
		b.WriteByte('{')
		writeText(b, member)
		b.WriteByte(':')
		writeJSON(b, value)
		b.WriteByte('}')
	case v.Type() == timeType:
		t := v.Interface().(time.Time)
		b.WriteString(decimal(float64(t.UnixMilli())/1e3, 64)) // 1765977780.0: recorded
	case v.Kind() == reflect.Struct:
		b.WriteByte('{')
		first := true
		for name, f := range members(v) {
			if !first {
				b.WriteByte(',')
			}
			first = false
			writeText(b, name)
			b.WriteByte(':')
			writeJSON(b, f)
		}
		b.WriteByte('}')
	case v.Type() == bytesType:
		text, _ := json.Marshal(v.Bytes()) //nolint:errchkjson // bytes always marshal
		b.Write(text)
	case v.Kind() == reflect.Slice:
		b.WriteByte('[')
		for i := range v.Len() {
			if i > 0 {
				b.WriteByte(',')
			}
			writeJSON(b, v.Index(i))
		}
		b.WriteByte(']')
	case v.Kind() == reflect.Map:
		b.WriteByte('{')
		for i, k := range sortedKeys(v) {
			if i > 0 {
				b.WriteByte(',')
			}
			writeText(b, k.String())
			b.WriteByte(':')
			writeJSON(b, v.MapIndex(k))
		}
		b.WriteByte('}')
	case v.Kind() == reflect.String:
		writeText(b, v.String())
	case v.CanFloat():
		writeNumber(b, v.Float(), v.Type().Bits())
	default:
		text, _ := json.Marshal(v.Interface()) //nolint:errchkjson // booleans and integers always marshal
		b.Write(text)
	}
}

func writeText(b *bytes.Buffer, s string) {
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // encoding a string into a buffer does not fail
	b.Truncate(b.Len() - 1)
}

func writeNumber(b *bytes.Buffer, f float64, bits int) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		b.WriteString(`"` + decimal(f, bits) + `"`)
		return
	}
	b.WriteString(decimal(f, bits))
}

// decimal formats a double with a fraction, as AWS does: 41.0, 0.5, 1e+21.
func decimal(f float64, bits int) string {
	switch {
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	case math.Abs(f) < 1e15 && f == math.Trunc(f):
		return strconv.FormatFloat(f, 'f', 1, bits)
	case math.Abs(f) >= 1e-3 && math.Abs(f) < 1e15:
		return strconv.FormatFloat(f, 'f', -1, bits)
	default: // also NaN
		return strconv.FormatFloat(f, 'g', -1, bits)
	}
}

// EncodeCBOR writes an SDK output struct as an rpc-v2-cbor body. Unset members are omitted.
func EncodeCBOR(out any) []byte {
	v := reflect.Indirect(reflect.ValueOf(out))
	if !v.IsValid() {
		return []byte{0xa0}
	}
	return appendCBOR(nil, v)
}
