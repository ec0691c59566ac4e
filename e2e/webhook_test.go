package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cw "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
)

// An alarm whose action is a topic posts SNS's message to the topic's URL, and its history has the result.
func TestAlarmsNotify(t *testing.T) {
	t.Parallel()
	received := make(chan map[string]any, 10)
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var m map[string]any
		if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
			t.Error(err)
		}
		received <- m
	}))
	defer hook.Close()
	config := filepath.Join(t.TempDir(), "bellows.yaml")
	if err := os.WriteFile(config, fmt.Appendf(nil, "webhooks:\n- topic: 'arn:aws:sns:*:ops'\n  url: %s/alarms\n", hook.URL), 0o600); err != nil {
		t.Fatal(err)
	}
	s := start(t, t.TempDir(), "--config", config)
	const topic = "arn:aws:sns:us-east-1:123456789012:"
	for _, name := range []string{"ops", "unmapped"} {
		if _, err := s.cloudwatch().PutMetricAlarm(t.Context(), &cloudwatch.PutMetricAlarmInput{
			AlarmName: aws.String(name), Namespace: aws.String("N"), MetricName: aws.String("m"), Statistic: cw.StatisticSum, Period: aws.Int32(60),
			EvaluationPeriods: aws.Int32(1), Threshold: aws.Float64(1), ComparisonOperator: cw.ComparisonOperatorGreaterThanThreshold,
			AlarmActions: []string{topic + name}, TreatMissingData: aws.String("ignore"),
		}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.cloudwatch().SetAlarmState(t.Context(), &cloudwatch.SetAlarmStateInput{
			AlarmName: aws.String(name), StateValue: cw.StateValueAlarm, StateReason: aws.String("a fire drill"),
		}); err != nil {
			t.Fatal(err)
		}
	}
	if m := <-received; m["AlarmName"] != "ops" || m["NewStateValue"] != "ALARM" || m["NewStateReason"] != "a fire drill" || m["OldStateValue"] != "INSUFFICIENT_DATA" {
		t.Errorf("received %v", m)
	}
	for name, want := range map[string]string{
		"ops": "Successfully executed action " + topic + "ops", "unmapped": "Failed to execute action " + topic + "unmapped. Received error:",
	} {
		s.until("the history of "+name+" has its action", func() bool {
			out, err := s.cloudwatch().DescribeAlarmHistory(t.Context(), &cloudwatch.DescribeAlarmHistoryInput{
				AlarmName: aws.String(name), HistoryItemType: cw.HistoryItemTypeAction,
			})
			if err != nil {
				t.Fatal(err)
			}
			return len(out.AlarmHistoryItems) == 1 && strings.HasPrefix(*out.AlarmHistoryItems[0].HistorySummary, want)
		})
	}
}

// If a server is killed before a webhook has responded, the next server sends the message again.
func TestWebhooksSurviveAKill(t *testing.T) {
	t.Parallel()
	var answers atomic.Bool
	called, received := make(chan struct{}, 10), make(chan struct{}, 10)
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if answers.Load() {
			received <- struct{}{}
			return
		}
		called <- struct{}{}
		_, _ = io.Copy(io.Discard, r.Body) // so that the end of the connection is detected
		<-r.Context().Done()
	}))
	defer hook.Close()
	config := filepath.Join(t.TempDir(), "bellows.yaml")
	if err := os.WriteFile(config, fmt.Appendf(nil, "webhooks:\n- topic: '*'\n  url: %s\n", hook.URL), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	s := start(t, dir, "--config", config)
	if _, err := s.cloudwatch().PutMetricAlarm(t.Context(), &cloudwatch.PutMetricAlarmInput{
		AlarmName: aws.String("a"), Namespace: aws.String("N"), MetricName: aws.String("m"), Statistic: cw.StatisticSum, Period: aws.Int32(60),
		EvaluationPeriods: aws.Int32(1), Threshold: aws.Float64(1), ComparisonOperator: cw.ComparisonOperatorGreaterThanThreshold,
		AlarmActions: []string{"arn:aws:sns:us-east-1:123456789012:ops"}, TreatMissingData: aws.String("ignore"),
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.cloudwatch().SetAlarmState(t.Context(), &cloudwatch.SetAlarmStateInput{
		AlarmName: aws.String("a"), StateValue: cw.StateValueAlarm, StateReason: aws.String("a fire drill"),
	}); err != nil {
		t.Fatal(err)
	}
	<-called
	s.kill()
	answers.Store(true)
	s = start(t, dir, "--config", config)
	s.until("the next server delivers", func() bool { return len(received) > 0 })
}
