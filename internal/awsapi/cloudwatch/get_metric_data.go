package cloudwatch

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/awsapi"
	"bellows.dev/bellows/metric"
)

// AWS: GetMetricData, API reference.
const (
	queriesMax = 500
	dataMax    = 100_800
)

var queryID = regexp.MustCompile(`^[a-z][a-zA-Z0-9_]*$`)

// query is one checked MetricDataQuery.
type query struct {
	id       string
	label    string // "" where one is to be made
	metric   metric.ID
	stat     metric.Statistic
	unit     string
	period   time.Duration
	returned bool
}

func (a *API) getMetricData(ctx context.Context, c awsapi.Call, in *sdk.GetMetricDataInput) (*sdk.GetMetricDataOutput, error) {
	queries, err := queries(in)
	if err != nil {
		return nil, err
	}
	if !in.StartTime.Before(*in.EndTime) {
		return nil, awsapi.Validation("The parameter StartTime must be less than the parameter EndTime.")
	}
	most := dataMax
	if in.MaxDatapoints != nil {
		most = int(*in.MaxDatapoints)
	}
	if most < 1 || most > dataMax {
		return nil, awsapi.Validation("The parameter MaxDatapoints must be between 1 and %d.", dataMax)
	}
	skip, err := position(aws.ToString(in.NextToken))
	if err != nil {
		return nil, refusal(err)
	}
	out := &sdk.GetMetricDataOutput{MetricDataResults: []types.MetricDataResult{}, Messages: []types.MessageData{}}
	return out, a.region(ctx, c, func(now time.Time, r *engine.Region) error {
		labels := labels(queries)
		given, seen := 0, 0
		for i, q := range queries {
			if !q.returned {
				continue
			}
			result := read(r, &q, frame(now, *in.StartTime, *in.EndTime, q.period), in.ScanBy)
			result.Label = aws.String(labels[i])
			n := len(result.Values)
			from := min(max(skip-seen, 0), n)
			to := min(from+most-given, n)
			seen += n
			if from > 0 && from == n {
				continue // said on an earlier page
			}
			result.Timestamps, result.Values = result.Timestamps[from:to], result.Values[from:to]
			given += to - from
			if to < n {
				result.StatusCode = types.StatusCodePartialData
				out.MetricDataResults = append(out.MetricDataResults, result)
				out.NextToken = aws.String(fmt.Sprintf("%d", skip+given))
				return nil
			}
			out.MetricDataResults = append(out.MetricDataResults, result)
		}
		return nil
	})
}

func position(token string) (int, error) {
	if token == "" {
		return 0, nil
	}
	var n int
	if _, err := fmt.Sscanf(token, "%d", &n); err != nil || n < 0 || fmt.Sprint(n) != token {
		return 0, &awsapi.ErrToken{Err: fmt.Errorf("%q is no position", token)}
	}
	return n, nil
}

func queries(in *sdk.GetMetricDataInput) ([]query, error) {
	if len(in.MetricDataQueries) > queriesMax {
		return nil, awsapi.Validation("The collection MetricDataQueries must not have a size greater than %d.", queriesMax)
	}
	seen := map[string]bool{}
	var out []query
	for i := range in.MetricDataQueries {
		q, err := parseQuery(&in.MetricDataQueries[i], fmt.Sprintf("MetricDataQueries.member.%d", i+1))
		if err != nil {
			return nil, err
		}
		if seen[q.id] {
			return nil, awsapi.Validation("The values for parameter id in MetricDataQueries are not unique: %s.", q.id)
		}
		seen[q.id] = true
		out = append(out, q)
	}
	return out, nil
}

