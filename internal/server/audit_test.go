package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bellows.dev/bellows/internal/audit"
	"bellows.dev/bellows/internal/credentials"
)

// records returns the records that a query selects, newest first.
func (r *running) records(q audit.Query) []audit.Record {
	r.t.Helper()
	q.Account, q.Limit = r.account(), 1000
	p, err := r.audit.Query(q)
	if err != nil {
		r.t.Fatal(err)
	}
	return p.Records
}

var jsonRequest = http.Header{"Content-Type": {"application/x-amz-json-1.1"}, "User-Agent": {"test/1"}}

func (r *running) call(k credentials.Key, service, target, body string) answer {
	h := jsonRequest.Clone()
	h.Set("X-Amz-Target", target)
	return r.ask(service, k, http.MethodPost, "/", body, h)
}

// A call that changes something is recorded with who, what, from where, its result and its request ID, whether it succeeds or not; one that reads
// is not, and neither are metrics. Secrets are not in the files.
func TestCallsThatChangeSomethingAreAudited(t *testing.T) {
	dir := t.TempDir()
	r := startServer(t, func(o *Options) { o.Dir = dir })
	k, _ := r.Key()
	const model = `{"ModelName":"m","PrimaryContainer":{"Image":"bellows/demo-model","Environment":{"TOKEN":"hunter2"}},"ExecutionRoleArn":"arn:aws:iam::123456789012:role/r"}`
	if a := r.call(k, "sagemaker", "SageMaker.CreateModel", model); a.code != 200 {
		t.Fatalf("%d %s", a.code, a.body)
	}
	r.call(k, "sagemaker", "SageMaker.DeleteEndpoint", `{"EndpointName":"none"}`)
	r.call(k, "sagemaker", "SageMaker.ListModels", `{}`)
	r.call(k, "monitoring", "GraniteServiceVersion20100801.PutMetricData", `{"Namespace":"n","MetricData":[{"MetricName":"m","Value":1}]}`)
	made := r.call(k, "bellows", "Bellows.CreateAccessKey", `{"UserName":"ann"}`)
	var key struct{ SecretAccessKey string }
	if err := json.Unmarshal([]byte(made.body), &key); err != nil || key.SecretAccessKey == "" {
		t.Fatalf("%s, %v", made.body, err)
	}
	all := r.records(audit.Query{})
	if len(all) != 3 {
		t.Fatalf("%d records: %+v", len(all), all)
	}
	create, failed := all[2], all[1]
	want := audit.UserIdentity{Type: "IAMUser", ARN: "arn:aws:iam::" + k.Account + ":user/admin", AccountID: k.Account, AccessKeyID: k.AccessKeyID, UserName: "admin"}
	if create.EventName != "CreateModel" || create.EventSource != "sagemaker.amazonaws.com" || create.UserIdentity != want || create.SourceIP != "127.0.0.1" ||
		create.UserAgent != "test/1" || create.AWSRegion != "us-east-1" || create.RequestID == "" || create.EventID == "" || create.ReadOnly ||
		len(create.Resources) != 1 || !strings.HasSuffix(create.Resources[0].ARN, ":model/m") || time.Since(create.EventTime) > time.Minute {
		t.Errorf("%+v", create)
	}
	if !strings.Contains(string(create.Request), `"environment":{"TOKEN":"HIDDEN_DUE_TO_SECURITY_REASONS"}`) || !strings.Contains(string(create.Request), `"modelName":"m"`) {
		t.Errorf("parameters %s", create.Request)
	}
	if failed.ErrorCode != "ValidationException" || !strings.Contains(failed.ErrorMessage, "Could not find endpoint") {
		t.Errorf("%+v", failed)
	}
	if all[0].EventName != "CreateAccessKey" || all[0].EventSource != "bellows" || !strings.Contains(string(all[0].Response), `"userName":"ann"`) {
		t.Errorf("%+v %s", all[0], all[0].Response)
	}
	files, _ := filepath.Glob(filepath.Join(dir, auditDir, "*"))
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{"hunter2", key.SecretAccessKey, k.SecretAccessKey} {
			if strings.Contains(string(text), secret) {
				t.Errorf("%s has a secret", f)
			}
		}
	}
}

