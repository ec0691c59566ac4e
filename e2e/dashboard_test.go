package e2e

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	scaling "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/sagemakerruntime"
)

// Every expression of the Grafana dashboard has data on a server with invocations, scaling and alarms.
func TestDashboard(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../examples/grafana/dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
		Templating struct{ List []struct{ Query any } }
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	s := start(t, t.TempDir(), "--clock-speed", "60")
	s.deploy("shown", 1, nil)
	id := aws.String("endpoint/shown/variant/AllTraffic")
	register := func(least int32) {
		if _, err := s.scaling().RegisterScalableTarget(t.Context(), &applicationautoscaling.RegisterScalableTargetInput{
			ServiceNamespace: scaling.ServiceNamespaceSagemaker, ResourceId: id, ScalableDimension: scaling.ScalableDimensionSageMakerVariantDesiredInstanceCount,
			MinCapacity: aws.Int32(least), MaxCapacity: aws.Int32(3),
		}); err != nil {
			t.Fatal(err)
		}
	}
	register(1)
	if _, err := s.scaling().PutScalingPolicy(t.Context(), &applicationautoscaling.PutScalingPolicyInput{
		ServiceNamespace: scaling.ServiceNamespaceSagemaker, ResourceId: id, ScalableDimension: scaling.ScalableDimensionSageMakerVariantDesiredInstanceCount,
		PolicyName: aws.String("p"), PolicyType: scaling.PolicyTypeTargetTrackingScaling,
		TargetTrackingScalingPolicyConfiguration: &scaling.TargetTrackingScalingPolicyConfiguration{
			TargetValue: aws.Float64(1e6), DisableScaleIn: aws.Bool(true),
			PredefinedMetricSpecification: &scaling.PredefinedMetricSpecification{PredefinedMetricType: scaling.MetricTypeSageMakerVariantInvocationsPerInstance},
		},
	}); err != nil {
		t.Fatal(err)
	}
	register(2) // an activity
	s.settled("shown", 2)
	seen := 0
	for _, p := range dashboard.Panels {
		for _, target := range p.Targets {
			seen++
			expr := strings.ReplaceAll(target.Expr, "$endpoint", "shown|other")
			if strings.Contains(expr, "$") {
				t.Errorf("%s: an unknown variable in %s", p.Title, expr)
			}
			s.until(p.Title+" has data: "+expr, func() bool {
				if _, err := s.runtime().InvokeEndpoint(t.Context(), &sagemakerruntime.InvokeEndpointInput{
					EndpointName: aws.String("shown"), ContentType: aws.String("text/csv"), Body: []byte("5.1,3.5,1.4,0.2"),
				}); err != nil {
					t.Fatal(err)
				}
				status, text := ask(t, s.url+"/prometheus", "query?query="+url.QueryEscape(expr), s.basic)
				if status != http.StatusOK {
					t.Fatalf("%s: %d %s", expr, status, text)
				}
				return strings.Contains(text, `"value":[`) && !strings.Contains(text, `"NaN"`)
			})
		}
	}
	if seen < 15 {
		t.Errorf("only %d expressions: the search is broken", seen)
	}
	status, values := ask(t, s.url+"/prometheus", "label/EndpointName/values?match[]=aws_sagemaker_invocations_sum", s.basic)
	if status != http.StatusOK || !strings.Contains(values, `["shown"]`) {
		t.Errorf("the variable: %d %s", status, values)
	}
}
