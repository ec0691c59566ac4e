package console

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"bellows.dev/bellows/internal/timeline"
)

// getEvents answers GET events: what happened in the sender's account, newest first.
func (c *Console) getEvents(w http.ResponseWriter, r *http.Request, id Identity) error {
	p := parametersOf(r, "kind", "region", "endpoint", "variant", "user", "q", "from", "to", "limit", "cursor")
	q := timeline.FeedQuery{
		Account: id.Account, Endpoint: p.text("endpoint"), Variant: p.text("variant"), User: p.text("user"), Text: p.text("q"),
		From: p.time("from", time.Time{}), To: p.time("to", time.Time{}), Limit: p.number("limit", 50, 1, 500), Cursor: p.text("cursor"),
		Speed: c.o.Control.Speed(),
	}
	if p.text("region") != "" {
		q.Region = c.scope(p, id).Region
	}
	if text := p.text("kind"); text != "" {
		q.Kinds = strings.Split(text, ",")
	}
	for _, k := range q.Kinds {
		if !slices.Contains(timeline.FeedKinds(), k) {
			p.fail("kind is " + k + ": want " + strings.Join(timeline.FeedKinds(), ", "))
		}
	}
	if q.Variant != "" && q.Endpoint == "" {
		p.fail("variant is given without endpoint")
	}
	if p.err != nil {
		return p.err
	}
	var page *timeline.Feed
	if err := c.read(r.Context(), func() (err error) {
		page, err = timeline.ReadFeed(r.Context(), c.o.Timeline, q)
		return err
	}); err != nil {
		return err
	}
	return c.write(w, page)
}
