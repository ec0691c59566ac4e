package config

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"reflect"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "write docs/reference/options.md from the settings")

const (
	optionsFile  = "../../docs/reference/options.md"
	optionsIntro = "# bellows.yaml\n\nThis page is generated from the program (`go test ./internal/config -run TestOptionsReference -rewrite`): do not edit it.\n\n" +
		"`bellows serve --config bellows.yaml` reads the file; SIGHUP reads it again. Every option may be left out.\n" +
		"[examples/bellows.yaml](../../examples/bellows.yaml) has all of them with explanations. A mistake is reported with its line, and nothing starts.\n" +
		"Durations are written as `90s` or `8m`, sizes as `10MB` or `20GiB`.\n\n" +
		"| option | value | default | range | meaning |\n|---|---|---|---|---|\n"
)

// The page of the options has every option with its type, default and range from the code.
func TestOptionsReference(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString(optionsIntro)
	left := maps.Clone(optionMeanings)
	describeOptions(t, &b, left, reflect.ValueOf(Default()), "", "")
	for path := range left {
		t.Errorf("%s has a meaning and is no option", path)
	}
	if *rewrite {
		if err := os.WriteFile(optionsFile, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(optionsFile)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != b.String() {
		t.Error("docs/reference/options.md is not what the code says: run go test ./internal/config -run TestOptionsReference -rewrite")
	}
}

// describeOptions writes a row for each setting in a struct, and removes its meaning from those that are left. at is the path of ranges, shown is
// the path in the page.
func describeOptions(t *testing.T, b *strings.Builder, left map[string]string, v reflect.Value, at, shown string) {
	t.Helper()
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name := yamlName(f)
		if name == "" {
			continue
		}
		path, inner, value := inside(at, name), f.Type, v.Field(i)
		suffix, kind := "", ""
		for inner.Kind() == reflect.Pointer || inner.Kind() == reflect.Slice {
			if inner.Kind() == reflect.Slice {
				suffix, kind = "[]", "list of "
			}
			inner = inner.Elem()
			value = reflect.Zero(inner)
		}
		nested := inner.Kind() == reflect.Struct
		if nested {
			kind += "mapping"
		} else {
			kind += kindName(inner)
		}
		meaning := optionMeanings[path]
		if meaning == "" {
			t.Errorf("the option %s has no meaning in this test", path)
		}
		delete(left, path)
		limits := ""
		if r, found := rangeOf(path); found {
			limits = r.String()
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s | %s |\n", shown+name, kind, defaultText(value, nested || suffix != ""), limits, meaning)
		if nested {
			describeOptions(t, b, left, value, path, shown+name+suffix+".")
		}
	}
}

func kindName(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[Duration]():
		return "duration"
	case reflect.TypeFor[Size]():
		return "size"
	}
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Float64:
		return "number"
	case reflect.Map:
		return "mapping of texts"
	default:
		return "text"
	}
}

func defaultText(v reflect.Value, several bool) string {
	if several || v.IsZero() {
		return ""
	}
	switch x := v.Interface().(type) {
	case Duration:
		return "`" + durationText(float64(x)) + "`"
	case Size:
		return "`" + sizeText(float64(x)) + "`"
	default:
		return fmt.Sprintf("`%v`", x)
	}
}

