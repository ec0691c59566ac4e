package prometheus

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"bellows.dev/bellows/internal/prometheus/query"
)

// CloudWatchPrefix is the path prefix of CloudWatch's PromQL API: QueryMetrics, GetSeries and GetLabels, signed for monitoring.
// AWS: CloudWatch user guide, Prometheus-compatible APIs.
const CloudWatchPrefix = "/api/v1/"

// Limits of that API. AWS: PromQL limits and restrictions; QueryMetrics, limit.
const (
	answerMax = 500
	scanMax   = 24 * time.Hour
)

// servesCloudWatch reports whether a path belongs to CloudWatch's PromQL API.
func servesCloudWatch(path string) bool {
	rest, ok := strings.CutPrefix(path, CloudWatchPrefix)
	_, values := labelPath(rest)
	return ok && (values || slices.Contains([]string{"query", "query_range", "series", "labels"}, rest))
}

// askCloudWatch responds as ask does, with CloudWatch's limits: a metric must be named, a query covers at most a day, and at most 500 series are returned.
func (h *Handler) askCloudWatch(w http.ResponseWriter, c *call, path string) {
	if err := c.ParseForm(); err != nil {
		fail(w, bad("error parsing form values: %w", err))
		return
	}
	var f *failure
	switch path {
	case "query", "query_range":
		f = h.limitQuery(c, path == "query_range")
	case "series":
		f = h.limitSeries(c)
	default:
		f = h.limitSpan(c, 0)
	}
	if f == nil && path != "labels" {
		f = limitResults(c)
	}
	if f != nil {
		fail(w, f)
		return
	}
	h.ask(w, c, path)
}

// limitResults reads the maximum number of series, 1 to 500, default 500.
func limitResults(c *call) *failure {
	text := c.FormValue("limit")
	if text == "" {
		c.Form.Set("limit", strconv.Itoa(answerMax))
		return nil
	}
	if n, err := strconv.Atoi(text); err != nil || n < 1 || n > answerMax {
		return invalid("limit", fmt.Errorf("it must be from 1 to %d", answerMax))
	}
	return nil
}

// limitQuery checks that every selector names a metric and that the query covers at most a day.
func (h *Handler) limitQuery(c *call, ranged bool) *failure {
	expression, err := query.Parse(c.FormValue("query"))
	if err != nil {
		return invalid("query", err)
	}
	nameless, reach := false, time.Duration(0)
	parser.Inspect(expression, func(n parser.Node, _ []parser.Node) error {
		switch n := n.(type) {
		case *parser.VectorSelector:
			nameless = nameless || !names(n.LabelMatchers)
		case *parser.MatrixSelector:
			reach = max(reach, n.Range)
		case *parser.SubqueryExpr:
			reach = max(reach, n.Range)
		}
		return nil
	})
	if nameless {
		return invalid("query", errNameless)
	}
	if !ranged {
		return tooLong(reach)
	}
	return h.limitSpan(c, reach)
}

// errNameless is the error of a selector without a metric name.
var errNameless = errors.New("each selector must select a metric by its name")

// names reports whether a selector selects a metric by its name.
func names(all []*labels.Matcher) bool {
	return slices.ContainsFunc(all, func(m *labels.Matcher) bool {
		return m.Name == model.MetricNameLabel && m.Type == labels.MatchEqual && m.Value != ""
	})
}

// limitSeries checks that selectors and range are given. AWS: GetSeries.
func (h *Handler) limitSeries(c *call) *failure {
	sets, err := query.Selectors(c.Form["match[]"])
	switch {
	case err != nil:
		return invalid("match[]", err)
	case len(sets) == 0:
		return invalid("match[]", errors.New("at least one selector is required"))
	case slices.ContainsFunc(sets, func(set []*labels.Matcher) bool { return !names(set) }):
		return invalid("match[]", errNameless)
	}
	for _, name := range []string{"start", "end"} {
		if c.FormValue(name) == "" {
			return invalid(name, errors.New("it is required"))
		}
	}
	return h.limitSpan(c, 0)
}

// limitSpan limits the range of a request plus the longest range of its selectors. The default range is the last day.
func (h *Handler) limitSpan(c *call, reach time.Duration) *failure {
	now := h.o.Now()
	end, f := c.timeOf("end", now)
	if f != nil {
		return f
	}
	start, f := c.timeOf("start", end.Add(-scanMax))
	if f != nil {
		return f
	}
	for name, at := range map[string]time.Time{"start": start, "end": end} {
		if c.FormValue(name) == "" {
			c.Form.Set(name, at.UTC().Format(time.RFC3339))
		}
	}
	return tooLong(end.Sub(start) + reach)
}

func tooLong(span time.Duration) *failure {
	if span > scanMax {
		return bad("the request looks at %v of data, and may at %v", span, scanMax)
	}
	return nil
}
