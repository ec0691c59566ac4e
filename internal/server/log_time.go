package server

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"
)

// policyTimes is a slog.Handler that adds the policy time to records, where it is not the wall clock's: decisions and explanations have it.
type policyTimes struct {
	slog.Handler
	clock *policyClock
}

// policyClock converts wall times once the server knows its policy time.
type policyClock struct {
	at atomic.Pointer[func(wall time.Time) time.Time]
}

// closeClocks is a difference of the two clocks that readers of logs need not know of.
const closeClocks = 2 * time.Second

// Handle implements slog.Handler.
func (h policyTimes) Handle(ctx context.Context, r slog.Record) error {
	if f := h.clock.at.Load(); f != nil {
		if at := (*f)(r.Time); at.Sub(r.Time).Abs() > closeClocks {
			r = r.Clone()
			r.AddAttrs(slog.String("policy_time", at.UTC().Format(time.RFC3339)))
		}
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (h policyTimes) WithAttrs(attrs []slog.Attr) slog.Handler {
	return policyTimes{h.Handler.WithAttrs(attrs), h.clock}
}

// WithGroup implements slog.Handler.
func (h policyTimes) WithGroup(name string) slog.Handler {
	return policyTimes{h.Handler.WithGroup(name), h.clock}
}
