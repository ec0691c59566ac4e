package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/control"
	"bellows.dev/bellows/internal/log"
)

// outbox is the notifier's view of the store's outbox.
type outbox struct {
	log.Store
	log *slog.Logger
}

// First implements notify.Outbox. A message that cannot be read is set aside with the reason: those behind it are not held up.
func (o outbox) First(ctx context.Context, topic string) (id int64, e engine.AlarmNotifies, ok bool, err error) {
	for {
		m, ok, err := o.FirstMessage(ctx, topic)
		damaged := (*log.DamagedRowError)(nil)
		if err != nil && !errors.As(err, &damaged) || !ok {
			return 0, e, false, err
		}
		if err == nil {
			if e, err = notification(m); err == nil {
				return m.ID, e, true, nil
			}
		}
		o.log.Error("a message is set aside: it is never sent", "topic", topic, "message", m.ID, "error", err)
		if _, err := o.Quarantine(ctx, log.Entry{At: time.Now(), Kind: m.Kind, Data: m.Data}, err.Error()); err != nil {
			return 0, e, false, err
		}
		if err := o.RemoveMessage(ctx, m.ID); err != nil {
			return 0, e, false, err
		}
	}
}

// notification reads a message of the outbox.
func notification(m log.Message) (e engine.AlarmNotifies, err error) {
	v, err := control.DecodeEvent(m.Kind, m.Data)
	if err != nil {
		return e, err
	}
	e, ok := v.(engine.AlarmNotifies)
	if !ok {
		return e, fmt.Errorf("the outbox has a %s, which is no notification", m.Kind)
	}
	return e, nil
}

// Remove implements notify.Outbox.
func (o outbox) Remove(ctx context.Context, id int64) error { return o.RemoveMessage(ctx, id) }

// webhookAllowed reports whether webhooks may call an address that they must not call by default.
func (s *Server) webhookAllowed(a netip.Addr) bool {
	for _, p := range s.conf().WebhookAllow {
		if prefix, err := netip.ParsePrefix(p); err == nil && prefix.Contains(a) {
			return true
		}
	}
	return false
}
