package cloudwatch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/awsapi"
	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/metric/expr"
)

// AWS: GetMetricData, API reference.
const (
	queriesMax  = 500
	dataMax     = 100_800
	searchesMax = 100
)

// dataRequest is a checked call of GetMetricData.
type dataRequest struct {
	call       awsapi.Call
	queries    []metric.DataQuery
	foreign    []bool // by query: metrics of another account
	program    *expr.Program
	tiers      tiers
	start, end time.Time
	newest     bool // newest datapoints first
	most       int
	zone       *time.Location
	bind       string
	now        time.Time // of the first page
	skip       []int     // periods of each source on earlier pages
	later      bool      // it continues an earlier page
}

func (a *API) getMetricData(ctx context.Context, c awsapi.Call, in *sdk.GetMetricDataInput) (*sdk.GetMetricDataOutput, error) {
	q, err := checkDataRequest(c, in)
	if err != nil {
		return nil, err
	}
	q.tiers = a.tiers()
	var s expr.Scratch
	err = a.source(ctx, c, func(now time.Time, src expr.Source) error {
		if !q.later {
			q.now = now
		}
		q.program.Read(src, q.options(ctx), &s)
		return nil
	})
	if err != nil {
		return nil, err
	}
	read, done := s.Read()
	if q.later && len(read) != len(q.skip) {
		return nil, noSuchPage()
	}
	results, err := s.Results()
	if errors.Is(err, expr.ErrStopped) {
		return nil, ctx.Err()
	}
	if much := (*expr.TooMuchError)(nil); errors.As(err, &much) {
		return nil, awsapi.Validation("%s", much)
	} else if err != nil {
		return nil, err
	}
	out := &sdk.GetMetricDataOutput{MetricDataResults: q.render(results, s.Origins()), Messages: []types.MessageData{}}
	if s.Cut() {
		out.Messages = append(out.Messages, message("MaxMetricsExceeded", "Maximum number of allowed metrics exceeded")) // recorded
	}
	if !done && !q.program.Expressions() { // AWS: MetricDataResult, StatusCode: there is no NextToken with math
		out.NextToken = aws.String(awsapi.Seal(position(q.now, read), q.bind))
	}
	return out, nil
}

// source calls f with the metrics of the call's region, a second time with the metric history if the first call finds that memory does not
// reach back far enough. f only reads; computation follows later.
func (a *API) source(ctx context.Context, c awsapi.Call, f func(now time.Time, src expr.Source) error) error {
	if a.past == nil {
		return a.region(ctx, c, func(now time.Time, r *engine.Region) error { return f(now, r.Metrics) })
	}
	var err error
	if failed := a.past.Metrics(ctx, c.Scope, func(now time.Time, src expr.Source) { err = f(now, src) }); failed != nil {
		return failed
	}
	return refusal(err)
}

func message(code, value string) types.MessageData {
	return types.MessageData{Code: aws.String(code), Value: aws.String(value)}
}

// noSuchPage returns the error of an invalid token, without a message: recorded.
func noSuchPage() error { return &awsapi.Error{Code: "InvalidNextToken"} }

func checkDataRequest(c awsapi.Call, in *sdk.GetMetricDataInput) (*dataRequest, error) {
	switch n := len(in.MetricDataQueries); {
	case n == 0:
		return nil, missingParameter("The parameter MetricDataQueries is required.")
	case n > queriesMax:
		return nil, awsapi.Validation("The collection MetricDataQueries must not have a size greater than %d.", queriesMax)
	}
	q := &dataRequest{
		call: c, start: *in.StartTime, end: *in.EndTime, newest: in.ScanBy != types.ScanByTimestampAscending, most: dataMax,
		foreign: make([]bool, len(in.MetricDataQueries)),
	}
	var err error
	if q.queries, err = requestQueries(in.MetricDataQueries); err != nil {
		return nil, err
	}
	if !q.start.Before(q.end) {
		return nil, awsapi.Validation("The parameter StartTime must be less than the parameter EndTime.")
	}
	if in.MaxDatapoints != nil {
		q.most = int(*in.MaxDatapoints)
	}
	if q.most < 1 || q.most > dataMax {
		return nil, awsapi.Validation("The parameter MaxDatapoints must be between 1 and %d.", dataMax)
	}
	q.zone = time.UTC
	if in.LabelOptions != nil {
		if q.zone, err = timezone(aws.ToString(in.LabelOptions.Timezone)); err != nil {
			return nil, err
		}
	}
	if err := q.compile(); err != nil {
		return nil, err
	}
	return q, q.turn(in)
}

