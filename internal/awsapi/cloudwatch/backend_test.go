package cloudwatch

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"testing"
	"time"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/awsapi"
	"bellows.dev/bellows/internal/log"
)

// memory is a Backend with its own engine and event history.
type memory struct {
	engine *engine.Engine
	now    time.Time
	items  []engine.Recorded // oldest first
}

var _ awsapi.Backend = (*memory)(nil)

func (m *memory) Step(_ context.Context, in engine.Input) (engine.Result, error) {
	out, err := m.engine.Step(m.now, in)
	for _, e := range out.Events {
		m.items = append(m.items, engine.Recorded{At: m.now, Event: e})
	}
	return out.Result, err
}

func (m *memory) View(_ context.Context, f func(now time.Time, e *engine.Engine)) error {
	f(m.now, m.engine)
	return nil
}

// History returns rows in pages; it supports key, types and order only.
func (m *memory) Events(_ context.Context, q log.EventQuery) (page []engine.Recorded, next string, err error) {
	at := 0
	if q.Token != "" {
		if at, err = strconv.Atoi(q.Token); err != nil {
			return nil, "", &awsapi.ErrToken{Err: err, Token: q.Token}
		}
	}
	items := slices.Clone(m.items)
	if !q.Oldest {
		slices.Reverse(items)
	}
	for i := at; i < len(items); i++ {
		key, kind := rowOf(items[i].Event)
		if kind == "" || q.Key != "" && q.Key != key || !slices.Contains(q.Types, kind) {
			continue
		}
		if len(page) == q.Limit {
			return page, strconv.Itoa(i), nil
		}
		page = append(page, items[i])
	}
	return page, "", nil
}

func rowOf(e engine.Event) (key, kind string) {
	composite := func(is bool) string {
		if is {
			return log.CompositePrefix
		}
		return ""
	}
	switch e := e.(type) {
	case engine.AlarmTransition:
		return e.Alarm, composite(e.Composite) + log.TypeState
	case engine.AlarmConfigured:
		return e.Alarm, log.TypeConfiguration
	case engine.CompositeConfigured:
		return e.Alarm, log.CompositePrefix + log.TypeConfiguration
	case engine.ActionsSuppressed:
		return e.Alarm, log.CompositePrefix + log.TypeAction
	case engine.ContributorTransition:
		return e.Alarm, log.TypeContributorState
	default:
		return "", ""
	}
}

var call = awsapi.Call{Scope: engine.Scope{Account: "123456789012", Region: "us-east-1"}}

func newMemory() (*API, *memory) {
	m := &memory{engine: engine.New(engine.Config{Seed: 1}), now: time.Date(2026, 11, 25, 10, 0, 0, 0, time.UTC)}
	return &API{backend: m}, m
}

// refused returns an error's code and message, "" for nil.
func refused(err error) string {
	var e *awsapi.Error
	if err == nil {
		return ""
	}
	if !errors.As(err, &e) {
		return "internal: " + err.Error()
	}
	return cmp.Or(e.Query, e.Code) + ": " + e.Message
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

type engineResult = engine.Result

// promQLAnswer is the input for a query of alarm p that returned a series in alarm for longer than its pending period.
func promQLAnswer() engine.Input {
	return engine.PromQLEvaluated{
		Scope: call.Scope, Alarm: "p", Query: "up", Contributors: []alarm.Returned{{Attributes: map[string]string{"job": "x"}, Value: "1"}},
	}
}
