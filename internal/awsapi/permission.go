package awsapi

import (
	"net/http"
	"reflect"
	"strings"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/awsapi/wire"
)

// readPrefixes begin the names of operations that change nothing. The rule errs on the safe side: an operation of another name changes something.
var readPrefixes = []string{"Describe", "List", "Get", "Filter"}

// Reads reports whether an operation changes nothing, so that a read-only key may call it.
func Reads(operation string) bool {
	for _, p := range readPrefixes {
		if strings.HasPrefix(operation, p) {
			return true
		}
	}
	return false
}

// UserARN returns the ARN of an IAM user.
func UserARN(account, user string) string { return "arn:aws:iam::" + account + ":user/" + user }

// DeniedMessage is AWS's text for a caller who may not perform an action, such as sagemaker:CreateEndpoint, on a resource, which is "" for actions
// without one. AWS: IAM user guide, troubleshoot access denied error messages.
func DeniedMessage(account string, caller Caller, action, resource string) string {
	if resource != "" {
		resource = " on resource: " + resource
	}
	return "User: " + UserARN(account, caller.User) + " is not authorized to perform: " + action + resource +
		" because no identity-based policy allows the " + action + " action"
}

// permit refuses an operation that changes something to a read-only key. AWS checks permissions after it has decoded the request, and before the
// service looks at it. The status is 400 in JSON and CBOR, 403 in Query.
func (q *request) permit(in any) error {
	if !q.ReadOnly || Reads(q.Operation) {
		return nil
	}
	status := http.StatusBadRequest
	if q.protocol == wire.Query {
		status = http.StatusForbidden
	}
	return &Error{
		Code: "AccessDeniedException", Query: "AccessDenied", Status: status,
		Message: DeniedMessage(q.Account, q.Caller, namespace(q.service.Signing)+":"+q.Operation, resourceOf(q.Scope, q.service.Signing, in)),
	}
}

// named is a member of inputs that names a resource.
type named struct{ member, prefix string }

// resources are the members that name the resource of an operation, by the service that requests are signed for. The first that is given counts.
// AWS: service authorization reference, resource types.
var resources = map[string][]named{
	"sagemaker":   {{"EndpointName", "endpoint/"}, {"EndpointConfigName", "endpoint-config/"}, {"ModelName", "model/"}},
	"monitoring":  {{"AlarmName", "alarm:"}, {"AlarmNames", "alarm:"}, {"AlarmMuteRuleName", "alarm-mute-rule:"}, {"Name", "alarm-mute-rule:"}},
	"autoscaling": {{"AutoScalingGroupName", "autoScalingGroup:*:autoScalingGroupName/"}},
}

// resourceOf returns the ARN of the resource that an input names, "" where it names none.
func resourceOf(s engine.Scope, service string, in any) string {
	for _, member := range []string{"ResourceArn", "ResourceARN"} {
		if arn := textOf(in, member); arn != "" {
			return printable(arn)
		}
	}
	if service == "application-autoscaling" {
		return ARN(s, service, "scalable-target/*")
	}
	for _, n := range resources[service] {
		if name := textOf(in, n.member); name != "" {
			if service == "sagemaker" {
				name = strings.ToLower(name) // as in SageMaker's ARNs
			}
			return ARN(s, namespace(service), n.prefix+printable(name))
		}
	}
	return ""
}

// namespace returns a service's name in ARNs and actions. It differs from the name that requests are signed for only for CloudWatch.
func namespace(signing string) string {
	if signing == "monitoring" {
		return "cloudwatch"
	}
	return signing
}

// textOf returns a member of an input that is a text, or the first of its texts; "" where there is none.
func textOf(in any, member string) string {
	v := reflect.Indirect(reflect.ValueOf(in))
	if v.Kind() != reflect.Struct {
		return ""
	}
	v = v.FieldByName(member)
	if v.Kind() == reflect.Slice && v.Len() > 0 {
		v = v.Index(0)
	}
	if v = reflect.Indirect(v); v.Kind() == reflect.String {
		return v.String()
	}
	return ""
}