// compile checks the expressions. Metrics of other accounts have no datapoints, and a message states the reason.
func (q *dataRequest) compile() error {
	queries, searches := slices.Clone(q.queries), 0
	for i := range queries {
		x := &queries[i]
		searches += strings.Count(x.Expression, "SEARCH(")
		if q.foreign[i] = x.Account != "" && x.Account != q.call.Account; q.foreign[i] && x.Stat != nil {
			stat := *x.Stat
			stat.Metric = metric.ID{}
			x.Stat = &stat
		}
	}
	if searches > searchesMax { // AWS: user guide, search expression syntax
		return awsapi.Validation("The request has %d SEARCH expressions, which exceeds the limit of %d.", searches, searchesMax)
	}
	program, err := expr.Compile(queries)
	if bad := (*expr.Error)(nil); errors.As(err, &bad) {
		return awsapi.Validation("%s", bad)
	}
	q.program = program
	return err
}

// turn reads the token of an earlier page. It is bound to all of the request except itself and the page size.
func (q *dataRequest) turn(in *sdk.GetMetricDataInput) error {
	rest := *in
	rest.NextToken, rest.MaxDatapoints = nil, nil
	text, err := json.Marshal(&rest)
	if err != nil {
		return err
	}
	q.bind = fmt.Sprint("data", q.call.Account, q.call.Region, string(text))
	if in.NextToken == nil {
		return nil
	}
	at, err := awsapi.Open(*in.NextToken, q.bind)
	if err != nil {
		return noSuchPage()
	}
	if q.later = at != ""; q.later {
		if q.now, q.skip, err = parsePosition(at); err != nil {
			return noSuchPage()
		}
	}
	return nil
}

// position encodes where a page ended: the time of the first page, and how many periods of each source have been read. Periods
// do not change while datapoints are added and removed.
func position(now time.Time, read []int) string {
	var b strings.Builder
	b.WriteString(strconv.FormatInt(now.Unix(), 10))
	for _, n := range read {
		b.WriteByte(',')
		b.WriteString(strconv.Itoa(n))
	}
	return b.String()
}

func parsePosition(s string) (time.Time, []int, error) {
	first, rest, _ := strings.Cut(s, ",")
	unix, err := strconv.ParseInt(first, 10, 64)
	if err != nil {
		return time.Time{}, nil, err
	}
	var read []int
	for text := range strings.SplitSeq(rest, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return time.Time{}, nil, fmt.Errorf("%q is not a position", s)
		}
		read = append(read, n)
	}
	return time.Unix(unix, 0).UTC(), read, nil
}

func (q *dataRequest) options(ctx context.Context) expr.Options {
	return expr.Options{
		More: func() bool { return ctx.Err() == nil }, Frame: q.frame, Now: q.now, Account: q.call.Account, Unit: pickUnit, Most: q.most, Skip: q.skip, Newest: q.newest,
	}
}

// render adds the results: metrics first, then expressions, as recorded.
func (q *dataRequest) render(results []expr.Result, found []*expr.Origin) []types.MetricDataResult {
	names := q.naming(found)
	byQuery := make([][]*expr.Result, len(q.queries))
	for i := range results {
		byQuery[results[i].Query] = append(byQuery[results[i].Query], &results[i])
	}
	out := make([]types.MetricDataResult, 0, len(results))
	for _, expressions := range []bool{false, true} {
		for i := range q.queries {
			if q.queries[i].Hidden || (q.queries[i].Stat == nil) != expressions {
				continue
			}
			if q.forbidden(i) {
				out = append(out, q.refusedResult(i, names))
				continue
			}
			for _, r := range byQuery[i] {
				out = append(out, q.result(r, names))
			}
		}
	}
	return out
}

// forbidden reports whether a query reads another account's metrics, directly or through other queries.
func (q *dataRequest) forbidden(i int) bool {
	return q.foreign[i] || slices.ContainsFunc(q.program.Uses(i), q.forbidden)
}

