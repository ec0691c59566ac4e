package timeline

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/audit"
	"bellows.dev/bellows/internal/log"
	"bellows.dev/bellows/scaling"
)

// feedBatch is how many rows of a source are read at a time.
const feedBatch = 100

// feedSource reads a table of one region, newest first.
type feedSource struct {
	name  string // in cursors
	rank  int    // of rows of one time, the lowest comes first
	scope engine.Scope
	query log.EventQuery
	rows  []engine.Recorded // that were read and not taken
	token string            // of the last row that was taken
	last  string            // the change of which a row was taken last
	ended bool
}

// take returns the next row.
func (s *feedSource) take() engine.Recorded {
	x := s.rows[0]
	s.rows, s.token = s.rows[1:], x.After
	return x
}

// writeSource reads the audit log, newest first.
type writeSource struct {
	read  func(audit.Query) (audit.Page, error)
	query audit.Query
	page  audit.Page
	taken int // records of the page
	known bool
}

// head returns the next record; nil at the end.
func (s *writeSource) head() (*audit.Record, error) {
	for !s.known || s.taken >= len(s.page.Records) {
		if s.known {
			if s.page.Next == "" {
				return nil, nil //nolint:nilnil // there are no more
			}
			s.query.Token, s.taken = s.page.Next, 0
		}
		page, err := s.read(s.query)
		if err != nil {
			return nil, err
		}
		s.page, s.known = page, true
	}
	return &s.page.Records[s.taken], nil
}

// take returns the record that head has returned.
func (s *writeSource) take() *audit.Record {
	s.taken++
	return &s.page.Records[s.taken-1]
}

// position is where a page ends, as its cursor has it.
type position struct {
	To     time.Time         `json:"t"`
	Tokens map[string]string `json:"s,omitempty"` // of sources; "-" at their end
	Last   map[string]string `json:"l,omitempty"`
	Audit  string            `json:"a,omitempty"`
	Taken  int               `json:"n,omitempty"`
}

const endToken = "-"

// errCursor is the error of a cursor that no page has returned.
var errCursor = &RangeError{"cursor is not one that an earlier page has returned"}

// cursorError makes errors of the tokens that a cursor consists of errors of the cursor.
func cursorError(err error) error {
	if errors.Is(err, log.ErrToken) || errors.Is(err, audit.ErrToken) {
		return errCursor
	}
	return err
}

// open makes the sources, at the position of the cursor.
func (f *feed) open(regions []engine.Scope) error {
	var p position
	if f.q.Cursor != "" {
		text, err := base64.RawURLEncoding.DecodeString(f.q.Cursor)
		if err != nil || json.Unmarshal(text, &p) != nil || p.To.IsZero() || p.Taken < 0 {
			return errCursor
		}
		f.to = p.To
	}
	if f.q.User == "" {
		for _, r := range regions {
			f.tables(r)
		}
	}
	for _, s := range f.sources {
		if s.token = p.Tokens[s.name]; s.token == endToken {
			s.ended, s.token = true, ""
		}
		s.last = p.Last[s.name]
	}
	if f.s.Writes != nil && f.wants(kindWrite, kindRefused, "change", "endpoint") {
		f.writes = &writeSource{read: f.s.Writes, taken: p.Taken, query: audit.Query{
			Account: f.q.Account, User: f.q.User, Text: f.q.Endpoint, From: f.q.From, To: f.to, Limit: feedBatch, Token: p.Audit,
			Failed: len(f.q.Kinds) == 1 && f.q.Kinds[0] == kindRefused,
		}}
	}
	return nil
}

// tables adds the sources of a region.
func (f *feed) tables(scope engine.Scope) {
	var variant, target string
	if f.q.Variant != "" {
		key := scaling.VariantTarget(f.q.Endpoint, f.q.Variant)
		variant, target = key.VariantName(), key.ResourceID
	}
	add := func(name, table, key string, types ...string) {
		f.sources = append(f.sources, &feedSource{name: scope.Region + "/" + name, rank: len(f.sources), scope: scope, query: log.EventQuery{
			Scope: engine.ScopeName(scope), Table: table, Key: key, Types: types, From: f.q.From, To: f.to, Limit: feedBatch,
		}})
	}
	switch { // results before causes
	case f.wants("change"):
		add("launches", log.TableGroup, variant)
		add("activities", log.TableActivity, target)
	case f.wants("held"):
		add("held", log.TableActivity, target, log.TypeNotScaled)
	}
	if f.wants("schedule") {
		add("schedules", log.TableDecision, target, log.TypeScheduled, log.TypeMaxCapacity)
	}
	if f.wants("failure") {
		add("instances", log.TableEndpoint, f.q.Endpoint, log.TypeInstance)
	}
	if f.wants("endpoint") {
		add("endpoints", log.TableEndpoint, f.q.Endpoint, log.TypeStatus)
	}
	if f.wants("alarm") {
		add("alarms", log.TableAlarm, "", log.TypeState, log.CompositePrefix+log.TypeState)
	}
}

// load makes sure that a source that is not at its end has rows.
func (f *feed) load(ctx context.Context, s *feedSource) error {
	if s.ended || len(s.rows) > 0 {
		return nil
	}
	q := s.query
	q.Token = s.token
	rows, err := f.s.Events(ctx, q)
	if err != nil {
		return err
	}
	s.rows, s.ended = rows, len(rows) == 0
	if s.query.Table == log.TableAlarm {
		return f.locate(ctx, s.scope, rows)
	}
	return nil
}

// locate finds the variants of alarms.
func (f *feed) locate(ctx context.Context, scope engine.Scope, rows []engine.Recorded) error {
	return f.s.View(ctx, func(_ time.Time, e *engine.Engine) {
		r := e.Region(scope)
		if r == nil {
			return
		}
		for _, x := range rows {
			m, ok := x.Event.(engine.AlarmTransition)
			if !ok {
				continue
			}
			name := scopedName{scope, m.Alarm}
			if _, known := f.places[name]; known {
				continue
			}
			var p place
			if a := r.Alarms.Metric[m.Alarm]; a != nil {
				p.endpoint, p.variant, _ = r.VariantOf(a)
			}
			f.places[name] = p
		}
	})
}

// cursor returns where the page ends.
func (f *feed) cursor() string {
	p := position{To: f.to, Tokens: map[string]string{}, Last: map[string]string{}}
	for _, s := range f.sources {
		switch {
		case s.ended && len(s.rows) == 0:
			p.Tokens[s.name] = endToken
		case s.token != "":
			p.Tokens[s.name] = s.token
		}
		if s.last != "" {
			p.Last[s.name] = s.last
		}
	}
	if f.writes != nil {
		p.Audit, p.Taken = f.writes.query.Token, f.writes.taken
	}
	text, _ := json.Marshal(p) // strings and numbers do not fail
	return base64.RawURLEncoding.EncodeToString(text)
}
