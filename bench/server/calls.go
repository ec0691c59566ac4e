package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	scaling "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/schemas"
	cw "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/smithy-go/transport/http/protocol/awsquery"
	"golang.org/x/sync/errgroup"

	"bellows.dev/bellows/bench/figure"
	"bellows.dev/bellows/bench/target"
)

const (
	turn     = 3 * time.Second // of each operation and number of connections
	endpoint = "called"        // its variant is the scalable target

	// How many times moto's call rate Bellows must reach, on one connection and on four.
	onOne, onFour = 4, 8
)

// call is an operation of the SDK; i counts its calls, so that no two are the same.
type call struct {
	name string
	do   func(ctx context.Context, i int64) error
}

// calls returns the operations to measure, in an order in which each finds the resources that it needs.
func calls(config aws.Config, connections int) []call {
	config.HTTPClient = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections, MaxConnsPerHost: connections}}
	config.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	s := applicationautoscaling.NewFromConfig(config)
	m := cloudwatch.NewFromConfig(config, func(o *cloudwatch.Options) {
		o.Protocol = awsquery.New(schemas.GraniteServiceVersion20100801) // moto does not support CBOR, the SDK's default
	})
	resource := aws.String("endpoint/" + endpoint + "/variant/AllTraffic")
	instances := scaling.ScalableDimensionSageMakerVariantDesiredInstanceCount
	return []call{
		{"RegisterScalableTarget", func(ctx context.Context, i int64) error {
			_, err := s.RegisterScalableTarget(ctx, &applicationautoscaling.RegisterScalableTargetInput{
				ServiceNamespace: scaling.ServiceNamespaceSagemaker, ResourceId: resource, ScalableDimension: instances,
				MinCapacity: aws.Int32(1), MaxCapacity: aws.Int32(int32(2 + i%5)),
			})
			return err
		}},
		{"PutScalingPolicy", func(ctx context.Context, i int64) error {
			_, err := s.PutScalingPolicy(ctx, &applicationautoscaling.PutScalingPolicyInput{
				ServiceNamespace: scaling.ServiceNamespaceSagemaker, ResourceId: resource, ScalableDimension: instances,
				PolicyName: aws.String("keep"), PolicyType: scaling.PolicyTypeTargetTrackingScaling,
				TargetTrackingScalingPolicyConfiguration: &scaling.TargetTrackingScalingPolicyConfiguration{
					TargetValue: aws.Float64(float64(70 + i%5)), PredefinedMetricSpecification: &scaling.PredefinedMetricSpecification{
						PredefinedMetricType: scaling.MetricTypeSageMakerVariantInvocationsPerInstance,
					},
				},
			})
			return err
		}},
		{"DescribeScalingPolicies", func(ctx context.Context, _ int64) error {
			out, err := s.DescribeScalingPolicies(ctx, &applicationautoscaling.DescribeScalingPoliciesInput{
				ServiceNamespace: scaling.ServiceNamespaceSagemaker, ResourceId: resource,
			})
			if err == nil && len(out.ScalingPolicies) != 1 {
				err = fmt.Errorf("there are %d policies, want 1", len(out.ScalingPolicies))
			}
			return err
		}},
		{"PutMetricData", func(ctx context.Context, i int64) error {
			_, err := m.PutMetricData(ctx, &cloudwatch.PutMetricDataInput{Namespace: aws.String("Bench"), MetricData: []cw.MetricDatum{
				{MetricName: aws.String("Load"), Value: aws.Float64(float64(i)), Timestamp: aws.Time(time.Now())},
			}})
			return err
		}},
		{"PutMetricAlarm", func(ctx context.Context, i int64) error {
			_, err := m.PutMetricAlarm(ctx, &cloudwatch.PutMetricAlarmInput{
				AlarmName: aws.String("high"), Namespace: aws.String("Bench"), MetricName: aws.String("Load"), Statistic: cw.StatisticAverage,
				Period: aws.Int32(60), EvaluationPeriods: aws.Int32(3), Threshold: aws.Float64(float64(i % 100)),
				ComparisonOperator: cw.ComparisonOperatorGreaterThanThreshold,
			})
			return err
		}},
		{"DescribeAlarms", func(ctx context.Context, _ int64) error {
			out, err := m.DescribeAlarms(ctx, &cloudwatch.DescribeAlarmsInput{AlarmNames: []string{"high"}})
			if err == nil && len(out.MetricAlarms) != 1 {
				err = fmt.Errorf("there are %d alarms, want 1", len(out.MetricAlarms))
			}
			return err
		}},
	}
}

