package server

import (
	"context"
	"errors"
	"os"
	"slices"

	"bellows.dev/bellows/internal/config"
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
// nothing. What is in use stays.
func (s *Server) reload(ctx context.Context) {
	if s.o.Read == nil {
		s.o.Log.WarnContext(ctx, "there is no configuration file to read again: start with --config")
		return
	}
	next, err := s.o.Read()
	if err != nil {
		s.logMistakes(ctx, err)
		return
	}
	use, err := s.use(ctx)
	if err != nil {
		s.o.Log.WarnContext(ctx, "what is in use cannot be read: the settings stay as they are", "error", err)
		return
	}
	next = s.keepInUse(ctx, next, use)
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
	s.audit.SetMax(int64(now.AuditMax))
	s.control.SetArchive(int64(now.ExplainMax))
	s.machine.Set(now.Types(), now.Capacity.Machine())
	if data, err := now.ModelData.Settings(); err != nil { // the file with a key has gone since
		s.o.Log.WarnContext(ctx, "model_data stays as it is", "error", err)
	} else {
		s.data.Set(data)
	}
	if !s.o.NoAuth {
		if err := s.keys.Reload(); err != nil {
			s.o.Log.WarnContext(ctx, "the access keys stay as they are", "error", err)
		}
		waiting = slices.DeleteFunc(waiting, func(name string) bool { return name == "account" })
		s.warnOfAccount(&next)
	}
	if len(waiting) > 0 {
		s.o.Log.WarnContext(ctx, "settings take effect at the next start", "settings", waiting)
	}
	s.warnOfActions(ctx, use)
	s.o.Log.InfoContext(ctx, "the configuration is read again", "changed", changed)
}

// logMistakes logs each mistake of a configuration that was read again.
func (s *Server) logMistakes(ctx context.Context, err error) {
	all := []error{err}
	if wrong := (*config.MistakesError)(nil); errors.As(err, &wrong) {
		all = all[:0]
		for _, m := range wrong.Mistakes {
			all = append(all, &config.MistakesError{File: wrong.File, Mistakes: []config.Mistake{m}})
		}
	}
	for _, x := range all {
		s.o.Log.WarnContext(ctx, "the configuration is not valid: the settings stay as they are", "error", x)
	}
}

// account returns the account of requests without another: that of the administrator's key, or the configured one where there are no keys.
func (s *Server) account() string {
	if s.o.NoAuth {
		return s.o.Config.Account
	}
	return s.keys.Account()
}

// warnOfAccount logs that the account of a configuration has no effect, because the data directory has a key of another account.
func (s *Server) warnOfAccount(c *config.Config) {
	if own := s.account(); c.AccountStated && c.Account != own {
		s.o.Log.Warn("the setting account has no effect: it is for the key that the first start creates, and this data directory has a key already",
			"account", c.Account, "account_of_key", own)
	}
}
