package wire

import (
	"cmp"
	"encoding/binary"
	"iter"
	"math"
	"reflect"
	"slices"
	"time"
)

// members yields the wire name and value of each member of a struct that is set, in declaration order. A nil pointer, slice or map and an
// empty enum are not set.
func members(v reflect.Value) iter.Seq2[string, reflect.Value] {
	return func(yield func(string, reflect.Value) bool) {
		for _, f := range fieldsOf(v.Type()) {
			if !unset(v.Field(f.index)) && !yield(f.name, v.Field(f.index)) {
				return
			}
		}
	}
}

func unset(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface:
		return v.IsNil()
	case reflect.String:
		return v.Len() == 0
	default:
		return false
	}
}

func sortedKeys(m reflect.Value) []reflect.Value {
	return slices.SortedFunc(slices.Values(m.MapKeys()), func(a, b reflect.Value) int { return cmp.Compare(a.String(), b.String()) })
}

// CBOR's major types.
const (
	majorUint  = 0
	majorNeg   = 1
	majorBytes = 2
	majorText  = 3
	majorArray = 4
	majorMap   = 5
	majorTag   = 6
)

// appendCBOR encodes a value in the forms that rpc-v2-cbor uses: definite lengths, doubles of eight bytes, timestamps as a double with
// tag 1.
func appendCBOR(b []byte, v reflect.Value) []byte {
	v = reflect.Indirect(v)
	switch {
	case v.Kind() == reflect.Interface:
		member, value := memberOf(v)
		return appendCBOR(appendText(appendHead(b, majorMap, 1), member), value)
	case v.Type() == timeType:
		t := v.Interface().(time.Time)
		return appendDouble(appendHead(b, majorTag, 1), float64(t.UnixMilli())/1e3)
	case v.Kind() == reflect.Struct:
		n := 0
		for range members(v) {
			n++
		}
		b = appendHead(b, majorMap, uint64(n))
		for name, f := range members(v) {
			b = appendCBOR(appendText(b, name), f)
		}
		return b
	case v.Type() == bytesType:
		return append(appendHead(b, majorBytes, uint64(v.Len())), v.Bytes()...)
	case v.Kind() == reflect.Slice:
		b = appendHead(b, majorArray, uint64(v.Len()))
		for i := range v.Len() {
			b = appendCBOR(b, v.Index(i))
		}
		return b
	case v.Kind() == reflect.Map:
		b = appendHead(b, majorMap, uint64(v.Len()))
		for _, k := range sortedKeys(v) {
			b = appendCBOR(appendText(b, k.String()), v.MapIndex(k))
		}
		return b
	case v.Kind() == reflect.String:
		return appendText(b, v.String())
	case v.Kind() == reflect.Bool && v.Bool():
		return append(b, 0xf5)
	case v.Kind() == reflect.Bool:
		return append(b, 0xf4)
	case v.CanFloat():
		return appendDouble(b, v.Float())
	case v.Int() < 0:
		return appendHead(b, majorNeg, uint64(-1-v.Int()))
	default:
		return appendHead(b, majorUint, uint64(v.Int()))
	}
}

func appendHead(b []byte, major byte, n uint64) []byte {
	switch {
	case n < 24:
		return append(b, major<<5|byte(n))
	case n <= math.MaxUint8:
		return append(b, major<<5|24, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(b, major<<5|25), uint16(n))
	case n <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(b, major<<5|26), uint32(n))
	default:
		return binary.BigEndian.AppendUint64(append(b, major<<5|27), n)
	}
}

func appendText(b []byte, s string) []byte {
	return append(appendHead(b, majorText, uint64(len(s))), s...)
}

func appendDouble(b []byte, f float64) []byte {
	return binary.BigEndian.AppendUint64(append(b, 0xfb), math.Float64bits(f))
}
