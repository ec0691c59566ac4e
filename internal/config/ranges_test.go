package config

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// rangeRow is a setting that is a number, a size or a duration: what it is given, and what it is refused for.
type rangeRow struct {
	setting  string // %s is the value
	name     string // in messages
	least    string // values that are accepted
	most     string
	below    string // values that are not
	above    string
	negative string
	wrong    string // of another type
	want     string // the range, as messages say it
}

func rangeRows() []rangeRow {
	row := func(setting, least, most, below, above, negative, wrong, want string) rangeRow {
		name, _, _ := strings.Cut(setting, ":")
		return rangeRow{setting, name, least, most, below, above, negative, wrong, want}
	}
	time := func(setting, most, above, want string) rangeRow {
		return row(setting, "1ms", most, "999us", above, "-1s", "soon", "1ms to "+want)
	}
	of := func(name string, r rangeRow) rangeRow {
		r.name = name
		return r
	}
	return []rangeRow{
		time("startup_timeout: %s", "24h", "24h1s", "24h"),
		time("invocation_timeout: %s", "24h", "1000h", "24h"),
		time("drain_timeout: %s", "24h", "24h1ns", "24h"),
		time("kill_after: %s", "1h", "61m", "1h"),
		time("ping_interval: %s", "1h", "1h0m1s", "1h"),
		time("ping_timeout: %s", "1m", "61s", "1m"),
		time("queue_timeout: %s", "1h", "1h1ms", "1h"),
		time("wake_timeout: %s", "60m", "2000000h", "1h"),
		of("model_data.download_timeout", time("model_data: {download_timeout: %s}", "24h", "25h", "24h")),

		row("ping_failures: %s", "1", "1000", "0", "1001", "-1", "few", "1 to 1000"),
		row("max_concurrency: %s", "0", "100000", "-2", "100001", "-1", "1.5", "0 to 100000"),
		row("queue_max: %s", "1", "1000000", "0", "99999999999999999999", "-1", "many", "1 to 1000000"),
		row("connections_max: %s", "0", "10000000", "-2", "10000001", "-1", "[1]", "0 to 10000000"),
		row("series_max: %s", "1", "100000000", "0", "100000001", "-1", "{a: 1}", "1 to 100000000"),
		of("images[0].max_concurrency", row("images: [{image: a, command: [c], max_concurrency: %s}]", "0", "100000", "-2", "100001", "-1", "x", "0 to 100000")),

		row("queue_bytes: %s", "1MiB", "1TiB", "1048575", "1025GiB", "-1MiB", "much", "1MiB to 1TiB"),
		row("payload_max: %s", "1", "128MiB", "0", "134217729", "-1", "25 apples", "1 byte to 128MiB"),
		row("bodies_max: %s", "64MiB", "1024TiB", "63MiB", "1025TiB", "-1GiB", "half", "64MiB to 1024TiB"),
		row("log_max: %s", "1", "1TiB", "0.9", "2TiB", "-1", "[10MB]", "1 byte to 1TiB"),
		row("history_max: %s", "256MiB", "1024TiB", "255MiB", "1024.5TiB", "-1", "20 GiB less", "256MiB to 1024TiB"),
		row("explain_max: %s", "16MiB", "1024TiB", "16MB", "1048577TiB", "-1", "{a: b}", "16MiB to 1024TiB"),
		row("audit_max: %s", "1MiB", "1024TiB", "1MB", "1025TiB", "-1", "x", "1MiB to 1024TiB"),
		of("model_data.cache_max", row("model_data: {cache_max: %s}", "1", "1024TiB", "0", "1025TiB", "-1", "x", "1 byte to 1024TiB")),
		of("model_data.model_max", row("model_data: {model_max: %s}", "1B", "1024TiB", "0", "1025TiB", "-1", ".nan", "1 byte to 1024TiB")),

		of("capacity.vcpus", row("capacity: {vcpus: %s}", "0.001", "100000", "0", "100001", "-1", "x", "0.001 to 100000")),
		of("capacity.memory", row("capacity: {memory: %s}", "1", "1024TiB", "0", "1025TiB", "-1", "x", "1 byte to 1024TiB")),
		of("capacity.gpus", row("capacity: {gpus: %s}", "0", "100000", "-2", "100001", "-1", "0.5", "0 to 100000")),
		of("instance_types[0].vcpus", row("instance_types: [{type: ml.a.b, memory: 1GiB, vcpus: %s}]", "0.5", "100000", "0", ".inf", "-1", ".nan", "0.001 to 100000")),
		of("instance_types[0].memory", row("instance_types: [{type: ml.a.b, vcpus: 1, memory: %s}]", "1", "1024TiB", "0", "1025TiB", "-1", "x", "1 byte to 1024TiB")),
		of("instance_types[0].gpus", row("instance_types: [{type: ml.a.b, vcpus: 1, memory: 1, gpus: %s}]", "0", "100000", "-2", "100001", "-1", "x", "0 to 100000")),
		of("instance_types[0].usd_per_hour",
			row("instance_types: [{type: ml.a.b, vcpus: 1, memory: 1, usd_per_hour: %s}]", "0", "100000", "-0.01", "100000.5", "-1", ".nan", "0 to 100000")),
	}
}

