package wire

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

//go:generate go -C ../../../tools run ./constraints -o ../internal/awsapi/wire/constraints.json

//go:embed constraints.json
var constraintsText []byte

type shape struct {
	Type     string            `json:"type"`
	Required []string          `json:"required"`
	Members  map[string]string `json:"members"`
	Member   string            `json:"member"`
	Key      string            `json:"key"`
	Value    string            `json:"value"`
	Enum     []string          `json:"enum"`
	Min      *float64          `json:"min"`
	Max      *float64          `json:"max"`
	Pattern  string            `json:"pattern"`

	regexp    *regexp.Regexp
	forbidden *regexp.Regexp // a pattern that the text must not match
	bound     sync.Map       // reflect.Type → []field: the shape's members in an SDK struct, sorted by name
}

// fields returns the shape's members in a struct, sorted by name.
func (sh *shape) fields(t reflect.Type) []field {
	if known, found := sh.bound.Load(t); found {
		return known.([]field)
	}
	var out []field
	for _, f := range fieldsOf(t) {
		if _, has := sh.Members[f.name]; has {
			out = append(out, f)
		}
	}
	slices.SortFunc(out, func(a, b field) int { return strings.Compare(a.name, b.name) })
	sh.bound.Store(t, out)
	return out
}

type service struct {
	Operations map[string]string `json:"operations"`
	Shapes     map[string]*shape `json:"shapes"`
}

// table is decoded at the first request, because that takes some milliseconds.
var table = sync.OnceValue(func() map[string]*service {
	t := map[string]*service{}
	if err := json.Unmarshal(constraintsText, &t); err != nil {
		panic("wire: the embedded constraints cannot be read: " + err.Error())
	}
	for _, s := range t {
		for _, sh := range s.Shapes {
			sh.regexp, sh.forbidden = compileBoth(sh.Pattern)
		}
	}
	return t
})

var escapes = strings.NewReplacer(
	`\uD800\uDC00-\uDBFF\uDFFF`, `\x{10000}-\x{10FFFF}`, `\p{Print}`, `[\x20-\x7e]`)

var unicodeEscape = regexp.MustCompile(`\\u([0-9A-Fa-f]{4})`)

// compileBoth compiles a pattern that may begin with a negative lookahead, "(?!forbidden)required". RE2 has no lookahead, so it becomes two
// patterns.
func compileBoth(pattern string) (required, forbidden *regexp.Regexp) {
	rest, ahead := strings.CutPrefix(pattern, "(?!(")
	not, tail, found := strings.Cut(rest, ")).")
	if !ahead || !found {
		return compile(pattern), nil
	}
	if forbidden = compile("(?:" + not + ")(?s:.*)"); forbidden == nil {
		return nil, nil
	}
	return compile("." + tail), forbidden
}

// compile translates Java's regular expression syntax to RE2's. It returns nil for a pattern that RE2 cannot express; the operation then
// checks the member itself.
func compile(pattern string) *regexp.Regexp {
	if pattern == "" {
		return nil
	}
	re, err := regexp.Compile("^(?:" + unicodeEscape.ReplaceAllString(escapes.Replace(pattern), `\x{$1}`) + ")$")
	if err != nil {
		return nil
	}
	return re
}

// Violation is a constraint that a member does not satisfy.
type Violation struct {
	Member  string // path, as printed
	Missing bool   // a required member is null
	Text    string // AWS's text

	Allowed []string // the enum's values, if the member is none of them
}

// Validate checks an SDK input struct against the API model's constraints and returns the violations sorted by member, at most
// violationsMax. service is the signing name.
func Validate(service, operation string, in any) []Violation {
	s := table()[service]
	if s == nil {
		return nil
	}
	input, found := s.Operations[operation]
	if !found {
		return nil
	}
	c := check{s: s}
	c.value(reflect.ValueOf(in), input, nil)
	return c.found
}

