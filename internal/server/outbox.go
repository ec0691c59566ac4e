package server

import (
	"context"
	"fmt"
	"net/netip"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/control"
	"bellows.dev/bellows/internal/log"
)

// outbox is the notifier's view of the store's outbox.
type outbox struct{ log.Store }

// First implements notify.Outbox.
func (o outbox) First(ctx context.Context, topic string) (id int64, e engine.AlarmNotifies, ok bool, err error) {
	m, ok, err := o.FirstMessage(ctx, topic)
	if err != nil || !ok {
		return 0, e, false, err
	}
	v, err := control.DecodeEvent(m.Kind, m.Data)
	if err != nil {
		return 0, e, false, err
	}
	e, ok = v.(engine.AlarmNotifies)
	if !ok {
		return 0, e, false, fmt.Errorf("the outbox has a %s, which is no notification", m.Kind)
	}
	return m.ID, e, true, nil
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