// /metrics names the endpoints and alarms of all accounts: only keys of the administrator's account read it.
func TestMetricsAreForTheAdministrator(t *testing.T) {
	r := startServer(t, nil)
	admin, _ := r.Key()
	reader, other := credentials.New(r.account(), "ann", time.Now()), credentials.New("999999999999", "ben", time.Now())
	reader.ReadOnly = true
	if err := errors.Join(r.keys.Add(reader), r.keys.Add(other)); err != nil {
		t.Fatal(err)
	}
	for _, k := range []credentials.Key{admin, reader} {
		if a := r.ask("sagemaker", k, "GET", "/metrics", "", nil); a.code != 200 || !strings.Contains(a.body, "bellows_") {
			t.Errorf("%s: %d %s", k.User, a.code, a.body)
		}
	}
	if a := r.ask("sagemaker", other, "GET", "/metrics", "", nil); a.code != 403 || strings.Contains(a.body, "bellows_") {
		t.Errorf("another account: %d %s", a.code, a.body)
	}
}

// Whatever is refused because of who sent it is recorded: calls, invocations, pages, queries and sign-ins; with the key that was claimed.
func TestRefusalsAreAudited(t *testing.T) {
	r := startServer(t, nil)
	admin, _ := r.Key()
	reader := credentials.New(r.account(), "ann", time.Now())
	reader.ReadOnly = true
	if err := r.keys.Add(reader); err != nil {
		t.Fatal(err)
	}
	thief := admin
	thief.SecretAccessKey = "guessed"
	signIn := func(k credentials.Key) answer {
		body := fmt.Sprintf(`{"access_key_id":%q,"secret_access_key":%q}`, k.AccessKeyID, k.SecretAccessKey)
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+r.Address()+"/console/api/session", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		return r.send(req)
	}
	for what, c := range map[string]struct {
		do           func() answer
		code         int
		name, denied string
		who          credentials.Key
	}{
		"a change with a read-only key":   {func() answer { return r.call(reader, "sagemaker", "SageMaker.CreateModel", `{}`) }, 400, "CreateModel", "AccessDeniedException", reader},
		"a call with a wrong secret":      {func() answer { return r.call(thief, "sagemaker", "SageMaker.ListModels", `{}`) }, 403, "ListModels", "InvalidSignatureException", thief},
		"an invocation, read-only":        {func() answer { return r.ask("sagemaker", reader, "POST", "/endpoints/e/invocations", "1", nil) }, 403, "InvokeEndpoint", "AccessDeniedException", reader},
		"an invocation, wrong secret":     {func() answer { return r.ask("sagemaker", thief, "POST", "/endpoints/e/invocations", "1", nil) }, 403, "InvokeEndpoint", "InvalidSignatureException", thief},
		"a page with a wrong secret":      {func() answer { return r.ask("sagemaker", thief, "GET", "/explain/e", "", nil) }, 401, "GET /explain/e", "InvalidSignatureException", thief},
		"a query with a wrong secret":     {func() answer { return r.ask("aps", thief, "GET", "/prometheus/api/v1/query?query=up", "", nil) }, 403, "GET /prometheus/api/v1/query", "InvalidSignatureException", thief},
		"a write with a read-only key":    {func() answer { return r.ask("aps", reader, "POST", "/prometheus/api/v1/write", "x", nil) }, 403, "POST /prometheus/api/v1/write", "AccessDeniedException", reader},
		"a sign-in with a wrong secret":   {func() answer { return signIn(thief) }, 403, "ConsoleLogin", "InvalidKey", thief},
		"a sign-in with the right secret": {func() answer { return signIn(admin) }, 200, "ConsoleLogin", "", admin},
	} {
		before := len(r.records(audit.Query{}))
		if a := c.do(); a.code != c.code {
			t.Errorf("%s: %d %s", what, a.code, a.body)
		}
		all := r.records(audit.Query{})
		if len(all) != before+1 {
			t.Errorf("%s: %d records more", what, len(all)-before)
			continue
		}
		if x := all[0]; x.EventName != c.name || x.ErrorCode != c.denied || x.UserIdentity.AccessKeyID != c.who.AccessKeyID || x.SourceIP != "127.0.0.1" {
			t.Errorf("%s: %+v", what, x)
		}
	}
	if all := r.records(audit.Query{User: "ann"}); len(all) != 3 {
		t.Errorf("%d records are ann's", len(all))
	}
}
