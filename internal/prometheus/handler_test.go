package prometheus

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/tsdb"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/awsapi"
	"bellows.dev/bellows/internal/awsapi/sigv4"
	"bellows.dev/bellows/internal/history"
)

var (
	now  = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	home = engine.Scope{Account: "123456789012", Region: "us-east-1"}
)

// world is a handler with its own database, and the data written to it.
type world struct {
	t       *testing.T
	handler *Handler
	db      *tsdb.DB

	mu   sync.Mutex
	puts []engine.PutMetricData
	err  error // error of the next steps
}

func open(t *testing.T) *world {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	db, err := tsdb.Open(t.TempDir(), quiet, nil, tsdb.DefaultOptions(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	w := &world{t: t, db: db}
	w.handler = New(Options{
		Auth: &awsapi.Authenticator{Now: func() time.Time { return now }, Account: home.Account, Region: home.Region},
		Data: db, Engine: NewEngine(quiet), Now: func() time.Time { return now }, Log: quiet, Step: w.step,
	})
	return w
}

func (w *world) step(_ context.Context, in engine.Input) (engine.Result, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.puts = append(w.puts, in.(engine.PutMetricData))
	}
	return nil, w.err
}

// seed stores a series that rises by one every 15 seconds in the last hour.
func (w *world) seed(s engine.Scope, name string, pairs ...string) {
	w.t.Helper()
	app := w.db.Appender(w.t.Context())
	ls := labels.FromStrings(append([]string{"__name__", name, history.LabelAccount, s.Account, history.LabelRegion, s.Region}, pairs...)...)
	for i := range 241 {
		at := now.Add(time.Duration(i-240) * 15 * time.Second)
		if _, err := app.Append(0, ls, at.UnixMilli(), float64(i)); err != nil {
			w.t.Fatal(err)
		}
	}
	if err := app.Commit(); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) do(r *http.Request) (int, string) {
	rec := httptest.NewRecorder()
	w.handler.ServeHTTP(rec, r)
	body, err := io.ReadAll(rec.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return rec.Code, string(body)
}

func (w *world) get(path string, pairs ...string) (int, string) {
	q := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		q.Add(pairs[i], pairs[i+1])
	}
	return w.do(httptest.NewRequest(http.MethodGet, Prefix+"api/v1/"+path+"?"+q.Encode(), nil))
}

// same compares two JSON texts.
func same(t *testing.T, got, want string) {
	t.Helper()
	var a, b any
	if err := json.Unmarshal([]byte(got), &a); err != nil {
		t.Fatalf("%v in %s", err, got)
	}
	if err := json.Unmarshal([]byte(want), &b); err != nil {
		t.Fatalf("%v in %s", err, want)
	}
	if d := cmp.Diff(b, a); d != "" {
		t.Errorf("want -, got +:\n%s", d)
	}
}

// Responses have Prometheus' documented form and its error texts.
func TestQueryAPI(t *testing.T) {
	w := open(t)
	w.seed(home, "up", "job", "a")
	w.seed(home, "up", "job", "b")
	w.seed(home, "down")
	w.seed(engine.Scope{Account: "999999999999", Region: "us-east-1"}, "theirs", "secret", "x")
	w.seed(engine.Scope{Account: home.Account, Region: "eu-west-1"}, "elsewhere", "job", "c")
	const at = "1795608000" // now
	own := `"account":"123456789012","region":"us-east-1"`
	for _, c := range []struct {
		name, path string
		query      []string
		status     int
		want       string
	}{
		{"instant", "query", []string{"query", `up{job="a"}`, "time", at}, 200,
			`{"status":"success","data":{"resultType":"vector","result":[{"metric":{"__name__":"up","job":"a",` + own + `},"value":[1795608000,"240"]}]}}`},
		{"instant without a time is now", "query", []string{"query", "sum(rate(up[5m]))"}, 200,
			`{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1795608000,"0.13333333333333333"]}]},` +
				`"infos":["PromQL info: metric might not be a counter, name does not end in _total/_sum/_count/_bucket: \"up\" (1:10)"]}`},
		{"scalar", "query", []string{"query", "1/0", "time", "2026-11-25T12:00:00.5Z"}, 200,
			`{"status":"success","data":{"resultType":"scalar","result":[1795608000.5,"+Inf"]}}`},
		{"string", "query", []string{"query", `"x"`, "time", at}, 200, `{"status":"success","data":{"resultType":"string","result":[1795608000,"x"]}}`},
		{"range", "query_range", []string{"query", "down", "start", "1795607970", "end", at, "step", "15s"}, 200,
			`{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"__name__":"down",` + own + `},"values":[[1795607970,"238"],[1795607985,"239"],[1795608000,"240"]]}]}}`},
		{"none", "query", []string{"query", "nothing", "time", at}, 200, `{"status":"success","data":{"resultType":"vector","result":[]}}`},
		{"limit", "query", []string{"query", "up", "time", at, "limit", "1"}, 200,
			`{"status":"success","data":{"resultType":"vector","result":[{"metric":{"__name__":"up","job":"a",` + own + `},"value":[1795608000,"240"]}]},"warnings":["results truncated due to limit"]}`},
		{"another account", "query", []string{"query", "theirs", "time", at}, 200, `{"status":"success","data":{"resultType":"vector","result":[]}}`},
		{"another region by name", "query", []string{"query", `{region="eu-west-1"}`, "time", at}, 200, `{"status":"success","data":{"resultType":"vector","result":[]}}`},
		{"syntax", "query", []string{"query", "up{", "time", at}, 400,
			`{"status":"error","errorType":"bad_data","error":"invalid parameter \"query\": 1:4: parse error: unexpected end of input inside braces"}`},
		{"time", "query", []string{"query", "up", "time", "noon"}, 400,
			`{"status":"error","errorType":"bad_data","error":"invalid parameter \"time\": invalid time value for 'time': cannot parse \"noon\" to a valid timestamp"}`},
		{"no time", "query", []string{"query", "up", "time", "NaN"}, 400,
			`{"status":"error","errorType":"bad_data","error":"invalid parameter \"time\": invalid time value for 'time': \"NaN\" is not a time that can be represented"}`},
		{"a time too late", "query", []string{"query", "1", "time", "1e300"}, 400,
			`{"status":"error","errorType":"bad_data","error":"invalid parameter \"time\": invalid time value for 'time': \"1e300\" is not a time that can be represented"}`},
		{"infinite start", "query_range", []string{"query", "1", "start", "-Inf", "end", "1", "step", "1"}, 400,
			`{"status":"error","errorType":"bad_data","error":"invalid parameter \"start\": \"-Inf\" is not a time that can be represented"}`},
		{"a series' end", "series", []string{"match[]", "up", "end", "1e17"}, 400,
			`{"status":"error","errorType":"bad_data","error":"invalid parameter \"end\": invalid time value for 'end': \"1e17\" is not a time that can be represented"}`},
		{"execution", "query", []string{"query", `label_replace(up, "job", "x", "job", "(")`, "time", at}, 422,
			`{"status":"error","errorType":"execution","error":"invalid regular expression in label_replace(): ("}`},
		{"too fine", "query_range", []string{"query", "up", "start", "0", "end", "11001", "step", "1"}, 400,
			`{"status":"error","errorType":"bad_data","error":"exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)"}`},
		{"step", "query_range", []string{"query", "up", "start", "0", "end", "1", "step", "0"}, 400,
			`{"status":"error","errorType":"bad_data","error":"invalid parameter \"step\": zero or negative query resolution step widths are not accepted. Try a positive integer"}`},
		{"end", "query_range", []string{"query", "up", "start", "1", "end", "0", "step", "1"}, 400,
			`{"status":"error","errorType":"bad_data","error":"invalid parameter \"end\": end timestamp must not be before start time"}`},
		{"series", "series", []string{"match[]", `{job=~".+"}`, "match[]", "down"}, 200, `{"status":"success","data":[{"__name__":"down",` + own +
			`},{"__name__":"up","job":"a",` + own + `},{"__name__":"up","job":"b",` + own + `}]}`},
		{"series of nothing", "series", nil, 400, `{"status":"error","errorType":"bad_data","error":"no match[] parameter provided"}`},
		{"series of everything", "series", []string{"match[]", `{job=""}`}, 400,
			`{"status":"error","errorType":"bad_data","error":"invalid parameter \"match[]\": match[] must contain at least one non-empty matcher"}`},
		{"labels", "labels", nil, 200, `{"status":"success","data":["__name__","account","job","region"]}`},
		{"labels of a metric", "labels", []string{"match[]", "down"}, 200, `{"status":"success","data":["__name__","account","region"]}`},
		{"values", "label/__name__/values", nil, 200, `{"status":"success","data":["down","up"]}`},
		{"values are of the scope", "label/account/values", nil, 200, `{"status":"success","data":["123456789012"]}`},
		{"values with a limit", "label/job/values", []string{"limit", "1"}, 200, `{"status":"success","data":["a"],"warnings":["results truncated due to limit"]}`},
		{"format", "format_query", []string{"query", "sum by(job)(rate(up[5m]))"}, 200, `{"status":"success","data":"sum by (job) (rate(up[5m]))"}`},
		{"exemplars", "query_exemplars", []string{"query", "up", "start", "0", "end", "1"}, 200, `{"status":"success","data":[]}`},
		{"metadata", "metadata", nil, 200, `{"status":"success","data":{}}`},
		{"admin", "admin/tsdb/snapshot", nil, 404, `{"status":"error","errorType":"not_found","error":"this server does not serve /prometheus/api/v1/admin/tsdb/snapshot"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, body := w.get(c.path, c.query...)
			if status != c.status {
				t.Errorf("status %d, want %d", status, c.status)
			}
			same(t, body, c.want)
		})
	}
}

// All handlers that read queries or selectors limit their nesting before they parse them.
func TestNestingIsLimited(t *testing.T) {
	w := open(t)
	deep := strings.Repeat("(", 30_000) + "1" + strings.Repeat(")", 30_000)
	for path, parameter := range map[string]string{
		"query": "query", "query_range": "query", "format_query": "query", "query_exemplars": "query",
		"series": "match[]", "labels": "match[]", "label/job/values": "match[]",
	} {
		status, body := w.get(path, parameter, deep, "start", "0", "end", "1", "step", "1")
		if status != 400 || !strings.Contains(body, "nested more than 100 levels deep") {
			t.Errorf("%s: %d %.200s", path, status, body)
		}
	}
}

// Grafana sends queries as POST forms.
func TestQueryByPost(t *testing.T) {
	w := open(t)
	w.seed(home, "down")
	r := httptest.NewRequest(http.MethodPost, Prefix+"api/v1/query", strings.NewReader("query=down&time=1795608000&stats=all"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	status, body := w.do(r)
	if status != 200 || !strings.Contains(body, `"240"`) || !strings.Contains(body, `"totalQueryableSamples":1`) {
		t.Errorf("%d %s", status, body)
	}
}

// Requests without a key, or with a key ID only, are refused.
func TestRequestsWithoutAKeyAreRefused(t *testing.T) {
	w := open(t)
	w.seed(home, "down")
	w.handler.o.Auth.Lookup = func(id string) (sigv4.Key, bool) {
		switch id {
		case "KEY":
			return sigv4.Key{Secret: "secret", Account: home.Account}, true
		case "OLD":
			return sigv4.Key{Secret: "secret", Account: home.Account, Expires: now}, true
		case "SESSION":
			return sigv4.Key{Secret: "secret", Account: home.Account, Token: "t"}, true
		default:
			return sigv4.Key{}, false
		}
	}
	for _, c := range []struct {
		user, password string
		status         int
	}{
		{"", "", 401}, {"KEY", "", 401}, {"KEY", "wrong", 401}, {"NOBODY", "", 401}, {"NOBODY", "secret", 401}, {"OLD", "secret", 401},
		{"SESSION", "secret", 401}, {"KEY", "secret", 200},
	} {
		for _, path := range []string{Prefix + "api/v1/query?query=1", OTLPPath, Prefix + "api/v1/write", Prefix} {
			r := httptest.NewRequest(http.MethodGet, path, nil)
			if c.user != "" {
				r.SetBasicAuth(c.user, c.password)
			}
			status, body := w.do(r)
			if (status == 401) != (c.status == 401) {
				t.Errorf("%s %s %s: %d %s", path, c.user, c.password, status, body)
			}
		}
	}
	r := httptest.NewRequest(http.MethodGet, Prefix+"api/v1/query?query=1", nil)
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=KEY/20261125/us-east-1/aps/aws4_request, SignedHeaders=host;x-amz-date, Signature=00")
	r.Header.Set("X-Amz-Date", "20261125T120000Z")
	if status, body := w.do(r); status != 403 {
		t.Errorf("a wrong signature: %d %s", status, body)
	}
}

func TestBodiesAreBounded(t *testing.T) {
	w := open(t)
	r := httptest.NewRequest(http.MethodPost, OTLPPath, strings.NewReader(strings.Repeat("x", bodyMax+1)))
	if status, body := w.do(r); status != http.StatusRequestEntityTooLarge {
		t.Errorf("%d %s", status, body)
	}
}

func get405(path string) *http.Request { return httptest.NewRequest(http.MethodGet, path, nil) }
