package config

import (
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/certs"
	"bellows.dev/bellows/internal/history"
	"bellows.dev/bellows/internal/machine"
)

// Config is bellows.yaml. Every setting has a default.
type Config struct {
	AccountStated bool `yaml:"-"` // the file has an account, even if it is the default one

	Account string  `yaml:"account"` // of the administrator's key; twelve digits
	Region  string  `yaml:"region"`  // that `bellows env` prints
	Images  []Image `yaml:"images"`

	Fleet         string         `yaml:"fleet"` // the kind of fleet that runs instances: process, the default
	ModelData     ModelData      `yaml:"model_data"`
	Capacity      Capacity       `yaml:"capacity"`       // of this machine, for instances
	InstanceTypes []InstanceType `yaml:"instance_types"` // besides those that are known
	Limits        string         `yaml:"limits"`         // of memory and CPU, by control groups: auto, off or required

	Webhooks     []Webhook `yaml:"webhooks"`
	WebhookAllow []string  `yaml:"webhook_allow"` // prefixes of link-local and metadata addresses that webhooks may call

	Prometheus  Prometheus    `yaml:"prometheus"`
	RemoteWrite []RemoteWrite `yaml:"remote_write"`

	// LenientSetAlarmState lets SetAlarmState without fresh StateReasonData scale.
	LenientSetAlarmState bool `yaml:"lenient_set_alarm_state"`

	StartupTimeout    Duration `yaml:"startup_timeout"`    // of instances whose variant sets none; default 8m
	InvocationTimeout Duration `yaml:"invocation_timeout"` // of a model's answer; default 60s
	DrainTimeout      Duration `yaml:"drain_timeout"`      // how long a scale-in waits for invocations in flight; default 60s
	KillAfter         Duration `yaml:"kill_after"`         // from SIGTERM to SIGKILL; default 30s

	// Health checks of instances that serve. AWS observes /ping about each 5 s and gives it 2 s. Three misses are a quarter of a minute:
	// longer than a collection of garbage, shorter than a client's patience.
	PingInterval Duration `yaml:"ping_interval"` // default 5s
	PingTimeout  Duration `yaml:"ping_timeout"`  // default 2s
	PingFailures int      `yaml:"ping_failures"` // in a row, without an answer to an invocation; default 3

	MaxConcurrency int      `yaml:"max_concurrency"` // invocations that one instance works on at a time, where its image says nothing; default 0: no limit
	QueueMax       int      `yaml:"queue_max"`       // requests that wait for one variant; default 1000
	QueueBytes     Size     `yaml:"queue_bytes"`     // that all requests that wait take; default 256 MiB
	QueueTimeout   Duration `yaml:"queue_timeout"`   // how long a request waits for an instance with room; default 10s
	WakeOnRequest  bool     `yaml:"wake_on_request"` // whether requests wake variants that are scaled to zero, where no tag says
	WakeTimeout    Duration `yaml:"wake_timeout"`    // how long a request waits at zero; default 60s

	PayloadMax     Size `yaml:"payload_max"`     // default 25 MiB
	BodiesMax      Size `yaml:"bodies_max"`      // that bodies of verified requests in progress take; default: a quarter of the machine's memory
	LogMax         Size `yaml:"log_max"`         // of one instance's log; default 10 MB
	ConnectionsMax int  `yaml:"connections_max"` // of clients at once; default, and at most: what the limit of open files allows

	Retention  string `yaml:"retention"`   // of metrics' datapoints by their resolution; default CloudWatch's
	SeriesMax  int    `yaml:"series_max"`  // metrics of one account, of 1.6 KB each in the mean; default 500,000
	HistoryMax Size   `yaml:"history_max"` // disk space for metrics' datapoints; default 20 GiB
	ExplainMax Size   `yaml:"explain_max"` // disk space for what past moments are explained from; default 2 GiB

	AuditMax Size `yaml:"audit_max"` // disk space for the audit log; default 64 MiB

	Metrics Metrics `yaml:"metrics"`

	TLS            TLS      `yaml:"tls"`
	TrustedProxies []string `yaml:"trusted_proxies"` // addresses and prefixes of proxies whose X-Forwarded-Proto and X-Forwarded-For count
}

