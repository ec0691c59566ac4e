package notify

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/metric"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func event(topic string) engine.AlarmNotifies {
	at := time.Date(2026, 11, 24, 10, 3, 10, 0, time.UTC)
	action := alarm.Action{On: alarm.InAlarm, ARN: topic}
	return engine.AlarmNotifies{
		Scope: engine.Scope{Account: "123456789012", Region: "us-east-1"},
		Notification: alarm.Notification{
			Action: action, Transition: alarm.Transition{From: alarm.OK, To: alarm.InAlarm, Reason: "Threshold Crossed: …"},
			Alarm: alarm.Alarm{
				Name: "busy", Actions: []alarm.Action{action}, Updated: at, Configured: at.Add(-time.Hour),
				Rule: alarm.Rule{
					Metric: metric.NewID("App", "Queue", metric.Dimension{Name: "d", Value: "v"}), Statistic: metric.Statistic{Kind: metric.Average},
					Period: time.Minute, Periods: 3, Threshold: 50, Comparison: alarm.GreaterThanThreshold, Missing: alarm.Breaching,
				},
			},
		},
	}
}

// The body has SNS's members.
func TestMessage(t *testing.T) {
	text, err := body(event("arn:aws:sns:us-east-1:123456789012:ops"))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"AlarmName":"busy","AlarmDescription":null,"AWSAccountId":"123456789012","AlarmConfigurationUpdatedTimestamp":"2026-11-24T09:03:10.000+0000",` +
		`"NewStateValue":"ALARM","NewStateReason":"Threshold Crossed: …","StateChangeTime":"2026-11-24T10:03:10.000+0000","Region":"US East (N. Virginia)",` +
		`"AlarmArn":"arn:aws:cloudwatch:us-east-1:123456789012:alarm:busy","OldStateValue":"OK","ActionExecutedAfterMuteWindow":false,"OKActions":[],` +
		`"AlarmActions":["arn:aws:sns:us-east-1:123456789012:ops"],"InsufficientDataActions":[],"Trigger":{"MetricName":"Queue","Namespace":"App",` +
		`"StatisticType":"Statistic","Statistic":"AVERAGE","Unit":null,"Dimensions":[{"value":"v","name":"d"}],"Period":60,"EvaluationPeriods":3,` +
		`"ComparisonOperator":"GreaterThanThreshold","Threshold":50.0,"TreatMissingData":"breaching","EvaluateLowSampleCountPercentile":""}}`
	if string(text) != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
}

// A composite alarm's message has its rule and the alarms that made it so, and no trigger. AWS: recorded.
func TestMessageOfACompositeAlarm(t *testing.T) {
	e := event("arn:aws:sns:us-east-1:123456789012:ops")
	e.Composite = &alarm.Composite{Name: "busy", Rule: "ALARM(a) OR ALARM(b)"}
	e.Transition.Data = `{"triggeringAlarms":[{"arn":"arn:aws:cloudwatch:us-east-1:123456789012:alarm:a","state":{"value":"ALARM","timestamp":"2026-11-24T10:03:10.000+0000"}}]}`
	text, err := body(e)
	if err != nil {
		t.Fatal(err)
	}
	want := `"InsufficientDataActions":[],"AlarmRule":"ALARM(a) OR ALARM(b)","TriggeringChildren":[{"Arn":"arn:aws:cloudwatch:us-east-1:123456789012:alarm:a",` +
		`"State":{"Value":"ALARM","Timestamp":"2026-11-24T10:03:10.000+0000"}}]}`
	if !strings.HasSuffix(string(text), want) || strings.Contains(string(text), "AlarmConfigurationUpdatedTimestamp") {
		t.Errorf("got  %s\nwant … %s", text, want)
	}
	e.Transition.Data = "by hand"
	if text, err = body(e); err != nil || !strings.HasSuffix(string(text), `"TriggeringChildren":[]}`) {
		t.Errorf("got  %s, %v", text, err)
	}
}

// The trigger of an alarm on an expression has its queries. AWS: recorded.
func TestMessageOfAnExpression(t *testing.T) {
	e := event("arn:aws:sns:us-east-1:123456789012:ops")
	e.Alarm.Rule.Metrics = []metric.DataQuery{
		{ID: "m1", Hidden: true, Stat: &metric.MetricStat{
			Metric: e.Alarm.Rule.Metric, Statistic: metric.Statistic{Kind: metric.Sum}, Period: time.Minute,
		}},
		{ID: "e1", Expression: "m1*2", Label: "twice"},
	}
	text, err := body(e)
	if err != nil {
		t.Fatal(err)
	}
	want := `"Trigger":{"Period":60,"EvaluationPeriods":3,"ComparisonOperator":"GreaterThanThreshold","Threshold":50.0,"TreatMissingData":"breaching",` +
		`"EvaluateLowSampleCountPercentile":"","Metrics":[{"Id":"m1","MetricStat":{"Metric":{"Dimensions":[{"value":"v","name":"d"}],` +
		`"MetricName":"Queue","Namespace":"App"},"Period":60,"Stat":"Sum"},"ReturnData":false},` +
		`{"Expression":"m1*2","Id":"e1","Label":"twice","ReturnData":true}]}}`
	if !strings.HasSuffix(string(text), want) {
		t.Errorf("got  %s\nwant … %s", text, want)
	}
}

// A contributor's message names it.
func TestMessageOfAContributor(t *testing.T) {
	e := event("arn:aws:sns:us-east-1:123456789012:ops")
	e.Alarm.Rule = alarm.Rule{PromQL: &alarm.PromQL{Query: "up == 0", Interval: time.Minute, Pending: 5 * time.Minute}}
	e.Contributor = &alarm.Contributor{ID: "0123456789abcdef", Attributes: map[string]string{"job": "x"}}
	text, err := body(e)
	if err != nil {
		t.Fatal(err)
	}
	want := `"Trigger":{"Query":"up == 0","PendingPeriod":300,"RecoveryPeriod":0,"EvaluationInterval":60},` +
		`"AlarmContributorId":"0123456789abcdef","AlarmContributorAttributes":{"job":"x"}}`
	if !strings.HasSuffix(string(text), want) {
		t.Errorf("got  %s\nwant … %s", text, want)
	}
}

// run gives events to a notifier and returns what came of them.
func run(t *testing.T, url func(string) (string, bool), events ...engine.AlarmNotifies) []engine.Notified {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	var mu sync.Mutex
	var out []engine.Notified
	n := New(Options{URL: url, FirstWait: time.Millisecond, Log: slog.New(slog.DiscardHandler), Done: func(_ context.Context, x engine.Notified) {
		mu.Lock()
		defer mu.Unlock()
		if out = append(out, x); len(out) == len(events) {
			stop()
		}
	}})
	n.o.Outbox = filled(events...)
	n.Run(ctx)
	return out
}

func TestDeliversAndTriesAgain(t *testing.T) {
	var calls atomic.Int32
	var got atomic.Value
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		got.Store(string(text) + r.Header.Get("X-Amz-Sns-Topic-Arn"))
		if calls.Add(1) < 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer server.Close()
	out := run(t, func(string) (string, bool) { return server.URL, true }, event("arn:aws:sns:us-east-1:123456789012:ops"))
	if len(out) != 1 || out[0].Error != "" || out[0].Alarm != "busy" || calls.Load() != 3 {
		t.Errorf("%+v after %d calls", out, calls.Load())
	}
	if text := got.Load().(string); !strings.HasSuffix(text, "ops") || !json.Valid([]byte(strings.TrimSuffix(text, "arn:aws:sns:us-east-1:123456789012:ops"))) {
		t.Errorf("sent %s", text)
	}
}

func TestFailuresAreReported(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	out := run(t, func(topic string) (string, bool) { return server.URL, topic == "mapped" }, event("mapped"), event("unmapped"))
	if len(out) != 2 {
		t.Fatalf("%+v", out)
	}
	for _, x := range out {
		want := "after 5 tries: it answered 404 Not Found"
		if x.Action.ARN == "unmapped" {
			want = "nothing is mapped to this action"
		}
		if !strings.Contains(x.Error, want) {
			t.Errorf("%+v, want %q", x, want)
		}
	}
}