// optionMeanings are the meanings of the options, by their path without indexes.
var optionMeanings = map[string]string{
	"tls":                                 "TLS of the port",
	"tls.mode":                            "`off`, `internal`, `files` or `auto`; default: `off`",
	"tls.names":                           "mode internal: private names and addresses of this server, besides localhost and those of the machine",
	"tls.certificate":                     "mode files: the certificate and its issuers, in PEM",
	"tls.key":                             "mode files: its key, in PEM",
	"tls.domains":                         "mode auto: names that certificates are for",
	"tls.email":                           "mode auto: address of the ACME account",
	"tls.ca":                              "mode auto: URL of the authority's ACME directory; default: Let's Encrypt's",
	"tls.ca_root":                         "mode auto: certificate that signs the server of a private authority",
	"trusted_proxies":                     "addresses and prefixes of proxies whose X-Forwarded-Proto and X-Forwarded-For count",
	"account":                             "account of the administrator's key that the first start creates: twelve digits",
	"region":                              "region that `bellows env` prints; clients may sign for any other",
	"images":                              "commands for images; the first entry that matches is used",
	"images.image":                        "pattern of image names: `*` stands for any text, `?` for a character",
	"images.command":                      "program and arguments of the model server. With a slash: relative to this file; without: from PATH",
	"images.env":                          "environment of the model server; the model's own Environment takes precedence",
	"images.cwd":                          "working directory of the model server, relative to this file; default: the server's own",
	"images.pass_env":                     "variables of the server's environment that the model server gets: names or patterns; `[\"*\"]` passes all",
	"images.max_concurrency":              "concurrent invocations of one instance; 0: as `max_concurrency` says",
	"fleet":                               "kind of fleet that runs instances; `process`: child processes on this machine",
	"model_data":                          "where model data comes from",
	"model_data.stores":                   "S3-compatible stores; the first with a matching bucket is used. Without entries: AWS's S3",
	"model_data.stores.bucket":            "pattern of bucket names; default: all",
	"model_data.stores.endpoint":          "URL of the store; default: AWS's own in the region",
	"model_data.stores.region":            "region that requests are signed for",
	"model_data.stores.path_style":        "the bucket is in the path, as MinIO and Ceph require",
	"model_data.stores.access_key_id":     "access key; without keys: the credentials of the server's environment",
	"model_data.stores.secret_access_key": "secret of the access key",
	"model_data.stores.secret_access_key_file": "file that has the secret",
	"model_data.stores.session_token":          "session token of a temporary key",
	"model_data.stores.anonymous":              "requests are not signed",
	"model_data.stores.allow_http":             "keys may be used over plain HTTP to another machine",
	"model_data.folders":                       "local folders mapped to prefixes; checked before stores",
	"model_data.folders.prefix":                "prefix of URIs, such as `s3://models/prod/`",
	"model_data.folders.folder":                "folder, absolute or relative to this file",
	"model_data.file_roots":                    "folders that `file://` model data may be in, besides those above; default: the home folder of the server's user without hidden files; `[]`: none",
	"model_data.cache_max":                     "disk space for model data in the data directory; data that no instance uses is deleted first",
	"model_data.model_max":                     "size of one model, unpacked",
	"model_data.download_timeout":              "time to fetch model data, unless the variant sets one",
	"capacity":                                 "what this machine has for instances. If set, a type that can never fit is refused, and an instance that does not fit now waits",
	"capacity.vcpus":                           "vCPUs",
	"capacity.memory":                          "memory",
	"capacity.gpus":                            "GPUs",
	"instance_types":                           "sizes of unknown instance types, or other sizes for known ones",
	"instance_types.type":                      "name, such as `ml.workstation.large`",
	"instance_types.vcpus":                     "vCPUs",
	"instance_types.memory":                    "memory",
	"instance_types.gpus":                      "GPUs",
	"instance_types.usd_per_hour":              "price, for costs in simulations",
	"limits":                                   "limits instances to their type's memory and CPU by cgroup v2: `auto` (where available), `off` or `required`",
	"webhooks":                                 "URLs for messages of alarms whose actions are topics",
	"webhooks.topic":                           "pattern of topic ARNs",
	"webhooks.url":                             "http or https URL that receives the message",
	"webhook_allow":                            "prefixes of link-local addresses that webhooks may call",
	"prometheus":                               "Prometheus' remote write to this server",
	"prometheus.namespace_label":               "label of received series that sets their CloudWatch namespace; default: the namespace Prometheus for all",
	"remote_write":                             "receivers of every recorded datapoint, by Prometheus' remote write",
	"remote_write.url":                         "URL of the receiver",
	"remote_write.headers":                     "HTTP headers of each request",
	"remote_write.basic_auth":                  "HTTP Basic authentication",
	"remote_write.basic_auth.username":         "user name",
	"remote_write.basic_auth.password":         "password",
	"remote_write.basic_auth.password_file":    "file that has the password",
	"lenient_set_alarm_state":                  "SetAlarmState without StateReasonData scales, which AWS refuses",
	"startup_timeout":                          "time until the first successful /ping, unless the variant sets one",
	"invocation_timeout":                       "time until a model's response",
	"drain_timeout":                            "how long a scale-in waits for invocations in flight",
	"kill_after":                               "time from SIGTERM to SIGKILL",
	"ping_interval":                            "time between health checks of an instance in service",
	"ping_timeout":                             "time for one health check",
	"ping_failures":                            "consecutive failures, without a response to an invocation, after which an instance is replaced",
	"max_concurrency":                          "concurrent invocations of one instance; 0: no limit",
	"queue_max":                                "waiting requests per variant; further ones get 503",
	"queue_bytes":                              "memory for the bodies of all waiting requests",
	"queue_timeout":                            "how long a request waits for a free instance",
	"wake_on_request":                          "a request to a variant with zero instances starts one, unless the tag `bellows:wake-on-request` disables it",
	"wake_timeout":                             "how long such a request waits",
	"payload_max":                              "size of the body of a request and of a response",
	"bodies_max":                               "memory for the bodies of all requests in progress; beyond it requests get 503. Default: a quarter of the machine's memory",
	"log_max":                                  "size of one instance's log; two files are kept",
	"connections_max":                          "open connections of clients; 0: what the limit of open files allows, which is the most",
	"retention":                                "how long datapoints are kept, by resolution",
	"series_max":                               "metrics of one account, which take 1.6 KB of memory each on average",
	"history_max":                              "disk space for datapoints; the oldest are deleted first",
	"explain_max":                              "disk space for explaining moments of the last two weeks; the oldest are deleted first",
	"audit_max":                                "disk space for the audit log, for 90 days at most; the oldest records are deleted first",
	"metrics":                                  "access to /metrics without an access key",
	"metrics.token":                            "bearer token of at least 16 characters",
	"metrics.token_file":                       "file that has the token",
}
