package listing

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"bellows.dev/bellows/internal/client"
	"bellows.dev/bellows/internal/term"
)

// MetricsQuery selects the datapoints of metrics of a variant.
type MetricsQuery struct {
	Endpoint, Variant string
	Metric            string        // as `bellows metrics` without --metric names it; "": those that matter most
	Statistic         string        // Average, Sum, Minimum, Maximum, SampleCount, or a percentile such as p99; "": the metric's usual one
	Namespace         string        // with Dimensions: any metric
	Dimensions        []string      // NAME=VALUE
	Since             time.Duration // from now back
	Until             time.Time     // zero: now
	Period            time.Duration // of datapoints; 0: so that a terminal shows each
}

// known are the metrics of a variant. AWS: Amazon SageMaker metrics in CloudWatch.
var known = []struct{ name, namespace, statistic string }{
	{"Invocations", "AWS/SageMaker", "Sum"},
	{"InvocationsPerInstance", "AWS/SageMaker", "Sum"},
	{"ModelLatency", "AWS/SageMaker", "p99"},
	{"OverheadLatency", "AWS/SageMaker", "p99"},
	{"Invocation4XXErrors", "AWS/SageMaker", "Sum"},
	{"Invocation5XXErrors", "AWS/SageMaker", "Sum"},
	{"CPUUtilization", "/aws/sagemaker/Endpoints", "Average"},
	{"MemoryUtilization", "/aws/sagemaker/Endpoints", "Average"},
}

// usual are the metrics that are shown where none is named.
var usual = []string{"Invocations", "ModelLatency", "CPUUtilization"}

// KnownMetrics returns the names of a variant's metrics.
func KnownMetrics() []string {
	var names []string
	for _, k := range known {
		names = append(names, k.name)
	}
	return names
}

// metricAnswer is what the command prints as JSON: GetMetricData's results.
type metricAnswer struct {
	From, To          time.Time
	Period            int // seconds
	MetricDataResults []types.MetricDataResult
}

// columns is how many datapoints a chart shows.
const columns = 140

// Metrics returns a chart of each metric that is asked for.
func Metrics(ctx context.Context, c *client.Client, q MetricsQuery) (term.Answer, error) {
	queries, err := q.queries()
	if err != nil {
		return term.Answer{}, err
	}
	if q.Until.IsZero() {
		if q.Until, err = now(ctx, c); err != nil {
			return term.Answer{}, err
		}
	}
	if q.Period == 0 {
		q.Period = max(time.Minute, (q.Since / columns).Round(time.Minute))
	}
	to := q.Until.Truncate(q.Period).Add(q.Period)
	from := q.Until.Add(-q.Since).Truncate(q.Period)
	for i := range queries {
		queries[i].MetricStat.Period = aws.Int32(int32(q.Period / time.Second))
	}
	answer := metricAnswer{From: from, To: to, Period: int(q.Period / time.Second), MetricDataResults: []types.MetricDataResult{}}
	pages := cloudwatch.NewGetMetricDataPaginator(c.CloudWatch, &cloudwatch.GetMetricDataInput{
		StartTime: &from, EndTime: &to, MetricDataQueries: queries, ScanBy: types.ScanByTimestampAscending,
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return term.Answer{}, err
		}
		for _, r := range page.MetricDataResults {
			i := slices.IndexFunc(answer.MetricDataResults, func(x types.MetricDataResult) bool { return *x.Id == *r.Id })
			if i < 0 {
				answer.MetricDataResults = append(answer.MetricDataResults, r)
				continue
			}
			x := &answer.MetricDataResults[i]
			x.Timestamps, x.Values = append(x.Timestamps, r.Timestamps...), append(x.Values, r.Values...)
		}
	}
	a := term.Answer{JSON: answer}
	for i, r := range answer.MetricDataResults {
		if i > 0 {
			a.Blocks = append(a.Blocks, term.Line{})
		}
		chart := term.Chart{From: from, To: to, Series: term.Series{Label: aws.ToString(r.Label)}}
		for j, at := range r.Timestamps {
			chart.Series.Points = append(chart.Series.Points, term.Point{At: at, Value: r.Values[j]})
		}
		a.Blocks = append(a.Blocks, chart)
	}
	return a, nil
}

