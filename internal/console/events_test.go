package console

import (
	"strings"
	"testing"
)

func TestTheParametersOfEvents(t *testing.T) {
	f := newFixture(t, 1)
	cookie := f.signInAs(t, keyID, secret)
	w := f.ask("GET", "events?kind=write,change&q=create&limit=7&user=ann", cookie, "")
	if w.Code != 200 || !strings.Contains(w.Body.String(), `"operation":"CreateEndpoint"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if q := f.audit[0]; q.Account != inScope.Account || q.User != "ann" {
		t.Errorf("%+v", q)
	}
	for query, text := range map[string]string{
		"kind=odd": "kind is odd: want change", "limit=501": "limit is", "variant=v": "without endpoint", "cursor=x": "cursor is not one",
		"region=A": "region is", "from=2026-11-24T11:00:00Z": "from must be earlier", "account=1": "there is no parameter",
	} {
		if w := f.ask("GET", "events?"+query, cookie, ""); w.Code != 400 || !strings.Contains(w.Body.String(), text) {
			t.Errorf("%s: %d %s", query, w.Code, w.Body)
		}
	}
	if w := f.ask("GET", "events", "", ""); w.Code != 401 {
		t.Errorf("without a session: %d", w.Code)
	}
}
