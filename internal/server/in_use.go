package server

import (
	"context"
	"maps"
	"slices"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/config"
)

// inUse returns what models and endpoints use of the configuration.
func inUse(e *engine.Engine) config.InUse {
	use := config.InUse{Images: map[string][]string{}, ModelData: map[string][]string{}, InstanceTypes: map[string][]string{}}
	note := func(by map[string][]string, name, user string) {
		if name != "" && !slices.Contains(by[name], user) {
			by[name] = append(by[name], user)
			slices.Sort(by[name])
		}
	}
	model := func(m *hosting.Model, user string) {
		note(use.Images, m.Container.Image, user)
		note(use.ModelData, m.Container.ModelData().URI, user)
	}
	for _, r := range e.Regions() {
		for name, m := range r.Hosting.Models {
			model(m, "model "+name)
		}
		for name, x := range r.Hosting.Endpoints {
			for _, v := range x.All() {
				model(&v.Model, "endpoint "+name) // the model itself may be deleted
				note(use.InstanceTypes, v.Config.InstanceType, "endpoint "+name)
			}
		}
	}
	return use
}

// use is what is in use of the configuration, and the alarm actions that lead nowhere.
type use struct {
	config.InUse
	nowhere map[string]bool // warnings
}

func (s *Server) use(ctx context.Context) (out use, err error) {
	err = s.control.View(ctx, func(_ time.Time, e *engine.Engine) {
		out = use{inUse(e), map[string]bool{}}
		for _, r := range e.Regions() {
			for _, w := range r.ActionWarnings() {
				out.nowhere[w.String()] = true
			}
		}
	})
	return out, err
}

// keepInUse returns the configuration with what is in use of the present one, and logs what it keeps.
func (s *Server) keepInUse(ctx context.Context, next config.Config, use use) config.Config {
	next, kept := next.KeepInUse(s.conf(), use.InUse)
	for _, k := range kept {
		s.o.Log.WarnContext(ctx, "a removed setting stays while it is in use, until the next start: delete what uses it, then reload again",
			"setting", k.Setting, "name", k.Name, "used_by", k.Users)
	}
	return next
}

// warnOfUnmapped logs the images in use that the configuration has no command for: their instances cannot be started.
func (s *Server) warnOfUnmapped(ctx context.Context) {
	use, err := s.use(ctx)
	if err != nil {
		return // the controller logs why
	}
	for _, image := range slices.Sorted(maps.Keys(use.Images)) {
		if _, err := s.conf().Program(image); err != nil {
			s.o.Log.WarnContext(ctx, "an image in use has no command: its instances cannot be started", "image", image, "used_by", use.Images[image], "error", err)
		}
	}
}

// warnOfActions logs the alarm actions that lead nowhere and did not before.
func (s *Server) warnOfActions(ctx context.Context, before use) {
	now, err := s.use(ctx)
	if err != nil {
		return // the controller logs why
	}
	for _, what := range slices.Sorted(maps.Keys(now.nowhere)) {
		if !before.nowhere[what] {
			s.o.Log.WarnContext(ctx, "an alarm's action leads nowhere now", "warning", what)
		}
	}
}
