package config

import (
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/plural"
)

// valueRange is the range of a setting's values, both ends included, in its unit: nanoseconds, bytes, or a count.
type valueRange struct {
	least, most float64
	text        func(float64) string
}

// String renders the range, such as "1ms to 1h".
func (r valueRange) String() string { return r.text(r.least) + " to " + r.text(r.most) }

func durations(most time.Duration) valueRange {
	return valueRange{float64(time.Millisecond), float64(most), durationText}
}

func sizes(least, most float64) valueRange { return valueRange{least, most, sizeText} }

func numbers(least, most float64) valueRange { return valueRange{least, most, numberText} }

const (
	mebibyte = 1 << 20
	tebibyte = 1 << 40

	// machineMost is more than any machine's vCPUs, GPUs or dollars an hour.
	machineMost = 100_000

	// diskMost is more than any machine's disk space, in bytes.
	diskMost = 1024 * tebibyte
)

// ranges has the range of every setting that is a number, a size or a duration, by its path without indexes: all entries of a list share one.
var ranges = map[string]valueRange{
	"startup_timeout":    durations(24 * time.Hour),
	"invocation_timeout": durations(24 * time.Hour),
	"drain_timeout":      durations(24 * time.Hour),
	"kill_after":         durations(time.Hour),
	"ping_interval":      durations(time.Hour),
	"ping_timeout":       durations(time.Minute),
	"queue_timeout":      durations(time.Hour),
	"wake_timeout":       durations(time.Hour),

	"ping_failures":   numbers(1, 1000),
	"max_concurrency": numbers(0, engine.ConcurrencyMax),
	"queue_max":       numbers(1, 1_000_000),
	"connections_max": numbers(0, 10_000_000), // 0: what the limit of open files allows
	"series_max":      numbers(1, 100_000_000),

	"queue_bytes": sizes(mebibyte, tebibyte),
	"payload_max": sizes(1, payloadMost),
	"bodies_max":  sizes(bodiesLeast, diskMost),
	"log_max":     sizes(1, tebibyte),
	"history_max": sizes(historyLeast, diskMost),
	"explain_max": sizes(explainLeast, diskMost),
	"audit_max":   sizes(mebibyte, diskMost),

	"images.max_concurrency": numbers(0, engine.ConcurrencyMax),

	"model_data.cache_max":        sizes(1, diskMost),
	"model_data.model_max":        sizes(1, diskMost),
	"model_data.download_timeout": durations(24 * time.Hour),

	"capacity.vcpus":  numbers(0.001, machineMost),
	"capacity.memory": sizes(1, diskMost),
	"capacity.gpus":   numbers(0, machineMost),

	"instance_types.vcpus":        numbers(0.001, machineMost),
	"instance_types.memory":       sizes(1, diskMost),
	"instance_types.gpus":         numbers(0, machineMost),
	"instance_types.usd_per_hour": numbers(0, machineMost),
}

// index matches the index of a list entry in the path of a setting.
var index = regexp.MustCompile(`\.(\d+)`)

// rangeOf returns the range of the setting at a path.
func rangeOf(at string) (valueRange, bool) {
	r, found := ranges[index.ReplaceAllString(at, "")]
	return r, found
}

// settingName returns the name of the setting at a path for messages: instance_types[0].memory.
func settingName(at string) string { return index.ReplaceAllString(at, "[$1]") }

// checkRanges notes the settings at or below a path that are out of their ranges.
func (s *source) checkRanges(v reflect.Value, at string) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			s.checkRanges(v.Elem(), at)
		}
	case reflect.Slice:
		for i := range v.Len() {
			s.checkRanges(v.Index(i), fmt.Sprint(at, ".", i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if name := yamlName(v.Type().Field(i)); name != "" {
				s.checkRanges(v.Field(i), inside(at, name))
			}
		}
	default:
		s.checkNumber(v, at)
	}
}

// checkNumber notes a setting that is out of its range, if it has one.
func (s *source) checkNumber(v reflect.Value, at string) {
	r, found := rangeOf(at)
	if !found {
		return
	}
	n := numberOf(v)
	switch v.Interface().(type) {
	case Duration, Size:
		if n == 0 {
			return // not set: UnmarshalYAML refuses a zero in the file
		}
	}
	if !(n >= r.least && n <= r.most) { // NaN is in no range
		s.wrongAlone(at, lineOf(&s.root, at), "%s is %s: want %s", settingName(at), r.text(n), r)
	}
}

func numberOf(v reflect.Value) float64 {
	if v.CanFloat() {
		return v.Float()
	}
	return float64(v.Int())
}

// inside returns the path of a setting in another.
func inside(at, name string) string {
	if at == "" {
		return name
	}
	return at + "." + name
}

// yamlName returns the name of a field's setting in the file; "" for a field that is no setting.
func yamlName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
	if name == "-" {
		return ""
	}
	return name
}

func numberText(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }

// durationText renders a duration without trailing units that are zero: 1h instead of 1h0m0s.
func durationText(n float64) string {
	text := time.Duration(n).String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = text[:len(text)-2]
		}
	}
	return text
}

// sizeText renders a number of bytes in the largest binary unit that divides it.
func sizeText(n float64) string {
	bytes := int64(n)
	for _, unit := range []string{"TiB", "GiB", "MiB", "KiB"} {
		if of := int64(units[unit]); bytes >= of && bytes%of == 0 {
			return strconv.FormatInt(bytes/of, 10) + unit
		}
	}
	return plural.Of(int(bytes), "byte")
}
