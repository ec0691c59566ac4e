package dimension_test

import (
	"errors"
	"testing"

	. "bellows.dev/bellows/engine/dimension"
	"bellows.dev/bellows/scaling"
)

// AWS: RegisterScalableTarget; services that integrate with Application Auto Scaling: SageMaker.
func TestParse(t *testing.T) {
	const instances, copies = "sagemaker:variant:DesiredInstanceCount", "sagemaker:inference-component:DesiredCopyCount"
	const provisioned = "sagemaker:variant:DesiredProvisionedConcurrency"
	tests := []struct {
		namespace, resource, dimension string
		want                           scaling.Dimension // "": refused
	}{
		{"sagemaker", "endpoint/e/variant/v", instances, instances},
		{"sagemaker", "endpoint/e/variant/v", provisioned, provisioned},
		{"sagemaker", "inference-component/n", copies, copies},
		{"ecs", "endpoint/e/variant/v", instances, ""},
		{"sagemaker", "endpoint/e/variant/v", copies, ""},
		{"sagemaker", "inference-component/n", instances, ""},
		{"sagemaker", "inference-component/", copies, ""},
		{"sagemaker", "inference-component/a/b", copies, ""},
		{"sagemaker", "endpoint/e", instances, ""},
		{"sagemaker", "endpoint//variant/v", instances, ""},
		{"sagemaker", "endpoint/e/variant/", instances, ""},
		{"sagemaker", "endpoint/e/variant/v/w", instances, ""},
		{"sagemaker", "service/c/s", "ecs:service:DesiredCount", ""},
		{"sagemaker", "", "", ""},
	}
	for _, tt := range tests {
		k, err := All().Parse(tt.namespace, tt.resource, tt.dimension)
		if tt.want == "" {
			wantError(t, err, scaling.KindValidation, "Unsupported service namespace, resource type or scalable dimension")
			continue
		}
		if err != nil || k != (scaling.TargetKey{ResourceID: tt.resource, Dimension: tt.want}) {
			t.Errorf("%s %s: got %v, %v", tt.resource, tt.dimension, k, err)
		}
		if filter := All().CheckResourceID(tt.resource); filter != nil {
			t.Errorf("%s as a filter: %v", tt.resource, filter)
		}
	}
	wantError(t, All().CheckResourceID("service/c/s"), scaling.KindValidation, "Unsupported service namespace, resource type or scalable dimension")
}

func wantError(t *testing.T, err error, kind scaling.Kind, text string) {
	t.Helper()
	var e *scaling.Error
	if !errors.As(err, &e) || e.Kind != kind || e.Msg != text {
		t.Errorf("got %v, want %v: %s", err, kind, text)
	}
}

// AWS: RegisterScalableTarget of dimensions that this server does not scale yet.
func TestUnservedDimensionsCannotBeRegistered(t *testing.T) {
	for _, k := range []scaling.TargetKey{
		{ResourceID: "endpoint/e/variant/v", Dimension: "sagemaker:variant:DesiredProvisionedConcurrency"},
		{ResourceID: "inference-component/n", Dimension: "sagemaker:inference-component:DesiredCopyCount"},
	} {
		d := All().Named(k.Dimension)
		text := "The scalable dimension " + string(k.Dimension) + " is not served here yet: only sagemaker:variant:DesiredInstanceCount is."
		wantError(t, d.Registrable(nil, k.ResourceID), scaling.KindValidation, text)
	}
}
