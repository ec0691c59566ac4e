package server

import (
	"context"
	"os"
)

// runReloads reloads the configuration at each signal, until ctx ends.
func (s *Server) runReloads(ctx context.Context, signals <-chan os.Signal) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-signals:
			s.reload(ctx)
		}
	}
}

// reload reads the configuration again and takes over the settings that a running server can change. A configuration that is not valid changes
// nothing.
func (s *Server) reload(ctx context.Context) {
	if s.o.Read == nil {
		s.o.Log.WarnContext(ctx, "there is no configuration file to read again: start with --config")
		return
	}
	next, err := s.o.Read()
	if err != nil {
		s.o.Log.WarnContext(ctx, "the configuration is not valid: the settings stay as they are", "error", err)
		return
	}
	now, changed, waiting := s.conf().TakeOver(next)
	if now.Engine() != s.conf().Engine() {
		if err := s.control.Configure(ctx, now.Engine()); err != nil {
			s.o.Log.WarnContext(ctx, "the engine does not take the settings: they stay as they are", "error", err)
			return
		}
	}
	s.live.Store(&now)
	s.fleet.SetSettings(now.FleetSettings())
	s.gateway.SetMaxBody(int(now.PayloadMax))
	s.control.SetArchive(int64(now.ExplainMax))
	s.machine.Set(now.Types(), now.Capacity.Machine())
	if data, err := now.ModelData.Settings(); err != nil { // the file with a key has gone since
		s.o.Log.WarnContext(ctx, "model_data stays as it is", "error", err)
	} else {
		s.data.Set(data)
	}
	if len(waiting) > 0 {
		s.o.Log.WarnContext(ctx, "settings take effect at the next start", "settings", waiting)
	}
	s.o.Log.InfoContext(ctx, "the configuration is read again", "changed", changed)
}
