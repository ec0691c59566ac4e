package console

import (
	"cmp"
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/timeline"
	"bellows.dev/bellows/scaling"
)

// listedAlarm is one alarm of the list.
type listedAlarm struct {
	Region    string    `json:"region"`
	Name      string    `json:"name"`
	Short     string    `json:"short"` // as people see it
	Kind      string    `json:"kind"`  // metric, math, promql or composite
	State     string    `json:"state"`
	Since     time.Time `json:"since"` // of State
	Reason    string    `json:"reason,omitempty"`
	Watches   string    `json:"watches"`             // such as "Sum of Invocations", an expression, a query or a rule
	Condition string    `json:"condition,omitempty"` // such as "> 60 for 3 of 3 × 1 min"
	Endpoint  string    `json:"endpoint,omitempty"`
	Variant   string    `json:"variant,omitempty"`
	Actions   int       `json:"actions"`         // in any state
	Enabled   bool      `json:"actions_enabled"` // its actions are performed
	Owned     bool      `json:"owned"`           // a target tracking policy made it
}

// alarmList is a page of the alarms.
type alarmList struct {
	Now    time.Time      `json:"now"`
	All    int            `json:"all"`
	Total  int            `json:"total"`  // those that match
	Counts map[string]int `json:"counts"` // of all: by state, and those whose actions are disabled
	Alarms []listedAlarm  `json:"alarms"`
}

// alarmCache is the list of alarms, of one moment.
type alarmCache struct {
	mu   sync.Mutex
	at   time.Time
	now  time.Time
	rows map[string][]listedAlarm // by account, ALARM first, then the latest change
}

// alarmStates are the filters of the list. disabled is not a state, but a filter that people need as often.
var alarmStates = []string{"", "ALARM", "OK", "INSUFFICIENT_DATA", "disabled"}

// alarmOrders are the orders of the list; nil is the default.
var alarmOrders = map[string]func(a, b listedAlarm) int{
	"":        nil,
	"name":    func(a, b listedAlarm) int { return cmp.Compare(a.Name, b.Name) },
	"changed": func(a, b listedAlarm) int { return b.Since.Compare(a.Since) },
	"watches": func(a, b listedAlarm) int { return cmp.Compare(a.Watches, b.Watches) },
}

// listAlarms answers GET alarms.
func (c *Console) listAlarms(w http.ResponseWriter, r *http.Request, id Identity) error {
	p := parametersOf(r, "q", "state", "kind", "sort", "offset", "limit")
	q, state, kind, order := strings.ToLower(p.text("q")), p.text("state"), p.text("kind"), p.text("sort")
	offset, limit := p.number("offset", 0, 0, 1_000_000), p.number("limit", 100, 1, 1000)
	less, known := alarmOrders[order]
	if !known {
		p.fail("sort is " + order + ": want " + strings.Join(slices.Sorted(maps.Keys(alarmOrders)), ", "))
	}
	if !slices.Contains(alarmStates, state) {
		p.fail("state is " + state + ": want ALARM, OK, INSUFFICIENT_DATA or disabled")
	}
	if !slices.Contains([]string{"", "metric", "math", "promql", "composite"}, kind) {
		p.fail("kind is " + kind + ": want metric, math, promql or composite")
	}
	if p.err != nil {
		return p.err
	}
	now, all, err := c.alarms(r.Context(), id.Account)
	if err != nil {
		return err
	}
	out := alarmList{Now: now, All: len(all), Counts: map[string]int{}, Alarms: []listedAlarm{}}
	var found []listedAlarm
	for i := range all {
		x := &all[i]
		out.Counts[x.State]++
		if !x.Enabled {
			out.Counts["disabled"]++
		}
		if x.matches(q, state, kind) {
			found = append(found, *x)
		}
	}
	if less != nil {
		slices.SortStableFunc(found, less)
	}
	out.Total = len(found)
	out.Alarms = append(out.Alarms, found[min(offset, len(found)):min(offset+limit, len(found))]...)
	return c.write(w, out)
}

// matches reports whether a row passes the filters; q is in lower case.
func (x *listedAlarm) matches(q, state, kind string) bool {
	return (state == "" || x.State == state || state == "disabled" && !x.Enabled) && (kind == "" || x.Kind == kind) &&
		(q == "" || strings.Contains(strings.ToLower(x.Name+" "+x.Watches+" "+x.Endpoint+"/"+x.Variant+" "+x.Region), q))
}

// alarms returns an account's alarms, at most freshFor old.
func (c *Console) alarms(ctx context.Context, account string) (time.Time, []listedAlarm, error) {
	h := &c.alarmList
	h.mu.Lock()
	defer h.mu.Unlock()
	if time.Since(h.at) < freshFor {
		return h.now, h.rows[account], nil
	}
	look := func(now time.Time, e *engine.Engine) {
		h.now, h.rows = now, map[string][]listedAlarm{}
		for _, r := range e.Regions() {
			h.rows[r.Scope.Account] = append(h.rows[r.Scope.Account], alarmRows(e.Config().Policies, r)...)
		}
	}
	if err := c.view(ctx, look); err != nil {
		return time.Time{}, nil, err
	}
	rank := map[string]int{alarm.InAlarm.String(): 0, alarm.InsufficientData.String(): 1, alarm.OK.String(): 2}
	for _, rows := range h.rows { //tidy:unordered each is sorted
		slices.SortFunc(rows, func(a, b listedAlarm) int {
			return cmp.Or(cmp.Compare(rank[a.State], rank[b.State]), b.Since.Compare(a.Since), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Region, b.Region))
		})
	}
	h.at = time.Now()
	return h.now, h.rows[account], nil
}

// alarmRows reads the alarms of a region.
func alarmRows(types scaling.Types, r *engine.Region) []listedAlarm {
	var out []listedAlarm
	for _, a := range r.Alarms.Metric { //tidy:unordered sorted by the caller
		x := listedAlarm{
			Region: r.Scope.Region, Name: a.Name, Short: types.AlarmLabel(a.Name), State: a.State.String(), Since: a.Transitioned, Reason: a.Reason,
			Actions: len(a.Actions), Enabled: a.ActionsEnabled, Owned: a.Owned,
		}
		x.Kind, x.Watches, x.Condition = watched(&a.Rule)
		x.Endpoint, x.Variant, _ = r.VariantOf(a)
		out = append(out, x)
	}
	for _, a := range r.Alarms.Composite { //tidy:unordered sorted by the caller
		out = append(out, listedAlarm{
			Region: r.Scope.Region, Name: a.Name, Short: a.Name, Kind: "composite", State: a.State.String(), Since: a.Transitioned, Reason: a.Reason,
			Watches: a.Rule, Actions: len(a.Actions), Enabled: a.ActionsEnabled,
		})
	}
	return out
}

// watched words what a metric alarm watches, and its condition.
func watched(r *alarm.Rule) (kind, what, condition string) {
	switch {
	case r.PromQL != nil:
		return "promql", r.PromQL.Query, "for " + r.PromQL.Pending.String()
	case r.Scalar():
		return "metric", r.Statistic.String() + " of " + r.Metric.Name, timeline.Condition(r)
	}
	what = "an expression"
	for i := range r.Metrics {
		if q := &r.Metrics[i]; !q.Hidden {
			what = cmp.Or(q.Label, q.Expression, q.ID)
		}
	}
	return "math", what, timeline.Condition(r)
}
