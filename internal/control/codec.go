package control

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"reflect"
	"strconv"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/log"
	"bellows.dev/bellows/scaling"
)

// record is the data of a journal entry: an input, and the trace of its events, with which replay is compared.
type record struct {
	Input json.RawMessage `json:"input"`
	Trace string          `json:"trace"`
}

// byName finds a type by its name among some values.
func byName[T any](values []T) map[string]reflect.Type {
	m := map[string]reflect.Type{}
	for _, v := range values {
		t := reflect.TypeOf(v)
		m[t.Name()] = t
	}
	return m
}

var (
	inputTypes = byName(engine.Inputs())
	eventTypes = byName(engine.Events())
)

func nameOf(v any) string { return reflect.TypeOf(v).Name() }

// UnrecordableError refuses an input that JSON cannot represent: a number is infinite or NaN, a year has five digits, a text is not UTF-8. The
// state is unchanged.
type UnrecordableError struct {
	Kind string
	Err  error
}

// Error implements error.
func (e *UnrecordableError) Error() string {
	return fmt.Sprintf("the %s cannot be recorded: %v", e.Kind, e.Err)
}

// Unrecordable marks the error as caused by the input.
func (e *UnrecordableError) Unrecordable() {}

// encodeInput encodes an input. It fails with UnrecordableError. It is called before the step, so that the engine gets no input that the journal
// cannot store.
func encodeInput(in engine.Input) ([]byte, error) {
	body, err := json.Marshal(in)
	if err == nil && replaced(body) {
		err = errors.New("a text is not UTF-8")
	}
	if err != nil {
		return nil, &UnrecordableError{nameOf(in), err}
	}
	return body, nil
}

// printedMax is how many bytes of an input that cannot be encoded are kept: a request may have megabytes.
const printedMax = 64 << 10

// printed is an input that cannot be encoded, in readable form.
func printed(in engine.Input) []byte {
	text := fmt.Appendf(nil, "%+v", in)
	return text[:min(len(text), printedMax)]
}

// replaced reports whether a JSON text encodes one that was not UTF-8: the encoder escapes the replacement character only if it inserted it.
func replaced(body []byte) bool {
	const mark = `\ufffd`
	for rest := body; ; {
		at := bytes.Index(rest, []byte(mark))
		if at < 0 {
			return false
		}
		slashes := 1
		for at-slashes >= 0 && rest[at-slashes] == '\\' {
			slashes++
		}
		if slashes%2 == 1 {
			return true
		}
		rest = rest[at+len(mark):]
	}
}

// journalEntry returns the journal entry of an encoded input and its events.
func journalEntry(seq uint64, at time.Time, in engine.Input, body []byte, events []event) log.Entry {
	line := make([]byte, 0, len(body)+48) // a record; json.Marshal would validate the input once more
	line = append(append(line, `{"input":`...), body...)
	line = append(append(append(line, `,"trace":"`...), trace(events)...), `"}`...)
	entry := log.Entry{Seq: seq, At: at, Kind: nameOf(in), Data: line}
	for _, x := range events {
		entry.Events = append(entry.Events, log.Event{Kind: x.kind, Data: x.text})
	}
	return entry
}

// decodeInput decodes a journal entry.
func decodeInput(line log.Entry) (in engine.Input, r record, err error) {
	if err := json.Unmarshal(line.Data, &r); err != nil {
		return nil, r, fmt.Errorf("decoding line %d of the journal: %w", line.Seq, err)
	}
	v, err := decode(inputTypes, line.Kind, r.Input)
	if err != nil {
		return nil, r, fmt.Errorf("decoding line %d of the journal: %w", line.Seq, err)
	}
	return v.(engine.Input), r, nil
}

func decode(types map[string]reflect.Type, kind string, data []byte) (any, error) {
	t, found := types[kind]
	if !found {
		return nil, fmt.Errorf("this version knows no %s", kind)
	}
	p := reflect.New(t)
	if err := json.Unmarshal(data, p.Interface()); err != nil {
		return nil, fmt.Errorf("decoding %s: %w", kind, err)
	}
	return p.Elem().Interface(), nil
}

// event is an engine.Event with its encoded form.
type event struct {
	value engine.Event
	kind  string
	text  []byte
}

// encodeEvents encodes the events of an input. It fails if one cannot be encoded: the input is refused then.
func encodeEvents(events []engine.Event) ([]event, error) {
	out := make([]event, 0, len(events))
	for _, e := range events {
		text, err := json.Marshal(e)
		if err != nil {
			return nil, fmt.Errorf("its event %s cannot be encoded: %w", nameOf(e), err)
		}
		out = append(out, event{e, nameOf(e), text})
	}
	return out, nil
}

