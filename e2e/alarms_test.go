package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cw "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
)

// Alarms on expressions, composite and PromQL alarms, and target tracking with metric math, through an unmodified boto3. Messages go to a
// webhook that refuses the first message of each alarm.
func TestBoto3Alarms(t *testing.T) {
	t.Parallel()
	seen := map[string]int{}
	received := make(chan map[string]any, 100)
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var m map[string]any
		if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
			t.Error(err)
		}
		received <- m
		if len(received) == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer hook.Close()
	config := filepath.Join(t.TempDir(), "bellows.yaml")
	if err := os.WriteFile(config, fmt.Appendf(nil, "webhooks:\n- topic: 'arn:aws:sns:*:ops'\n  url: %s/alarms\n", hook.URL), 0o600); err != nil {
		t.Fatal(err)
	}
	s := start(t, t.TempDir(), "--clock-speed", "60", "--config", config)
	out := s.script("python3", "boto3_alarms.py")
	t.Log(out)
	if !strings.Contains(out, "all passed") {
		t.Error("the script did not complete")
	}
	hook.Close()
	close(received)
	for m := range received {
		seen[fmt.Sprint(m["AlarmName"], " ", m["NewStateValue"])]++
		if children, ok := m["TriggeringChildren"].([]any); !ok || len(children) == 0 || m["Trigger"] != nil || !strings.HasPrefix(fmt.Sprint(m["AlarmRule"]), "ALARM(") {
			t.Errorf("a composite alarm's message: %v", m)
		}
	}
	if seen["service ALARM"] != 2 { // refused, and retried
		t.Errorf("messages: %v", seen)
	}
}

// The SDK for Go uses CBOR: unions, maps and composite alarms in both directions.
func TestAlarmsOverCBOR(t *testing.T) {
	t.Parallel()
	s := start(t, t.TempDir())
	c := s.cloudwatch()
	_, err := c.PutMetricAlarm(t.Context(), &cloudwatch.PutMetricAlarmInput{
		AlarmName: aws.String("p"), EvaluationInterval: aws.Int32(60),
		EvaluationCriteria: &cw.EvaluationCriteriaMemberPromQLCriteria{Value: cw.AlarmPromQLCriteria{
			Query: aws.String("up == 0"), PendingPeriod: aws.Int32(60), RecoveryPeriod: aws.Int32(0),
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.PutCompositeAlarm(t.Context(), &cloudwatch.PutCompositeAlarmInput{AlarmName: aws.String("c"), AlarmRule: aws.String("NOT ALARM(p)")}); err != nil {
		t.Fatal(err)
	}
	out, err := c.DescribeAlarms(t.Context(), &cloudwatch.DescribeAlarmsInput{AlarmTypes: []cw.AlarmType{cw.AlarmTypeCompositeAlarm, cw.AlarmTypeMetricAlarm}})
	if err != nil {
		t.Fatal(err)
	}
	criteria, ok := out.MetricAlarms[0].EvaluationCriteria.(*cw.EvaluationCriteriaMemberPromQLCriteria)
	if !ok || *criteria.Value.Query != "up == 0" || *criteria.Value.PendingPeriod != 60 || *criteria.Value.RecoveryPeriod != 0 {
		t.Errorf("%+v", out.MetricAlarms[0].EvaluationCriteria)
	}
	if x := out.CompositeAlarms[0]; *x.AlarmName != "c" || x.StateValue != cw.StateValueAlarm || !strings.HasSuffix(*x.StateReason, "alarm:c was created and its alarm rule evaluates to ALARM") {
		t.Errorf("%+v", x)
	}
	contributors, err := c.DescribeAlarmContributors(t.Context(), &cloudwatch.DescribeAlarmContributorsInput{AlarmName: aws.String("p")})
	if err != nil || len(contributors.AlarmContributors) != 0 {
		t.Errorf("%+v, %v", contributors, err)
	}
	// In the Query protocol, which older clients use, a union is a structure.
	form := "Action=DescribeAlarms&Version=2010-08-01"
	answer := s.raw("monitoring", "/", map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, []byte(form), time.Now(), nil)
	if !strings.Contains(string(answer.body), "<EvaluationCriteria><PromQLCriteria><Query>up == 0</Query>") {
		t.Errorf("%s", answer.body)
	}
}
