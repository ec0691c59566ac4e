package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cw "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
)

// When the server is killed repeatedly while datapoints arrive, in time and days late, and are written to the metric history, each
// acknowledged datapoint exists exactly once, and alarms keep their states.
func TestKilledServerLosesNoDatapoint(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	flags := []string{"--clock-speed", "60"} // a minute per second
	s := start(t, dir, flags...)
	before := s.alarm("stands", cw.StateValueAlarm)
	began := s.policyTime().Add(-time.Minute)
	var acknowledged, sent float64
	for round := range 5 {
		ok, all := ingest(s, round, time.Duration(1200+rand.IntN(1500))*time.Millisecond)
		if ok == 0 {
			t.Fatalf("round %d: nothing was acknowledged", round)
		}
		acknowledged, sent = acknowledged+ok, sent+all
		s = start(t, dir, flags...)
		s.count(began, acknowledged, sent)
	}
	s.until("the history is written", func() bool { return s.health().History.Bytes > 0 && !s.health().History.Kept.IsZero() })
	if h := s.health().History; len(h.Tiers) != 4 || h.Failure != "" || h.Tiers[1].Bytes == 0 || h.Tiers[1].Retention != "15d" {
		t.Errorf("the health page says %+v", h)
	}
	s.count(began, acknowledged, sent)
	after := s.describe("stands")
	if !after.AlarmConfigurationUpdatedTimestamp.Equal(*before.AlarmConfigurationUpdatedTimestamp) || after.StateValue != cw.StateValueAlarm {
		t.Errorf("the alarm was %v, is %v", before, after)
	}
	t.Log(s.script(binary, "replay", "--data-dir", dir, "--quiet"))
}

// A new alarm that looks back an hour uses the whole hour at once, although memory has only the last 15 minutes.
func TestNewAlarmUsesMetricHistory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := start(t, dir, "--clock-speed", "60")
	began := s.policyTime().Truncate(time.Minute)
	in := &cloudwatch.PutMetricDataInput{Namespace: aws.String("Past")}
	for minute := -75; minute < 115; minute++ { // two hours ahead is allowed
		in.MetricData = append(in.MetricData, cw.MetricDatum{
			MetricName: aws.String("load"), Value: aws.Float64(9), Timestamp: aws.Time(began.Add(time.Duration(minute) * time.Minute)),
		})
	}
	if _, err := s.cloudwatch().PutMetricData(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	s.until("memory has forgotten the hour before", func() bool {
		return s.policyTime().After(began.Add(11*time.Minute)) && s.health().History.Kept.After(began.Add(5*time.Minute))
	})
	if _, err := s.cloudwatch().PutMetricAlarm(t.Context(), &cloudwatch.PutMetricAlarmInput{
		AlarmName: aws.String("an hour"), Namespace: aws.String("Past"), MetricName: aws.String("load"), Statistic: cw.StatisticAverage,
		Period: aws.Int32(300), EvaluationPeriods: aws.Int32(12), Threshold: aws.Float64(5),
		ComparisonOperator: cw.ComparisonOperatorGreaterThanThreshold, TreatMissingData: aws.String("notBreaching"),
	}); err != nil {
		t.Fatal(err)
	}
	s.until("the alarm is evaluated", func() bool { return s.describe("an hour").StateValue != cw.StateValueInsufficientData })
	if a := s.describe("an hour"); a.StateValue != cw.StateValueAlarm || !strings.Contains(*a.StateReason, "12 datapoints were greater than the threshold (5.0)") || !strings.Contains(*a.StateReason, "[9.0 ") {
		t.Errorf("%v: %s", a.StateValue, *a.StateReason)
	}
	t.Log(s.script(binary, "replay", "--data-dir", dir, "--quiet")) // it fails if a decision differs
}

// ingest sends datapoints of value 1 until the server is killed, some time after each client got acknowledgements, and returns how many were acknowledged and sent.
func ingest(s *server, round int, life time.Duration) (acknowledged, sent float64) {
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	now := s.policyTime()
	var mu sync.Mutex
	var clients, first sync.WaitGroup
	first.Add(3)
	for client := range 3 {
		clients.Go(func() {
			begun := sync.OnceFunc(first.Done)
			defer begun()
			for i := 0; ; i++ {
				in := &cloudwatch.PutMetricDataInput{Namespace: aws.String("Crash")}
				for n := range 20 {
					d := cw.MetricDatum{
						MetricName: aws.String("datapoints"), Value: aws.Float64(1), StorageResolution: aws.Int32(int32([]int{1, 60}[n%2])),
						Dimensions: []cw.Dimension{{Name: aws.String("Client"), Value: aws.String(fmt.Sprint(client))}},
					}
					if n%5 == 0 { // late
						d.Timestamp = aws.Time(now.Add(-time.Duration(rand.IntN(int(10 * 24 * time.Hour)))))
					}
					in.MetricData = append(in.MetricData, d)
				}
				_, err := s.cloudwatch().PutMetricData(ctx, in, func(o *cloudwatch.Options) { o.RetryMaxAttempts = 1 })
				mu.Lock()
				sent += 20
				if err == nil {
					acknowledged += 20
				}
				mu.Unlock()
				if err != nil {
					return
				}
				begun()
			}
		})
	}
	first.Wait()
	<-time.After(life)
	s.kill()
	cancel()
	clients.Wait()
	return acknowledged, sent
}

// count checks that the stored number of datapoints is at least the acknowledged and at most the sent one.
func (s *server) count(began time.Time, acknowledged, sent float64) {
	s.t.Helper()
	for _, period := range []int32{60, 300, 3600} {
		got := 0.0
		in := &cloudwatch.GetMetricDataInput{
			StartTime: aws.Time(began.Add(-11 * 24 * time.Hour)), EndTime: aws.Time(s.policyTime().Add(time.Hour)), ScanBy: cw.ScanByTimestampAscending,
		}
		for client := range 3 {
			in.MetricDataQueries = append(in.MetricDataQueries, cw.MetricDataQuery{Id: aws.String(fmt.Sprint("c", client)), MetricStat: &cw.MetricStat{
				Metric: &cw.Metric{Namespace: aws.String("Crash"), MetricName: aws.String("datapoints"), Dimensions: []cw.Dimension{
					{Name: aws.String("Client"), Value: aws.String(fmt.Sprint(client))},
				}}, Period: aws.Int32(period), Stat: aws.String("Sum"),
			}})
		}
		pages := cloudwatch.NewGetMetricDataPaginator(s.cloudwatch(), in)
		for pages.HasMorePages() {
			page, err := pages.NextPage(s.t.Context())
			if err != nil {
				s.t.Fatal(err)
			}
			for _, r := range page.MetricDataResults {
				for _, v := range r.Values {
					got += v
				}
			}
		}
		if got < acknowledged || got > sent {
			s.t.Errorf("period %d: %v datapoints are there, %v were acknowledged, %v sent", period, got, acknowledged, sent)
		}
	}
}

// policyTime returns the server's policy time.
func (s *server) policyTime() time.Time { return s.health().PolicyTime }
