package cloudwatch

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/awsapi"
	"bellows.dev/bellows/metric"
)

// AWS: PutMetricData, API reference.
const (
	datumsMax     = 1000
	valuesMax     = 150
	dimensionsMax = 30
	oldest        = 14 * 24 * time.Hour
	newest        = 2 * time.Hour
)

func (a *API) putMetricData(ctx context.Context, c awsapi.Call, in *sdk.PutMetricDataInput) (*sdk.PutMetricDataOutput, error) {
	if strings.HasPrefix(*in.Namespace, "AWS/") {
		return nil, invalidValue("The value AWS/ for parameter Namespace is invalid.")
	}
	if len(in.MetricData) > datumsMax {
		return nil, invalidValue("The collection MetricData must not have a size greater than %d.", datumsMax)
	}
	if len(in.MetricData) == 0 {
		return nil, missingParameter("The parameter MetricData is required.")
	}
	var now time.Time
	if err := a.backend.View(ctx, func(at time.Time, _ *engine.Engine) { now = at }); err != nil {
		return nil, err
	}
	data := make([]metric.Datum, 0, len(in.MetricData))
	for i := range in.MetricData {
		d, err := datum(now, *in.Namespace, &in.MetricData[i], fmt.Sprintf("MetricData.member.%d", i+1))
		if err != nil {
			return nil, err
		}
		data = append(data, d)
	}
	_, err := a.backend.Step(ctx, engine.PutMetricData{Scope: c.Scope, Data: data})
	return &sdk.PutMetricDataOutput{}, refusal(err)
}

// datum checks one element of PutMetricData; path names it in refusals.
func datum(now time.Time, namespace string, in *types.MetricDatum, path string) (metric.Datum, error) {
	var d metric.Datum
	if err := checkDimensions(in.Dimensions, path); err != nil {
		return d, err
	}
	d = metric.Datum{
		ID: metric.NewID(namespace, *in.MetricName, dimensions(in.Dimensions)...), At: now, Resolution: metric.StandardResolution, Unit: "None",
	}
	if in.Timestamp != nil {
		d.At = *in.Timestamp
	}
	if d.At.Before(now.Add(-oldest)) || d.At.After(now.Add(newest)) {
		return d, invalidValue("The parameter %s.Timestamp must specify a time no older than two weeks and no more than two hours ahead.", path)
	}
	if in.Unit != "" {
		d.Unit = string(in.Unit)
	}
	switch aws.ToInt32(in.StorageResolution) {
	case 1:
		d.Resolution = metric.HighResolution
	case 0, 60:
	default:
		return d, invalidValue("The value %d for parameter %s.StorageResolution is invalid.", *in.StorageResolution, path)
	}
	return d, summarize(&d.Summary, in, path)
}

func checkDimensions(ds []types.Dimension, path string) error {
	if len(ds) > dimensionsMax {
		return invalidValue("The collection %s.Dimensions must not have a size greater than %d.", path, dimensionsMax)
	}
	seen := map[string]bool{}
	for i, d := range ds {
		for what, text := range map[string]string{"Name": aws.ToString(d.Name), "Value": aws.ToString(d.Value)} {
			ascii := strings.IndexFunc(text, func(r rune) bool { return r > 126 || r < 32 }) < 0
			if strings.TrimSpace(text) == "" || !ascii || what == "Name" && text[0] == ':' {
				return invalidValue("The value %s for parameter %s.Dimensions.member.%d.%s is invalid.", text, path, i+1, what)
			}
		}
		if seen[*d.Name] {
			return invalidValue("The parameter %s.Dimensions contains duplicate dimension name: %s.", path, *d.Name)
		}
		seen[*d.Name] = true
	}
	return nil
}

// summarize turns a datum's values into samples. Statistic sets win over Values: recorded.
func summarize(s *metric.Summary, in *types.MetricDatum, path string) error {
	both := func(a, b string) error {
		return invalidCombination("The parameters %s.%s and %s.%s are mutually exclusive and you have specified both.", path, a, path, b)
	}
	switch {
	case in.Value != nil && len(in.Values) > 0:
		return both("Value", "Values")
	case in.Value != nil && in.StatisticValues != nil:
		return both("Value", "StatisticValues")
	case in.StatisticValues != nil:
		return statisticSet(s, in.StatisticValues, path)
	case in.Value != nil:
		if err := checkValue(*in.Value, path+".Value"); err != nil {
			return err
		}
		s.Add(*in.Value, 1)
		return nil
	case len(in.Values) > 0:
		return values(s, in, path)
	default:
		return missingParameter("At least one of the parameters %s.Value, %s.Values and %s.StatisticValues must be specified.", path, path, path)
	}
}

func values(s *metric.Summary, in *types.MetricDatum, path string) error {
	if len(in.Values) > valuesMax {
		return invalidValue("The collection %s.Values must not have a size greater than %d.", path, valuesMax)
	}
	if len(in.Counts) > 0 && len(in.Counts) != len(in.Values) {
		return invalidValue("The parameters %s.Values and %s.Counts must be of the same size.", path, path)
	}
	for i, v := range in.Values {
		n := 1.0
		if len(in.Counts) > 0 {
			n = in.Counts[i]
		}
		if err := checkValue(v, fmt.Sprintf("%s.Values.member.%d", path, i+1)); err != nil {
			return err
		}
		if !(n >= 0) || n > valueMax {
			return invalidValue("The value %v for parameter %s.Counts.member.%d is invalid.", n, path, i+1)
		}
		if n > 0 {
			s.Add(v, n)
		}
	}
	return nil
}

func statisticSet(s *metric.Summary, in *types.StatisticSet, path string) error {
	for name, v := range map[string]float64{"SampleCount": *in.SampleCount, "Sum": *in.Sum, "Minimum": *in.Minimum, "Maximum": *in.Maximum} {
		if err := checkValue(v, path+".StatisticValues."+name); err != nil {
			return err
		}
	}
	if *in.SampleCount <= 0 {
		return invalidValue("The value %v for parameter %s.StatisticValues.SampleCount is invalid.", *in.SampleCount, path)
	}
	if *in.Maximum < *in.Minimum {
		return invalidValue("The parameter %s.StatisticValues.Maximum must be greater than or equal to %s.StatisticValues.Minimum.", path, path)
	}
	s.StatisticSet = metric.StatisticSet{Count: *in.SampleCount, Sum: *in.Sum, Min: *in.Minimum, Max: *in.Maximum}
	return nil
}

// valueMax bounds values on both sides. AWS: MetricDatum, Value.
var valueMax = math.Pow(2, 360)

func checkValue(v float64, path string) error {
	if !(math.Abs(v) <= valueMax) {
		return invalidValue("The value %v for parameter %s is invalid.", v, path)
	}
	return nil
}
