package console

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"bellows.dev/bellows/internal/audit"
)

// auditPage is what GET audit answers with.
type auditPage struct {
	Now     time.Time      `json:"now"` // policy time
	Records []audit.Record `json:"records"`
	Next    string         `json:"next,omitempty"` // the parameter token of the page with older records
	Newest  string         `json:"newest"`         // the parameter after for what is newer than this page
}

// getAudit answers GET audit: who changed what, newest first, or with after what came since, oldest first.
func (c *Console) getAudit(w http.ResponseWriter, r *http.Request, id Identity) error {
	p := parametersOf(r, "user", "operation", "source", "q", "failed", "from", "to", "limit", "token", "after")
	q := audit.Query{
		Account: id.Account, User: p.text("user"), Operation: p.text("operation"), Source: p.text("source"), Text: p.text("q"), Failed: p.truth("failed"),
		From: p.time("from", time.Time{}), To: p.time("to", time.Time{}), Limit: p.number("limit", 100, 1, 1000), Token: p.text("token"), After: p.text("after"),
	}
	if q.Token != "" && q.After != "" {
		p.fail("token and after exclude each other")
	}
	if p.err != nil {
		return p.err
	}
	var page audit.Page
	err := c.read(r.Context(), func() (err error) {
		page, err = c.o.Audit(q)
		return err
	})
	if errors.Is(err, audit.ErrToken) {
		return invalid(err.Error())
	}
	if err != nil {
		return err
	}
	return c.write(w, auditPage{Now: c.o.Control.Now(), Records: page.Records, Next: page.Next, Newest: page.Newest})
}

// truth returns a parameter that is true or false; false where it is missing.
func (p *parameters) truth(name string) bool {
	v := p.values.Get(name)
	if v == "" {
		return false
	}
	b, err := strconv.ParseBool(v)
	if err != nil {
		p.fail(name + " is " + strconv.Quote(v) + ": want true or false")
	}
	return b
}

// Audited tells the open pages of an account that its audit log has a new record.
func (c *Console) Audited(account string) {
	c.hub.mu.Lock()
	defer c.hub.mu.Unlock()
	for x := range c.hub.clients {
		if x.account == account {
			x.mu.Lock()
			x.change.audit = true
			x.mu.Unlock()
			x.signal()
		}
	}
}
