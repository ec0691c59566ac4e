package console

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"bellows.dev/bellows/internal/control"
	"bellows.dev/bellows/internal/explain"
	"bellows.dev/bellows/internal/plainjson"
)

// Explain answers GET /explain/ENDPOINT/VARIANT, or /explain/ENDPOINT for an endpoint's only variant, to requests with a key: in JSON, or as
// text where the client accepts text, as browsers do.
func (c *Console) Explain(w http.ResponseWriter, r *http.Request) {
	if !c.o.Admit(r) {
		AskForKey(w)
		return
	}
	q, err := c.explainQuery(r.URL)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	x, err := explain.Explain(r.Context(), c.o.Past, q)
	var unknown *explain.UnknownError
	var several *explain.AmbiguousError
	var forgotten *control.ForgottenError
	var future *explain.FutureError
	switch {
	case errors.As(err, &unknown), errors.As(err, &forgotten):
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	case errors.As(err, &several), errors.As(err, &future):
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	case err != nil:
		c.o.Log.Error("an explanation failed", "error", err)
		http.Error(w, "The explanation failed; the server's log says why.", http.StatusInternalServerError)
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

func (c *Console) explainQuery(u *url.URL) (q explain.Query, err error) {
	if err = q.Name(strings.TrimPrefix(u.Path, ExplainPath), u.Query().Get("dimension")); err != nil {
		return q, err
	}
	v := u.Query()
	for name := range v {
		switch name {
		case "at", "since", "region", "account", "dimension":
		default:
			return q, fmt.Errorf("there is no parameter %q: known are at, since, region, account, dimension", name)
		}
	}
	if q.At, err = explain.ParseMoment(v.Get("at")); err != nil {
		return q, fmt.Errorf("at: %w", err)
	}
	if since := v.Get("since"); since != "" {
		if q.Since, err = explain.ParseSpan(since); err != nil {
			return q, fmt.Errorf("since: %w", err)
		}
	}
	q.Scope = c.o.Scope
	if x := v.Get("region"); x != "" {
		q.Scope.Region = x
	}
	if x := v.Get("account"); x != "" {
		q.Scope.Account = x
	}
	return q, nil
}
