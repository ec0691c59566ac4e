package plainjson_test

import (
	"encoding/json"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/explain"
	"bellows.dev/bellows/internal/plainjson"
	"bellows.dev/bellows/scaling"
	"bellows.dev/bellows/scaling/policy/step"
)

// roots are the types that explain and replay write.
func roots() []reflect.Type {
	out := []reflect.Type{reflect.TypeFor[explain.Explanation]()}
	for _, e := range engine.Events() {
		out = append(out, reflect.TypeOf(e))
	}
	return out
}

// reach calls f for each type that a value of t may hold.
func reach(t reflect.Type, seen map[reflect.Type]bool, f func(reflect.Type)) {
	if seen[t] || t == reflect.TypeFor[time.Time]() {
		return
	}
	seen[t] = true
	f(t)
	switch t.Kind() {
	case reflect.Struct:
		for i := range t.NumField() {
			if t.Field(i).IsExported() || t.Field(i).Anonymous {
				reach(t.Field(i).Type, seen, f)
			}
		}
	case reflect.Map:
		reach(t.Key(), seen, f)
		reach(t.Elem(), seen, f)
	case reflect.Pointer, reflect.Slice, reflect.Array:
		reach(t.Elem(), seen, f)
	default:
	}
}

// isEnum reports whether a type is an integer type of this program: all of those that are written are enumerations.
func isEnum(t reflect.Type) bool {
	integer := t.Kind() >= reflect.Int && t.Kind() <= reflect.Uint64
	return integer && strings.HasPrefix(t.PkgPath(), "bellows.dev/bellows/")
}

func TestEveryEnumIsWrittenByName(t *testing.T) {
	seen, enums := map[reflect.Type]bool{}, 0
	for _, root := range roots() {
		reach(root, seen, func(x reflect.Type) {
			if !isEnum(x) {
				return
			}
			enums++
			names := map[string]bool{}
			for n := int64(1); n < 64; n++ {
				v := reflect.New(x).Elem()
				v.SetInt(n)
				text, err := plainjson.Marshal(v.Interface())
				var name string
				if err != nil || json.Unmarshal(text, &name) != nil {
					t.Errorf("%v(%d) is written as %s (%v): want its name", x, n, text, err)
					return
				}
				if name == "invalid" || name == "" {
					break
				}
				if names[name] || strings.ContainsAny(name, "0123456789<>=") {
					t.Errorf("%v(%d) is written as %s: want a name of its own", x, n, text)
				}
				names[name] = true
			}
			if len(names) < 2 {
				t.Errorf("%v has the names %v", x, slices.Sorted(maps.Keys(names)))
			}
		})
	}
	if enums < 15 {
		t.Errorf("found %d enumerations: the search is broken", enums)
	}
}

// fill sets everything in a value that JSON shows.
func fill(v reflect.Value, depth int) {
	switch v.Kind() {
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)))
			return
		}
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				fill(v.Field(i), depth)
			}
		}
	case reflect.Pointer:
		if depth < 3 {
			v.Set(reflect.New(v.Type().Elem()))
			fill(v.Elem(), depth+1)
		}
	case reflect.Slice:
		if depth < 3 {
			v.Set(reflect.MakeSlice(v.Type(), 2, 2))
			fill(v.Index(0), depth+1)
		}
	case reflect.Map:
		if depth < 3 {
			v.Set(reflect.MakeMap(v.Type()))
			key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			fill(key, depth+1)
			fill(value, depth+1)
			v.SetMapIndex(key, value)
		}
	case reflect.String:
		v.SetString("a <text>")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Float32, reflect.Float64:
		v.SetFloat(2.5)
	default:
		if v.CanInt() {
			v.SetInt(2)
		} else if v.CanUint() {
			v.SetUint(2)
		}
	}
}

// journalNames maps the names that the journal knows fields by, where these are not the fields' own, to the fields' names.
func journalNames() map[string]string {
	out, seen := map[string]string{}, map[reflect.Type]bool{}
	for _, root := range roots() {
		reach(root, seen, func(x reflect.Type) {
			if x.Kind() != reflect.Struct {
				return
			}
			for i := range x.NumField() {
				f := x.Field(i)
				name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
				if name != "" && name != f.Name && unicode.IsUpper(rune(name[0])) {
					out[strings.ToLower(name)] = strings.ToLower(f.Name)
				}
			}
		})
	}
	return out
}

