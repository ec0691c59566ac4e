package console

import (
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"

	"bellows.dev/bellows/internal/audit"
)

// The filters of GET audit select in the sender's own account.
func TestAuditFilters(t *testing.T) {
	f := newFixture(t, 0)
	cookie := f.signInAs(t, keyID, secret)
	w := f.ask("GET", "audit?user=ann&operation=CreateEndpoint&source=sagemaker&q=iris&failed=true&from=2026-11-24T10:00:00Z&to=2026-11-24T11:00:00Z&limit=7&token=0-5", cookie, "")
	if w.Code != 200 || !strings.Contains(w.Body.String(), `"eventName":"CreateEndpoint"`) || !strings.Contains(w.Body.String(), `"next":"0-1","newest":"0-9"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	ten := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	want := []audit.Query{{
		Account: inScope.Account, User: "ann", Operation: "CreateEndpoint", Source: "sagemaker", Text: "iris", Failed: true, From: ten, To: ten.Add(time.Hour),
		Limit: 7, Token: "0-5",
	}}
	if !reflect.DeepEqual(f.audit, want) {
		t.Errorf("%+v", f.audit)
	}
	for query, text := range map[string]string{
		"token=bad": "an earlier page", "limit=0": "limit is", "failed=perhaps": "want true or false", "token=0-1&after=0-1": "exclude each other",
		"account=1": "there is no parameter",
	} {
		if w := f.ask("GET", "audit?"+query, cookie, ""); w.Code != 400 || !strings.Contains(w.Body.String(), text) {
			t.Errorf("%s: %d %s", query, w.Code, w.Body)
		}
	}
	if w := f.ask("GET", "audit", "", ""); w.Code != 401 {
		t.Errorf("without a session: %d", w.Code)
	}
}

// Each attempt to sign in is reported with its result, and each sign-out.
func TestSignInsAreReported(t *testing.T) {
	f := newFixture(t, 0)
	f.ask("POST", "session", "", `{"access_key_id":"AKIDOTHER","secret_access_key":"x"}`)
	cookie := f.signInAs(t, keyID, secret)
	f.ask("DELETE", "session", cookie, "")
	f.ask("DELETE", "session", "", "") // without a session
	if len(f.signIns) != 3 {
		t.Fatalf("%+v", f.signIns)
	}
	failed, in, out := f.signIns[0], f.signIns[1], f.signIns[2]
	if failed.Code != "InvalidKey" || failed.By.AccessKeyID != "AKIDOTHER" || failed.By.Account != "" {
		t.Errorf("%+v", failed)
	}
	if in.Code != "" || in.By != f.identity() || in.Out || !out.Out || out.By != f.identity() {
		t.Errorf("%+v, %+v", in, out)
	}
}

// newClient is an open stream of an account.
func (f *fixture) newClient(account string, valid func() bool) *client {
	c := &client{hub: &f.hub, account: account, valid: valid, quit: f.o.Quit, now: f.o.Control.Now, wake: make(chan struct{}, 1), check: make(chan struct{}, 1)}
	f.hub.enter(c)
	return c
}

// A new record is a change for the account's streams.
func TestTheStreamTellsOfTheAuditLog(t *testing.T) {
	f := newFixture(t, 0)
	yes := func() bool { return true }
	mine, other := f.newClient(inScope.Account, yes), f.newClient("999999999999", yes)
	f.Audited(inScope.Account)
	if event, m := next(t, mine); event != "change" || !m.Audit {
		t.Errorf("%s %+v", event, m)
	}
	if other.change.audit {
		t.Error("the stream of another account has the record")
	}
}

// A stream whose key was revoked ends at once, and others go on.
func TestAChangeOfTheKeysEndsStreams(t *testing.T) {
	f := newFixture(t, 0)
	ended, going := f.newClient(inScope.Account, func() bool { return false }), f.newClient(inScope.Account, func() bool { return true })
	f.KeysChanged()
	began := time.Now()
	if n, err := ended.Read(make([]byte, 10)); n != 0 || !errors.Is(err, io.EOF) || time.Since(began) >= tickEvery {
		t.Errorf("%d, %v after %v", n, err, time.Since(began))
	}
	f.Audited(inScope.Account)
	if event, _ := next(t, going); event != "change" {
		t.Error(event)
	}
}
