package wire

import (
	"encoding/hex"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
	"github.com/google/go-cmp/cmp"
)

// Encoded values from RFC 8949, appendix A, and from clients.
func TestParseCBOR(t *testing.T) {
	for text, want := range map[string]any{
		"17": uint64(23), "1818": uint64(24), "1b000000e8d4a51000": uint64(1e12), "20": int64(-1), "3903e7": int64(-1000), "3b7fffffffffffffff": int64(math.MinInt64),
		"f4": false, "f5": true, "f6": nil, "f7": nil, "f93c00": 1.0, "f90001": 5.960464477539063e-8, "f9c400": -4.0, "f97c00": math.Inf(1), "f9fc00": math.Inf(-1),
		"f98000": math.Copysign(0, -1), "fa47c35000": 100000.0, "fb3ff8000000000000": 1.5,
		"6161": "a", "7f657374726561646d696e67ff": "streaming", "4201ff": []byte{1, 255}, "5f42010243030405ff": []byte{1, 2, 3, 4, 5},
		"80": []any{}, "9f01820203ff": []any{uint64(1), []any{uint64(2), uint64(3)}}, "a16161f4": map[string]any{"a": false}, "bf616101ff": map[string]any{"a": uint64(1)},
		"c11a514b67b0": time.Unix(1363896240, 0).UTC(), "c1fb41d452d9ec200000": time.Unix(1363896240, 500e6).UTC(),
		"c074323031332d30332d32315432303a30343a30305a": time.Date(2013, 3, 21, 20, 4, 0, 0, time.UTC),
	} {
		body, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := parseCBOR(body); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v %v, want %v", text, got, err, want)
		}
	}
	if got, err := parseCBOR([]byte{0xf9, 0x7e, 0x00}); err != nil || !math.IsNaN(got.(float64)) {
		t.Errorf("NaN: %v %v", got, err)
	}
}

// Malformed bodies are refused, and a declared length reserves no memory beyond the bytes that are there.
func TestParseCBORRefusesMalformedBodies(t *testing.T) {
	for _, text := range []string{
		"", "18", "1b00", "62c328", "61", "8201", "a161", "a10101", "ff", "1f", "9f01", "bf6161", "7f4161ff", "7f7f6161ffff", "df01", "c1f97e00", "c16161", "c2420102",
		"c11b7fffffffffffffff", "3bffffffffffffffff", "f8ff", "fc", "0101", "9bffffffffffffffff", "bbffffffffffffffff", "7bffffffffffffffff",
	} {
		body, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := parseCBOR(body); err == nil {
			t.Errorf("%s is decoded as %v", text, got)
		}
	}
	deep := make([]byte, 100)
	for i := range deep {
		deep[i] = 0x81
	}
	if _, err := parseCBOR(append(deep, 0)); err == nil {
		t.Error("unlimited nesting is accepted")
	}
}

// Whatever is accepted, a general CBOR decoder decodes to the same value.
func FuzzParseCBOR(f *testing.F) {
	f.Add(EncodeCBOR(datum()))
	f.Add([]byte{0xbf, 0x61, 0x61, 0x9f, 0xff, 0xff})
	f.Add([]byte{0xc1, 0xfb, 0x41, 0xd4, 0x52, 0xd9, 0xec, 0x20, 0, 0})
	mode, err := cbor.DecOptions{
		DefaultMapType: reflect.TypeFor[map[string]any](), MaxNestedLevels: 64, TimeTag: cbor.DecTagOptional, IntDec: cbor.IntDecConvertNone,
	}.DecMode()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := parseCBOR(body)
		if err != nil {
			return
		}
		var want any
		if err := mode.Unmarshal(body, &want); err != nil {
			t.Skip(err) // it is stricter in matters that no client sends
		}
		alike := cmp.Options{
			cmp.Comparer(func(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) }),
			cmp.Comparer(func(a, b time.Time) bool { return a.Sub(b).Abs() < time.Millisecond }),
			cmp.Comparer(func(a, b []byte) bool { return string(a) == string(b) }),
		}
		if d := cmp.Diff(want, got, alike); d != "" {
			t.Errorf("%x: -want +got\n%s", body, d)
		}
	})
}
