package main

import (
	"context"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"

	"bellows.dev/bellows/engine"
)

// reloadable are the settings of bellows.yaml that a running server takes over; others take effect at the next start.
var reloadable = []string{
	"images", "webhooks", "webhook_allow", "lenient_set_alarm_state", "wake_on_request", "startup_timeout", "invocation_timeout", "drain_timeout", "kill_after",
	"payload_max", "log_max", "explain_max", "metrics", "model_data", "capacity", "instance_types",
}

// takeOver returns the configuration with the settings of another that can change while the server runs: the names of those that did
// change, and of those that will at the next start.
func (c config) takeOver(next config) (out config, changed, waiting []string) {
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

// conf is the configuration that counts now.
func (s *server) conf() *config { return s.live.Load() }

// engineSettings are what the engine depends on.
func (c config) engineSettings() engine.Settings {
	return engine.Settings{
		StartupTimeout: time.Duration(c.StartupTimeout), InvocationTimeout: time.Duration(c.InvocationTimeout), LenientSetAlarmState: c.LenientSetAlarmState, WakeOnRequest: c.WakeOnRequest,
	}
}

// runReloads reads the configuration again at each signal, until ctx ends.
func (s *server) runReloads(ctx context.Context, signals <-chan os.Signal) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-signals:
			s.reload(ctx)
		}
	}
}

// reload takes the configuration over as far as a running server can. One that cannot be read changes nothing.
func (s *server) reload(ctx context.Context) {
	if s.o.read == nil {
		s.o.log.WarnContext(ctx, "there is no configuration file to read again: start with --config")
		return
	}
	next, err := s.o.read()
	if err != nil {
		s.o.log.WarnContext(ctx, "the configuration is not valid: the settings stay as they are", "error", err)
		return
	}
	now, changed, waiting := s.conf().takeOver(next)
	if now.engineSettings() != s.conf().engineSettings() {
		if err := s.control.Configure(ctx, now.engineSettings()); err != nil {
			s.o.log.WarnContext(ctx, "the engine does not take the settings: they stay as they are", "error", err)
			return
		}
	}
	s.live.Store(&now)
	s.fleet.SetSettings(now.fleetSettings())
	s.gateway.SetMaxBody(int(now.PayloadMax))
	s.control.SetArchive(int64(now.ExplainMax))
	s.machine.Set(now.types(), now.Capacity.capacity())
	if data, err := now.ModelData.settings(); err != nil { // the file with a key has gone since
		s.o.log.WarnContext(ctx, "model_data stays as it is", "error", err)
	} else {
		s.data.Set(data)
	}
	if len(waiting) > 0 {
		s.o.log.WarnContext(ctx, "settings take effect at the next start", "settings", waiting)
	}
	s.o.log.InfoContext(ctx, "the configuration is read again", "changed", changed)
}