// Message joins violations as AWS prints them.
func Message(vs []Violation) string {
	texts := make([]string, len(vs))
	for i, v := range vs {
		texts[i] = v.Text
	}
	noun := "errors"
	if len(vs) == 1 {
		noun = "error"
	}
	return fmt.Sprintf("%d validation %s detected: %s", len(vs), noun, strings.Join(texts, "; "))
}

type check struct {
	s     *service
	found []Violation
}

// full reports whether the list of violations is full. How many AWS lists is not recorded; a request can have millions.
func (c *check) full() bool { return len(c.found) >= violationsMax }

func (c *check) fail(at *path, value, constraint string) {
	if c.full() {
		return
	}
	path := at.String()
	c.found = append(c.found, Violation{
		Member: path, Missing: value == "",
		Text: fmt.Sprintf("Value %s at '%s' failed to satisfy constraint: %s", orNull(value), path, constraint),
	})
}

func orNull(v string) string {
	if v == empty {
		return "''"
	}
	if v == "" {
		return "null"
	}
	return "'" + v + "'"
}

func (c *check) value(v reflect.Value, name string, at *path) {
	v = reflect.Indirect(v)
	sh := c.s.Shapes[name]
	if sh == nil || !v.IsValid() || c.full() {
		return
	}
	switch {
	case v.Kind() == reflect.Interface:
		member, value := memberOf(v)
		c.value(value, sh.Members[member], &path{parent: at, member: member})
	case v.Type() == timeType:
	case v.Kind() == reflect.Struct:
		c.structure(v, sh, at)
	case v.Kind() == reflect.Slice && v.Type() != bytesType:
		c.length(v.Len(), sh, at, func() string { return show(v) })
		if item := c.s.Shapes[sh.Member]; v.Type().Elem().Kind() == reflect.String && item != nil {
			c.texts(v, item, sh, at)
			return
		}
		here := path{parent: at}
		for i := range sh.checked(v.Len()) {
			here.item = i + 1
			c.value(v.Index(i), sh.Member, &here)
		}
	case v.Kind() == reflect.Map:
		c.mapping(v, sh, at)
	case v.Kind() == reflect.String:
		c.text(v.String(), sh, at)
	case v.CanInt():
		c.number(float64(v.Int()), sh, at)
	case v.CanFloat():
		c.number(v.Float(), sh, at)
	}
}

func (c *check) structure(v reflect.Value, sh *shape, at *path) {
	here := path{parent: at}
	for _, f := range sh.fields(v.Type()) {
		here.member = f.name
		if !unset(v.Field(f.index)) {
			c.value(v.Field(f.index), sh.Members[f.name], &here)
		} else if slices.Contains(sh.Required, f.name) {
			c.fail(&here, "", "Member must not be null")
		}
	}
}

// texts checks a list of strings. The error names the list, not the string. AWS: recorded.
func (c *check) texts(v reflect.Value, item, list *shape, at *path) {
	for i := range list.checked(v.Len()) {
		if c.full() {
			return
		}
		if broken := c.broken(v.Index(i).String(), item); len(broken) > 0 {
			c.fail(at, show(v), "Member must satisfy constraint: ["+strings.Join(broken, ", ")+"]")
			last := &c.found[len(c.found)-1]
			last.Member, last.Allowed = (&path{parent: at, item: i + 1}).String(), item.Enum
			return
		}
	}
}

func (c *check) mapping(v reflect.Value, sh *shape, at *path) {
	c.length(v.Len(), sh, at, func() string { return show(v) })
	keys := sortedKeys(v)
	for _, k := range keys[:sh.checked(len(keys))] {
		if c.full() {
			return
		}
		if broken := c.broken(k.String(), c.s.Shapes[sh.Key]); len(broken) > 0 {
			c.fail(at, show(v), "Map keys must satisfy constraint: ["+strings.Join(broken, ", ")+"]")
		}
		if broken := c.broken(v.MapIndex(k).String(), c.s.Shapes[sh.Value]); v.MapIndex(k).Kind() == reflect.String && len(broken) > 0 {
			c.fail(at, show(v), "Map value must satisfy constraint: ["+strings.Join(broken, ", ")+"]")
		}
	}
}

