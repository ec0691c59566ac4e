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
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/log"
	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/scaling"
)

// freshFor is how long the list of variants is served from memory.
const freshFor = time.Second

// sparkMinutes is the length of a sparkline.
const sparkMinutes = 15

// variantRow is one variant on the home page.
type variantRow struct {
	Region    string    `json:"region"`
	Endpoint  string    `json:"endpoint"`
	Variant   string    `json:"variant"`
	Status    string    `json:"status"` // of the endpoint
	Health    string    `json:"health"` // healthy, degraded or failing
	Trouble   string    `json:"trouble,omitempty"`
	Type      string    `json:"instance_type"`
	Desired   int       `json:"desired"`
	Running   int       `json:"running"`
	Starting  string    `json:"starting,omitempty"` // how many copies start, by the stage that they have reached
	Scaled    bool      `json:"scaled"`             // it is a scalable target
	Min       int       `json:"min"`
	Max       int       `json:"max"`
	PerMinute float64   `json:"invocations_per_minute"` // of the last five minutes
	Errors    float64   `json:"errors"`                 // 4XX and 5XX of the last five minutes
	InAlarm   []string  `json:"in_alarm"`               // names of alarms of its policies that are in ALARM, as people see them
	Warnings  []string  `json:"warnings"`
	Load      []float64 `json:"load"` // invocations of each of the last 15 minutes, oldest first

	Changed *lastChange `json:"changed,omitempty"` // the latest change of its desired capacity

	health engine.Health
}

// lastChange is a change of a variant's desired capacity.
type lastChange struct {
	At   time.Time `json:"at"`
	From int       `json:"from"`
	To   int       `json:"to"`
	Why  string    `json:"why"`
}

// variantList is a page of the variants.
type variantList struct {
	Now      time.Time      `json:"now"`
	Trouble  string         `json:"trouble,omitempty"` // what is wrong with the server as a whole
	All      int            `json:"all"`               // variants
	Total    int            `json:"total"`             // those that match
	Counts   map[string]int `json:"counts"`            // of all: failing, degraded, in_alarm, warned, changing
	Variants []variantRow   `json:"variants"`
	Warnings []warning      `json:"warnings,omitempty"` // of alarms that are about no variant
}

// home is the list of variants, of one moment.
type home struct {
	mu   sync.Mutex
	at   time.Time
	now  time.Time
	rows map[string][]variantRow // by account, the worst first

	warnings map[string][]warning // by account: of alarms that are about no variant
}

// listVariants answers GET variants.
func (c *Console) listVariants(w http.ResponseWriter, r *http.Request, id Identity) error {
	p := parametersOf(r, "q", "state", "sort", "offset", "limit")
	q, state, order := strings.ToLower(p.text("q")), p.text("state"), p.text("sort")
	offset, limit := p.number("offset", 0, 0, 1_000_000), p.number("limit", 100, 1, 1000)
	less, known := orders[order]
	if !known {
		p.fail("sort is " + order + ": want " + strings.Join(slices.Sorted(maps.Keys(orders)), ", "))
	}
	if !slices.Contains([]string{"", "failing", "degraded", "in_alarm", "warned", "changing"}, state) {
		p.fail("state is " + state + ": want failing, degraded, in_alarm, warned or changing")
	}
	if p.err != nil {
		return p.err
	}
	now, all, warnings, err := c.variants(r.Context(), id.Account)
	if err != nil {
		return err
	}
	out := variantList{Now: now, All: len(all), Counts: map[string]int{}, Variants: []variantRow{}, Warnings: warnings}
	if t, is := c.o.Control.Trouble(); is {
		out.Trouble = t.String()
	}
	var found []variantRow
	for i := range all {
		for s, is := range all[i].states() { //tidy:unordered counts
			if is {
				out.Counts[s]++
			}
		}
		if x := &all[i]; (state == "" || x.states()[state]) && (q == "" || strings.Contains(strings.ToLower(x.Endpoint+"/"+x.Variant+" "+x.Region+" "+x.Status), q)) {
			found = append(found, *x)
		}
	}
	if less != nil {
		slices.SortStableFunc(found, less)
	}
	out.Total = len(found)
	out.Variants = append(out.Variants, found[min(offset, len(found)):min(offset+limit, len(found))]...)
	if err := c.addChanges(r.Context(), id.Account, out.Variants); err != nil {
		return err
	}
	return c.write(w, out)
}

