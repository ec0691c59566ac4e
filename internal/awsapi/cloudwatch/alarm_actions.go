package cloudwatch

import (
	"slices"
	"strings"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/awsapi"
)

// vendors are the services of an alarm's actions, and of a composite alarm's, which neither scale nor act on instances.
// AWS: recorded; CloudWatch user guide, composite alarms.
var (
	vendors          = []string{"automate", "sns", "autoscaling", "ssm", "ssm-incidents", "lambda", "aiops"}
	compositeVendors = []string{"sns", "ssm", "ssm-incidents", "lambda", "aiops"}
)

// actionsMax is how many actions an alarm may have for a state. AWS: PutMetricAlarm, API reference.
const actionsMax = 5

func actions(s engine.Scope, vendors, onOK, onAlarm, onInsufficient []string) ([]alarm.Action, error) {
	var out []alarm.Action
	for _, list := range []struct {
		on   alarm.State
		name string
		arns []string
	}{
		{alarm.OK, "OKActions", onOK}, {alarm.InAlarm, "AlarmActions", onAlarm},
		{alarm.InsufficientData, "InsufficientDataActions", onInsufficient},
	} {
		if len(list.arns) > actionsMax {
			return nil, awsapi.Validation("The collection %s must not have a size greater than %d.", list.name, actionsMax)
		}
		for _, text := range list.arns {
			x, err := action(s, vendors, text)
			if err != nil {
				return nil, err
			}
			x.On = list.on
			if slices.Contains(out, x) {
				return nil, awsapi.Validation("The collection %s must not have duplicates.", list.name)
			}
			out = append(out, x)
		}
	}
	return out, nil
}

// action parses an ARN. Its target need not exist, as on AWS.
func action(s engine.Scope, vendors []string, text string) (alarm.Action, error) {
	parts := strings.SplitN(text, ":", 6)
	if len(parts) < 6 || parts[0] != "arn" || parts[5] == "" {
		return alarm.Action{}, awsapi.Validation("Invalid arn syntax: %s", text)
	}
	if !slices.Contains(vendors, parts[2]) {
		return alarm.Action{}, awsapi.Validation("Unsupported AWS vendor %s", parts[2])
	}
	if parts[3] != s.Region && parts[3] != "" {
		return alarm.Action{}, awsapi.Validation("Invalid region %s specified. Only %s is supported.", parts[3], s.Region)
	}
	x := alarm.Action{ARN: text}
	if target, policy, ok := awsapi.ParsePolicyARN(s, text); ok {
		x.Target, x.Policy = target, policy
	}
	return x, nil
}
