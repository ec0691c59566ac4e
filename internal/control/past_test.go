package control

import (
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/explain"
	"bellows.dev/bellows/internal/log"
	"bellows.dev/bellows/internal/log/sqlite"
	"bellows.dev/bellows/scaling"
	"bellows.dev/bellows/scaling/policy/tracking"
)

// exec changes the store's file directly while it is not open.
func (w *weeks) exec(texts ...string) {
	w.t.Helper()
	if err := w.store.Close(); err != nil {
		w.t.Fatal(err)
	}
	db, err := sql.Open("sqlite", filepath.Join(w.dir, sqlite.FileName))
	if err != nil {
		w.t.Fatal(err)
	}
	for _, text := range texts {
		if _, err := db.ExecContext(w.t.Context(), text); err != nil {
			w.t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		w.t.Fatal(err)
	}
	w.open()
}

// pass lets so much time pass, with a page of the archive every so often.
func (w *weeks) pass(d, every time.Duration) {
	w.t.Helper()
	saved := w.world.Now
	for end := w.world.Now.Add(d); w.world.Now.Before(end); {
		w.minute()
		if w.world.Now.Sub(saved) >= every {
			saved = w.world.Now
			w.save()
		}
	}
	w.save()
}

// track registers the variant and lets it track the queue, which has so much.
func (w *weeks) track(least, most int, target, load float64, out time.Duration) {
	w.t.Helper()
	w.load = load
	w.must(engine.RegisterScalableTarget{Scope: scope, Registration: scaling.Registration{Key: key, Min: &least, Max: &most}})
	w.must(engine.PutScalingPolicy{Scope: scope, Input: scaling.PolicyInput{
		Key: key, Name: "queue", Type: tracking.Type{}, Configs: []scaling.Config{&tracking.Config{
			TargetValue: target, ScaleOutCooldown: &out,
			Customized: &tracking.CustomizedSpec{Namespace: "App", Name: "Queue", Statistic: tracking.Average, Unit: "Count"},
		}},
	}})
}

// rendered is the moment as people read it.
func (w *weeks) rendered(at time.Time) string {
	w.t.Helper()
	x, err := w.explain(at)
	if err != nil {
		return err.Error()
	}
	var b strings.Builder
	if err := x.Render(&b); err != nil {
		w.t.Fatal(err)
	}
	return b.String()
}

// The whole answer an hour, two days and 13 days later, when the policy was changed and deleted, the target registered with another
// range and suspended, and its endpoint deleted.
func TestTheWholeAnswerTwoWeeksLater(t *testing.T) {
	if raced {
		t.Skip("two weeks take a minute under the race detector, and nothing in them is concurrent")
	}
	w := newWeeks(t, 5)
	w.steady = true
	w.pass(5*time.Minute, time.Hour)
	w.track(1, 12, 10, 41.2, 5*time.Minute)
	w.pass(5*time.Minute, time.Hour)
	w.load = 2
	w.pass(18*time.Minute, time.Hour)
	moment := w.world.Now
	const want = `e/v at 2099-03-02 10:28:00 UTC: InService, 2 of 2 wanted instances serve; range 1 to 12
  queue  AlarmHigh in OK, 0 of 3: 2 not > 10
         AlarmLow in ALARM, 15 of 15: 2 < 9; no reading since capacity changed
  last decision, 2099-03-02 10:27:10: desired 2: queue: AlarmLow in ALARM, 15 of 15: 2 < 9; no reading since capacity changed
`
	check := func(when string) {
		t.Helper()
		if got := w.rendered(moment); !strings.HasPrefix(got, want) {
			t.Errorf("%s it is explained as\n%s\nwant\n%s", when, got, want)
		}
	}
	check("now")
	w.minute()
	yes, nine := true, 9
	w.must(engine.RegisterScalableTarget{Scope: scope, Registration: scaling.Registration{Key: key, Max: &nine, SuspendOut: &yes, SuspendIn: &yes}})
	w.pass(time.Hour, 10*time.Minute)
	check("an hour later")
	w.track(2, 7, 50, 80, time.Second)
	w.pass(2*24*time.Hour, time.Hour)
	check("two days later")
	w.must(engine.DeleteScalingPolicy{Scope: scope, Key: key, Name: "queue"})
	w.kill()
	w.must(engine.DeleteEndpoint{Key: engine.EndpointKey{Scope: scope, Endpoint: "e"}})
	w.pass(11*24*time.Hour, 3*time.Hour)
	check("13 days later")
	if got := w.rendered(time.Time{}); !strings.Contains(got, "there is no such variant") {
		t.Errorf("today it is explained as %s", got)
	}
	w.pass(30*time.Hour, 3*time.Hour)
	if got := w.rendered(moment); !strings.HasPrefix(got, "2099-03-02 10:28:00 UTC is not known: what is kept begins at 2099-03-0") || !strings.HasSuffix(got, ", two weeks are kept") {
		t.Errorf("two weeks and an hour later it is explained as %s", got)
	}
	if err := w.store.Close(); err != nil {
		t.Error(err)
	}
}

// A moment that cannot be restored is refused with the reason.
func TestUnknownMomentsAreReported(t *testing.T) {
	w := newWeeksIn(t, onDisk(t, t.TempDir()), 6)
	w.track(1, 4, 10, 41.2, time.Minute)
	w.pass(8*time.Hour, time.Hour)
	known := begun.Add(5 * time.Hour)
	if got := w.rendered(known); !strings.Contains(got, "e/v at 2099-03-02 15:00:00 UTC: InService, 4 of 4 wanted instances serve; range 1 to 4\n") {
		t.Errorf("what is known: %s", got)
	}
	// The first start has the wall clock's time; the time of the simulated world is much later.
	past := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	if got := w.rendered(past); !strings.HasSuffix(got, ", when the first server was started here") {
		t.Errorf("before the first start: %s", got)
	}

	w.exec(`INSERT OR REPLACE INTO meta (key, value) VALUES ('diary.dropped', 'size')`, `DELETE FROM diary WHERE first < 9`,
		`DELETE FROM journal WHERE seq <= (SELECT min(seq) FROM snapshot)`) // as a day later
	if got := w.rendered(past); !strings.HasSuffix(got, ", what was before is dropped to stay within explain_max") {
		t.Errorf("without room: %s", got)
	}
	w.exec(`DELETE FROM meta WHERE key = 'diary.dropped'`)
	if got := w.rendered(past); !strings.HasSuffix(got, ", an earlier version, which keeps a day at most, ran before") {
		t.Errorf("before the first version with an archive: %s", got)
	}
	// A version without an archive ran for a while, and the journal of that time is gone.
	w.exec(`DELETE FROM diary WHERE first > (SELECT min(first) FROM diary) AND until < (SELECT max(at) FROM diary WHERE state IS NOT NULL)`, `DELETE FROM journal WHERE seq <= (SELECT max(seq) FROM snapshot)`)
	if got := w.rendered(known); got != "2099-03-02 15:00:00 UTC is not known: an earlier version, which keeps a day at most, ran then" {
		t.Errorf("while an earlier version ran: %s", got)
	}
	w.exec(`DELETE FROM diary`)
	var forgotten *ForgottenError
	if _, err := PastAt(t.Context(), w.store, nil, known); !errors.As(err, &forgotten) || !strings.HasSuffix(err.Error(), "no server has kept anything here yet") {
		t.Errorf("without anything: %v", err)
	}
	if err := w.store.Close(); err != nil {
		t.Error(err)
	}
}

// If another version decides differently, the answer states from when on.
func TestAnotherVersionIsReported(t *testing.T) {
	w := newWeeks(t, 7)
	w.track(1, 4, 10, 41.2, time.Minute)
	w.pass(2*time.Minute, time.Hour)
	odd := w.world.Now
	encoded, err := encodeEvents([]engine.Event{engine.Decided{Scope: scope}})
	if err != nil {
		t.Fatal(err)
	}
	w.commit()
	if _, err := w.server.engine.Step(odd, engine.Tick{}); err != nil {
		t.Fatal(err)
	}
	w.server.stepped++
	w.stepped.add(journalEntry(w.server.stepped, odd, engine.Tick{}, []byte("{}"), encoded), engine.Effects{}, encoded)
	// In the journal's end, and in the archive.
	w.minute()
	w.commit()
	for _, where := range []string{"journal", "diary"} {
		p, err := PastAt(t.Context(), w.store, nil, odd)
		if err != nil || !p.Differs.Equal(odd) {
			t.Errorf("in the %s: it differs at %v, %v; want %v", where, p.Differs, err, odd)
		}
		if p, err := PastAt(t.Context(), w.store, nil, odd.Add(-time.Second)); err != nil || !p.Differs.IsZero() {
			t.Errorf("in the %s: before that it differs at %v, %v", where, p.Differs, err)
		}
		w.save()
	}
	if err := w.store.Close(); err != nil {
		t.Error(err)
	}
}

// A server whose newest snapshot is damaged comes back from the one before, and its past is what it was.
func TestDamagedSnapshotLosesNoMoment(t *testing.T) {
	w := newWeeksIn(t, onDisk(t, t.TempDir()), 8)
	w.track(1, 4, 10, 41.2, time.Minute)
	w.pass(3*time.Hour, 40*time.Minute)
	at := w.world.Now.Add(-5 * time.Minute)
	want := w.rendered(at)
	w.exec(`UPDATE snapshot SET data = x'00' WHERE seq = (SELECT max(seq) FROM snapshot)`)
	if got := w.rendered(at); got != want {
		t.Errorf("from the journal:\n%s\nwant\n%s", got, want)
	}
	w.pass(time.Hour, time.Hour)
	if got := w.rendered(at); got != want || !strings.Contains(want, "AlarmHigh in ALARM") {
		t.Errorf("from the archive:\n%s\nwant\n%s", got, want)
	}
	if err := w.store.Close(); err != nil {
		t.Error(err)
	}
}

// Times without a running server are reported as such.
func TestOutageIsReported(t *testing.T) {
	w := newWeeks(t, 9)
	w.track(1, 4, 10, 41.2, time.Minute)
	w.pass(10*time.Minute, time.Hour)
	stopped := w.world.Now
	epoch, err := w.store.Lead(t.Context(), log.Start{At: stopped.Add(3 * time.Hour), After: stopped})
	if err != nil {
		t.Fatal(err)
	}
	w.server.epoch = epoch
	w.world.Now = stopped.Add(3 * time.Hour)
	w.pass(10*time.Minute, time.Hour)
	x, err := w.explain(stopped.Add(time.Hour))
	if err != nil || x.Moment.Idle == nil || *x.Moment.Idle != (explain.Idle{From: stopped, Until: stopped.Add(3 * time.Hour)}) {
		t.Errorf("while no server ran: %+v, %v", x.Moment.Idle, err)
	}
	if x, err := w.explain(stopped.Add(-time.Minute)); err != nil || x.Moment.Idle != nil {
		t.Errorf("while one ran: %+v, %v", x.Moment.Idle, err)
	}
	if err := w.store.Close(); err != nil {
		t.Error(err)
	}
}