// encodePast is encodeEvents for an input of the journal: earlier versions recorded the error in place of such an event.
func encodePast(events []engine.Event) ([]event, error) {
	out := make([]event, 0, len(events))
	for _, e := range events {
		text, err := json.Marshal(e)
		if err != nil {
			text, err = json.Marshal(struct{ Unrecordable string }{err.Error()})
		}
		if err != nil {
			return nil, fmt.Errorf("encoding event %s: %w", nameOf(e), err)
		}
		out = append(out, event{e, nameOf(e), text})
	}
	return out, nil
}

// trace is a hash of events.
func trace(events []event) string {
	if len(events) == 0 {
		return ""
	}
	h := fnv.New64a()
	for _, e := range events {
		h.Write([]byte(e.kind)) // a hash does not fail
		h.Write(e.text)
	}
	return strconv.FormatUint(h.Sum64(), 16)
}

// history returns the history row of an event; ok is false if it has none.
func history(now time.Time, e event) (h log.EventRecord, ok bool) {
	h = log.EventRecord{At: now, Kind: e.kind, Data: e.text}
	scope := func(s engine.Scope) { h.Scope = engine.ScopeName(s) }
	switch x := e.value.(type) {
	case engine.ActivityChanged:
		scope(x.Scope)
		h.Table, h.Key, h.Type, h.ID, h.At = log.TableActivity, x.Activity.Key.ResourceID, log.TypeScaled, x.Activity.ID, x.Activity.Start
		switch {
		case x.Activity.Cause.API == scaling.EC2AutoScaling:
			h.Type = log.TypeGroup
		case x.Activity.NotScaled.Code != 0:
			h.Type = log.TypeNotScaled
		}
	case engine.InstanceActivityChanged:
		scope(x.Scope)
		h.Table, h.Key, h.Type = log.TableGroup, x.Activity.Group.VariantName(), x.Activity.Status.String()
		h.ID, h.At = x.Activity.ID, x.Activity.Start
	case engine.Decided:
		scope(x.Scope)
		h.Table, h.Key, h.Type = log.TableDecision, x.Target.ResourceID, log.TypeDecided
	case engine.ScheduledActionRan:
		scope(x.Scope)
		h.Table, h.Key, h.Type = log.TableDecision, x.Run.Key.ResourceID, log.TypeScheduled
	case engine.ForecastMade:
		scope(x.Scope)
		h.Table, h.Key, h.Type = log.TableDecision, x.Target.ResourceID, log.TypeForecast
	case engine.MaxCapacityRaised:
		scope(x.Scope)
		h.Table, h.Key, h.Type = log.TableDecision, x.Target.ResourceID, log.TypeMaxCapacity
	case engine.AlarmTransition:
		scope(x.Scope)
		h.Table, h.Key, h.Type = log.TableAlarm, x.Alarm, composite(x.Composite)+log.TypeState
	case engine.AlarmUnevaluated:
		scope(x.Scope)
		h.Table, h.Key, h.Type = log.TableAlarm, x.Alarm, log.TypeState
	case engine.AlarmConfigured:
		scope(x.Scope)
		h.Table, h.Key, h.Type = log.TableAlarm, x.Alarm, log.TypeConfiguration
	case engine.CompositeConfigured:
		scope(x.Scope)
		h.Table, h.Key, h.Type = log.TableAlarm, x.Alarm, composite(true)+log.TypeConfiguration
	case engine.AlarmActed:
		scope(x.Scope)
		h.Table, h.Key, h.Type = log.TableAlarm, x.Alarm, composite(x.Composite)+log.TypeAction
		if x.Contributor != nil {
			h.Type = log.TypeContributorAction
		}
	case engine.ActionsSuppressed:
		scope(x.Scope)
		h.Table, h.Key, h.Type = log.TableAlarm, x.Alarm, composite(true)+log.TypeAction
	case engine.ContributorTransition:
		scope(x.Scope)
		h.Table, h.Key, h.Type = log.TableAlarm, x.Alarm, log.TypeContributorState
	case engine.EndpointChanged:
		scope(x.Key.Scope)
		h.Table, h.Key, h.Type = log.TableEndpoint, x.Key.Endpoint, log.TypeStatus
	case engine.EjectionChanged:
		scope(x.Key.Scope)
		h.Table, h.Key, h.Type = log.TableEndpoint, x.Key.Endpoint, log.TypeInstance
	case engine.InstanceChanged:
		scope(x.Key.Scope)
		h.Table, h.Key, h.Type = log.TableEndpoint, x.Key.Endpoint, log.TypeInstance
	default:
		return h, false
	}
	return h, true
}

// composite is the prefix of the row types of composite alarms, which share a table with metric alarms.
func composite(is bool) string {
	if is {
		return log.CompositePrefix
	}
	return ""
}

// DecodeEvent reads an event of the journal, the history or the outbox.
func DecodeEvent(kind string, data []byte) (engine.Event, error) {
	v, err := decode(eventTypes, kind, data)
	if err != nil {
		return nil, err
	}
	return v.(engine.Event), nil
}