// now returns the server's policy time, in which datapoints have their times.
func now(ctx context.Context, c *client.Client) (time.Time, error) {
	if c.AWS() {
		return time.Now(), nil
	}
	var s struct {
		PolicyTime time.Time `json:"policy_time"`
	}
	err := c.Read(ctx, "session", nil, &s)
	return s.PolicyTime, err
}

// queries returns a query for each metric.
func (q MetricsQuery) queries() ([]types.MetricDataQuery, error) {
	if q.Namespace != "" {
		if q.Metric == "" {
			return nil, fmt.Errorf("--namespace needs --metric")
		}
		var dimensions []types.Dimension
		for _, d := range q.Dimensions {
			name, value, found := strings.Cut(d, "=")
			if !found || name == "" || value == "" {
				return nil, fmt.Errorf("--dimension is %q; want NAME=VALUE", d)
			}
			dimensions = append(dimensions, types.Dimension{Name: &name, Value: &value})
		}
		return []types.MetricDataQuery{query(0, q.Namespace, q.Metric, orElse(q.Statistic, "Average"), dimensions)}, nil
	}
	names := usual
	if q.Metric != "" {
		names = strings.Split(q.Metric, ",")
	}
	var out []types.MetricDataQuery
	for _, name := range names {
		i := slices.IndexFunc(known, func(k struct{ name, namespace, statistic string }) bool { return k.name == name })
		if i < 0 {
			return nil, fmt.Errorf("--metric is %q; want %s, or --namespace and --dimension with it", name, strings.Join(KnownMetrics(), ", "))
		}
		k := known[i]
		out = append(out, query(len(out), k.namespace, k.name, orElse(q.Statistic, k.statistic), []types.Dimension{
			{Name: aws.String("EndpointName"), Value: &q.Endpoint}, {Name: aws.String("VariantName"), Value: &q.Variant},
		}))
	}
	return out, nil
}

func orElse(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func query(i int, namespace, metric, statistic string, dimensions []types.Dimension) types.MetricDataQuery {
	id, label := fmt.Sprintf("m%d", i), metric+" "+statistic
	return types.MetricDataQuery{Id: &id, Label: &label, MetricStat: &types.MetricStat{
		Metric: &types.Metric{Namespace: &namespace, MetricName: &metric, Dimensions: dimensions}, Stat: &statistic,
	}}
}

// listedMetrics is what the command prints as JSON.
type listedMetrics struct {
	Metrics []types.Metric
}

// MetricNames lists the metrics that there are, in a namespace or, with "", in all.
func MetricNames(ctx context.Context, c *client.Client, namespace string) (term.Answer, error) {
	in := &cloudwatch.ListMetricsInput{}
	if namespace != "" {
		in.Namespace = &namespace
	}
	all := []types.Metric{}
	for pages := cloudwatch.NewListMetricsPaginator(c.CloudWatch, in); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return term.Answer{}, err
		}
		all = append(all, page.Metrics...)
	}
	t := term.Table{Header: []string{"NAMESPACE", "METRIC", "DIMENSIONS"}, Empty: "There is no metric yet: they appear with the first invocation."}
	for _, m := range all {
		var dimensions []string
		for _, d := range m.Dimensions {
			dimensions = append(dimensions, aws.ToString(d.Name)+"="+aws.ToString(d.Value))
		}
		t.Rows = append(t.Rows, []term.Cell{term.Plain(aws.ToString(m.Namespace)), term.Plain(aws.ToString(m.MetricName)), term.Plain(strings.Join(dimensions, " "))})
	}
	return term.Answer{JSON: listedMetrics{all}, Blocks: []term.Block{t}}, nil
}