// callRate makes a call repeatedly on some connections and returns the number of answers per second.
func callRate(ctx context.Context, c call, connections int) (float64, error) {
	var made atomic.Int64
	if err := c.do(ctx, made.Add(1)); err != nil { // connects, and fails early
		return 0, fmt.Errorf("%s: %w", c.name, err)
	}
	g, ctx := errgroup.WithContext(ctx)
	begun, before := time.Now(), made.Load()
	for range connections {
		g.Go(func() error {
			for time.Since(begun) < turn {
				if err := c.do(ctx, made.Add(1)); err != nil {
					return fmt.Errorf("%s: %w", c.name, err)
				}
			}
			return nil
		})
	}
	err := g.Wait()
	return float64(made.Load()-before) / time.Since(begun).Seconds(), err
}

// measureCalls makes the same calls to Bellows and to moto in turn, so that they do not compete for the machine. Bellows acknowledges a call
// once it is on disk; moto keeps everything in memory.
func measureCalls(ctx context.Context, b *target.Binary) ([]figure.Figure, error) {
	s, err := b.Start(ctx, "called", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	defer s.Stop() //nolint:errcheck // the measurement is done
	if err := s.Deploy(ctx, endpoint, 1, nil); err != nil {
		return nil, err
	}
	moto, stop, err := startMoto(ctx)
	if err != nil {
		return nil, err
	}
	defer stop()
	var out []figure.Figure
	for _, x := range []struct {
		connections int
		factor      float64
	}{{1, onOne}, {4, onFour}} {
		ours := calls(s.Config, x.connections)
		var theirs []call
		if moto != "" {
			config := s.Config
			config.BaseEndpoint = aws.String(moto)
			theirs = calls(config, x.connections)
		}
		var own, peers float64 // seconds that one call of each operation takes
		for i, c := range ours {
			rate, err := callRate(ctx, c, x.connections)
			if err != nil {
				return nil, err
			}
			name := fmt.Sprintf("%s, connections: %d", c.name, x.connections)
			out = append(out, figure.Figure{Name: name, Value: rate, Unit: "calls/s"})
			own += 1 / rate
			if theirs == nil {
				continue
			}
			peer, err := callRate(ctx, theirs[i], x.connections)
			if err != nil {
				return nil, fmt.Errorf("moto: %w", err)
			}
			out = append(out, figure.Figure{Name: "  moto", Value: peer, Unit: "calls/s"})
			peers += 1 / peer
		}
		name, n := fmt.Sprintf("all in turn, connections: %d", x.connections), float64(len(ours))
		out = append(out, figure.Figure{Name: name, Value: n / own, Unit: "calls/s"})
		if theirs != nil {
			out = append(out, figure.Figure{Name: "  moto", Value: n / peers, Unit: "calls/s"}, figure.AtLeast("  times moto's", peers/own, "", x.factor))
		}
	}
	return out, nil
}

// startMoto starts moto's server and returns its URL, "" where Python has no moto, and a function that stops it.
func startMoto(ctx context.Context) (url string, stop func(), err error) {
	stop = func() {}
	if out, err := exec.CommandContext(ctx, "python3", "-c", "import moto.server").CombinedOutput(); err != nil {
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		fmt.Fprintf(os.Stderr, "moto is skipped: %v: %s\n", err, lines[len(lines)-1])
		return "", stop, nil
	}
	address, err := freeAddress(ctx)
	if err != nil {
		return "", stop, err
	}
	host, port, _ := strings.Cut(address, ":")
	if _, err := strconv.Atoi(port); err != nil {
		return "", stop, fmt.Errorf("a free address: %w", err)
	}
	cmd := exec.CommandContext(ctx, "python3", "-m", "moto.server", "-H", host, "-p", port)
	if err := cmd.Start(); err != nil {
		return "", stop, fmt.Errorf("starting moto: %w", err)
	}
	stop = func() {
		_ = cmd.Process.Kill() // it has no state to save
		_ = cmd.Wait()
	}
	url = "http://" + address
	if _, err := firstAnswer(ctx, url, 30*time.Second); err != nil {
		stop()
		return "", stop, errors.Join(errors.New("moto does not answer"), err)
	}
	return url, stop, nil
}
