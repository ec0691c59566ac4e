package prometheus

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// CloudWatch's paths respond as Prometheus' do, with CloudWatch's limits. AWS: CloudWatch user guide, Prometheus-compatible APIs.
func TestPromQLOnCloudWatchsPaths(t *testing.T) {
	w := open(t)
	w.seed(home, "up", "job", "a")
	w.seed(home, "http.requests", "job", "a")
	ask := func(method, path string, pairs ...string) (int, string) {
		q := url.Values{}
		for i := 0; i < len(pairs); i += 2 {
			q.Add(pairs[i], pairs[i+1])
		}
		if method == http.MethodPost {
			r := httptest.NewRequest(method, CloudWatchPrefix+path, strings.NewReader(q.Encode()))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			return w.do(r)
		}
		return w.do(httptest.NewRequest(method, CloudWatchPrefix+path+"?"+q.Encode(), nil))
	}
	at := func(ago time.Duration) string { return now.Add(-ago).Format(time.RFC3339) }
	selector := `{__name__=~"up|down"}`
	for _, tc := range []struct {
		name, path string
		pairs      []string
		status     int
		says       string
	}{
		{"an instant", "query", []string{"query", "up"}, 200, `"value":[1795608000,"240"]`},
		{"a name of UTF-8", "query", []string{"query", `{"http.requests"}`}, 200, `"http.requests"`},
		{"a range", "query_range", []string{"query", "sum(up)", "start", at(time.Hour), "end", at(0), "step", "600"}, 200, `"matrix"`},
		{"series", "series", []string{"match[]", "up", "start", at(time.Hour), "end", at(0)}, 200, `"job":"a"`},
		{"labels", "labels", nil, 200, `"job"`},
		{"values of a label", "label/job/values", nil, 200, `"a"`},
		{"500 series at most", "query", []string{"query", "up", "limit", "500"}, 200, "success"},
		{"more than 500", "query", []string{"query", "up", "limit", "501"}, 400, `from 1 to 500`},
		{"none", "query", []string{"query", "up", "limit", "0"}, 400, `from 1 to 500`},
		{"no name", "query", []string{"query", `{job="a"}`}, 400, "by its name"},
		{"a name that is a pattern", "query_range", []string{"query", selector, "start", at(time.Hour), "end", at(0), "step", "60"}, 400, "by its name"},
		{"one of two without a name", "query", []string{"query", `up + on() {job="a"}`}, 400, "by its name"},
		{"no query", "query", []string{"query", "up{"}, 400, "parse error"},
		{"more than a day", "query_range", []string{"query", "up", "start", at(25 * time.Hour), "end", at(0), "step", "600"}, 400, "24h0m0s"},
		{"a day and an hour before", "query_range", []string{"query", "rate(up[1h])", "start", at(24 * time.Hour), "end", at(0), "step", "600"}, 400, "24h0m0s"},
		{"a range of two days", "query", []string{"query", "max_over_time(up[2d])"}, 400, "24h0m0s"},
		{"series of nothing", "series", []string{"start", at(time.Hour), "end", at(0)}, 400, "match[]"},
		{"series of a pattern", "series", []string{"match[]", selector, "start", at(time.Hour), "end", at(0)}, 400, "by its name"},
		{"series of any time", "series", []string{"match[]", "up"}, 400, "start"},
		{"series of two days", "series", []string{"match[]", "up", "start", at(48 * time.Hour), "end", at(0)}, 400, "24h0m0s"},
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			if method == http.MethodPost && strings.HasPrefix(tc.path, "label/") {
				continue
			}
			if status, body := ask(method, tc.path, tc.pairs...); status != tc.status || !strings.Contains(body, tc.says) {
				t.Errorf("%s by %s: %d %s", tc.name, method, status, body)
			}
		}
	}
	for _, path := range []string{"write", "metadata", "query_exemplars", "status/buildinfo"} {
		if Serves(CloudWatchPrefix + path) {
			t.Errorf("CloudWatch does not have %s", path)
		}
	}
}

// A response has 500 series by default.
func TestCloudWatchReturns500Series(t *testing.T) {
	w := open(t)
	for i := range answerMax + 5 {
		w.seed(home, "many", "n", fmt.Sprint(i))
	}
	_, body := w.do(httptest.NewRequest(http.MethodGet, CloudWatchPrefix+"query?query=many", nil))
	if n := strings.Count(body, `"__name__"`); n != answerMax {
		t.Errorf("%d series", n)
	}
}
