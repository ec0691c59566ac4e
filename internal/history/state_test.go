package history

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/metric"
)

// damageState damages the state's file.
func (l *life) damageState(text string) {
	l.t.Helper()
	if err := os.WriteFile(filepath.Join(l.dir, stateFile), []byte(text), 0o600); err != nil {
		l.t.Fatal(err)
	}
}

// rolling returns a life with samples of two hours, most of which are rolled up.
func rolling(t *testing.T) (l *life, first time.Time) {
	t.Helper()
	l = newLife(t, filepath.Join(t.TempDir(), "h"), Options{Retention: tiny})
	first = l.now
	for i := range 120 {
		l.put(0, time.Minute, 1)
		if l.now = l.now.Add(time.Minute); i%10 == 9 {
			l.flush()
		}
	}
	l.put(0, time.Minute, 1)
	l.pass(10 * time.Minute)
	if l.h.state.Rolled[1] == 0 || l.h.tiers[2].db == nil {
		t.Fatalf("nothing is rolled up: %+v", l.h.state)
	}
	return l, first
}

// wantAll checks that each of the first hundred minutes is counted once, in periods of five minutes.
func (l *life) wantAll(first time.Time) {
	l.t.Helper()
	for at := first; at.Before(first.Add(100 * time.Minute)); at = at.Add(5 * time.Minute) {
		l.wantSum(at, 5*time.Minute, 5)
	}
}

// A damaged state, in its form or its content, is rebuilt exactly: rolled-up samples, including late ones, are neither lost nor counted twice,
// and roll-ups continue.
func TestDamagedStateIsRebuilt(t *testing.T) {
	for name, text := range map[string]string{
		"torn": `{"Rolled":[0,`, "empty": ``,
		"edited": `{"Rolled":[0,0,0,0],"Rolling":[0,0,0,0],"Sum":"0123"}`,
	} {
		t.Run(name, func(t *testing.T) {
			l, first := rolling(t)
			defer func() { l.h.close() }()
			l.wantAll(first)
			want := l.h.state
			l.h.close()
			l.damageState(text)
			if err := l.h.start(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := l.h.state; got.Rolled[1] != want.Rolled[1] || got.Rolling[1] != want.Rolling[1] {
				t.Errorf("the state is %+v, was %+v", got, want)
			}
			if s, err := readState(l.dir); err != nil || s != l.h.state {
				t.Errorf("the file has %+v, %v", s, err)
			}
			l.wantAll(first)
			l.put(l.now.Sub(first), time.Minute, 100) // two hours late: it is written to the tier of its minute
			l.pass(time.Minute)
			l.wantSum(first, 5*time.Minute, 105)
			l.wantSum(first.Add(5*time.Minute), 5*time.Minute, 5)
			l.put(0, time.Minute, 1)
			l.pass(2 * time.Hour)
			l.put(0, time.Minute, 1)
			l.pass(time.Minute)
			if l.h.state.Rolled[1] <= want.Rolled[1] {
				t.Error("roll-ups do not continue")
			}
			l.wantSum(first.Add(90*time.Minute), 5*time.Minute, 5)
		})
	}
}

// A slice in progress, with some of its series written, is finished although the state is lost.
func TestDamagedStateOfAnInterruptedRollUp(t *testing.T) {
	l, first := rolling(t)
	defer func() { l.h.close() }()
	for _, name := range []string{"a", "b", "c"} { // further series
		d := metric.Datum{ID: metric.NewID("N", name), At: l.now, Resolution: time.Minute, Unit: "None"}
		d.Summary.Add(1, 1)
		if _, err := l.step(t.Context(), engine.PutMetricData{Scope: home, Data: []metric.Datum{d}}); err != nil {
			t.Fatal(err)
		}
	}
	l.pass(10 * time.Minute)
	from, until := l.h.state.Rolled[1], l.h.state.Rolled[1]+l.h.tiers[1].slice
	q, err := l.h.tiers[1].db.Querier(from*1000, until*1000-1)
	if err != nil {
		t.Fatal(err)
	}
	set := q.Select(t.Context(), false, nil, labels.MustNewMatcher(labels.MatchRegexp, LabelMetric, ".+"))
	w, d := l.h.tiers[2].writer(context.Background()), decoder{}
	if !set.Next() {
		t.Fatal("there is nothing to roll up")
	}
	if err := errors.Join(w.rolled(set.At(), &d), w.commit(), q.Close()); err != nil {
		t.Fatal(err)
	}
	l.h.close()
	l.damageState("")
	if err := l.h.start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := l.h.state.Rolled[1]; got != until {
		t.Errorf("rolled up to %d, want %d", got, until)
	}
	l.wantAll(first)
}

// Files of earlier versions have no checksum.
func TestStateWithoutAChecksum(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, stateFile), []byte(`{"Rolled":[0,7,8,0],"Rolling":[0,9,8,0]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	want := state{Rolled: [4]int64{0, 7, 8, 0}, Rolling: [4]int64{0, 9, 8, 0}}
	s, err := readState(dir)
	if err != nil || s != want {
		t.Errorf("%+v, %v", s, err)
	}
	if err := s.write(dir, false); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, stateFile))
	if err != nil || !bytes.Contains(text, []byte(`"Sum":"`)) {
		t.Errorf("%s, %v", text, err)
	}
	if err := os.WriteFile(filepath.Join(dir, stateFile), bytes.Replace(text, []byte("7"), []byte("6"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	if s, err := readState(dir); !errors.Is(err, errDamagedState) || s != (state{}) {
		t.Errorf("a changed digit gives %+v, %v", s, err)
	}
}

// A damaged state is logged.
func TestDamagedStateIsLogged(t *testing.T) {
	var log strings.Builder
	l := newLife(t, filepath.Join(t.TempDir(), "h"), Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	defer func() { l.h.close() }()
	l.put(0, time.Minute, 1)
	l.pass(10 * time.Minute)
	l.h.close()
	l.damageState("{")
	if err := l.h.start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "the history's state is damaged") {
		t.Errorf("the log has %s", log.String())
	}
}

type unavailable struct{}

func (unavailable) Error() string { return "try again" }
func (unavailable) Unavailable()  {}

// A journal that is slow for a moment is no failure of the metric history.
func TestWhatIsTriedAgainIsNoFailure(t *testing.T) {
	var text bytes.Buffer
	h := &History{o: Options{Log: slog.New(slog.NewTextHandler(&text, nil))}}
	h.failed(t.Context(), fmt.Errorf("reading: %w", unavailable{}))
	if h.failure != nil || text.Len() > 0 {
		t.Errorf("%v, it logs %s", h.failure, &text)
	}
	h.failed(t.Context(), errors.New("the disk is full"))
	if h.failure == nil || !strings.Contains(text.String(), "metric history cannot be written") {
		t.Errorf("%v, it logs %s", h.failure, &text)
	}
}
