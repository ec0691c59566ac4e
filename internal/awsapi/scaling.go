package awsapi

import (
	"errors"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/scaling"
)

// ScalingRefusal converts refusals of package scaling to Application Auto Scaling's errors, and those of the resources that it scales as
// HostingRefusal does; other errors are returned unchanged.
func ScalingRefusal(s engine.Scope, err error) error {
	var e *scaling.Error
	if !errors.As(err, &e) {
		return HostingRefusal(s, err)
	}
	return &Error{Code: e.Kind.String(), Message: e.Msg}
}
