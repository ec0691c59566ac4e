package e2e

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	scaling "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const timed = "endpoint/timed/variant/AllTraffic"

// schedule puts a scheduled action of the variant; a bound of 0 is omitted.
func (s *server) schedule(name, expression string, least, most int32) {
	s.t.Helper()
	to := &scaling.ScalableTargetAction{}
	if least > 0 {
		to.MinCapacity = aws.Int32(least)
	}
	if most > 0 {
		to.MaxCapacity = aws.Int32(most)
	}
	if _, err := s.scaling().PutScheduledAction(s.t.Context(), &applicationautoscaling.PutScheduledActionInput{
		ServiceNamespace: scaling.ServiceNamespaceSagemaker, ScalableDimension: scaling.ScalableDimensionSageMakerVariantDesiredInstanceCount,
		ResourceId: aws.String(timed), ScheduledActionName: aws.String(name), Schedule: aws.String(expression), ScalableTargetAction: to,
	}); err != nil {
		s.t.Fatal(err)
	}
}

func (s *server) schedules() []scaling.ScheduledAction {
	s.t.Helper()
	out, err := s.scaling().DescribeScheduledActions(s.t.Context(), &applicationautoscaling.DescribeScheduledActionsInput{
		ServiceNamespace: scaling.ServiceNamespaceSagemaker,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return out.ScheduledActions
}

// runs counts the activities of a scheduled action's runs.
func (s *server) runs(name string) (n int) {
	s.t.Helper()
	out, err := s.scaling().DescribeScalingActivities(s.t.Context(), &applicationautoscaling.DescribeScalingActivitiesInput{
		ServiceNamespace: scaling.ServiceNamespaceSagemaker, ResourceId: aws.String(timed),
	})
	if err != nil {
		s.t.Fatal(err)
	}
	for _, a := range out.ScalingActivities {
		if *a.Cause == "scheduled action name "+name+" was triggered" {
			n++
		}
	}
	return n
}

// bounds checks the range of the variant's target.
func (s *server) bounds(least, most int32) {
	s.t.Helper()
	out, err := s.scaling().DescribeScalableTargets(s.t.Context(), &applicationautoscaling.DescribeScalableTargetsInput{
		ServiceNamespace: scaling.ServiceNamespaceSagemaker,
	})
	if err != nil || len(out.ScalableTargets) != 1 || *out.ScalableTargets[0].MinCapacity != least || *out.ScalableTargets[0].MaxCapacity != most {
		s.t.Errorf("the range is not %d to %d: %+v, %v", least, most, out, err)
	}
}

// plan is the state when a server was killed.
type plan struct {
	at      time.Time // the time of the next run
	actions []scaling.ScheduledAction
	ran     [3]int
}

// ran counts the runs of the three actions.
func (s *server) ran() [3]int {
	s.t.Helper()
	return [3]int{s.runs("once"), s.runs("hourly"), s.runs("later")}
}

// planned puts a one-time action, an hourly one and a later one, and kills the server before the time of the first two.
func (s *server) planned(dir string) plan {
	s.t.Helper()
	for ahead := 3 * time.Second; ; ahead *= 2 { // a slow machine gets more time
		at := time.Now().UTC().Add(ahead).Truncate(time.Second)
		s.schedule("once", at.Format("at(2006-01-02T15:04:05)"), 2, 0)
		s.schedule("hourly", at.Format("cron(5 4 * * * ? *)"), 0, 3)
		s.schedule("later", at.Add(90*time.Minute).Format("at(2006-01-02T15:04:05)"), 3, 0)
		p := plan{at, s.schedules(), s.ran()}
		s.kill()
		if time.Now().Before(at) {
			return p
		}
		s.t.Logf("the server was not killed before %v", at)
		s = start(s.t, dir)
	}
}

// Scheduled actions survive crashes. One that was due while the server was down runs once at the restart; later ones run at their times, and
// the recurring one repeatedly. The capacity follows each.
func TestKilledServerKeepsItsSchedules(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := start(t, dir)
	s.deploy("timed", 1, nil)
	if _, err := s.scaling().RegisterScalableTarget(t.Context(), &applicationautoscaling.RegisterScalableTargetInput{
		ServiceNamespace: scaling.ServiceNamespaceSagemaker, ResourceId: aws.String(timed),
		ScalableDimension: scaling.ScalableDimensionSageMakerVariantDesiredInstanceCount, MinCapacity: aws.Int32(1), MaxCapacity: aws.Int32(4),
	}); err != nil {
		t.Fatal(err)
	}
	before := s.planned(dir)
	<-time.After(time.Until(before.at)) // it passes while the server is down
	s = start(t, dir)
	want := [3]int{before.ran[0] + 1, before.ran[1] + 1, 0}
	s.until("what was missed is made up for", func() bool { return s.ran() == want })
	s.settled("timed", 2)
	s.bounds(2, 3)
	if diff := cmp.Diff(before.actions, s.schedules(), cmpopts.IgnoreUnexported(scaling.ScheduledAction{}, scaling.ScalableTargetAction{})); diff != "" {
		t.Errorf("the scheduled actions are others (-before +after):\n%s", diff)
	}
	s.kill()
	s = start(t, dir, "--clock-speed", "1000") // an hour takes 3.6 s
	s.until("what waited runs, and the hourly one goes on", func() bool { return s.runs("later") > 0 && s.runs("hourly") > want[1]+1 })
	s.settled("timed", 3)
	s.kill()
	s = start(t, dir)
	s.settled("timed", 3)
	s.bounds(3, 3)
	if ran := s.ran(); ran[0] != want[0] || ran[2] != 1 {
		t.Errorf("runs of the one-time actions: %v", ran)
	}
	if n := len(instances(t, dir)); n != 3 {
		t.Errorf("%d model servers run", n)
	}
	t.Log(s.script(binary, "replay", "--data-dir", dir, "--quiet"))
}
