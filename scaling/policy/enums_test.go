package policy_test

import (
	"encoding/json"
	"fmt"
	"testing"

	. "bellows.dev/bellows/scaling"
	"bellows.dev/bellows/scaling/policy"
	"bellows.dev/bellows/scaling/policy/predictive"
	"bellows.dev/bellows/scaling/policy/step"
	"bellows.dev/bellows/scaling/policy/tracking"
)

// The names of enums are AWS's and are read back; zero is no value's.
func TestNames(t *testing.T) {
	check(t, policy.ParseGroupType, "StepScaling", "TargetTrackingScaling", "SimpleScaling")
	check(t, predictive.ParseMode, "ForecastOnly", "ForecastAndScale")
	check(t, predictive.ParseBreachBehavior, "HonorMaxCapacity", "IncreaseMaxCapacity")
	check(t, step.ParseAdjustmentType, "ChangeInCapacity", "PercentChangeInCapacity", "ExactCapacity")
	check(t, step.ParseAggregation, "Average", "Minimum", "Maximum")
	check(t, tracking.ParseStatistic, "Average", "Minimum", "Maximum", "SampleCount", "Sum")
	named[ComparisonCode](t, "GreaterThanThreshold", "GreaterThanOrEqualToThreshold", "LessThanThreshold", "LessThanOrEqualToThreshold")
	named[Status](t, "Pending", "InProgress", "Successful", "Overridden", "Unfulfilled", "Failed")
	named[NotScaledCode](t, "AlreadyAtMaxCapacity", "AlreadyAtMinCapacity", "AlreadyAtDesiredCapacity", "AutoScalingAnticipatedFlapping",
		"TargetServicePutResourceAsUnscalable")
	named[Kind](t, "ValidationException", "ObjectNotFoundException", "LimitExceededException",
		"ResourceNotFoundException", "TooManyTagsException", "AlreadyExists", "ScalingActivityInProgress")
	named[Formula](t, "Change", "Percent", "Exact", "Tracking", "FromZero", "Forecast", "Wake", "Reason")
	named[CauseKind](t, "Alarm", "Minimum", "Maximum", "Executed", "Desired", "Constraints", "Created", "Replaced", "Deleted", "Schedule",
		"GroupSchedule", "Forecast", "Request", "Rule")
	named[Process](t, "Launch", "Terminate", "AddToLoadBalancer", "AlarmNotification", "AZRebalance", "HealthCheck", "InstanceRefresh",
		"ReplaceUnhealthy", "ScheduledActions")
	named[InstanceStatus](t, "InProgress", "WaitingForConnectionDraining", "Successful", "Failed", "Cancelled")
	named[RunOutcome](t, "Done", "Failed", "Suspended")
	named[Outcome](t, "Acted", "OutvotedBy", "NotAgreed", "HeldByCooldown", "AtMax", "AtMin", "AtDesired", "AnticipatedFlapping",
		"Unscalable", "SuspendedOut", "SuspendedIn", "ScaleInDisabled", "NoStepMatches", "NoData", "Quiet", "WouldAct",
		"ActivityInProgress", "WarmingUp", "ProcessSuspended", "PolicyDisabled", "HeldByForecast", "NoForecast", "Blind", "Unsettled")
}

// Predefined metrics are encoded by the numbers that they had before dimensions listed them; others by name.
func TestPredefinedMetricsAreEncodedAsBefore(t *testing.T) {
	for code, name := range map[string]tracking.PredefinedMetric{
		"0": "", "1": "SageMakerVariantInvocationsPerInstance", "2": "SageMakerVariantConcurrentRequestsPerModelHighResolution",
		"3": "SageMakerInferenceComponentInvocationsPerCopy", "4": "SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution",
		"5": "SageMakerVariantProvisionedConcurrencyUtilization", "6": "ASGAverageCPUUtilization", `"Other"`: "Other",
	} {
		text, err := json.Marshal(name)
		if err != nil || string(text) != code {
			t.Errorf("%s is encoded as %s, %v, want %s", name, text, err, code)
		}
		var back tracking.PredefinedMetric
		if err := json.Unmarshal([]byte(code), &back); err != nil || back != name {
			t.Errorf("%s is decoded as %s, %v, want %s", code, back, err, name)
		}
	}
}

type enum interface {
	~int
	fmt.Stringer
}

func check[E enum](t *testing.T, parse func(string) E, names ...string) {
	t.Helper()
	named[E](t, names...)
	for i, name := range names {
		if got := parse(name); got != E(i+1) {
			t.Errorf("%s is read as %d, want %d", name, got, i+1)
		}
	}
	for _, none := range []string{"", "invalid", "other"} {
		if got := parse(none); got != 0 {
			t.Errorf("%q is read as %s", none, got)
		}
	}
}

func named[E enum](t *testing.T, names ...string) {
	t.Helper()
	for i, name := range names {
		if got := E(i + 1).String(); got != name {
			t.Errorf("%T %d is named %s, want %s", E(0), i+1, got, name)
		}
	}
	for _, none := range []E{0, E(len(names) + 1)} {
		if none.String() != "invalid" {
			t.Errorf("%T %d is named %s", none, int(none), none)
		}
	}
}
