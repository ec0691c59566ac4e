package plainjson_test

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/internal/plainjson"
)

// color is an enumeration without a sign; loud, a text that looks like one; id, a key that writes itself.
type (
	color uint8
	loud  string
	id    struct{ n int }
)

func (c color) String() string { return [...]string{"", "red", "blue"}[c] }

func (l loud) String() string { return strings.ToUpper(string(l)) }

func (i id) MarshalText() ([]byte, error) {
	if i.n < 0 {
		return nil, errors.New("negative")
	}
	return []byte(strings.Repeat("x", i.n)), nil
}

func TestValues(t *testing.T) {
	type base struct{ First, Second int }
	one := 1
	for name, c := range map[string]struct {
		v    any
		want string
	}{
		"an enumeration":                {alarm.InAlarm, `"ALARM"`},
		"none of an enumeration":        {alarm.State(0), `null`},
		"an enumeration without a sign": {color(2), `"blue"`},
		"a list of one":                 {[]alarm.State{alarm.OK, 0}, `["OK",null]`},
		"a list of one without a sign":  {[]color{1, 2}, `"AQI="`}, // bytes, as in encoding/json
		"a text with a String":          {loud("a"), `"a"`},
		"a map by texts":                {map[loud]color{"b": 1, "a": 2}, `{"a":"blue","b":"red"}`},
		"a map by numbers":              {map[int]bool{10: true, 9: false}, `{"10":true,"9":false}`},
		"a map by keys of their own":    {map[id]int{{2}: 1}, `{"xx":1}`},
		"no map":                        {map[string]int(nil), `null`},
		"an empty map":                  {map[string]int{}, `{}`},
		"no pointer":                    {(*int)(nil), `null`},
		"a pointer":                     {&one, `1`},
		"an interface":                  {[]any{nil, 1, "a", 1.5, true}, `[null,1,"a",1.5,true]`},
		"an array":                      {[2]int{1, 2}, `[1,2]`},
		"a negative duration":           {-1500 * time.Millisecond, `-1.5`},
		"the longest duration":          {time.Duration(math.MaxInt64), `9223372036.854776`},
		"the largest number":            {math.MaxFloat64, `1.7976931348623157e+308`},
		"a negative zero":               {math.Copysign(0, -1), `-0`},
		"a text with marks":             {"<a&b>\u2028\x01\"", `"\u003ca\u0026b\u003e\u2028\u0001\""`},
		"a raw value":                   {json.RawMessage(`{"A":1}`), `{"A":1}`},
		"the zero time":                 {time.Time{}, `"0001-01-01T00:00:00Z"`},
		"an embedded struct": {struct {
			base
			Third int
		}{base{1, 2}, 3}, `{"first":1,"second":2,"third":3}`},
		"an embedded struct with a name": {struct {
			base `json:"inside"`
		}{base{1, 2}}, `{}`}, // it is not exported, and has a name
		"what is left out": {struct {
			Hidden  int             `json:"-"`
			Empty   []int           `json:",omitempty"`
			None    map[string]int  `json:"none,omitempty"`
			Zero    time.Time       `json:",omitzero"`
			Nothing *int            `json:",omitempty"`
			Struct  struct{ A int } `json:",omitempty"`
			State   alarm.State     `json:",omitempty"`
		}{}, `{"struct":{"a":0}}`},
		"what is not": {struct {
			Empty   []int     `json:",omitzero"`
			Zero    time.Time `json:",omitempty"`
			Nothing *int
		}{Empty: []int{}}, `{"empty":[],"zero":"0001-01-01T00:00:00Z","nothing":null}`},
	} {
		got, err := plainjson.Marshal(c.v)
		if err != nil || string(got) != c.want {
			t.Errorf("%s: %s, %v; want %s", name, got, err, c.want)
		}
	}
}

// What JSON cannot represent is refused at any depth, with its type.
func TestRefusedValues(t *testing.T) {
	for name, c := range map[string]struct {
		v    any
		want string
	}{
		"NaN":               {math.NaN(), "float64"},
		"an infinity":       {struct{ A []float64 }{[]float64{math.Inf(1)}}, "float64"},
		"a channel":         {map[string]any{"a": make(chan int)}, "chan int"},
		"a complex number":  {1i, "complex128"},
		"a year too late":   {time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC), "time.Time"},
		"a key that fails":  {map[id]int{{-1}: 1}, "id"},
		"a key of no kind":  {map[float64]int{1: 1}, "float64"},
		"a bad raw value":   {json.RawMessage(`{`), "json.RawMessage"},
		"a value in a list": {[]any{1, func() {}}, "func()"},
	} {
		if got, err := plainjson.Marshal(c.v); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %s, %v; want an error about %s", name, got, err, c.want)
		}
	}
}

// full is a writer that has no room.
type full struct{}

var errFull = errors.New("no room")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestWrite(t *testing.T) {
	var b strings.Builder
	if err := plainjson.Write(&b, struct{ MaxSize int }{1}); err != nil || b.String() != "{\"max_size\":1}\n" {
		t.Errorf("%q, %v", b.String(), err)
	}
	if err := plainjson.Write(&b, math.NaN()); err == nil || b.String() != "{\"max_size\":1}\n" {
		t.Errorf("after what cannot be written: %q, %v", b.String(), err)
	}
	if err := plainjson.Write(full{}, 1); !errors.Is(err, errFull) {
		t.Errorf("%v", err)
	}
}