// What a number, a size or a duration may be, what it may not be, and what the refusal says: the line, the setting and its range.
func TestRangesOfSettings(t *testing.T) {
	rows := map[string]bool{}
	for _, r := range rangeRows() {
		rows[index.ReplaceAllString(strings.NewReplacer("[", ".", "]", "").Replace(r.name), "")] = true
		read := func(value string) error {
			_, err := Parse(fmt.Appendf(nil, "region: us-east-1\n\n"+r.setting+"\n", value), "/etc/bellows")
			return err
		}
		for _, value := range []string{r.least, r.most} {
			if err := read(value); err != nil {
				t.Errorf("%s of %s is refused: %v", r.name, value, err)
			}
		}
		for _, value := range []string{r.below, r.above, r.negative, r.wrong} {
			err := read(value)
			if err == nil {
				t.Errorf("%s of %s is accepted", r.name, value)
				continue
			}
			got := err.Error()
			if !strings.HasPrefix(got, "line 3: "+r.name) || !strings.HasSuffix(got, ": want "+r.want) || strings.Contains(got, ";") {
				t.Errorf("%s of %s: %q, want the line, the setting and %q", r.name, value, got, r.want)
			}
		}
	}
	for at := range ranges {
		if !rows[at] {
			t.Errorf("no row has %s", at)
		}
	}
}

// No setting that is a number, a size or a duration is without a range, and no range is without a setting.
func TestEveryNumberHasARange(t *testing.T) {
	found := map[string]bool{}
	var look func(reflect.Type, string)
	look = func(x reflect.Type, at string) {
		switch x.Kind() {
		case reflect.Pointer, reflect.Slice:
			look(x.Elem(), at)
		case reflect.Struct:
			for i := range x.NumField() {
				if name := yamlName(x.Field(i)); name != "" {
					look(x.Field(i).Type, inside(at, name))
				}
			}
		case reflect.String, reflect.Bool, reflect.Map:
		default:
			if found[at] = true; ranges[at].text == nil {
				t.Errorf("%s has no range", at)
			}
		}
	}
	look(reflect.TypeFor[Config](), "")
	for at := range ranges {
		if !found[at] {
			t.Errorf("%s is the range of no setting", at)
		}
	}
}

// A setting that comes from an alias or a merge is held to its range, too, and one without a value keeps its default.
func TestRangesOfAliases(t *testing.T) {
	for text, want := range map[string]string{
		"queue_max: &n 0\nping_failures: *n":                                          "line 2: ping_failures is 0: want 1 to 1000",
		"account: &a '123456789012'\nqueue_max: *a":                                   "is not a whole number",
		"images: [&i {image: a, command: [c], max_concurrency: -1}, *i]":              "images[0].max_concurrency is -1",
		"images:\n- &i {image: a, command: [c]}\n- {<<: *i, max_concurrency: 200000}": "line 3: images[1].max_concurrency is 200000",
		"kill_after: soon\nqueue_max: x\nnonsense: 1":                                 "line 1: kill_after: \"soon\" is not a duration such as 90s or 8m: want 1ms to 1h\n  line 2: queue_max",
		"retention: -1s=3h": "line 1: retention: ",
	} {
		if _, err := Parse([]byte(text), "/etc/bellows"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	if c, err := Parse([]byte("queue_max:\nkill_after: ~\n"), "/etc/bellows"); err != nil || c.QueueMax != 1000 || c.KillAfter != Default().KillAfter {
		t.Errorf("without values: %d, %d, %v", c.QueueMax, c.KillAfter, err)
	}
}

// Nothing that is set, or can be, lets one payload take more than there is for all.
func TestBodiesMaxHasADefault(t *testing.T) {
	c := Default()
	if c.BodiesMemory() < bodiesLeast {
		t.Errorf("by default %d bytes", c.BodiesMemory())
	}
	c.BodiesMax = 1 << 30
	if c.BodiesMemory() != 1<<30 {
		t.Errorf("set: %d bytes", c.BodiesMemory())
	}
}
