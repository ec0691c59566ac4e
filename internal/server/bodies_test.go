package server

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
)

// Where the bodies of verified requests hold all the memory that they may, a request gets 503 in the form that its client reads.
func TestBodiesOfVerifiedRequestsAreBounded(t *testing.T) {
	r := startServer(t, func(o *Options) { o.Config.BodiesMax = 100 << 10 })
	large := strings.Repeat(" ", 200<<10)
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte(r.keys.Keys()[0].AccessKeyID+":"+r.keys.Keys()[0].SecretAccessKey))
	for name, c := range map[string]struct {
		service, path string
		header        http.Header
		want          string
	}{
		"JSON": {"sagemaker", "/", http.Header{"X-Amz-Target": {"SageMaker.ListModels"}, "Content-Type": {"application/x-amz-json-1.1"}},
			`{"__type":"ServiceUnavailable"`},
		"Query":      {"monitoring", "/", http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, "<Code>ServiceUnavailable</Code>"},
		"REST":       {"sagemaker", "/endpoints/e/invocations", http.Header{"Content-Type": {"text/csv"}}, `{"Message":"The bodies of requests in progress`},
		"PromQL":     {"aps", "/prometheus/api/v1/query", http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, `{"status":"error","errorType":"unavailable"`},
		"OTLP":       {"aps", "/v1/metrics", http.Header{"Content-Type": {"application/json"}}, `{"code":`},
		"a password": {"", "/prometheus/api/v1/query", http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, `{"status":"error","errorType":"unavailable"`},
	} {
		c.header.Set("Connection", "close")
		head := r.signed("aps", "POST", c.path, large, c.header)
		if c.service != "" {
			head = r.signed(c.service, "POST", c.path, large, c.header)
		} else {
			before, rest, _ := strings.Cut(head, "Authorization: ")
			_, rest, _ = strings.Cut(rest, "\r\n")
			head = before + "Authorization: " + basic + "\r\n" + rest
		}
		got := r.raw(head + large)
		if !strings.HasPrefix(got, "HTTP/1.1 503") || !strings.Contains(got, c.want) || !strings.Contains(got, "bodies_max") {
			t.Errorf("%s: %.600q", name, got)
		}
	}
}
