package e2e

import (
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	aastypes "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker/types"
	"github.com/aws/aws-sdk-go-v2/service/sagemakerruntime"
)

// An endpoint that is scaled to zero serves the requests that wake it with a real model server, and its activity gives the reason.
func TestRequestsWakeAnEndpointFromZero(t *testing.T) {
	dir := t.TempDir()
	s := start(t, dir)
	s.deploy("sleepy", 1, nil)
	const resource = "endpoint/sleepy/variant/AllTraffic"
	if _, err := s.scaling().RegisterScalableTarget(t.Context(), &applicationautoscaling.RegisterScalableTargetInput{
		ServiceNamespace: aastypes.ServiceNamespaceSagemaker, ResourceId: aws.String(resource),
		ScalableDimension: aastypes.ScalableDimensionSageMakerVariantDesiredInstanceCount, MinCapacity: aws.Int32(0), MaxCapacity: aws.Int32(2),
		Tags: map[string]string{"bellows:wake-on-request": "true"},
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.sagemaker().UpdateEndpointWeightsAndCapacities(t.Context(), &sagemaker.UpdateEndpointWeightsAndCapacitiesInput{
		EndpointName:                aws.String("sleepy"),
		DesiredWeightsAndCapacities: []types.DesiredWeightAndCapacity{{VariantName: aws.String("AllTraffic"), DesiredInstanceCount: aws.Int32(0)}},
	}); err != nil {
		t.Fatal(err)
	}
	s.settled("sleepy", 0)
	var clients sync.WaitGroup
	for range 5 {
		client := s.runtime()
		clients.Go(func() {
			if _, err := client.InvokeEndpoint(t.Context(), &sagemakerruntime.InvokeEndpointInput{
				EndpointName: aws.String("sleepy"), ContentType: aws.String("text/csv"), Body: []byte("6.1,2.8,4.7,1.2\n"),
			}, func(o *sagemakerruntime.Options) { o.RetryMaxAttempts = 1 }); err != nil {
				t.Error(err)
			}
		})
	}
	clients.Wait()
	s.settled("sleepy", 1)
	all, err := s.scaling().DescribeScalingActivities(t.Context(), &applicationautoscaling.DescribeScalingActivitiesInput{
		ServiceNamespace: aastypes.ServiceNamespaceSagemaker, ResourceId: aws.String(resource),
	})
	if err != nil || len(all.ScalingActivities) != 1 || !strings.Contains(aws.ToString(all.ScalingActivities[0].Cause), "waited while the capacity was 0") {
		t.Errorf("activities %+v, %v", all, err)
	}
	if story := s.script(binary, "explain", "sleepy/AllTraffic", "--data-dir", dir); !strings.Contains(story, "bellows:wake-on-request: ") {
		t.Error(story)
	}
}
