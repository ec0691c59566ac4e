package console

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/history"
	"bellows.dev/bellows/internal/machine"
	"bellows.dev/bellows/internal/modeldata"
)

// neighbor is another account of the same server.
var neighbor = engine.Scope{Account: "999999999999", Region: "us-east-1"}

// newAccounts is a fixture with an endpoint "e00000" of inScope and an endpoint "theirs" of neighbor. Requests carry the account of their key as
// the user name.
func newAccounts(t *testing.T, open bool) *fixture {
	t.Helper()
	f := newFixture(t, 1)
	for _, in := range []engine.Input{
		engine.CreateModel{Scope: neighbor, Model: hosting.Model{Name: "m"}},
		engine.CreateEndpointConfig{Scope: neighbor, Config: hosting.EndpointConfig{Name: "c", Variants: []hosting.VariantConfig{
			{Name: "v", Model: "m", InitialCount: 1, InitialWeight: 1, InstanceType: "ml.m5.large"},
		}}},
		engine.CreateEndpoint{Key: engine.EndpointKey{Scope: neighbor, Endpoint: "theirs"}, Config: "c"},
	} {
		if _, err := f.world.Do(in); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.world.Run(2 * time.Minute); err != nil {
		t.Fatal(err)
	}
	f.o.Open, f.o.Started = open, time.Now()
	f.o.Identify = func(r *http.Request) (Identity, bool) {
		account, _, ok := r.BasicAuth()
		return Identity{Account: account}, ok
	}
	f.o.Invoked = func() (served, failed uint64) { return 0, 0 }
	f.o.History = func() history.Status { return history.Status{} }
	f.o.Reach = func(context.Context) (Reach, error) { return Reach{}, errors.New("there is no archive") }
	f.o.Machine, f.o.ModelData = machine.New(machine.Options{}), func() modeldata.Status { return modeldata.Status{} }
	return f
}

// read asks for a page with a key of an account; "" for none.
func (f *fixture) read(path, account string) (status int, text string) {
	r, w := httptest.NewRequest(http.MethodGet, path, nil), httptest.NewRecorder()
	if account != "" {
		r.SetBasicAuth(account, "")
	}
	if strings.HasPrefix(path, ExplainPath) {
		f.Explain(w, r)
	} else {
		f.Health(w, r)
	}
	return w.Code, w.Body.String()
}

// A key reads explanations and the health of its own account; without authentication all accounts can be read.
func TestPagesAreOfTheAccountOfTheKey(t *testing.T) {
	for _, x := range []struct {
		open          bool
		path, account string
		status        int
		has, hasNot   string
	}{
		{false, "/explain/e00000", inScope.Account, http.StatusOK, `"endpoint":"e00000"`, "theirs"},
		{false, "/explain/theirs", neighbor.Account, http.StatusOK, `"endpoint":"theirs"`, ""},
		{false, "/explain/theirs?account=" + neighbor.Account, neighbor.Account, http.StatusOK, `"endpoint":"theirs"`, ""},
		{false, "/explain/theirs", inScope.Account, http.StatusNotFound, "there is no endpoint theirs in us-east-1", ""},
		{false, "/explain/theirs?account=" + neighbor.Account, inScope.Account, http.StatusForbidden, "The access key is of account " + inScope.Account, neighbor.Account},
		{false, "/explain/e00000?account=" + inScope.Account, neighbor.Account, http.StatusForbidden, "cannot read another one", "instances"},
		{false, "/explain/e00000", "", http.StatusUnauthorized, "needs an access key", "e00000"},
		{true, "/explain/e00000", "", http.StatusOK, `"endpoint":"e00000"`, ""},
		{true, "/explain/theirs?account=" + neighbor.Account, "", http.StatusOK, `"endpoint":"theirs"`, ""},
		{false, "/health", inScope.Account, http.StatusOK, `"endpoint":"e00000"`, "theirs"},
		{false, "/", neighbor.Account, http.StatusOK, `"endpoint":"theirs"`, "e00000"},
		{false, "/health", "", http.StatusOK, `"status":"ok"`, "endpoint"},
		{false, "/", "", http.StatusUnauthorized, "needs an access key", "e00000"},
		{true, "/health", "", http.StatusOK, `"endpoint":"theirs"`, ""},
		{true, "/health", "", http.StatusOK, `"endpoint":"e00000"`, ""},
	} {
		status, text := newAccounts(t, x.open).read(x.path, x.account)
		if status != x.status || !strings.Contains(text, x.has) || x.hasNot != "" && strings.Contains(text, x.hasNot) {
			t.Errorf("open %v, %s with a key of %q: %d %s\nwant %d, %q and not %q", x.open, x.path, x.account, status, text, x.status, x.has, x.hasNot)
		}
	}
}

// What another account's key must not see counts for the status without a key, which probes read, and for that account alone.
func TestTheHealthOfOtherAccounts(t *testing.T) {
	f := newAccounts(t, false)
	bad := f.world.Engine.Region(neighbor).Hosting.Endpoints["theirs"].Variants[0].Instances[0].Copies[0].ID
	if _, err := f.world.Do(engine.InstancesEjected{Key: engine.VariantKey{Scope: neighbor, Endpoint: "theirs", Variant: "v"}, Ejected: []engine.Ejection{
		{ID: bad, Since: f.world.Now, Times: 1, Reason: "5 failures in a row"},
	}}); err != nil {
		t.Fatal(err)
	}
	for account, want := range map[string]bool{inScope.Account: true, neighbor.Account: false, "": false} {
		_, text := f.read("/health", account)
		var st status
		if err := json.Unmarshal([]byte(text), &st); err != nil {
			t.Fatal(err)
		}
		if (st.Status == "ok") != want {
			t.Errorf("with a key of %q the status is %s", account, st.Status)
		}
	}
}
