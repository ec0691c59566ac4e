package server

import (
	"context"
	"log/slog"

	"bellows.dev/bellows/internal/log"
	"bellows.dev/bellows/internal/log/sqlite"
)

// openJournal opens the log of a data directory for a server, and returns and logs what is damaged in it. This and ReadJournal are the only
// places that name a backend.
func openJournal(ctx context.Context, dir string, to *slog.Logger) (log.Store, []string, error) {
	s, err := sqlite.Open(ctx, dir)
	if err != nil {
		return nil, nil, err // an interface that holds a nil pointer is not nil
	}
	for _, text := range s.Damage() {
		to.Warn("the data directory is damaged", "damage", text)
	}
	s.ReportDamage(func(e *log.DamagedRowError) { to.Error("the event history is damaged", "error", e) })
	return s, s.Damage(), nil
}

// ReadJournal opens the log of a data directory for reading, also while a server is running.
func ReadJournal(ctx context.Context, dir string) (log.Store, error) {
	s, err := sqlite.OpenReadOnly(ctx, dir)
	if err != nil {
		return nil, err
	}
	return s, nil
}
