package console

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/explain"
	"bellows.dev/bellows/internal/plainjson"
)

// Explain answers GET /explain/ENDPOINT/VARIANT, or /explain/ENDPOINT for an endpoint's only variant, to requests with a key: in JSON, or as
// text where the client accepts text, as browsers do.
func (c *Console) Explain(w http.ResponseWriter, r *http.Request) {
	id, _, err := c.identify(r)
	if err != nil {
		AskForKey(w)
		return
	}
	var x explain.Explanation
	q, err := c.explainQuery(r.URL, id)
	if err == nil {
		err = c.read(r.Context(), func() (err error) {
			x, err = explain.Explain(r.Context(), c.o.Past, q)
			return err
		})
	}
	if err != nil {
		e := c.refusal(r, err)
		http.Error(w, e.message, e.status)
		return
	}
	if strings.Contains(r.Header.Get("Accept"), "text/") {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		err = x.Render(w)
	} else {
		w.Header().Set("Content-Type", "application/json")
		err = plainjson.Write(w, x)
	}
	if err != nil {
		c.o.Log.Debug("a client went away before its answer", "error", err)
	}
}

// explainQuery reads the query of a request. It is about the account of the request's key; without authentication, about any.
func (c *Console) explainQuery(u *url.URL, id Identity) (q explain.Query, err error) {
	if err = q.Name(strings.TrimPrefix(u.Path, ExplainPath), u.Query().Get("dimension")); err != nil {
		return q, invalid(err.Error())
	}
	v := u.Query()
	for name := range v {
		switch name {
		case "at", "since", "region", "account", "dimension":
		default:
			return q, invalid(fmt.Sprintf("there is no parameter %q: known are at, since, region, account, dimension", name))
		}
	}
	if q.At, err = explain.ParseMoment(v.Get("at")); err != nil {
		return q, invalid("at: " + err.Error())
	}
	if since := v.Get("since"); since != "" {
		if q.Since, err = explain.ParseSpan(since); err != nil {
			return q, invalid("since: " + err.Error())
		}
	}
	q.Scope = engine.Scope{Account: id.Account, Region: cmp.Or(v.Get("region"), c.o.Scope.Region)}
	switch account := v.Get("account"); {
	case account == "" || account == id.Account:
	case c.o.Open:
		q.Scope.Account = account
	default:
		return q, &apiError{http.StatusForbidden, "AccessDenied", "The access key is of account " + id.Account + ": it cannot read another one."}
	}
	return q, nil
}