// states reports which filters a row passes.
func (x *variantRow) states() map[string]bool {
	return map[string]bool{
		"failing": x.health == engine.Failing, "degraded": x.health == engine.Degraded, "in_alarm": len(x.InAlarm) > 0, "warned": len(x.Warnings) > 0,
		"changing": x.Desired != x.Running || x.Status != hosting.InService.String(),
	}
}

// orders are the orders of the list; nil is the default, the worst health first.
var orders = map[string]func(a, b variantRow) int{
	"": nil,
	"name": func(a, b variantRow) int {
		return cmp.Or(cmp.Compare(a.Endpoint, b.Endpoint), cmp.Compare(a.Variant, b.Variant))
	},
	"load":     func(a, b variantRow) int { return cmp.Compare(b.PerMinute, a.PerMinute) },
	"errors":   func(a, b variantRow) int { return cmp.Compare(b.Errors, a.Errors) },
	"capacity": func(a, b variantRow) int { return cmp.Compare(b.Desired, a.Desired) },
}

// variants returns an account's variants, and the warnings that are about none of them, at most freshFor old.
func (c *Console) variants(ctx context.Context, account string) (time.Time, []variantRow, []warning, error) {
	h := &c.home
	h.mu.Lock()
	defer h.mu.Unlock()
	if time.Since(h.at) < freshFor {
		return h.now, h.rows[account], h.warnings[account], nil
	}
	look := func(now time.Time, e *engine.Engine) {
		h.now, h.rows, h.warnings = now, map[string][]variantRow{}, map[string][]warning{}
		for _, r := range e.Regions() {
			actions := r.ActionWarnings()
			h.rows[r.Scope.Account] = append(h.rows[r.Scope.Account], rowsOf(now, e.Config().Policies, r, actions)...)
			for _, w := range actions {
				if w.Endpoint == "" {
					h.warnings[r.Scope.Account] = append(h.warnings[r.Scope.Account], actionWarning(r, w))
				}
			}
		}
	}
	if err := c.view(ctx, look); err != nil {
		return time.Time{}, nil, nil, err
	}
	for _, rows := range h.rows { //tidy:unordered each is sorted
		slices.SortStableFunc(rows, func(a, b variantRow) int {
			return cmp.Or(cmp.Compare(b.health, a.health), cmp.Compare(len(b.InAlarm), len(a.InAlarm)))
		})
	}
	h.at = time.Now()
	return h.now, h.rows[account], h.warnings[account], nil
}

// rowsOf reads the variants of a region.
func rowsOf(now time.Time, types scaling.Types, r *engine.Region, actions []engine.ActionWarning) []variantRow {
	warned := map[string][]string{}
	for _, w := range actions {
		warned[w.Endpoint+"/"+w.Variant] = append(warned[w.Endpoint+"/"+w.Variant], w.String())
	}
	for _, x := range r.Warnings(now) {
		for _, w := range x.Warnings {
			warned[x.Target.VariantName()] = append(warned[x.Target.VariantName()], w.String())
		}
	}
	alarms := map[string][]string{}
	for name, state := range r.Alarms.States() {
		if a := r.Alarms.Metric[name]; a != nil && state == alarm.InAlarm {
			if endpoint, variant, found := r.VariantOf(a); found {
				alarms[endpoint+"/"+variant] = append(alarms[endpoint+"/"+variant], types.AlarmLabel(name))
			}
		}
	}
	var out []variantRow
	for _, name := range slices.Sorted(maps.Keys(r.Hosting.Endpoints)) {
		x := r.Hosting.Endpoints[name]
		for _, v := range x.Shown() {
			row := rowOf(now, r, x, v)
			key := name + "/" + v.Config.Name
			row.Warnings = append(row.Warnings, warned[key]...)
			row.InAlarm = append(row.InAlarm, slices.Sorted(slices.Values(alarms[key]))...)
			out = append(out, row)
		}
	}
	return out
}