// refusedResult is the result of such a query. AWS: recorded.
func (q *dataRequest) refusedResult(i int, names *naming) types.MetricDataResult {
	empty := &expr.Result{Query: i, Origin: q.origin(i)}
	return types.MetricDataResult{
		Id: aws.String(q.queries[i].ID), Label: aws.String(q.label(empty, names)), StatusCode: types.StatusCodeForbidden,
		Timestamps: []time.Time{}, Values: []float64{},
		Messages: []types.MessageData{message("Forbidden",
			"Access denied when getting data - please check that this account and the requested metric account are linked")},
	}
}

func (q *dataRequest) result(r *expr.Result, names *naming) types.MetricDataResult {
	x := &q.queries[r.Query]
	out := types.MetricDataResult{Id: aws.String(x.ID), Label: aws.String(q.label(r, names)), StatusCode: types.StatusCodeComplete}
	out.Timestamps, out.Values = make([]time.Time, 0, len(r.Values)), make([]float64, 0, len(r.Values))
	for i, v := range r.Values {
		if !math.IsNaN(v) {
			out.Timestamps, out.Values = append(out.Timestamps, r.At(i).UTC()), append(out.Values, v)
		}
	}
	if q.newest {
		slices.Reverse(out.Timestamps)
		slices.Reverse(out.Values)
	}
	if r.Partial {
		out.StatusCode = types.StatusCodePartialData
		if x.Stat == nil { // recorded
			out.Messages = append(out.Messages, message("PartialData",
				"The expression may contain partial data as one or more metrics have StatusCode 'Paginated'"))
		}
	}
	if r.Dropped { // AWS: GetMetricData's own text
		out.Messages = append(out.Messages, message("ArithmeticError",
			"One or more data-points have been dropped due to non-numeric values (NaN, -Infinite, +Infinite)"))
	}
	if x.Stat != nil && len(r.Origin.Units) > 1 { // recorded
		out.Messages = append(out.Messages, message("MultipleUnits", "Multiple units returned: '["+strings.Join(sortedUnits(r.Origin.Units), ", ")+"]'"))
	}
	return out
}

// origin returns the origin of a metric query, nil for an expression.
func (q *dataRequest) origin(i int) *expr.Origin {
	s := q.queries[i].Stat
	if s == nil {
		return nil
	}
	return &expr.Origin{Metric: s.Metric, Statistic: s.Statistic, Unit: s.Unit, Period: s.Period, Query: i}
}

// naming collects the metrics that labels must distinguish: those returned without a label, and those found by searches. AWS: recorded.
func (q *dataRequest) naming(found []*expr.Origin) *naming {
	var members []*expr.Origin
	for i := range q.queries {
		if x := &q.queries[i]; x.Stat != nil && !x.Hidden && x.Label == "" {
			members = append(members, q.origin(i))
		}
	}
	for _, o := range found {
		if q.queries[o.Query].Stat == nil {
			members = append(members, o)
		}
	}
	return newNaming(members)
}

// label returns a result's label. AWS: recorded; user guide: time series of an array are labelled with the expression's label and the metric's;
// using dynamic labels.
func (q *dataRequest) label(r *expr.Result, names *naming) string {
	x := &q.queries[r.Query]
	array := x.Stat == nil && q.program.Type(r.Query) == expr.Array
	own := x.ID
	if r.Origin != nil && (array || x.Stat != nil) {
		own = q.metricLabel(r, names)
	}
	switch {
	case isTemplate(x.Label):
		l := labelled{label: own, account: q.call.Account, region: q.call.Region, now: q.now, zone: q.zone, result: r}
		return l.render(template(x.Label))
	case x.Label == "":
		return own
	case array && r.Origin != nil:
		return x.Label + " " + own
	default:
		return x.Label
	}
}

// metricLabel returns the label of the metric that a result comes from: that of its query, or a generated one.
func (q *dataRequest) metricLabel(r *expr.Result, names *naming) string {
	o := r.Origin
	if from := &q.queries[o.Query]; from.Stat != nil && o.Query != r.Query && from.Label != "" && !isTemplate(from.Label) {
		return from.Label
	}
	if q.queries[o.Query].Stat != nil {
		o = q.origin(o.Query)
	}
	return names.label(o)
}