// shape is a JSON value without what its scalars are, and without the style of its members' names. Names that are keys of renamed become
// their values.
func shape(v any, renamed map[string]string) any {
	switch x := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, e := range x {
			name := strings.ToLower(strings.ReplaceAll(k, "_", ""))
			if field, ok := renamed[name]; ok {
				name = field
			}
			out[name] = shape(e, renamed)
		}
		return out
	case []any:
		out := make([]any, len(x))
		for i, e := range x {
			out[i] = shape(e, renamed)
		}
		return out
	default:
		return nil
	}
}

// All members have names of one style.
func TestNamesOfMembersAreInSnakeCase(t *testing.T) {
	style := regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)
	seen, names := map[reflect.Type]bool{}, 0
	for _, root := range roots() {
		reach(root, seen, func(x reflect.Type) {
			if x.Kind() != reflect.Struct {
				return
			}
			v := reflect.New(x).Elem()
			fill(v, 0)
			text, err := plainjson.Marshal(v.Interface())
			var members map[string]json.RawMessage
			if err != nil || text[0] == '{' && json.Unmarshal(text, &members) != nil {
				t.Fatalf("%v is written as %s: %v", x, text, err)
			}
			for name := range members {
				if names++; !style.MatchString(name) {
					t.Errorf("%v has a member %s", x, name)
				}
			}
		})
	}
	if names < 200 {
		t.Errorf("found %d members: the search is broken", names)
	}
}

// Members are those of encoding/json, whatever the style of their names, and under the fields' names where the journal has others: of values
// in which everything is set, and of zero values.
func TestMembersAreThoseOfEncodingJSON(t *testing.T) {
	renamed := journalNames()
	for _, root := range roots() {
		for _, filled := range []bool{true, false} {
			v := reflect.New(root).Elem()
			if filled {
				fill(v, 0)
			}
			want, err := json.Marshal(v.Interface())
			if err != nil {
				t.Fatal(err)
			}
			got, err := plainjson.Marshal(v.Interface())
			if err != nil {
				t.Fatal(err)
			}
			var w, g any
			if err := json.Unmarshal(want, &w); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(got, &g); err != nil {
				t.Fatalf("%v: %v in %s", root, err, got)
			}
			if diff := cmp.Diff(shape(w, renamed), shape(g, renamed)); diff != "" {
				t.Errorf("%v, filled %v (-encoding/json +plainjson):\n%s", root, filled, diff)
			}
		}
	}
}

func TestMarshal(t *testing.T) {
	type inner struct{ A, Hidden int }
	for _, c := range []struct {
		v    any
		want string
	}{
		{engine.EndpointChanged{Key: engine.EndpointKey{Endpoint: "iris"}, To: hosting.InService}, `"from":null,"to":"InService","reason":""`},
		{step.ChangeInCapacity, `"ChangeInCapacity"`},
		{scaling.Proposal{Comparison: 2}, `"comparison":"GreaterThanOrEqualToThreshold"`},
		{5 * time.Minute, `300`},
		{1500 * time.Millisecond, `1.5`},
		{time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC), `"2026-11-24T10:00:00Z"`},
		{map[step.AdjustmentType]int{step.ExactCapacity: 1}, `{"ExactCapacity":1}`},
		{map[scaling.TargetKey]scaling.Outcome{scaling.VariantTarget("iris", "blue"): scaling.Acted}, `{"sagemaker:variant:DesiredInstanceCount endpoint/iris/variant/blue":"Acted"}`},
		{[]byte("abc"), `"YWJj"`},
		{[]int(nil), `null`},
		{[]int{}, `[]`},
		{struct {
			inner
			Hidden string
		}{inner{1, 2}, "outer"}, `{"a":1,"hidden":"outer"}`},
		{struct {
			ARN, AlarmARN, ID36, PromQLDue    int
			IDs, GPUsMax, Errors4XX, HTTPPort int
			MutedUntil                        int `json:",omitzero"`
			Renamed                           int `json:"OldName"`
			Tagged                            int `json:"per_minute"`
		}{MutedUntil: 1}, `{"arn":0,"alarm_arn":0,"id36":0,"promql_due":0,"ids":0,"gpus_max":0,"errors4xx":0,"http_port":0,"muted_until":1,"renamed":0,"per_minute":0}`},
		{nil, `null`},
	} {
		got, err := plainjson.Marshal(c.v)
		if err != nil || !strings.Contains(string(got), c.want) {
			t.Errorf("Marshal(%v) = %s, %v; want %s", c.v, got, err, c.want)
		}
	}
	if _, err := plainjson.Marshal(struct{ F func() }{func() {}}); err == nil {
		t.Error("a function was written")
	}
}