func rowOf(now time.Time, r *engine.Region, x *hosting.Endpoint, v *hosting.Variant) variantRow {
	health, why := r.Health(now, x, v)
	traffic := r.Traffic(now, x.Name, v.Config.Name)
	row := variantRow{
		Region: r.Scope.Region, Endpoint: x.Name, Variant: v.Config.Name, Status: x.Status.String(), Health: health.String(),
		Trouble: cmp.Or(why, x.Failure(v.Config.Name)), Type: v.Config.InstanceType, Desired: v.Desired, Running: x.Serving(v), Starting: v.Starting(),
		PerMinute: traffic.PerMinute(), Errors: traffic.Errors4XX + traffic.Errors5XX, InAlarm: []string{}, Warnings: []string{}, Load: []float64{}, health: health,
	}
	if t := r.Targets.Of(targetOf(x.Name, v.Config.Name)); t != nil {
		row.Scaled = true
		row.Min, row.Max = t.Bounds(v.Desired)
	}
	for _, w := range r.Hosting.Warnings(x, v) {
		row.Warnings = append(row.Warnings, w.Text())
	}
	from := metric.Align(now, time.Minute).Add(-sparkMinutes * time.Minute)
	for _, d := range r.Metrics.Datapoints(engine.InvocationMetric("Invocations", x.Name, v.Config.Name), metric.Query{
		Statistic: metric.Statistic{Kind: metric.Sum}, Period: time.Minute, From: from, Periods: sparkMinutes,
	}, nil) {
		row.Load = append(row.Load, d.Value)
	}
	return row
}

// lastChanges are the latest changes of variants' desired capacities that were read, by account, region, endpoint and variant. An entry goes
// when something happens to its variant.
type lastChanges struct {
	mu    sync.Mutex
	by    map[string]*lastChange
	epoch uint64 // grows with each removal: what was read before one is not kept
}

// changesMax bounds the entries.
const changesMax = 20_000

// get returns an entry, and the epoch of what is read where there is none.
func (l *lastChanges) get(key string) (x *lastChange, known bool, epoch uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	x, known = l.by[key]
	return x, known, l.epoch
}

// set keeps what was read since an epoch, unless an entry was removed meanwhile: it may be this one.
func (l *lastChanges) set(key string, x *lastChange, epoch uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if epoch != l.epoch {
		return
	}
	if l.by == nil || len(l.by) >= changesMax {
		l.by = map[string]*lastChange{}
	}
	l.by[key] = x
}

// forget drops a variant's entry, those of all of an endpoint's variants, or all where it is "".
func (l *lastChanges) forget(account, name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.epoch++
	switch strings.Count(name, "/") {
	case 0:
		l.by = nil
	case 1: // REGION/ENDPOINT
		maps.DeleteFunc(l.by, func(key string, _ *lastChange) bool { return strings.HasPrefix(key, account+"/"+name+"/") })
	default:
		delete(l.by, account+"/"+name)
	}
}

// some reports whether there are entries.
func (l *lastChanges) some() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.epoch++ // something happened
	return len(l.by) > 0
}

// addChanges adds to some rows what changed their desired capacities last.
func (c *Console) addChanges(ctx context.Context, account string, rows []variantRow) error {
	for i := range rows {
		x := &rows[i]
		key := account + "/" + x.Region + "/" + x.Endpoint + "/" + x.Variant
		change, known, epoch := c.changes.get(key)
		if !known {
			var err error
			if change, err = c.readChange(ctx, engine.Scope{Account: account, Region: x.Region}, x); err != nil {
				return err
			}
			c.changes.set(key, change, epoch)
		}
		x.Changed = change
	}
	return nil
}

// readChange reads the latest change of a variant's desired capacity; nil where none is known.
func (c *Console) readChange(ctx context.Context, s engine.Scope, x *variantRow) (*lastChange, error) {
	got, err := c.o.Past.Events(ctx, log.EventQuery{
		Scope: engine.ScopeName(s), Table: log.TableGroup, Key: targetOf(x.Endpoint, x.Variant).VariantName(), Limit: 1,
	})
	if err != nil || len(got) == 0 {
		return nil, err
	}
	a, ok := got[0].Event.(engine.InstanceActivityChanged)
	if !ok || a.Activity.Why.Cause.Kind == 0 {
		return nil, nil //nolint:nilnil // there is none
	}
	why := a.Activity.Why
	return &lastChange{why.At, why.From, why.To, why.Cause.String()}, nil
}

func targetOf(endpoint, variant string) scaling.TargetKey {
	return scaling.VariantTarget(endpoint, variant)
}
