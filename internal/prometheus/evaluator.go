package prometheus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/storage"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/history"
	"bellows.dev/bellows/internal/prometheus/query"
	"bellows.dev/bellows/internal/queue"
)

// Limits of the evaluation of alarms' queries.
const (
	evaluators  = 2                // concurrent queries
	waitingMax  = 10_000           // alarms whose queries wait
	queryFor    = 10 * time.Second // time limit of a query
	returnedMax = 2 * alarm.ContributorsMax
)

// EvaluatorOptions configures an Evaluator.
type EvaluatorOptions struct {
	Engine promql.QueryEngine
	Data   storage.Queryable // of all scopes

	// Step receives the results of queries.
	Step func(context.Context, engine.Input) (engine.Result, error)

	Timeout time.Duration // of a query; 0: the default
	Log     *slog.Logger
}

// Evaluator evaluates the queries of PromQL alarms outside the engine, so that a step never waits for one.
type Evaluator struct {
	o   EvaluatorOptions
	due *queue.Queue[alarmKey, engine.PromQLDue] // so an alarm's results come in the order of its queries

	mu     sync.Mutex
	counts EvaluatorCounts
}

type alarmKey struct {
	engine.Scope
	alarm string
}

// EvaluatorCounts are an evaluator's counts since the start.
type EvaluatorCounts struct {
	Evaluated, Failed, Skipped uint64 // Skipped: replaced by a newer query of the same alarm, or the queue was full
	Seconds                    float64
	Waiting                    int
}

// NewEvaluator returns an evaluator, which is started by Run.
func NewEvaluator(o EvaluatorOptions) *Evaluator {
	if o.Timeout == 0 {
		o.Timeout = queryFor
	}
	v := &Evaluator{o: o}
	v.due = queue.New(queue.Options[alarmKey, engine.PromQLDue]{
		Workers: evaluators, Max: waitingMax, Work: func(ctx context.Context, _ alarmKey, due engine.PromQLDue) { v.evaluate(ctx, due) },
	})
	return v
}

// Take queues a query. It never blocks: of an alarm that still waits only the newest query is evaluated, and where too many wait the engine
// asks again an interval later.
func (v *Evaluator) Take(due engine.PromQLDue) {
	outcome := v.due.Put(alarmKey{due.Scope, due.Alarm}, due)
	if outcome == queue.Added {
		return
	}
	v.mu.Lock()
	v.counts.Skipped++
	v.mu.Unlock()
	if outcome == queue.Refused {
		v.o.Log.Warn("the query of an alarm is skipped: too many wait", "alarm", due.Alarm)
	}
}

// Counts returns the counts since the start.
func (v *Evaluator) Counts() EvaluatorCounts {
	v.mu.Lock()
	defer v.mu.Unlock()
	c := v.counts
	c.Waiting = v.due.Len()
	return c
}

// Run evaluates until ctx ends.
func (v *Evaluator) Run(ctx context.Context) { v.due.Run(ctx) }

// evaluate evaluates a query and steps the result into the engine.
func (v *Evaluator) evaluate(ctx context.Context, due engine.PromQLDue) {
	started := time.Now()
	in := engine.PromQLEvaluated{Scope: due.Scope, Alarm: due.Alarm, Query: due.Query, At: due.At}
	var err error
	if in.Contributors, err = v.ask(ctx, due); err != nil {
		in.Err, in.Temporary = err.Error(), temporary(err)
	}
	v.mu.Lock()
	v.counts.Evaluated++
	if err != nil {
		v.counts.Failed++
	}
	v.counts.Seconds += time.Since(started).Seconds()
	v.mu.Unlock()
	if ctx.Err() != nil {
		return
	}
	if _, err := v.o.Step(ctx, in); err != nil && ctx.Err() == nil {
		v.o.Log.Error("the result of an alarm's query could not be recorded", "alarm", due.Alarm, "error", err)
	}
}

// ask evaluates a query at the time when it was due.
func (v *Evaluator) ask(ctx context.Context, due engine.PromQLDue) ([]alarm.Returned, error) {
	ctx, cancel := context.WithTimeout(ctx, v.o.Timeout)
	defer cancel()
	e, err := query.Parse(due.Query)
	if err != nil {
		return nil, err
	}
	cost, err := costOf(e, 0, 0)
	if err != nil {
		return nil, err
	}
	q, err := v.o.Engine.NewInstantQuery(ctx, cost.limited(Scoped(v.o.Data, due.Scope)), nil, due.Query, due.At)
	if err != nil {
		return nil, err
	}
	defer q.Close()
	r := q.Exec(ctx)
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return nil, &lateError{v.o.Timeout}
	}
	if r.Err != nil {
		return nil, r.Err
	}
	vector, err := r.Vector()
	if err != nil { // AWS: AlarmPromQLCriteria, Query: the result must be a vector
		return nil, fmt.Errorf("it returns a %s, not a vector", r.Value.Type())
	}
	out := make([]alarm.Returned, 0, min(len(vector), returnedMax))
	for _, s := range vector {
		if len(out) == returnedMax { // more than are kept: the alarm shows it
			break
		}
		out = append(out, returned(s))
	}
	return out, nil
}

// lateError is the error of a query that exceeded its time limit.
type lateError struct{ limit time.Duration }

// Error returns a text with the limit.
func (e *lateError) Error() string { return "it took longer than " + e.limit.String() }

// temporary reports whether a query failed for a reason outside the query.
func temporary(err error) bool {
	var (
		storage  promql.ErrStorage
		late     promql.ErrQueryTimeout
		canceled promql.ErrQueryCanceled
	)
	own := (*lateError)(nil)
	return errors.As(err, &own) || errors.As(err, &storage) || errors.As(err, &late) || errors.As(err, &canceled)
}

// returned converts a series to a contributor, without the labels account and region.
func returned(s promql.Sample) alarm.Returned {
	attributes := map[string]string{}
	s.Metric.Range(func(l labels.Label) {
		if l.Name != history.LabelAccount && l.Name != history.LabelRegion {
			attributes[l.Name] = l.Value
		}
	})
	value := strconv.FormatFloat(s.F, 'f', -1, 64)
	if s.H != nil {
		value = s.H.String()
	}
	return alarm.Returned{Attributes: attributes, Value: value}
}
