// Package cloudwatch implements CloudWatch's metrics and alarms as an awsapi.Service, in all three of its protocols. Each operation converts
// the SDK's input to an engine.Input, or reads a View, and refuses with CloudWatch's texts.
package cloudwatch

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/awsapi"
	"bellows.dev/bellows/internal/awsapi/wire"
	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/metric/expr"
)

// API implements the operations of CloudWatch.
type API struct {
	backend awsapi.Backend
	past    Past // nil: there is no metric history
}

// Past reads metrics from the metric history and memory; internal/history implements it.
type Past interface {
	// Metrics calls f with the metrics of a scope, a second time with the metric history if the first call finds that memory does not reach
	// back far enough. f must not retain the source.
	Metrics(ctx context.Context, scope engine.Scope, f func(now time.Time, src expr.Source)) error

	// Recall returns a metric's samples since a time that the engine's window may not have; false if it has all.
	Recall(ctx context.Context, scope engine.Scope, id metric.ID, back time.Duration) (engine.PastSamples, bool)

	// Kept returns the retention of datapoints of 1, 60, 300 and 3,600 seconds.
	Kept() [4]time.Duration
}

// New returns the service. past may be nil.
func New(b awsapi.Backend, past Past) *awsapi.Service {
	a := &API{b, past}
	wire.Union[types.EvaluationCriteria](&types.EvaluationCriteriaMemberPromQLCriteria{})
	wire.Union[types.EvaluationWindow](&types.EvaluationWindowMemberSlidingWindow{}, &types.EvaluationWindowMemberWallClockWindow{})
	s := &awsapi.Service{
		Name: "CloudWatch", Signing: "monitoring", Target: "GraniteServiceVersion20100801", CBOR: "GraniteServiceVersion20100801",
		Version: "2010-08-01", Namespace: "http://monitoring.amazonaws.com/doc/2010-08-01/",
		Shapes: "com.amazonaws.cloudwatch.v2010_08_01#",
		Required: func(member string) *awsapi.Error {
			return missingParameter("The parameter %s is required.", parameter(member))
		},
		Enum:      outsideSet,
		NotFinite: notFinite,
		Queries:   []string{"GetMetricData", "GetMetricStatistics", "ListMetrics"},
	}
	awsapi.Handle(s, "PutMetricData", a.putMetricData)
	awsapi.Handle(s, "ListMetrics", a.listMetrics)
	awsapi.Handle(s, "GetMetricStatistics", a.getMetricStatistics)
	awsapi.Handle(s, "GetMetricData", a.getMetricData)
	awsapi.Handle(s, "PutMetricAlarm", a.putMetricAlarm)
	awsapi.Handle(s, "DescribeAlarms", a.describeAlarms)
	awsapi.Handle(s, "DescribeAlarmsForMetric", a.describeAlarmsForMetric)
	awsapi.Handle(s, "DescribeAlarmHistory", a.describeAlarmHistory)
	awsapi.Handle(s, "DeleteAlarms", a.deleteAlarms)
	awsapi.Handle(s, "SetAlarmState", a.setAlarmState)
	awsapi.Handle(s, "EnableAlarmActions", a.enableAlarmActions)
	awsapi.Handle(s, "DisableAlarmActions", a.disableAlarmActions)
	awsapi.Handle(s, "TagResource", a.tagResource)
	awsapi.Handle(s, "UntagResource", a.untagResource)
	awsapi.Handle(s, "PutCompositeAlarm", a.putCompositeAlarm)
	awsapi.Handle(s, "DescribeAlarmContributors", a.describeAlarmContributors)
	awsapi.Handle(s, "ListTagsForResource", a.listTagsForResource)
	awsapi.Handle(s, "PutAlarmMuteRule", a.putAlarmMuteRule)
	awsapi.Handle(s, "GetAlarmMuteRule", a.getAlarmMuteRule)
	awsapi.Handle(s, "ListAlarmMuteRules", a.listAlarmMuteRules)
	awsapi.Handle(s, "DeleteAlarmMuteRule", a.deleteAlarmMuteRule)
	return s
}

