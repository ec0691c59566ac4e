package engine_test

import (
	"bytes"
	"encoding/json"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"bellows.dev/bellows/engine"
)

// filler makes values of any type: of what there is after populate, of what there is not, and of what nothing can be.
type filler struct {
	rand *rand.Rand
	text []string
}

// fill sets a value and all below it. Functions and values deeper than anything that an input has stay zero.
func (f *filler) fill(v reflect.Value, depth int) {
	if depth > 12 {
		return
	}
	switch v.Type() {
	case reflect.TypeFor[time.Time]():
		at := []time.Time{{}, populated, populated.Add(time.Hour), populated.Add(-time.Hour), time.Unix(math.MaxInt64, 0), time.Unix(-1, 0)}
		v.Set(reflect.ValueOf(at[f.rand.IntN(len(at))]))
		return
	case reflect.TypeFor[time.Duration]():
		d := []time.Duration{time.Second, 10 * time.Second, time.Minute, time.Hour, 5 * time.Minute, 0, 1, -time.Minute, math.MinInt64, math.MaxInt64}
		v.Set(reflect.ValueOf(d[f.rand.IntN(len(d))]))
		return
	case reflect.TypeFor[engine.Scope]():
		v.Set(reflect.ValueOf([]engine.Scope{scope, scope, scope, elsewhere}[f.rand.IntN(4)]))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				f.fill(v.Field(i), depth+1)
			}
		}
	case reflect.Pointer:
		if f.rand.IntN(2) == 0 {
			v.Set(reflect.New(v.Type().Elem()))
			f.fill(v.Elem(), depth+1)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), f.rand.IntN(3), 3))
		for i := range v.Len() {
			f.fill(v.Index(i), depth+1)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range f.rand.IntN(3) {
			key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			f.fill(key, depth+1)
			f.fill(value, depth+1)
			v.SetMapIndex(key, value)
		}
	case reflect.String:
		v.SetString(f.text[f.rand.IntN(len(f.text))])
	case reflect.Bool:
		v.SetBool(f.rand.IntN(2) == 0)
	case reflect.Int, reflect.Int64, reflect.Int32:
		if n := []int64{0, 1, 2, 3, 4, 7, -1, math.MaxInt32, -math.MaxInt32}; v.Type().PkgPath() == "" {
			v.SetInt(n[f.rand.IntN(len(n))])
		} else {
			v.SetInt(int64(f.rand.IntN(5)) - f.rand.Int64N(2)) // an enumeration
		}
	case reflect.Uint8, reflect.Uint64, reflect.Uint16, reflect.Uint32:
		v.SetUint(uint64(f.rand.IntN(256)))
	case reflect.Float64, reflect.Float32:
		x := []float64{0, 1, 70, -1, 1e300, math.Inf(1), math.NaN()}
		v.SetFloat(x[f.rand.IntN(len(x))])
	case reflect.Func, reflect.Interface:
	default:
		panic("filler: no value of " + v.Type().String())
	}
}

// Random inputs of every kind, most of them nonsense, are refused without a trace or taken; those kinds that are never refused are not.
// The kinds are engine.Inputs' own, so that none can be forgotten.
func TestRandomRefusalsLeaveTheStateAsItWas(t *testing.T) {
	t.Parallel()
	const each = 40
	e := engine.New(engine.Config{Seed: 3})
	populate(t, e, scope)
	before := encoded(t, e)
	f := filler{rand.New(rand.NewPCG(1, 11)), []string{
		"", "e", "v", "m", "c", "without", "w", "tt", "steps", "soon", "wave", "night", "by hand", "top", "none", "N", `ALARM("by hand")`, "rate(7 minutes)",
		"0 22 * * *", "cron(0 2 * * *)", "ml.m5.large", "endpoint/e/variant/v", "\xff", "m1", "m1 + 1", "None",
	}}
	never := refusals(scope, true)
	restore := func() {
		t.Helper()
		var s engine.State
		if err := json.Unmarshal(before, &s); err != nil {
			t.Fatal(err)
		}
		var err error
		if e, err = engine.FromState(s); err != nil {
			t.Fatal(err)
		}
	}
	for _, kind := range engine.Inputs() {
		refused := 0
		for range each {
			in := reflect.New(reflect.TypeOf(kind)).Elem()
			f.fill(in, 0)
			_, err := e.Step(populated.Add(time.Minute), in.Interface().(engine.Input))
			if err == nil {
				restore()
				continue
			}
			refused++
			if after := encoded(t, e); !bytes.Equal(before, after) {
				t.Errorf("%T (%v) changed the state: %+v", kind, err, in.Interface())
				restore()
			}
		}
		if cases, known := never[reflect.TypeOf(kind)]; known && cases == nil && refused > 0 {
			t.Errorf("%T is said never to be refused, and was", kind)
		}
	}
}
