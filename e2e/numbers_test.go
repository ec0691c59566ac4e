package e2e

import (
	"math"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	scaling "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	ec2 "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cw "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker"
)

// The smallest target value and the largest metric value that AWS accepts result in more instances than a double can represent. The server
// scales to the maximum, recovers from its journal, and continues.
func TestExtremeNumbersDoNotStopTheServer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := start(t, dir, "--clock-speed", "60")
	s.deploy("vast", 1, nil)
	dimension, resource := scaling.ScalableDimensionSageMakerVariantDesiredInstanceCount, aws.String("endpoint/vast/variant/AllTraffic")
	limit := func(most int32) {
		t.Helper()
		if _, err := s.scaling().RegisterScalableTarget(t.Context(), &applicationautoscaling.RegisterScalableTargetInput{
			ServiceNamespace: scaling.ServiceNamespaceSagemaker, ResourceId: resource, ScalableDimension: dimension,
			MinCapacity: aws.Int32(1), MaxCapacity: aws.Int32(most),
		}); err != nil {
			t.Fatal(err)
		}
	}
	limit(2)
	if _, err := s.scaling().PutScalingPolicy(t.Context(), &applicationautoscaling.PutScalingPolicyInput{
		PolicyName: aws.String("p"), ServiceNamespace: scaling.ServiceNamespaceSagemaker, ResourceId: resource, ScalableDimension: dimension,
		PolicyType: scaling.PolicyTypeTargetTrackingScaling,
		TargetTrackingScalingPolicyConfiguration: &scaling.TargetTrackingScalingPolicyConfiguration{
			TargetValue: aws.Float64(1e-108), ScaleOutCooldown: aws.Int32(0), ScaleInCooldown: aws.Int32(0),
			CustomizedMetricSpecification: &scaling.CustomizedMetricSpecification{
				Namespace: aws.String("N"), MetricName: aws.String("load"), Statistic: scaling.MetricStatisticSum,
			},
		},
	}); err != nil {
		t.Fatal(err)
	}
	load := func() {
		t.Helper()
		if _, err := s.cloudwatch().PutMetricData(t.Context(), &cloudwatch.PutMetricDataInput{
			Namespace: aws.String("N"), MetricData: []cw.MetricDatum{{MetricName: aws.String("load"), Value: aws.Float64(math.Pow(2, 359))}},
		}); err != nil {
			t.Fatal(err)
		}
	}
	reaches := func(n int) {
		t.Helper()
		s.until("the maximum is reached", func() bool {
			load()
			out, err := s.sagemaker().DescribeEndpoint(t.Context(), &sagemaker.DescribeEndpointInput{EndpointName: aws.String("vast")})
			if err != nil {
				t.Fatal(err)
			}
			return int(*out.ProductionVariants[0].CurrentInstanceCount) == n
		})
	}
	reaches(2)
	s.kill()
	s = start(t, dir, "--clock-speed", "60")
	s.settled("vast", 2)
	limit(3)
	reaches(3)
	s.settled("vast", 3)
	if _, err := s.scaling().DeleteScalingPolicy(t.Context(), &applicationautoscaling.DeleteScalingPolicyInput{
		PolicyName: aws.String("p"), ServiceNamespace: scaling.ServiceNamespaceSagemaker, ResourceId: resource, ScalableDimension: dimension,
	}); err != nil {
		t.Fatal(err)
	}
	limit(4)
	s.executeBeyondDoubles("vast.AllTraffic")
	s.settled("vast", 4)
	out, err := s.scaling().DescribeScalingActivities(t.Context(), &applicationautoscaling.DescribeScalingActivitiesInput{
		ServiceNamespace: scaling.ServiceNamespaceSagemaker,
	})
	if err != nil || len(out.ScalingActivities) < 2 {
		t.Errorf("activities %v, %v", out, err)
	}
	if text := s.log(); strings.Contains(text, "set aside") || strings.Contains(text, "panic") {
		t.Errorf("the log has\n%s", text)
	}
}

// executeBeyondDoubles executes a step policy of a group with a metric value and a breach threshold whose difference is infinite.
func (s *server) executeBeyondDoubles(group string) {
	s.t.Helper()
	client := autoscaling.NewFromConfig(s.config())
	if _, err := client.PutScalingPolicy(s.t.Context(), &autoscaling.PutScalingPolicyInput{
		AutoScalingGroupName: aws.String(group), PolicyName: aws.String("steps"), PolicyType: aws.String("StepScaling"),
		AdjustmentType: aws.String("ChangeInCapacity"), StepAdjustments: []ec2.StepAdjustment{{
			MetricIntervalLowerBound: aws.Float64(math.MaxFloat64), ScalingAdjustment: aws.Int32(1),
		}},
	}); err != nil {
		s.t.Fatal(err)
	}
	if _, err := client.ExecutePolicy(s.t.Context(), &autoscaling.ExecutePolicyInput{
		AutoScalingGroupName: aws.String(group), PolicyName: aws.String("steps"),
		MetricValue: aws.Float64(math.MaxFloat64), BreachThreshold: aws.Float64(-math.MaxFloat64),
	}); err != nil {
		s.t.Fatal(err)
	}
}
