package history_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/history"
	"bellows.dev/bellows/metric"
)

var scope = engine.Scope{Account: "123456789012", Region: "us-east-1"}

func TestNames(t *testing.T) {
	for _, tc := range []struct{ namespace, name, want string }{
		{"AWS/SageMaker", "InvocationsPerInstance", "aws_sagemaker_invocations_per_instance"},
		{"AWS/SageMaker", "Invocation4XXErrors", "aws_sagemaker_invocation4xx_errors"},
		{"/aws/sagemaker/Endpoints", "CPUUtilization", "aws_sagemaker_endpoints_cpu_utilization"},
		{"My App", "queue.depth", "my_app_queue_depth"},
		{"9", "m", "_9_m"},
		{"/", "é", "__"},
	} {
		if got := history.Name(tc.namespace, tc.name); got != tc.want {
			t.Errorf("%s %s is %s, want %s", tc.namespace, tc.name, got, tc.want)
		}
	}
}

func TestLabels(t *testing.T) {
	id := metric.NewID("AWS/SageMaker", "ModelLatency", metric.Dimension{Name: "EndpointName", Value: "iris"}, metric.Dimension{Name: "VariantName", Value: "v"})
	want := `{EndpointName="iris", VariantName="v", __name__="aws_sagemaker_model_latency_max", account="123456789012", ` +
		`metric="ModelLatency", namespace="AWS/SageMaker", region="us-east-1", unit="Microseconds"}`
	if got := history.Labels(scope, id, "Microseconds", history.Maximum).String(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	id = metric.NewID("N", "m", metric.Dimension{Name: "region", Value: "a"}, metric.Dimension{Name: "a b", Value: "1"}, metric.Dimension{Name: "a-b", Value: "2"})
	want = `{__name__="n_m", a_b="1", account="123456789012", dimension_region="a", ` +
		`dimensions="[{\"Name\":\"a b\",\"Value\":\"1\"},{\"Name\":\"a-b\",\"Value\":\"2\"},{\"Name\":\"region\",\"Value\":\"a\"}]", ` +
		`metric="m", namespace="N", region="us-east-1"}`
	if got := history.Labels(scope, id, "None", history.Distribution).String(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// Labels identify their metric exactly.
func TestLabelsRoundTrip(t *testing.T) {
	name := rapid.StringMatching(`[a-zA-Z0-9_. /-]{1,6}|region|unit|le|dimension_x|__a|dimensions`)
	rapid.Check(t, func(rt *rapid.T) {
		var dimensions []metric.Dimension
		for _, n := range rapid.SliceOfNDistinct(name, 0, 4, rapid.ID).Draw(rt, "dimensions") {
			dimensions = append(dimensions, metric.Dimension{Name: n, Value: rapid.StringMatching(`[ -~]{1,5}`).Draw(rt, "value")})
		}
		id := metric.NewID(name.Draw(rt, "namespace"), name.Draw(rt, "name"), dimensions...)
		unit := rapid.SampledFrom([]string{"None", "Count", "Bytes/Second"}).Draw(rt, "unit")
		kind := history.Kind(rapid.IntRange(int(history.Sum), int(history.Distribution)).Draw(rt, "kind"))
		ls := history.Labels(scope, id, unit, kind)
		gotScope, gotID, gotUnit, gotKind, ok := history.Identify(ls)
		if !ok || gotScope != scope || gotID.Key() != id.Key() || gotUnit != unit || gotKind != kind {
			rt.Fatalf("%s is converted back to %v %v %v %v %v", ls, gotScope, gotID, gotUnit, gotKind, ok)
		}
		if diff := cmp.Diff(id.Key(), gotID.Key()); diff != "" {
			rt.Fatal(diff)
		}
	})
}
