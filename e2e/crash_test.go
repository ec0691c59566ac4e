package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	scaling "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cw "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker/types"
	"github.com/aws/aws-sdk-go-v2/service/sagemakerruntime"
)

// When the server is killed repeatedly while clients write, it loses nothing that it acknowledged, its instances continue to serve,
// and a replay of its journal gives the same decisions.
func TestKilledServerLosesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := start(t, dir)
	s.deploy("survivor", 2, nil)
	pids := instances(t, dir)
	if _, err := s.scaling().RegisterScalableTarget(t.Context(), &applicationautoscaling.RegisterScalableTargetInput{
		ServiceNamespace: scaling.ServiceNamespaceSagemaker, ResourceId: aws.String("endpoint/survivor/variant/AllTraffic"),
		ScalableDimension: scaling.ScalableDimensionSageMakerVariantDesiredInstanceCount, MinCapacity: aws.Int32(1), MaxCapacity: aws.Int32(4),
	}); err != nil {
		t.Fatal(err)
	}
	before := s.alarm("before", cw.StateValueAlarm)
	var models, alarms []string
	for round := range 4 {
		m, a := write(s, round, time.Duration(100+rand.IntN(300))*time.Millisecond)
		models, alarms = append(models, m...), append(alarms, a...)
		if len(m) == 0 || len(a) == 0 {
			t.Fatalf("round %d wrote only %d models and %d alarms", round, len(m), len(a))
		}
		s = start(t, dir)
		acknowledged(s, models, alarms)
		if now := instances(t, dir); !slices.Equal(now, pids) {
			t.Errorf("round %d: instances were %v, are %v", round, pids, now)
		}
		s.settled("survivor", 2)
		if _, err := s.runtime().InvokeEndpoint(t.Context(), &sagemakerruntime.InvokeEndpointInput{
			EndpointName: aws.String("survivor"), ContentType: aws.String("text/csv"), Body: []byte("5,3,1,0\n"),
		}); err != nil {
			t.Errorf("round %d: %v", round, err)
		}
	}
	// The alarm's next evaluation may have changed its state; otherwise it has the same state.
	after := s.describe("before")
	if !after.AlarmConfigurationUpdatedTimestamp.Equal(*before.AlarmConfigurationUpdatedTimestamp) ||
		after.StateValue == cw.StateValueAlarm && !after.StateUpdatedTimestamp.Equal(*before.StateUpdatedTimestamp) {
		t.Errorf("the alarm was %v, is %v", before, after)
	}
	history, err := s.cloudwatch().DescribeAlarmHistory(t.Context(), &cloudwatch.DescribeAlarmHistoryInput{
		AlarmName: aws.String("before"), ScanBy: cw.ScanByTimestampAscending,
	})
	if err != nil || len(history.AlarmHistoryItems) < 2 || *history.AlarmHistoryItems[1].HistorySummary != "Alarm updated from INSUFFICIENT_DATA to ALARM" {
		t.Errorf("the alarm's history: %v, %v", history, err)
	}
	targets, err := s.scaling().DescribeScalableTargets(t.Context(), &applicationautoscaling.DescribeScalableTargetsInput{
		ServiceNamespace: scaling.ServiceNamespaceSagemaker,
	})
	if err != nil || len(targets.ScalableTargets) != 1 {
		t.Errorf("targets %v, %v", targets, err)
	}
	t.Log(s.script(binary, "replay", "--data-dir", dir, "--quiet"))
	s.stop()
	if left := instances(t, dir); len(left) != 0 {
		t.Errorf("a clean stop leaves processes %v", left)
	}
}

// alarm creates an alarm and sets its state.
func (s *server) alarm(name string, state cw.StateValue) cw.MetricAlarm {
	s.t.Helper()
	if _, err := s.cloudwatch().PutMetricAlarm(s.t.Context(), &cloudwatch.PutMetricAlarmInput{
		AlarmName: aws.String(name), Namespace: aws.String("N"), MetricName: aws.String("m"), Statistic: cw.StatisticSum, Period: aws.Int32(60),
		EvaluationPeriods: aws.Int32(1), Threshold: aws.Float64(1), ComparisonOperator: cw.ComparisonOperatorGreaterThanThreshold,
		TreatMissingData: aws.String("ignore"),
	}); err != nil {
		s.t.Fatal(err)
	}
	if _, err := s.cloudwatch().SetAlarmState(s.t.Context(), &cloudwatch.SetAlarmStateInput{
		AlarmName: aws.String(name), StateValue: state, StateReason: aws.String("by hand"),
	}); err != nil {
		s.t.Fatal(err)
	}
	return s.describe(name)
}

func (s *server) describe(name string) cw.MetricAlarm {
	s.t.Helper()
	out, err := s.cloudwatch().DescribeAlarms(s.t.Context(), &cloudwatch.DescribeAlarmsInput{AlarmNames: []string{name}})
	if err != nil || len(out.MetricAlarms) != 1 {
		s.t.Fatalf("%v, %v", out, err)
	}
	return out.MetricAlarms[0]
}

