package prometheus

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"go.uber.org/goleak"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/engine"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// evaluate runs an evaluator with due queries and returns the inputs that it produces.
func evaluate(t *testing.T, data storage.Queryable, timeout time.Duration, due ...engine.PromQLDue) []engine.PromQLEvaluated {
	t.Helper()
	stepped := make(chan engine.PromQLEvaluated, len(due))
	quiet := slog.New(slog.DiscardHandler)
	v := NewEvaluator(EvaluatorOptions{
		Engine: NewEngine(quiet), Data: data, Timeout: timeout, Log: quiet,
		Step: func(_ context.Context, in engine.Input) (engine.Result, error) {
			stepped <- in.(engine.PromQLEvaluated)
			return nil, nil
		},
	})
	ctx, cancel := context.WithCancel(t.Context())
	var work sync.WaitGroup
	work.Go(func() { v.Run(ctx) })
	defer work.Wait()
	defer cancel()
	var out []engine.PromQLEvaluated
	for _, d := range due {
		v.Take(d)
		out = append(out, <-stepped)
	}
	if c := v.Counts(); c.Evaluated != uint64(len(due)) || c.Waiting != 0 {
		t.Errorf("%+v", c)
	}
	return out
}

func TestQueriesOfAlarms(t *testing.T) {
	w := open(t)
	w.seed(home, "up", "job", "a")
	w.seed(home, "up", "job", "b")
	w.seed(engine.Scope{Account: home.Account, Region: "eu-west-1"}, "up", "job", "c")
	for _, c := range []struct {
		query string
		want  []alarm.Returned
		err   string
	}{
		{`up > 239`, []alarm.Returned{
			{Attributes: map[string]string{"__name__": "up", "job": "a"}, Value: "240"},
			{Attributes: map[string]string{"__name__": "up", "job": "b"}, Value: "240"},
		}, ""},
		{`sum(up) / 0 > 1`, []alarm.Returned{{Attributes: map[string]string{}, Value: "+Inf"}}, ""},
		{`up > 240`, []alarm.Returned{}, ""},
		{`1`, nil, "it returns a scalar, not a vector"},
		{`up[1m]`, nil, "it returns a matrix, not a vector"},
		{`up{`, nil, "parse error"},
		{`label_replace(up, "x", "y", "z", "(")`, nil, "invalid regular expression"},
	} {
		due := engine.PromQLDue{Scope: home, QueryDue: alarm.QueryDue{Alarm: "a", Query: c.query, At: now}}
		got := evaluate(t, w.db, 0, due)[0]
		if got.Scope != home || got.Alarm != "a" || got.Query != c.query || !got.At.Equal(now) {
			t.Errorf("%+v", got)
		}
		if d := cmp.Diff(c.want, got.Contributors); d != "" {
			t.Errorf("%s: %s", c.query, d)
		}
		if c.err == "" != (got.Err == "") || !strings.Contains(got.Err, c.err) {
			t.Errorf("%s: error %q, want %q", c.query, got.Err, c.err)
		}
	}
}

// A query that exceeds its time limit is cancelled and is an error.
func TestQueriesHaveADeadline(t *testing.T) {
	slow := storage.QueryableFunc(func(int64, int64) (storage.Querier, error) { return stuck{storage.NoopQuerier()}, nil })
	got := evaluate(t, slow, 10*time.Millisecond, engine.PromQLDue{Scope: home, QueryDue: alarm.QueryDue{Alarm: "a", Query: "up", At: now}})
	if got[0].Err != "it took longer than 10ms" || !got[0].Temporary {
		t.Errorf("%s, temporary: %v", got[0].Err, got[0].Temporary)
	}
}

// Of an alarm that waits only the newest query is evaluated; the others are counted as skipped.
func TestOldQueriesAreSkipped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		quiet := slog.New(slog.DiscardHandler)
		var mu sync.Mutex
		at := map[string][]time.Time{}
		v := NewEvaluator(EvaluatorOptions{
			Engine: NewEngine(quiet), Log: quiet, Data: storage.QueryableFunc(func(int64, int64) (storage.Querier, error) { return storage.NoopQuerier(), nil }),
			Step: func(_ context.Context, in engine.Input) (engine.Result, error) {
				mu.Lock()
				defer mu.Unlock()
				e := in.(engine.PromQLEvaluated)
				at[e.Alarm] = append(at[e.Alarm], e.At)
				return nil, nil
			},
		})
		for i := range 3 {
			v.Take(engine.PromQLDue{Scope: home, QueryDue: alarm.QueryDue{Alarm: "a", Query: "up", At: now.Add(time.Duration(i) * time.Second)}})
		}
		v.Take(engine.PromQLDue{Scope: home, QueryDue: alarm.QueryDue{Alarm: "b", Query: "up", At: now}})
		if c := v.Counts(); c.Skipped != 2 || c.Waiting != 2 {
			t.Errorf("before: %+v", c)
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go v.Run(ctx)
		synctest.Wait()
		if c := v.Counts(); c.Evaluated != 2 || c.Failed != 0 || c.Waiting != 0 {
			t.Errorf("afterwards: %+v", c)
		}
		if want := map[string][]time.Time{"a": {now.Add(2 * time.Second)}, "b": {now}}; !cmp.Equal(want, at) {
			t.Errorf("queries were evaluated at %v, want %v", at, want)
		}
	})
}

// stuck is a storage that never responds.
type stuck struct{ storage.Querier }

// Select blocks until the query is cancelled.
func (stuck) Select(ctx context.Context, _ bool, _ *storage.SelectHints, _ ...*labels.Matcher) storage.SeriesSet {
	<-ctx.Done()
	return storage.ErrSeriesSet(ctx.Err())
}
