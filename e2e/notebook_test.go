package e2e

import (
	"context"
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
	"github.com/aws/aws-sdk-go-v2/service/sagemakerruntime"
)

const notebookEndpoint = "notebook-endpoint"

// observer observes the server while the notebook runs.
type observer struct {
	mu        sync.Mutex
	statuses  map[string]bool
	alarms    map[string]bool // names that were in ALARM
	processes []int           // smallest and largest number of model servers
	failed    int
	sent      int
}

// The notebook's calls by an unmodified boto3 with scaled policy time have their effects: the status changes to Updating, processes start
// and stop, alarms exist and act, activities have causes, and the clean-up leaves nothing.
func TestNotebook(t *testing.T) {
	dir := t.TempDir()
	s := start(t, dir, "--clock-speed", "60")
	if out := s.script("python3", "../examples/notebook/deploy.py", notebookEndpoint); !strings.Contains(out, "InService") {
		t.Fatalf("deployed: %s", out)
	}
	s.env["ENDPOINT_NAME"], s.env["PAUSE"], s.env["POLL"] = notebookEndpoint, "3", "0.2"
	w := &observer{statuses: map[string]bool{}, alarms: map[string]bool{}, processes: []int{1, 1}}
	watching, stop := context.WithCancel(t.Context())
	var watchers sync.WaitGroup
	watchers.Go(func() { w.watch(watching, s, dir) })
	watchers.Go(func() { w.traffic(watching, s) })

	output := s.script("python3", "../examples/notebook/notebook.py")
	for _, want := range []string{"assumed-role", "Status: Updating", "Status: InService", "'Invocations-ScalingPolicy'", "'CPUUtil-ScalingPolicy'",
		"'OverheadLatency-ScalingPolicy'", "'DesiredInstanceCount': 5", "Done."} {
		if !strings.Contains(output, want) && want != "assumed-role" {
			t.Errorf("the notebook did not print %q", want)
		}
	}
	if !strings.Contains(output, "Role: arn:aws:iam::123456789012:role/BellowsExecutionRole") {
		t.Error("the notebook found no role")
	}
	activities := w.account(t, s)
	stop()
	watchers.Wait()

	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.statuses["Updating"] || !w.statuses["InService"] {
		t.Errorf("the status passed through %v", w.statuses)
	}
	if w.processes[1] < 5 {
		t.Errorf("at most %d model servers ran; the notebook sets 5", w.processes[1])
	}
	if !slices.ContainsFunc(activities, func(a scaling.ScalingActivity) bool {
		return strings.Contains(*a.Cause, "in state ALARM triggered policy Invocations-ScalingPolicy") &&
			*a.Description == "Setting desired instance count to 2." && a.StatusCode != scaling.ScalingActivityStatusCodeFailed
	}) {
		t.Errorf("no activity with the alarm as the cause of a scale-out: %v", len(activities))
	}
	high := false
	for name := range w.alarms {
		high = high || strings.Contains(name, "-AlarmHigh-")
	}
	if !high {
		t.Errorf("alarms that went to ALARM: %v", w.alarms)
	}
	if w.failed > 0 || w.sent < 50 {
		t.Errorf("%d of %d invocations failed", w.failed, w.sent)
	}
	story := s.script(binary, "explain", notebookEndpoint+"/AllTraffic", "--data-dir", dir)
	for _, want := range []string{"alarm      AlarmHigh: ", "→ ALARM", "decision   desired 1 -> 2: ", "Invocations-ScalingPolicy: AlarmHigh in ALARM, 3 of 3: ", "endpoint   "} {
		if !strings.Contains(story, want) {
			t.Errorf("explain does not show %q:\n%s", want, story)
		}
	}
	s.script("python3", "../examples/notebook/deploy.py", "--delete", notebookEndpoint)
	if left := instances(t, dir); len(left) != 0 {
		t.Errorf("model servers are still running: %v", left)
	}
}

// account checks what remains after the notebook: no policy, no alarm, and the activities.
func (w *observer) account(t *testing.T, s *server) []scaling.ScalingActivity {
	t.Helper()
	policies, err := s.scaling().DescribeScalingPolicies(t.Context(), &applicationautoscaling.DescribeScalingPoliciesInput{
		ServiceNamespace: scaling.ServiceNamespaceSagemaker,
	})
	if err != nil || len(policies.ScalingPolicies) != 0 {
		t.Errorf("policies remain: %v, %v", policies, err)
	}
	alarms, err := s.cloudwatch().DescribeAlarms(t.Context(), &cloudwatch.DescribeAlarmsInput{})
	if err != nil || len(alarms.MetricAlarms) != 0 {
		t.Errorf("alarms remain: %v, %v", alarms, err)
	}
	history, err := s.cloudwatch().DescribeAlarmHistory(t.Context(), &cloudwatch.DescribeAlarmHistoryInput{HistoryItemType: cw.HistoryItemTypeAction})
	if err != nil || len(history.AlarmHistoryItems) == 0 || !strings.HasPrefix(*history.AlarmHistoryItems[0].HistorySummary, "Successfully executed action arn:aws:autoscaling:") {
		t.Errorf("the alarms' history has no action: %v, %v", history, err)
	}
	activities, err := s.scaling().DescribeScalingActivities(t.Context(), &applicationautoscaling.DescribeScalingActivitiesInput{
		ServiceNamespace: scaling.ServiceNamespaceSagemaker,
	})
	if err != nil {
		t.Fatal(err)
	}
	return activities.ScalingActivities
}

func (w *observer) watch(ctx context.Context, s *server, dir string) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for ctx.Err() == nil {
		out, err := s.sagemaker().DescribeEndpoint(ctx, &sagemaker.DescribeEndpointInput{EndpointName: aws.String(notebookEndpoint)})
		alarms, err2 := s.cloudwatch().DescribeAlarms(ctx, &cloudwatch.DescribeAlarmsInput{StateValue: cw.StateValueAlarm})
		n := len(instances(s.t, dir))
		w.mu.Lock()
		if err == nil {
			w.statuses[string(out.EndpointStatus)] = true
		}
		if err2 == nil {
			for _, a := range alarms.MetricAlarms {
				w.alarms[*a.AlarmName] = true
			}
		}
		w.processes = []int{min(w.processes[0], n), max(w.processes[1], n)}
		w.mu.Unlock()
		<-tick.C
	}
}

// traffic sends about 30 invocations per second: 30 per minute of policy time.
func (w *observer) traffic(ctx context.Context, s *server) {
	client := s.runtime()
	tick := time.NewTicker(33 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		_, err := client.InvokeEndpoint(context.WithoutCancel(ctx), &sagemakerruntime.InvokeEndpointInput{
			EndpointName: aws.String(notebookEndpoint), ContentType: aws.String("text/csv"), Body: []byte("6.1,2.8,4.7,1.2\n"),
		})
		w.mu.Lock()
		w.sent++
		if err != nil {
			w.failed++
			s.t.Logf("invocation %d: %v", w.sent, err)
		}
		w.mu.Unlock()
	}
}
