package sagemaker

import (
	"errors"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/awsapi"
)

// Refusal converts hosting's refusals to SageMaker's errors; other errors are returned unchanged. Application Auto Scaling passes on errors of
// the resources that it scales.
func Refusal(s engine.Scope, err error) error {
	var e *hosting.Error
	if !errors.As(err, &e) {
		return err
	}
	what := arn(s, e.Resource, e.Name)
	switch e.Kind {
	case hosting.KindNotFound:
		if e.Resource == hosting.ResourceVariant {
			return awsapi.Validation("Could not find variant %q.", e.Name)
		}
		return awsapi.Validation("Could not find %s %q.", e.Resource, what)
	case hosting.KindExists:
		return awsapi.Validation("Cannot create already existing %s %q.", e.Resource, what)
	case hosting.KindInProgress:
		return awsapi.Validation("Cannot update in-progress %s %q.", e.Resource, what)
	case hosting.KindFailed:
		return awsapi.Validation("Cannot update failed %s %q. It can only be deleted.", e.Resource, what)
	case hosting.KindLimit:
		return &awsapi.Error{Code: "ResourceLimitExceeded", Message: e.Msg}
	default:
		return awsapi.Validation("%s", e.Msg)
	}
}
