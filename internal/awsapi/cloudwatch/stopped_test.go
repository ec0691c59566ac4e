package cloudwatch

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/awsapi"
)

// slow is a backend whose metrics can be read only after an event of the request, such as its timeout.
type slow struct {
	*backend
	wait func(context.Context)
}

func (s *slow) View(ctx context.Context, f func(time.Time, *engine.Engine)) error {
	s.wait(ctx)
	return s.backend.View(ctx, f)
}

// postData sends GetMetricData over HTTP and returns the response.
func postData(ctx context.Context, b awsapi.Backend, body string) *httptest.ResponseRecorder {
	s := &awsapi.Server{
		Auth:     &awsapi.Authenticator{Now: time.Now, Account: scope.Account, Region: scope.Region},
		Services: []*awsapi.Service{New(b, nil)}, NewID: func() string { return "id" }, Log: slog.New(slog.DiscardHandler),
	}
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-amz-json-1.0")
	r.Header.Set("X-Amz-Target", "GraniteServiceVersion20100801.GetMetricData")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

// manyMetrics requests two weeks of minutes of five metrics: more work than between two checks of the time limit.
func manyMetrics(extra string) string {
	var queries []string
	for i := range 5 {
		queries = append(queries, fmt.Sprintf(`{"Id":"m%d","MetricStat":{"Metric":{"Namespace":"N","MetricName":"M%d"},"Period":60,"Stat":"Sum"}}`, i, i))
	}
	return fmt.Sprintf(`{"StartTime":%d,"EndTime":%d,"MetricDataQueries":[%s]%s}`,
		began.Add(-14*24*time.Hour).Unix(), began.Add(5*time.Minute).Unix(), strings.Join(queries, ","), extra)
}

// A metric query that exceeds its time limit, or whose request ends, is stopped during its evaluation and gets 503, which SDKs retry.
func TestStoppedQueriesAreUnavailable(t *testing.T) {
	b := newBackend()
	for i := range 5 {
		for minute := range 3 {
			b.put(t, fmt.Sprint("M", i), "", minute, 1, "")
		}
	}
	math := manyMetrics("")
	math = strings.Replace(math, `[{"Id":"m0"`, `[{"Id":"e","Expression":"SUM(METRICS())"},{"Id":"m0"`, 1)
	first := postData(t.Context(), b, manyMetrics(`,"MaxDatapoints":50`))
	var page struct{ NextToken string }
	if err := json.Unmarshal(first.Body.Bytes(), &page); err != nil || first.Code != http.StatusOK || page.NextToken == "" {
		t.Fatalf("%d %.300s: %v", first.Code, first.Body, err)
	}
	later := manyMetrics(`,"NextToken":"` + page.NextToken + `"`)
	for name, body := range map[string]string{"metrics": manyMetrics(""), "math": math, "a later page": later} {
		if w := postData(t.Context(), b, body); w.Code != http.StatusOK {
			t.Errorf("%s in time: %d %.300s", name, w.Code, w.Body)
		}
		check := func(w *httptest.ResponseRecorder, want string) {
			var got struct {
				Type    string `json:"__type"`
				Message string `json:"message"`
			}
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != http.StatusServiceUnavailable ||
				!strings.HasSuffix(got.Type, "ServiceUnavailable") || !strings.HasPrefix(got.Message, want) {
				t.Errorf("%s: %d %.300s, want 503 and %q", name, w.Code, w.Body, want)
			}
		}
		synctest.Test(t, func(t *testing.T) {
			before := time.Now()
			check(postData(t.Context(), &slow{b, func(ctx context.Context) { <-ctx.Done() }}, body), "The query took longer than 1m0s.")
			if took := time.Since(before); took != time.Minute {
				t.Errorf("%s took %v", name, took)
			}
		})
		ctx, cancel := context.WithCancel(t.Context())
		check(postData(ctx, &slow{b, func(context.Context) { cancel() }}, body), "The query was cancelled")
	}
}
