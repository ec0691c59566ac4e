package awsapi

import (
	"strings"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/scaling"
)

// PolicyARN names a scaling policy: all policies of a target carry the target's UUID. AWS: recorded.
func PolicyARN(s engine.Scope, t *scaling.Target, policy string) string {
	return ARN(s, "autoscaling", "scalingPolicy:"+t.UUID+":resource/"+scaling.Namespace+"/"+t.Key.ResourceID+":policyName/"+policy)
}

// createdBy begins the suffix of actions of target tracking's own alarms; a UUID follows.
const createdBy = ":createdBy/"

// ActionARN names a policy as its alarms' actions do: those of a target tracking policy's own alarms have a suffix. AWS: recorded.
func ActionARN(s engine.Scope, t *scaling.Target, p *scaling.Policy) string {
	arn := PolicyARN(s, t, p.Name)
	if p.CreatedBy != "" {
		arn += createdBy + p.CreatedBy
	}
	return arn
}

// GroupPolicyARN names a policy of a variant's Auto Scaling group: each has an identifier of its own.
func GroupPolicyARN(s engine.Scope, k scaling.TargetKey, id, policy string) string {
	return ARN(s, "autoscaling", "scalingPolicy:"+id+":autoScalingGroupName/"+k.GroupName()+":policyName/"+policy)
}

// ParsePolicyARN reads a policy's ARN, with or without the suffix of its alarms' actions, and returns the identifier of its
// target, for a group's policy its own, and its name. ok is false where the text is no such ARN of the scope.
func ParsePolicyARN(s engine.Scope, text string) (target, policy string, ok bool) {
	rest, ok := strings.CutPrefix(text, ARN(s, "autoscaling", "scalingPolicy:"))
	if !ok {
		return "", "", false
	}
	uuid, rest, _ := strings.Cut(rest, ":")
	_, policy, ok = strings.Cut(rest, ":policyName/")
	if at := len(policy) - len(createdBy) - 36; at > 0 && strings.HasPrefix(policy[at:], createdBy) && !strings.Contains(policy[at+len(createdBy):], "/") {
		policy = policy[:at] // a policy's name may hold all but that before a UUID
	}
	if strings.HasPrefix(rest, "autoScalingGroupName/") {
		return uuid, policy, ok && len(uuid) == 36 && policy != ""
	}
	return scaling.ID36(uuid), policy, ok && len(uuid) == 36 && policy != ""
}
