package awsapi

import (
	"errors"
	"strings"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
)

// hostingKinds are the resource types in ARNs of SageMaker.
var hostingKinds = map[hosting.Resource]string{
	hosting.ResourceModel: "model", hosting.ResourceConfig: "endpoint-config", hosting.ResourceEndpoint: "endpoint",
}

// HostingARN returns the ARN of one of SageMaker's resources. AWS: names in SageMaker's ARNs are in lower case.
func HostingARN(s engine.Scope, r hosting.Resource, name string) string {
	return ARN(s, "sagemaker", hostingKinds[r]+"/"+strings.ToLower(name))
}

// ParseHostingARN reads the ARN of one of SageMaker's resources; ok is false where the text is no such ARN of the scope. The name is in lower case.
func ParseHostingARN(s engine.Scope, text string) (r hosting.Resource, name string, ok bool) {
	rest, ok := strings.CutPrefix(text, ARN(s, "sagemaker", ""))
	kind, name, _ := strings.Cut(rest, "/")
	for r, k := range hostingKinds {
		if ok && k == kind && name != "" {
			return r, name, true
		}
	}
	return 0, "", false
}

// HostingRefusal converts hosting's refusals to SageMaker's errors; other errors are returned unchanged. Application Auto Scaling passes on errors
// of the resources that it scales.
func HostingRefusal(s engine.Scope, err error) error {
	var e *hosting.Error
	if !errors.As(err, &e) {
		return err
	}
	what := HostingARN(s, e.Resource, e.Name)
	switch e.Kind {
	case hosting.KindNotFound:
		if e.Resource == hosting.ResourceVariant {
			return Validation("Could not find variant %q.", e.Name)
		}
		return Validation("Could not find %s %q.", e.Resource, what)
	case hosting.KindExists:
		return Validation("Cannot create already existing %s %q.", e.Resource, what)
	case hosting.KindInProgress:
		return Validation("Cannot update in-progress %s %q.", e.Resource, what)
	case hosting.KindFailed:
		return Validation("Cannot update failed %s %q. It can only be deleted.", e.Resource, what)
	case hosting.KindLimit:
		return &Error{Code: "ResourceLimitExceeded", Message: e.Msg}
	default:
		return Validation("%s", e.Msg)
	}
}