// Webhook maps the topics that alarms notify to a URL.
type Webhook struct {
	Topic string `yaml:"topic"` // a pattern of ARNs: * stands for any text, ? for a character
	URL   string `yaml:"url"`
}

// Duration is a time.Duration that YAML spells as 90s or 8m.
type Duration time.Duration

// UnmarshalYAML reads a duration.
func (d *Duration) UnmarshalYAML(n *yaml.Node) error {
	v, err := time.ParseDuration(n.Value)
	if err != nil || v <= 0 {
		return misread(n, "a duration such as 90s or 8m")
	}
	*d = Duration(v)
	return nil
}

// historyLeast is the disk space that four empty TSDBs need, in bytes.
const historyLeast = 256 << 20

// explainLeast is the disk space that one hour of about a hundred endpoints needs, in bytes.
const explainLeast = 16 << 20

// Default returns the configuration without a file.
func Default() Config {
	return Config{
		Account: "123456789012", Region: "us-east-1", StartupTimeout: Duration(8 * time.Minute), InvocationTimeout: Duration(time.Minute),
		DrainTimeout: Duration(time.Minute), KillAfter: Duration(30 * time.Second), PayloadMax: 25 << 20, LogMax: 10_000_000,
		Retention: history.DefaultRetention().String(), HistoryMax: 20 << 30, SeriesMax: 500_000,
		ExplainMax: 2 << 30, AuditMax: 64 << 20, TLS: TLS{Mode: certs.Off}, Fleet: Fleets()[0].Name, Limits: LimitsAuto, PingInterval: Duration(5 * time.Second), PingTimeout: Duration(2 * time.Second), PingFailures: 3,
		QueueMax: 1000, QueueBytes: 256 << 20, QueueTimeout: Duration(10 * time.Second), WakeTimeout: Duration(time.Minute),
	}
}

// Read reads a file, and checks it and the files, folders and commands that it names; "" gives the defaults. MistakesError has all mistakes.
func Read(file string) (Config, error) {
	if file == "" {
		return Default(), nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return Config{}, fmt.Errorf("reading the configuration: %w", err)
	}
	folder, err := filepath.Abs(filepath.Dir(file))
	if err != nil {
		return Config{}, fmt.Errorf("finding the configuration's folder: %w", err)
	}
	c, s := parse(text, folder)
	c.locate(s, folder)
	return c, s.err(file)
}

// Parse reads the text of a file in a folder. Relative paths are resolved against the folder, but not looked up. MistakesError has all mistakes.
func Parse(text []byte, folder string) (Config, error) {
	c, s := parse(text, folder)
	return c, s.err("")
}

// parse reads a text and notes the mistakes in it.
func parse(text []byte, folder string) (Config, *source) {
	c, s := Default(), &source{}
	if err := yaml.Unmarshal(text, &s.root); err != nil { // it is no YAML: there is nothing else to check
		s.mistakes = plainYAML(err)
		return c, s
	}
	if len(s.root.Content) == 0 {
		return c, s
	}
	s.shape(s.root.Content[0], reflect.TypeFor[Config](), "")
	if err := s.root.Decode(&c); err != nil && len(s.mistakes) == 0 {
		s.mistakes = plainYAML(err)
		return c, s
	}
	c.AccountStated = lineOf(&s.root, "account") > 0
	c.resolve(folder)
	c.check(s)
	return c, s
}

// regionForm matches the regions of AWS's partitions: us-east-1, cn-north-1, us-gov-west-1, us-iso-east-1, eusc-de-east-1.
var regionForm = regexp.MustCompile(`^[a-z]{2,4}(-[a-z]+){1,2}-\d+$`)

