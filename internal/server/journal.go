package server

import (
	"context"
	"log/slog"

	"bellows.dev/bellows/internal/log"
	"bellows.dev/bellows/internal/log/sqlite"
)

// openJournal opens the log of a data directory for a server. This and ReadJournal are the only places that name a backend.
func openJournal(ctx context.Context, dir string, to *slog.Logger) (log.Store, error) {
	s, err := sqlite.Open(ctx, dir)
	if err != nil {
		return nil, err // an interface that holds a nil pointer is not nil
	}
	s.ReportDamage(func(e *log.DamagedRowError) { to.Error("the event history is damaged", "error", e) })
	return s, nil
}

// ReadJournal opens the log of a data directory for reading, also while a server is running.
func ReadJournal(ctx context.Context, dir string) (log.Store, error) {
	s, err := sqlite.OpenReadOnly(ctx, dir)
	if err != nil {
		return nil, err
	}
	return s, nil
}
