package console

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// An endpoint is read with its variants, weights and instances; one that is not there is refused by name.
func TestEndpoint(t *testing.T) {
	f := newFixture(t, 1)
	cookie := f.signInAs(t, keyID, secret)
	w := f.ask("GET", "endpoint?endpoint=e00000", cookie, "")
	var got endpointView
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != http.StatusOK {
		t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	if got.Status != "InService" || got.Config != "c" || got.Replaced != "" || len(got.Variants) != 1 || len(got.Instances) != 1 {
		t.Fatalf("%+v", got)
	}
	if v := got.Variants[0]; v.Variant != "v" || v.Model != "m" || v.Weight != 1 || v.DesiredWeight != 1 || v.Running != 1 || v.Health != "healthy" {
		t.Errorf("the variant is %+v", v)
	}
	if i := got.Instances[0]; i.State != "InService" || i.Variant != "v" || i.Ready != 1 || i.Copies != 1 || i.Failures != 0 {
		t.Errorf("the instance is %+v", i)
	}
	for path, want := range map[string]string{
		"endpoint?endpoint=none": "There is no endpoint none in", "endpoint": "the parameter endpoint is missing",
		"endpoint?endpoint=e00000&region=x_y": "want a name such as", "endpoint?endpoint=e00000&region=eu-west-1": "in eu-west-1",
	} {
		if w := f.ask("GET", path, cookie, ""); w.Code/100 != 4 || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}

// Who invokes endpoints from the console, and in which region.
func TestInvoker(t *testing.T) {
	f := newFixture(t, 1)
	for _, c := range []struct {
		query  string
		signed bool
		reader bool
		status int
		text   string
	}{
		{"endpoint=e00000", true, false, 200, ""},
		{"endpoint=e00000&region=eu-west-1", true, false, 200, ""},
		{"endpoint=e00000", false, false, 401, "Sign in"},
		{"endpoint=e00000", true, true, 200, ""},
		{"", true, false, 400, "endpoint is missing"},
		{"endpoint=e00000&region=A", true, false, 400, "want a name"},
		{"endpoint=e00000&x=1", true, false, 400, "no parameter"},
	} {
		f.reader = c.reader
		r := httptest.NewRequest(http.MethodPost, InvokePath+"?"+c.query, http.NoBody)
		r.Host, r.RemoteAddr = "127.0.0.1:4580", "127.0.0.1:50000"
		if c.signed {
			r.Header.Set("Cookie", f.signInAs(t, keyID, secret))
		}
		scope, id, err := f.Invoker(r)
		denied := &Denied{Status: http.StatusOK}
		if errors.As(err, &denied); denied.Status != c.status || !strings.Contains(denied.Message, c.text) || id.ReadOnly != c.reader {
			t.Errorf("%+v: %v, %+v", c, err, id)
		}
		if c.status == 200 && (scope.Account != inScope.Account || (scope.Region == "eu-west-1") != strings.Contains(c.query, "eu-west-1")) {
			t.Errorf("%+v: the scope is %v", c, scope)
		}
	}
}
