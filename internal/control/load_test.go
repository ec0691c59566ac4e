package control

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/metric"
)

// Under 10,000 calls a second there is an observation each second of policy time, whether the clock is scaled or not, and an alarm is
// evaluated at its moment. Calls come in bursts that are closer together than a pulse.
func TestCallsDoNotPutOffObservations(t *testing.T) {
	every := 10 * time.Millisecond
	burst := 100
	if raced { // as many calls would take a quarter of a minute
		burst = 20
	}
	for _, x := range []struct {
		name    string
		speed   float64
		seconds int // of policy time
	}{{"unscaled", 1, 3}, {"ten times as fast", 10, 25}} {
		t.Run(x.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := start(t, t.TempDir(), x.speed)
				var mu sync.Mutex
				var seen []time.Time
				s.onObserve(func(now time.Time) {
					mu.Lock()
					defer mu.Unlock()
					seen = append(seen, now)
				})
				s.setLoad(1)
				s.do(engine.PutMetricAlarm{Scope: scope, Alarm: alarm.Alarm{Name: "a", Rule: alarm.Rule{
					Metric: metric.NewID("N", "m"), Statistic: metric.Statistic{Kind: metric.Sum}, Period: 10 * time.Second, Periods: 1,
					Threshold: 1, Comparison: alarm.GreaterThanThreshold, Missing: alarm.Breaching,
				}}})
				began := s.Now()
				ctx, stop := context.WithTimeout(t.Context(), s.clock.Wall(time.Duration(x.seconds)*time.Second)) // how long the load lasts
				defer stop()
				calls := make(chan int)
				for range burst {
					go func() {
						pace := time.NewTicker(every)
						defer pace.Stop()
						n := 0
						for ; ctx.Err() == nil; n++ {
							s.do(engine.TagAlarm{Scope: scope, Name: "a", Add: map[string]string{"k": "v"}})
							<-pace.C
						}
						calls <- n
					}()
				}
				total := 0
				for range burst {
					total += <-calls
				}
				mu.Lock()
				defer mu.Unlock()
				if least := int(float64(x.seconds) / x.speed * float64(burst) * float64(time.Second/every) * 0.9); total < least {
					t.Errorf("only %d calls, want %d: nothing is shown", total, least)
				}
				if len(seen) < x.seconds-1 {
					t.Fatalf("%d observations in %d s: %v", len(seen), x.seconds, seen)
				}
				for i, at := range seen {
					if want := began.Add(time.Duration(i+1) * time.Second); at.Sub(want).Abs() > 10*time.Millisecond {
						t.Errorf("observation %d was at %v, want %v", i, at, want)
					}
				}
				if x.seconds > 20 {
					due := metric.Align(began, 10*time.Second).Add(10 * time.Second)
					s.view(func(e *engine.Engine) {
						a := e.Region(scope).Alarms.Metric["a"]
						if late := a.Transitioned.Sub(due); a.State != alarm.InAlarm || late < 0 || late > 200*time.Millisecond {
							t.Errorf("the alarm is %v, %v after it was due", a.State, late)
						}
					})
				}
				s.close()
			})
		})
	}
}
