package config

import (
	"reflect"
	"slices"
	"strings"
	"time"

	"bellows.dev/bellows/engine"
)

// reloadable lists the settings that a running server takes over, except for what KeepInUse keeps; others take effect at the next start.
var reloadable = []string{
	"images", "webhooks", "webhook_allow", "lenient_set_alarm_state", "wake_on_request", "startup_timeout", "invocation_timeout", "drain_timeout", "kill_after",
	"payload_max", "log_max", "explain_max", "audit_max", "trusted_proxies", "metrics", "model_data", "capacity", "instance_types",
}

// TakeOver returns the configuration with those settings of another that a running server can take over. changed are the names of the
// settings that it took over, waiting those of settings that differ and take effect at the next start.
func (c Config) TakeOver(next Config) (out Config, changed, waiting []string) {
	out = c
	to, from := reflect.ValueOf(&out).Elem(), reflect.ValueOf(next)
	for i := range to.NumField() {
		name, _, _ := strings.Cut(to.Type().Field(i).Tag.Get("yaml"), ",")
		switch {
		case name == "" || name == "-": // not a setting
		case reflect.DeepEqual(to.Field(i).Interface(), from.Field(i).Interface()):
		case slices.Contains(reloadable, name):
			to.Field(i).Set(from.Field(i))
			changed = append(changed, name)
		default:
			waiting = append(waiting, name)
		}
	}
	return out, changed, waiting
}

// Engine returns the settings that decisions and warnings depend on.
func (c Config) Engine() engine.Settings {
	topics := make([]string, len(c.Webhooks))
	for i, x := range c.Webhooks {
		topics[i] = x.Topic
	}
	return engine.Settings{
		StartupTimeout: time.Duration(c.StartupTimeout), InvocationTimeout: time.Duration(c.InvocationTimeout), LenientSetAlarmState: c.LenientSetAlarmState,
		WakeOnRequest: c.WakeOnRequest, Topics: strings.Join(topics, "\n"),
	}
}
