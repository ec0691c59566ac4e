package cloudwatch

import (
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"bellows.dev/bellows/internal/awsapi"
	"bellows.dev/bellows/metric"
)

var queryID = regexp.MustCompile(`^[a-z][a-zA-Z0-9_]*$`)

// requestQueries checks the queries of GetMetricData, member by member. References between queries are checked by expr.Compile.
func requestQueries(in []types.MetricDataQuery) ([]metric.DataQuery, error) {
	const parameter = "MetricDataQueries"
	out := make([]metric.DataQuery, 0, len(in))
	seen := make(map[string]bool, len(in))
	for i := range in {
		q, err := requestQuery(&in[i], fmt.Sprintf("%s.member.%d", parameter, i+1))
		if err != nil {
			return nil, err
		}
		if seen[q.ID] {
			return nil, awsapi.Validation("The values for parameter id in %s are not unique.", parameter) // recorded
		}
		seen[q.ID] = true
		out = append(out, q)
	}
	return out, nil
}

// requestQuery checks one query. AWS: recorded unless a comment says otherwise; some texts end with a newline.
func requestQuery(in *types.MetricDataQuery, path string) (metric.DataQuery, error) {
	q := metric.DataQuery{
		ID: aws.ToString(in.Id), Label: aws.ToString(in.Label), Expression: aws.ToString(in.Expression), Account: aws.ToString(in.AccountId),
		Hidden: in.ReturnData != nil && !*in.ReturnData,
	}
	switch {
	case !queryID.MatchString(q.ID):
		return q, awsapi.Validation("The value for parameter %s.Id is not matching the expected pattern %s.", path, queryID)
	case in.Expression != nil && in.MetricStat != nil:
		return q, awsapi.Validation("The parameters %s.Expression and %s.MetricStat are mutually exclusive and you have specified both.", path, path)
	case in.Expression == nil && in.MetricStat == nil:
		return q, awsapi.Validation("The parameter %s.MetricStat is required.\n", path)
	}
	if err := checkTemplate(q.Label, path+".Label"); err != nil {
		return q, err
	}
	if in.Period != nil {
		if err := checkQueryPeriod(*in.Period, path+".Period"); err != nil {
			return q, err
		}
		q.Period = time.Duration(*in.Period) * time.Second
	}
	if in.MetricStat == nil {
		return q, nil
	}
	s, err := requestStat(in.MetricStat, path+".MetricStat")
	q.Stat = s
	return q, err
}

// requestStat checks a metric and its statistic; required members have been checked before.
func requestStat(in *types.MetricStat, path string) (*metric.MetricStat, error) {
	if err := checkQueryPeriod(*in.Period, path+".Period"); err != nil {
		return nil, err
	}
	statistic, err := metric.ParseStatistic(*in.Stat)
	if err != nil {
		return nil, awsapi.Validation("The value for parameter %s.Stat is not a valid statistic.\n", path)
	}
	for name, v := range map[string]*string{"Namespace": in.Metric.Namespace, "MetricName": in.Metric.MetricName} {
		if aws.ToString(v) == "" {
			return nil, awsapi.Validation("The parameter %s.Metric.%s is required.\n", path, name)
		}
	}
	id := metric.NewID(*in.Metric.Namespace, *in.Metric.MetricName, dimensions(in.Metric.Dimensions)...)
	return &metric.MetricStat{
		Metric: id, Statistic: statistic, Unit: string(in.Unit), Period: time.Duration(*in.Period) * time.Second,
	}, nil
}

// checkQueryPeriod refuses periods that are neither high-resolution periods nor multiples of a minute. AWS: recorded.
func checkQueryPeriod(seconds int32, path string) error {
	switch {
	case seconds == 0:
		return awsapi.Validation("The parameter %s must not equal 0.\n", path)
	case seconds < 60 && !slices.Contains([]int32{1, 5, 10, 20, 30}, seconds):
		return awsapi.Validation("The parameter %s must be a value in the set [1, 5, 10, 20, 30].\n", path)
	case seconds >= 60 && seconds%60 != 0:
		return awsapi.Validation("The parameter %s must be a multiple of 60.\n", path)
	default:
		return nil
	}
}