// check notes what is wrong with the settings one by one.
func (c *Config) check(s *source) {
	if len(c.Account) != 12 || strings.Trim(c.Account, "0123456789") != "" {
		s.wrong("account", "account %q is not twelve digits", c.Account)
	}
	if !regionForm.MatchString(c.Region) {
		s.wrong("region", "region %q does not look like an AWS region, such as us-east-1", c.Region)
	}
	if _, err := history.ParseRetention(c.Retention); err != nil {
		s.wrong("retention", "retention: %v", err)
	}
	s.checkRanges(reflect.ValueOf(c).Elem(), "")
	for i := range c.Images {
		for _, err := range c.Images[i].check() {
			s.wrong(fmt.Sprintf("images.%d", i), "images[%d]: %v", i, err)
		}
	}
	for i, x := range c.Webhooks {
		if u, err := url.Parse(x.URL); x.Topic == "" || err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			s.wrong(fmt.Sprintf("webhooks.%d", i), "webhooks[%d]: an entry needs a topic and an http or https url", i)
		}
	}
	c.checkMachine(s)
	if _, err := c.ModelData.Settings(); err != nil {
		s.wrongEntries("model_data", err)
	}
	for i, x := range c.WebhookAllow {
		if _, err := netip.ParsePrefix(x); err != nil {
			s.wrong(fmt.Sprintf("webhook_allow.%d", i), "webhook_allow[%d]: %q is no prefix such as 169.254.1.0/24", i, x)
		}
	}
	for i := range c.RemoteWrite {
		for _, err := range c.RemoteWrite[i].check() {
			s.wrong(fmt.Sprintf("remote_write.%d", i), "remote_write[%d]: %v", i, err)
		}
	}
	if err := c.Metrics.check(); err != nil {
		s.wrong("metrics", "metrics: %v", err)
	}
	c.TLS.check(func(name, format string, args ...any) { s.wrong("tls."+name, format, args...) })
	for i, x := range c.TrustedProxies {
		if _, err := parsePrefix(x); err != nil {
			s.wrong(fmt.Sprintf("trusted_proxies.%d", i), "trusted_proxies[%d]: %q is no address or prefix such as 10.0.0.0/8", i, x)
		}
	}
}

// WebhookURL returns the URL that a topic's messages are sent to; ok is false where no entry matches.
func (c Config) WebhookURL(topic string) (to string, ok bool) {
	for _, x := range c.Webhooks {
		if engine.TopicMatches(x.Topic, topic) {
			return x.URL, true
		}
	}
	return "", false
}

const (
	// UnverifiedMax bounds the heads and bodies of all requests together whose signature is not yet verified, in bytes.
	UnverifiedMax = 256 << 20

	// payloadMost is the largest payload_max: one such payload fits into UnverifiedMax beside the smaller buffer that it is copied from while it grows.
	payloadMost = UnverifiedMax / 2

	// bodiesLeast is the smallest bodies_max, in bytes: room for one payload of the default size, and for several smaller ones.
	bodiesLeast = 64 << 20

	// bodiesShare is the default of bodies_max: the machine's memory divided by it.
	bodiesShare = 4
)

// BodiesMemory returns how many bytes the bodies of verified requests may take together: bodies_max or its default.
func (c *Config) BodiesMemory() int64 {
	if c.BodiesMax > 0 {
		return int64(c.BodiesMax)
	}
	return max(bodiesLeast, machine.Memory()/bodiesShare)
}

// Concurrency returns how many invocations one instance of an image processes at a time; 0 is no limit.
func (c Config) Concurrency(name string) int {
	if x := c.image(name); x != nil && x.MaxConcurrency > 0 {
		return x.MaxConcurrency
	}
	return c.MaxConcurrency
}

// pattern makes * match slashes as well: path.Match treats them as separators, which they are not in images and ARNs.
func pattern(s string) string { return strings.ReplaceAll(s, "/", "\x00") }