// broken returns all constraints of a string shape if the string violates at least one.
func (c *check) broken(s string, sh *shape) []string {
	if sh == nil {
		return nil
	}
	sub := check{s: c.s}
	sub.text(s, sh, nil)
	if len(sub.found) == 0 {
		return nil
	}
	var all []string
	if len(sh.Enum) > 0 {
		return []string{"Member must satisfy enum value set: [" + strings.Join(sh.Enum, ", ") + "]"}
	}
	if sh.Max != nil {
		all = append(all, "Member must have length less than or equal to "+number(*sh.Max))
	}
	if sh.Min != nil {
		all = append(all, "Member must have length greater than or equal to "+number(*sh.Min))
	}
	if sh.Pattern != "" {
		all = append(all, "Member must satisfy regular expression pattern: "+sh.Pattern)
	}
	return all
}

func (c *check) text(s string, sh *shape, at *path) {
	if len(sh.Enum) > 0 {
		if !slices.Contains(sh.Enum, s) {
			c.fail(at, quoted(s), "Member must satisfy enum value set: ["+strings.Join(sh.Enum, ", ")+"]")
			c.found[len(c.found)-1].Allowed = sh.Enum
		}
		return
	}
	c.length(utf8.RuneCountInString(s), sh, at, func() string { return quoted(s) })
	if (sh.regexp != nil && !sh.regexp.MatchString(s)) || (sh.forbidden != nil && sh.forbidden.MatchString(s)) {
		c.fail(at, quoted(s), "Member must satisfy regular expression pattern: "+sh.Pattern)
	}
}

// checked is how many of a collection's n items are checked. A longer collection is refused for its length.
func (sh *shape) checked(n int) int {
	if sh.Max != nil {
		return min(n, int(*sh.Max))
	}
	return n
}

func (c *check) length(n int, sh *shape, at *path, value func() string) {
	if sh.Max == nil && at.isTags() && n > tagsMax {
		c.fail(at, value(), "Member must have length less than or equal to 50") // AWS: TagResource of each service, Tags
		return
	}
	if sh.Min != nil && float64(n) < *sh.Min {
		c.fail(at, value(), "Member must have length greater than or equal to "+number(*sh.Min))
	}
	if sh.Max != nil && float64(n) > *sh.Max {
		c.fail(at, value(), "Member must have length less than or equal to "+number(*sh.Max))
	}
}

func (c *check) number(f float64, sh *shape, at *path) {
	if sh.Min != nil && !(f >= *sh.Min) {
		c.fail(at, number(f), "Member must have value greater than or equal to "+number(*sh.Min))
	}
	if sh.Max != nil && !(f <= *sh.Max) {
		c.fail(at, number(f), "Member must have value less than or equal to "+number(*sh.Max))
	}
}

func number(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// shownMax is the length in bytes at which a value is cut in an error. AWS does not cut values.
const shownMax = 4096

// empty stands for an empty string, which errors print differently from null.
const empty = "\x00"

func quoted(s string) string {
	if s == "" {
		return empty
	}
	if len(s) > shownMax {
		return s[:shownMax] + "..."
	}
	return s
}

// show formats lists and maps as AWS does, [a, b] and {k=v}, and cuts long ones.
func show(v reflect.Value) string {
	var parts []string
	switch v.Kind() {
	case reflect.Map:
		keys := sortedKeys(v)
		for _, k := range keys[:min(len(keys), 200)] {
			parts = append(parts, k.String()+"="+fmt.Sprint(v.MapIndex(k)))
		}
		return quoted("{" + strings.Join(parts, ", ") + "}")
	default:
		for i := range min(v.Len(), 200) {
			if e := reflect.Indirect(v.Index(i)); e.Kind() == reflect.String {
				parts = append(parts, e.String())
			}
		}
		return quoted("[" + strings.Join(parts, ", ") + "]")
	}
}
