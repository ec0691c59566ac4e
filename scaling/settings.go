package scaling

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"bellows.dev/bellows/metric"
)

// Parser is a Type whose configuration can be written as a few named settings. So its policies can be put by PutPolicy of the Bellows API,
// by `bellows policies put` and by the scenario command `policy`.
type Parser interface {
	Type

	// Settings lists the settings that the type has.
	Settings() []Setting

	// Parse returns the configuration that settings describe. It is called with settings that are all of the type, none of the required
	// ones missing; what the methods of s refuse, or s.Fail, refuses the request. Type.Put checks the values.
	Parse(s *Settings) Config

	// Format returns the settings that Parse makes the configuration of; nil where no settings do.
	Format(c Config) map[string]string
}

// Setting is one setting of a type.
type Setting struct {
	Name     string
	Required bool
	Help     string // its meaning, unit and default in a phrase
}

// ParsePolicy returns the type of a name and the configuration that settings describe. It fails with KindValidation.
func (ts Types) ParsePolicy(name string, settings map[string]string) (Type, Config, error) {
	t := ts.Named(name)
	if t == nil {
		return nil, nil, Invalid("There is no policy type %s: the types are %s", name, strings.Join(ts.names(), ", "))
	}
	x, ok := t.(Parser)
	if !ok {
		return nil, nil, Invalid("Policies of type %s cannot be written as settings", name)
	}
	known := x.Settings()
	for _, s := range slices.Sorted(maps.Keys(settings)) {
		if !slices.ContainsFunc(known, func(k Setting) bool { return k.Name == s }) {
			return nil, nil, Invalid("Policy type %s has no setting %s: its settings are %s", name, s, strings.Join(settingNames(known), ", "))
		}
	}
	for _, k := range known {
		if _, given := settings[k.Name]; k.Required && !given {
			return nil, nil, Invalid("Policy type %s needs the setting %s: %s", name, k.Name, k.Help)
		}
	}
	s := &Settings{values: settings}
	c := x.Parse(s)
	return t, c, s.err
}

func (ts Types) names() []string {
	out := make([]string, len(ts))
	for i, t := range ts {
		out[i] = t.Name()
	}
	return out
}

func settingNames(known []Setting) []string {
	out := make([]string, len(known))
	for i, k := range known {
		out[i] = k.Name
	}
	return out
}

// Settings reads the values of settings. What is missing is zero or nil; the first value that is refused refuses the request.
type Settings struct {
	values map[string]string
	err    error
}

// Fail refuses the value of a setting. expected completes "must be …".
func (s *Settings) Fail(name, expected string) {
	if s.err == nil {
		s.err = Invalid("The setting %s must be %s, but was '%s'", name, expected, s.values[name])
	}
}

// Text returns a setting as it is written.
func (s *Settings) Text(name string) string { return s.values[name] }

// Number returns a finite number.
func (s *Settings) Number(name string) float64 {
	text, given := s.values[name]
	if !given {
		return 0
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || !metric.IsFinite(v) {
		s.Fail(name, "a finite number")
		return 0
	}
	return v
}

// Integer returns a whole number of 32 bits.
func (s *Settings) Integer(name string) *int {
	text, given := s.values[name]
	if !given {
		return nil
	}
	v, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		s.Fail(name, "a whole number")
	}
	n := int(v)
	return &n
}

// Duration returns a duration of whole seconds, which is written with its units: 90s, 5m.
func (s *Settings) Duration(name string) *time.Duration {
	text, given := s.values[name]
	if !given {
		return nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d%time.Second != 0 || d < 0 || d/time.Second > math.MaxInt32 {
		s.Fail(name, "a duration of whole seconds such as 90s or 5m")
	}
	return &d
}

// Bool returns true or false.
func (s *Settings) Bool(name string) *bool {
	text, given := s.values[name]
	if !given {
		return nil
	}
	v := text == "true"
	if !v && text != "false" {
		s.Fail(name, "true or false")
	}
	return &v
}

// Choice returns the value of an enumeration that a setting names; zero where the setting is missing. The enumeration's values are 1 to last.
func Choice[E interface {
	~int
	fmt.Stringer
}](s *Settings, name string, last E) E {
	text, given := s.values[name]
	if !given {
		return 0
	}
	e := Named(text, last)
	if e == 0 {
		var all []string
		for x := E(1); x <= last; x++ {
			all = append(all, x.String())
		}
		s.Fail(name, "one of "+strings.Join(all, ", "))
	}
	return e
}

// SettingList makes the result of Parser.Format.
type SettingList map[string]string

// Number adds a number.
func (l SettingList) Number(name string, v float64) { l[name] = strconv.FormatFloat(v, 'g', -1, 64) }

// Integer adds a whole number that is there.
func (l SettingList) Integer(name string, v *int) {
	if v != nil {
		l[name] = strconv.Itoa(*v)
	}
}

// Duration adds a duration that is there.
func (l SettingList) Duration(name string, d *time.Duration) {
	if d != nil {
		l[name] = strconv.FormatInt(int64(*d/time.Second), 10) + "s"
	}
}

// Bool adds a value that is there.
func (l SettingList) Bool(name string, v *bool) {
	if v != nil {
		l[name] = strconv.FormatBool(*v)
	}
}

// Name adds the name of an enumeration's value that is there.
func (l SettingList) Name(name string, e fmt.Stringer, there bool) {
	if there {
		l[name] = e.String()
	}
}