// A data directory that is damaged, or belongs to another program, is refused with a message and is not changed.
func TestDamagedDataIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := start(t, dir)
	s.deploy("kept", 1, nil)
	s.stop()
	file := filepath.Join(dir, "bellows.db")
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	bad := slices.Clone(good)
	for i := 200; i < len(bad); i += 7 {
		bad[i] ^= 0xff
	}
	if err := os.WriteFile(file, bad, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	out, err := runBinary(ctx, "serve", "--data-dir", dir, "--listen", "127.0.0.1:0")
	if err == nil || !strings.Contains(out, "damaged") || !strings.Contains(out, "Restore it from a backup") {
		t.Errorf("%v: %s", err, out)
	}
	if now, err := os.ReadFile(file); err != nil || !slices.Equal(now, bad) {
		t.Errorf("the damaged file was changed (%v)", err)
	}
	if err := os.WriteFile(file, good, 0o600); err != nil { // the backup
		t.Fatal(err)
	}
	start(t, dir).settled("kept", 1)
}

// A data directory of a killed server that has lost its write-ahead log is refused with instructions, and accepted once the log is back.
func TestALostWriteAheadLogIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := start(t, dir)
	if _, err := s.sagemaker().CreateModel(t.Context(), &sagemaker.CreateModelInput{
		ModelName: aws.String("kept"), PrimaryContainer: &types.ContainerDefinition{Image: aws.String("bellows/demo-model")},
	}); err != nil {
		t.Fatal(err)
	}
	s.kill()
	wal, aside := filepath.Join(dir, "bellows.db-wal"), filepath.Join(t.TempDir(), "wal")
	if err := os.Rename(wal, aside); err != nil {
		t.Fatal(err)
	}
	_ = os.Remove(filepath.Join(dir, "bellows.db-shm"))
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	out, err := runBinary(ctx, "serve", "--data-dir", dir, "--listen", "127.0.0.1:0")
	if err == nil || !strings.Contains(out, "no bellows.db-wal beside it") || !strings.Contains(out, "Put bellows.db and bellows.db-wal back") {
		t.Errorf("%v: %s", err, out)
	}
	if err := os.Rename(aside, wal); err != nil {
		t.Fatal(err)
	}
	_ = os.Remove(filepath.Join(dir, "bellows.db-shm"))
	if _, err := start(t, dir).sagemaker().DescribeModel(t.Context(), &sagemaker.DescribeModelInput{ModelName: aws.String("kept")}); err != nil {
		t.Error(err)
	}
}

// write creates models and alarms until the server is killed, some time after it acknowledged one of each, and returns the acknowledged ones.
func write(s *server, round int, life time.Duration) (models, alarms []string) {
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	var clients, first sync.WaitGroup
	first.Add(2)
	clients.Go(func() {
		begun := sync.OnceFunc(first.Done)
		defer begun()
		for i := 0; ; i++ {
			name := fmt.Sprintf("model-%d-%d", round, i)
			if _, err := s.sagemaker().CreateModel(ctx, &sagemaker.CreateModelInput{
				ModelName: aws.String(name), PrimaryContainer: &types.ContainerDefinition{Image: aws.String("bellows/demo-model")},
			}); err != nil {
				return
			}
			models = append(models, name)
			begun()
		}
	})
	clients.Go(func() {
		begun := sync.OnceFunc(first.Done)
		defer begun()
		for i := 0; ; i++ {
			name := fmt.Sprintf("alarm-%d-%d", round, i)
			if _, err := s.cloudwatch().PutMetricAlarm(ctx, &cloudwatch.PutMetricAlarmInput{
				AlarmName: aws.String(name), Namespace: aws.String("N"), MetricName: aws.String("m"), Statistic: cw.StatisticSum, Period: aws.Int32(60),
				EvaluationPeriods: aws.Int32(1), Threshold: aws.Float64(1), ComparisonOperator: cw.ComparisonOperatorGreaterThanThreshold,
			}); err != nil {
				return
			}
			alarms = append(alarms, name)
			begun()
		}
	})
	first.Wait()
	<-time.After(life)
	s.kill()
	cancel()
	clients.Wait()
	return models, alarms
}

func acknowledged(s *server, models, alarms []string) {
	s.t.Helper()
	have := map[string]bool{}
	m := sagemaker.NewListModelsPaginator(s.sagemaker(), &sagemaker.ListModelsInput{MaxResults: aws.Int32(100)})
	for m.HasMorePages() {
		page, err := m.NextPage(s.t.Context())
		if err != nil {
			s.t.Fatal(err)
		}
		for _, x := range page.Models {
			have[*x.ModelName] = true
		}
	}
	a := cloudwatch.NewDescribeAlarmsPaginator(s.cloudwatch(), &cloudwatch.DescribeAlarmsInput{MaxRecords: aws.Int32(100)})
	for a.HasMorePages() {
		page, err := a.NextPage(s.t.Context())
		if err != nil {
			s.t.Fatal(err)
		}
		for _, x := range page.MetricAlarms {
			have[*x.AlarmName] = true
		}
	}
	for _, name := range append(slices.Clone(models), alarms...) {
		if !have[name] {
			s.t.Errorf("%s was acknowledged and is lost", name)
		}
	}
}
