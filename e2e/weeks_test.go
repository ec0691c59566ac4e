package e2e

import (
	"database/sql"
	"encoding/json"
	"net/http"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	scaling "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	_ "modernc.org/sqlite" // the driver
)

// aged is the policy time between the explained moments and the explanation.
const aged = time.Hour

// moment is an explained moment and the words that the explanation must contain.
type moment struct {
	at    time.Time
	all   map[string]any
	words string
}

// now explains the current state.
func (s *server) now() moment {
	s.t.Helper()
	_, text := s.fetch("/explain/iris/AllTraffic", "application/json")
	return s.moment(text)
}

func (s *server) moment(text string) (m moment) {
	s.t.Helper()
	var x struct{ Moment map[string]any }
	if err := json.Unmarshal([]byte(text), &x); err != nil {
		s.t.Fatalf("%v: %s", err, text)
	}
	at, err := time.Parse(time.RFC3339Nano, x.Moment["at"].(string))
	if err != nil {
		s.t.Fatal(err)
	}
	delete(x.Moment, "source")
	withoutClock(x.Moment)
	return moment{at: at, all: x.Moment}
}

// withoutClock removes how policy time relates to wall time, which only explanations of the present have.
func withoutClock(x any) {
	switch x := x.(type) {
	case map[string]any:
		delete(x, "clock")
		delete(x, "asked_policy_time")
		for _, part := range x {
			withoutClock(part)
		}
	case []any:
		for _, part := range x {
			withoutClock(part)
		}
	}
}

// lives takes a variant through an alarm, a dry run, another range, and the deletion of its policy, and explains each state at the time.
func (s *server) lives() (then []moment) {
	s.t.Helper()
	feed := s.dryRun("iris")
	see := func(words string) {
		s.t.Helper()
		s.until(words, func() bool {
			feed()
			m := s.now()
			text, err := json.Marshal(m.all)
			if err != nil {
				s.t.Fatal(err)
			}
			if m.words = words; !strings.Contains(string(text), words) {
				return false
			}
			then = append(then, m)
			return true
		})
	}
	target := aws.String("endpoint/iris/variant/AllTraffic")
	see("wanted 3 = 1 + 2; dry run, or desired would be 3")
	if _, err := s.scaling().RegisterScalableTarget(s.t.Context(), &applicationautoscaling.RegisterScalableTargetInput{
		ServiceNamespace: scaling.ServiceNamespaceSagemaker, ResourceId: target, ScalableDimension: scaling.ScalableDimensionSageMakerVariantDesiredInstanceCount,
		MaxCapacity: aws.Int32(2), SuspendedState: &scaling.SuspendedState{DynamicScalingOutSuspended: aws.Bool(true)},
	}); err != nil {
		s.t.Fatal(err)
	}
	see("1 of 1: 9 \\u003e 5; wanted 3 = 1 + 2; scale-out is suspended")
	if _, err := s.cloudwatch().DeleteAlarms(s.t.Context(), &cloudwatch.DeleteAlarmsInput{AlarmNames: []string{"queue"}}); err != nil {
		s.t.Fatal(err)
	}
	see(`"says":[]`)
	if _, err := s.scaling().DeregisterScalableTarget(s.t.Context(), &applicationautoscaling.DeregisterScalableTargetInput{
		ServiceNamespace: scaling.ServiceNamespaceSagemaker, ResourceId: target, ScalableDimension: scaling.ScalableDimensionSageMakerVariantDesiredInstanceCount,
	}); err != nil {
		s.t.Fatal(err)
	}
	see(`"scaled":false`)
	return then
}

// withoutJournal removes what a server drops after a day: all of the journal except its end.
func withoutJournal(t *testing.T, dir string) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, "bellows.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, text := range []string{
		`DELETE FROM snapshot WHERE seq < (SELECT max(seq) FROM snapshot)`, `DELETE FROM journal WHERE seq <= (SELECT max(seq) FROM snapshot)`,
	} {
		if _, err := db.ExecContext(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
}

// Past moments are explained, by the server and by the command, as they were at the time: after their alarm, policy and target are deleted,
// their journal is dropped, and the server was stopped and killed.
func TestPastMoments(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := start(t, dir, "--clock-speed", "20")
	s.deploy("iris", 1, nil)
	before := s.now().at.Add(-24 * time.Hour)
	then := s.lives()
	s.stop()
	withoutJournal(t, dir)
	s = start(t, dir, "--clock-speed", "1000")
	last := then[len(then)-1].at
	s.until("time passes", func() bool { return s.now().at.After(last.Add(aged)) })
	s.kill()
	s = start(t, dir, "--clock-speed", "20")
	for _, was := range then {
		at := was.at.Format(time.RFC3339Nano)
		_, text := s.fetch("/explain/iris/AllTraffic?at="+at, "application/json")
		out, err := exec.CommandContext(t.Context(), binary, "explain", "iris/AllTraffic", "--data-dir", dir, "--json", "--at", at).CombinedOutput()
		if err != nil {
			t.Fatalf("explain --at %s: %v: %s", at, err, out)
		}
		for by, is := range map[string]moment{"the server": s.moment(text), "the command": s.moment(string(out))} {
			if !reflect.DeepEqual(is.all, was.all) {
				t.Errorf("%q was explained as\n%v\nand %s explains it as\n%v", was.words, was.all, by, is.all)
			}
		}
	}
	if _, page := s.fetch("/health", "text/html"); !strings.Contains(page, "Moments can be explained from ") {
		t.Errorf("the health page does not show how far back moments can be explained:\n%s", page)
	}
	code, text := s.fetch("/explain/iris/AllTraffic?at="+before.Format(time.RFC3339), "text/plain")
	if code != http.StatusNotFound || !strings.Contains(text, "what is kept begins at ") || !strings.Contains(text, ", when the first server was started here") {
		t.Errorf("before the first start: %d %s", code, text)
	}
}