func parseQuery(in *types.MetricDataQuery, path string) (query, error) {
	q := query{id: aws.ToString(in.Id), label: aws.ToString(in.Label), returned: in.ReturnData == nil || *in.ReturnData}
	if !queryID.MatchString(q.id) {
		return q, awsapi.Validation("The value %s for parameter %s.Id is not matching the expected pattern ^[a-z][a-zA-Z0-9_]*$.", q.id, path)
	}
	if in.Expression != nil {
		return q, awsapi.Validation("The parameter %s.Expression asks for metric math, which this server does not do.", path)
	}
	s := in.MetricStat
	if s == nil || s.Metric == nil {
		return q, awsapi.Validation("Either MetricStat or Expression must be specified in %s.", path)
	}
	q.metric = metric.NewID(aws.ToString(s.Metric.Namespace), aws.ToString(s.Metric.MetricName), dimensions(s.Metric.Dimensions)...)
	q.period, q.unit = time.Duration(*s.Period)*time.Second, string(s.Unit)
	if !periodAllowed(int(*s.Period)) {
		return q, awsapi.Validation("The value %d for parameter %s.MetricStat.Period is invalid: it must be 1, 5, 10, 20, 30 or a multiple of 60.",
			*s.Period, path)
	}
	var err error
	if q.stat, err = metric.ParseStatistic(*s.Stat); err != nil {
		return q, awsapi.Validation("The value %s for parameter %s.MetricStat.Stat is not supported.", *s.Stat, path)
	}
	return q, nil
}

func read(r *engine.Region, q *query, w window, order types.ScanBy) types.MetricDataResult {
	out := types.MetricDataResult{
		Id: aws.String(q.id), StatusCode: types.StatusCodeComplete, Timestamps: []time.Time{}, Values: []float64{},
	}
	s := r.Metrics.Find(q.metric)
	if s == nil {
		return out
	}
	unit := q.unit
	if units := s.Units(w.from, w.from.Add(time.Duration(w.periods)*w.period)); unit == "" && len(units) > 1 {
		slices.SortFunc(units, func(a, b string) int { return rank(a) - rank(b) })
		unit = units[0]
		out.Messages = []types.MessageData{{
			Code: aws.String("MultipleUnits"), Value: aws.String("Multiple units returned: '[" + strings.Join(units, ", ") + "]'"),
		}}
	}
	for _, p := range s.Datapoints(metric.Query{Statistic: q.stat, Unit: unit, Period: w.period, From: w.from, Periods: w.periods}, nil) {
		if !p.Missing {
			out.Timestamps, out.Values = append(out.Timestamps, p.Start), append(out.Values, p.Value)
		}
	}
	if order != types.ScanByTimestampAscending {
		slices.Reverse(out.Timestamps)
		slices.Reverse(out.Values)
	}
	return out
}

// unitOrder is the order in which one of several units is picked. AWS: recorded, as far as it is known.
var unitOrder = []string{
	"Megabits", "Terabits", "Gigabits", "Count", "Bytes", "Gigabytes", "Gigabits/Second", "Kilobytes", "Kilobits/Second", "Terabytes",
	"Percent", "Bits", "Bits/Second", "Kilobits", "Megabytes", "Megabits/Second", "Terabits/Second", "Bytes/Second", "Kilobytes/Second",
	"Megabytes/Second", "Gigabytes/Second", "Terabytes/Second", "Milliseconds", "Microseconds", "Count/Second", "Seconds", "None",
}

func rank(unit string) int { return slices.Index(unitOrder, unit) }

// labels makes each query's label: what tells it from the others. AWS: recorded.
func labels(qs []query) []string {
	differ := func(f func(q query) string) bool {
		return slices.ContainsFunc(qs, func(q query) bool { return f(q) != f(qs[0]) })
	}
	stats := differ(func(q query) string { return q.stat.String() })
	periods := differ(func(q query) string { return q.period.String() })
	sized := differ(func(q query) string { return fmt.Sprint(q.metric.Dimensions) })
	names := differ(func(q query) string { return q.metric.Name })
	out := make([]string, len(qs))
	for i, q := range qs {
		if q.label != "" {
			out[i] = q.label
			continue
		}
		var parts []string
		if sized {
			for _, d := range q.metric.Dimensions {
				if slices.ContainsFunc(qs, func(o query) bool { return !slices.Contains(o.metric.Dimensions, d) }) {
					parts = append(parts, d.Value)
				}
			}
		}
		if names || len(parts) == 0 {
			parts = append(parts, q.metric.Name)
		}
		if stats {
			parts = append(parts, q.stat.String())
		}
		if periods {
			parts = append(parts, fmt.Sprint(int(q.period/time.Second)))
		}
		out[i] = strings.Join(parts, " ")
	}
	return out
}
