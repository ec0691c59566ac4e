package awsapi

import (
	"strings"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/scaling"
)

// PolicyARN returns the ARN of a scaling policy. All policies of a target contain the target's UUID. AWS: recorded.
func PolicyARN(s engine.Scope, t *scaling.Target, policy string) string {
	return ARN(s, "autoscaling", "scalingPolicy:"+t.UUID+":resource/"+t.Key.Dimension.Namespace()+"/"+t.Key.ResourceID+":policyName/"+policy)
}

// createdBy begins the suffix of action ARNs of target tracking's own alarms; a UUID follows.
const createdBy = ":createdBy/"

// ActionARN returns the ARN of a policy as used in alarm actions: those of a target tracking policy's own alarms have a suffix. AWS: recorded.
func ActionARN(s engine.Scope, t *scaling.Target, p *scaling.Policy) string {
	arn := PolicyARN(s, t, p.Name)
	if p.CreatedBy != "" {
		arn += createdBy + p.CreatedBy
	}
	return arn
}

// GroupPolicyARN returns the ARN of a policy of a variant's Auto Scaling group. Each policy has its own identifier.
func GroupPolicyARN(s engine.Scope, k scaling.TargetKey, id, policy string) string {
	return ARN(s, "autoscaling", "scalingPolicy:"+id+":autoScalingGroupName/"+k.GroupName()+":policyName/"+policy)
}

// ParsePolicyARN parses a policy's ARN, with or without the suffix of alarm actions, and returns the policy's name and the identifier of its
// target, or of the policy itself for a group's policy. ok is false if the text is not such an ARN of the scope.
func ParsePolicyARN(s engine.Scope, text string) (target, policy string, ok bool) {
	rest, ok := strings.CutPrefix(text, ARN(s, "autoscaling", "scalingPolicy:"))
	if !ok {
		return "", "", false
	}
	uuid, rest, _ := strings.Cut(rest, ":")
	_, policy, ok = strings.Cut(rest, ":policyName/")
	if at := len(policy) - len(createdBy) - 36; at > 0 && strings.HasPrefix(policy[at:], createdBy) && !strings.Contains(policy[at+len(createdBy):], "/") {
		policy = policy[:at] // a policy's name may contain createdBy, but not followed by a UUID
	}
	if strings.HasPrefix(rest, "autoScalingGroupName/") {
		return uuid, policy, ok && len(uuid) == 36 && policy != ""
	}
	return scaling.ID36(uuid), policy, ok && len(uuid) == 36 && policy != ""
}
