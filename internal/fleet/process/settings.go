package process

import "time"

// Settings are those of the Options that may change while a fleet runs.
type Settings struct {
	DrainTimeout, KillAfter time.Duration
	LogMax                  int64 // bytes of an instance's log
}

// SetSettings changes the settings. What has begun to drain or to end goes on with the earlier ones.
func (f *Fleet) SetSettings(s Settings) { f.settings.Store(&s) }

func (o Options) settings() *Settings { return &Settings{o.DrainTimeout, o.KillAfter, o.LogMax} }