// outsideSet returns the older operations' error of a value outside its enumeration; newer operations use the common text.
// AWS: recorded.
func outsideSet(operation, member string, allowed []string) *awsapi.Error {
	all := strings.Join(allowed, ", ")
	switch {
	case operation == "ListMetrics" && member == "recentlyActive":
		return invalidValue("Request parameter recentlyActive value is invalid")
	case operation == "GetMetricStatistics" && strings.HasSuffix(member, ".member"):
		return invalidValue("The parameter %s.<list element> must be a value in the set [%s].", parameter(member), all)
	case operation == "PutMetricData", operation == "GetMetricStatistics":
		return invalidValue("The parameter %s must be a value in the set [ %s ].", parameter(member), all)
	default:
		return nil
	}
}

// notFinite returns the error of NaN and infinite doubles, which is that of other numbers out of
// range. AWS: recorded.
func notFinite(operation, member, value string) *awsapi.Error {
	switch operation {
	case "PutMetricData":
		return invalidValue("The value %s for parameter %s is invalid.", value, parameter(member))
	case "PutMetricAlarm":
		return awsapi.Validation("PutMetricAlarm request should have valid Threshold parameter")
	default:
		return nil
	}
}

// parameter returns a member's path in the notation of Query requests: metricData.1.member.value is MetricData.member.1.Value.
func parameter(path string) string {
	parts := strings.Split(path, ".")
	for i, p := range parts {
		if p == "member" && i > 0 {
			parts[i-1], parts[i] = "member", parts[i-1]
		} else {
			parts[i] = strings.ToUpper(p[:1]) + p[1:]
		}
	}
	return strings.Join(parts, ".")
}

func refuse(code, query, format string, args ...any) *awsapi.Error {
	return &awsapi.Error{Code: code, Query: query, Message: fmt.Sprintf(format, args...)}
}

func invalidValue(format string, args ...any) *awsapi.Error {
	return refuse("InvalidParameterValueException", "InvalidParameterValue", format, args...)
}

func invalidCombination(format string, args ...any) *awsapi.Error {
	return refuse("InvalidParameterCombinationException", "InvalidParameterCombination", format, args...)
}

func missingParameter(format string, args ...any) *awsapi.Error {
	return refuse("MissingRequiredParameterException", "MissingParameter", format, args...)
}

// notFound returns the error of a missing resource, without a message: recorded.
func notFound() *awsapi.Error {
	return &awsapi.Error{Code: "ResourceNotFound", Status: http.StatusNotFound}
}

// refusal converts the engine's refusals to the service's errors.
func refusal(err error) error {
	if errors.Is(err, alarm.ErrNoAlarm) {
		return notFound()
	}
	if errors.Is(err, metric.ErrPending) {
		return refuse("ThrottlingException", "Throttling", "Rate exceeded: the metric history is too far behind.")
	}
	if errors.Is(err, alarm.ErrTooManyTags) {
		return invalidValue("tags are invalid.") // recorded
	}
	if errors.Is(err, alarm.ErrTooManyMuteRules) {
		return refuse("LimitExceededFault", "LimitExceeded", "There are %d alarm mute rules already.", alarm.MuteRulesMax)
	}
	if bad := (*alarm.Error)(nil); errors.As(err, &bad) {
		return awsapi.Validation("%s", bad.Msg)
	}
	if bad := (*awsapi.ErrToken)(nil); errors.As(err, &bad) {
		return refuse("InvalidNextToken", "", "Invalid NextToken : %s", bad.Token) // recorded
	}
	return err
}

// region calls f with the state of the call's region, an empty one if there is none yet.
func (a *API) region(ctx context.Context, c awsapi.Call, f func(now time.Time, r *engine.Region) error) error {
	var err error
	if failed := a.backend.View(ctx, func(now time.Time, e *engine.Engine) {
		r := e.Region(c.Scope)
		if r == nil {
			r = engine.EmptyRegion(c.Scope)
		}
		err = f(now, r)
	}); failed != nil {
		return failed
	}
	return refusal(err)
}

func dimensions(in []types.Dimension) []metric.Dimension {
	var out []metric.Dimension
	for _, d := range in {
		out = append(out, metric.Dimension{Name: aws.ToString(d.Name), Value: aws.ToString(d.Value)})
	}
	return out
}

func describeDimensions(in []metric.Dimension) []types.Dimension {
	out := []types.Dimension{}
	for _, d := range in {
		out = append(out, types.Dimension{Name: aws.String(d.Name), Value: aws.String(d.Value)})
	}
	return out
}
