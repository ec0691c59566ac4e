package prometheus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/util/stats"

	"bellows.dev/bellows/internal/prometheus/query"
)

// ask handles the query API. Prometheus: HTTP API.
func (h *Handler) ask(w http.ResponseWriter, c *call, path string) {
	if err := c.ParseForm(); err != nil {
		fail(w, bad("error parsing form values: %w", err))
		return
	}
	answers, posts := map[string]func(*call) (any, *failure){
		"query": h.query, "query_range": h.queryRange, "format_query": h.formatQuery, "labels": h.labelNames, "series": h.series,
		"query_exemplars": h.exemplars, "metadata": h.metadata, "status/buildinfo": h.buildInfo,
	}[path], true
	if name, ok := labelPath(path); ok {
		answers = func(c *call) (any, *failure) { return h.labelValues(c, name) }
		posts = false
	}
	if path == "metadata" || path == "status/buildinfo" {
		posts = false
	}
	switch {
	case h.o.Data == nil:
		fail(w, &failure{kindUnavailable, errors.New("this server has no metric history")})
	case answers == nil:
		fail(w, &failure{kindNotFound, errors.New("this server does not serve " + apiPrefix + path)})
	case !get(c.Method) && (c.Method != http.MethodPost || !posts):
		w.Header().Set("Allow", "GET, HEAD, POST")
		http.Error(w, "Method Not Allowed", http.StatusMethodNotAllowed)
	default:
		leave, err := h.queries.Enter(c.Context(), 1)
		if err != nil {
			fail(w, &failure{kindUnavailable, errors.New("too many concurrent queries: retry later")})
			return
		}
		defer leave()
		ctx, cancel := context.WithTimeout(c.Context(), queryTimeout)
		defer cancel()
		c.Request = c.WithContext(ctx)
		data, f := answers(c)
		if f != nil {
			fail(w, f)
			return
		}
		succeed(w, data)
	}
}

// queryData is the result of a query.
type queryData struct {
	ResultType parser.ValueType `json:"resultType"`
	Result     parser.Value     `json:"result"`
	Stats      stats.QueryStats `json:"stats,omitempty"`
}

// query handles an instant query.
func (h *Handler) query(c *call) (any, *failure) {
	at, f := c.timeOf("time", h.o.Now())
	if f != nil {
		return nil, f
	}
	return h.run(c, 0, 0, func(ctx context.Context, data storage.Queryable, o promql.QueryOpts) (promql.Query, error) {
		return h.o.Engine.NewInstantQuery(ctx, data, o, c.FormValue("query"), at)
	})
}

// pointsMax limits the datapoints per series in a response, as in Prometheus.
const pointsMax = 11_000

// queryRange handles a range query.
func (h *Handler) queryRange(c *call) (any, *failure) {
	start, err := parseTime(c.FormValue("start"))
	if err != nil {
		return nil, invalid("start", err)
	}
	end, err := parseTime(c.FormValue("end"))
	if err != nil {
		return nil, invalid("end", err)
	}
	if end.Before(start) {
		return nil, invalid("end", errors.New("end timestamp must not be before start time"))
	}
	step, err := parseDuration(c.FormValue("step"))
	if err != nil {
		return nil, invalid("step", err)
	}
	if step <= 0 {
		return nil, invalid("step", errors.New("zero or negative query resolution step widths are not accepted. Try a positive integer"))
	}
	if end.Sub(start)/step > pointsMax {
		return nil, bad("exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)")
	}
	return h.run(c, end.Sub(start), step, func(ctx context.Context, data storage.Queryable, o promql.QueryOpts) (promql.Query, error) {
		return h.o.Engine.NewRangeQuery(ctx, data, o, c.FormValue("query"), start, end, step)
	})
}

// run evaluates a query at each step of a range, both 0 for an instant query, with the parameters common to both kinds.
func (h *Handler) run(
	c *call, span, step time.Duration, make func(context.Context, storage.Queryable, promql.QueryOpts) (promql.Query, error),
) (any, *failure) {
	limit, f := c.limit()
	if f != nil {
		return nil, f
	}
	ctx := c.Context()
	if s := c.FormValue("timeout"); s != "" {
		timeout, err := parseDuration(s)
		if err != nil {
			return nil, invalid("timeout", err)
		}
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	var lookback time.Duration
	if s := c.FormValue("lookback_delta"); s != "" {
		var err error
		if lookback, err = parseDuration(s); err != nil {
			return nil, bad("error parsing lookback delta duration: %w", err)
		}
	}
	e, err := query.Parse(c.FormValue("query"))
	if err != nil {
		return nil, invalid("query", err)
	}
	cost, err := costOf(e, span, step)
	if errors.Is(err, errEvaluated) {
		return nil, failed(err)
	}
	if err != nil {
		return nil, invalid("query", err)
	}
	q, err := make(ctx, cost.limited(Scoped(h.o.Data, c.scope)), promql.NewPrometheusQueryOpts(c.FormValue("stats") == "all", lookback))
	if err != nil {
		return nil, invalid("query", err)
	}
	defer q.Close()
	r := q.Exec(ctx)
	if r.Err != nil {
		return nil, failed(r.Err)
	}
	out := queryData{ResultType: r.Value.Type(), Result: r.Value}
	if limit > 0 {
		switch v := r.Value.(type) {
		case promql.Vector:
			if len(v) > limit {
				out.Result, r.Warnings = v[:limit], r.Warnings.Add(errTruncated)
			}
		case promql.Matrix:
			if len(v) > limit {
				out.Result, r.Warnings = v[:limit], r.Warnings.Add(errTruncated)
			}
		}
	}
	if c.FormValue("stats") != "" {
		out.Stats = stats.NewQueryStats(q.Stats())
	}
	text, err := json.Marshal(out) // before the query is closed, since its memory is reused
	if err != nil {
		return nil, &failure{kindInternal, fmt.Errorf("encoding the response: %w", err)}
	}
	return warned{json.RawMessage(text), r.Warnings, c.FormValue("query")}, nil
}

// formatQuery responds with the formatted query.
func (h *Handler) formatQuery(c *call) (any, *failure) {
	e, err := query.Parse(c.FormValue("query"))
	if err != nil {
		return nil, invalid("query", err)
	}
	return e.Pretty(0), nil
}

// exemplars responds with an empty list: CloudWatch's metrics have no exemplars.
func (h *Handler) exemplars(c *call) (any, *failure) {
	if _, err := query.Parse(c.FormValue("query")); err != nil {
		return nil, bad("%w", err)
	}
	return []any{}, nil
}
