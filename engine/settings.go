package engine

import (
	"cmp"
	"fmt"
	"strings"
	"time"
)

// Settings are what an operator sets of an engine, and may change while it runs, by Configured. Defaults are those of Config.WithDefaults.
type Settings struct {
	// StartupTimeout is how long an instance may take to become healthy where its variant sets no
	// ContainerStartupHealthCheckTimeoutInSeconds: wall time, since model servers start on the wall's clock. Default 8 min. AWS: real-time
	// endpoints, container contract. In a journal of an earlier version, which has no ClockSpeed, it is policy time.
	StartupTimeout time.Duration

	// ClockSpeed is how many seconds of policy time pass in a second of wall time. More than 0, at most 1e6. Default 1.
	ClockSpeed float64

	// InvocationTimeout is how long a model may take to answer one invocation: wall time. Default 60 s.
	InvocationTimeout time.Duration

	// LenientSetAlarmState lets SetAlarmState without fresh StateReasonData scale, which AWS refuses.
	LenientSetAlarmState bool

	// WakeOnRequest lets a request wake variants that are scaled to zero, where neither their scalable target nor their endpoint has the
	// tag scaling.WakeTag.
	WakeOnRequest bool `json:",omitzero"`

	// Topics are patterns of the ARNs of alarm actions that a webhook is configured for, one a line; see TopicMatches. Only warnings depend on them.
	Topics string `json:",omitzero"`
}

// Configured changes the engine's settings. It fails where a duration or the clock's speed is out of its range, and
// changes nothing then.
type Configured struct{ Settings Settings }

// SettingsChanged is a change of the engine's settings.
type SettingsChanged struct{ Before, After Settings }

func (SettingsChanged) event() {}

// String names what changed.
func (x SettingsChanged) String() string {
	var out []string
	note := func(name string, before, after any) {
		if before != after {
			out = append(out, fmt.Sprintf("%s %v -> %v", name, before, after))
		}
	}
	note("startup_timeout", x.Before.StartupTimeout, x.After.StartupTimeout)
	note("clock speed", x.Before.ClockSpeed, x.After.ClockSpeed)
	note("invocation_timeout", x.Before.InvocationTimeout, x.After.InvocationTimeout)
	note("lenient_set_alarm_state", x.Before.LenientSetAlarmState, x.After.LenientSetAlarmState)
	note("wake_on_request", x.Before.WakeOnRequest, x.After.WakeOnRequest)
	note("topics of webhooks", topicList(x.Before.Topics), topicList(x.After.Topics))
	return "settings: " + strings.Join(out, ", ")
}

func topicList(topics string) string {
	return cmp.Or(strings.ReplaceAll(topics, "\n", ", "), "none")
}

func (in Configured) apply(e *Engine) (Result, error) {
	s, before := in.Settings, e.config.Settings
	if s == before {
		return nil, nil
	}
	e.config.Settings = s
	for _, r := range e.sorted {
		r.Hosting.StartupTimeout = s.StartupTimeout
		r.Hosting.SetClockSpeed(e.now, s.ClockSpeed)
		for name := range r.Hosting.Endpoints { //tidy:unordered put into a set
			e.touch(r, name) // their deadlines and their routes' time-outs change
		}
	}
	e.emit(SettingsChanged{before, s})
	return nil, nil
}
