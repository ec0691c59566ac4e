package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/control"
	"bellows.dev/bellows/internal/history"
	"bellows.dev/bellows/internal/modeldata"
	"bellows.dev/bellows/plural"
)

// healthPath is /'s other name, which answers without a key, too.
const healthPath = "/health"

// status is what the health page says. Who brings no key sees Status and Version only.
type status struct {
	Status     string     `json:"status"` // "ok", the worst health of a variant, or what is wrong with the server as a whole
	Version    string     `json:"version"`
	Uptime     string     `json:"uptime,omitempty"`
	PolicyTime time.Time  `json:"policy_time,omitzero"`
	ClockSpeed float64    `json:"clock_speed,omitempty"`
	Served     uint64     `json:"invocations_served"`
	Failed     uint64     `json:"invocations_failed"`
	Endpoints  []row      `json:"endpoints,omitempty"`
	Alarms     int        `json:"alarms"`
	InAlarm    []alarmRow `json:"alarms_in_alarm,omitempty"`
	Warnings   []warning  `json:"warnings,omitempty"`
	History    *kept      `json:"metric_history,omitempty"`
	Explain    *reach     `json:"explain,omitempty"`

	Machine   *machineStatus    `json:"machine,omitempty"`
	ModelData *modeldata.Status `json:"model_data,omitempty"`
}

// reach is how far back moments can be explained.
type reach struct {
	Since    time.Time `json:"since,omitzero"` // zero: what there is, is in the journal still
	Bytes    int64     `json:"disk_bytes"`
	BytesMax int64     `json:"disk_bytes_max"`
}

// warning is something that is silently wrong with a scalable target.
type warning struct {
	Region string `json:"region"`
	Target string `json:"target"`
	Text   string `json:"text"`
}

// kept is how the history of metrics is.
type kept struct {
	Kept     time.Time `json:"kept_until,omitzero"` // on disk; what is newer is in the journal
	Failure  string    `json:"failure,omitempty"`
	Waiting  int64     `json:"waiting_samples,omitempty"` // held in memory and in the journal until they can be written
	Bytes    int64     `json:"disk_bytes"`
	BytesMax int64     `json:"disk_bytes_max"`
	Tiers    []depth   `json:"tiers"`
}

// depth is one resolution of the history.
type depth struct {
	Resolution string    `json:"resolution"`
	Retention  string    `json:"retention"`
	Bytes      int64     `json:"disk_bytes"`
	Oldest     time.Time `json:"oldest,omitzero"`
	Trouble    string    `json:"trouble,omitempty"`
}

// newKept puts the history's status into words.
func newKept(s history.Status) *kept {
	p := &kept{Kept: s.Kept, Failure: s.Failure, Waiting: s.Held, BytesMax: s.BytesMax}
	for _, t := range s.Tiers {
		d := depth{Resolution: fmt.Sprintf("%ds", int(t.Resolution.Seconds())), Retention: history.Days(t.Retention), Bytes: t.Bytes, Oldest: t.Oldest}
		var trouble []string
		if len(t.Damaged) > 0 {
			trouble = append(trouble, "damaged and set aside: "+strings.Join(t.Damaged, ", "))
		}
		if t.Dropped > 0 {
			trouble = append(trouble, plural.Of(int(t.Dropped), "block")+" dropped early for want of disk space")
		}
		if t.Refused > 0 {
			trouble = append(trouble, plural.Of(int(t.Refused), "sample")+" could not be written")
		}
		d.Trouble = strings.Join(trouble, "; ")
		p.Bytes += t.Bytes
		p.Tiers = append(p.Tiers, d)
	}
	return p
}

// row is one variant of an endpoint.
type row struct {
	Region   string `json:"region"`
	Endpoint string `json:"endpoint"`
	Variant  string `json:"variant"`
	Health   string `json:"health"` // healthy, degraded or failing
	Status   string `json:"status"` // of the endpoint
	Type     string `json:"instance_type"`
	Desired  int    `json:"desired"`
	Current  int    `json:"current"`
	Starting string `json:"starting,omitempty"` // how many copies start, by the stage that they have reached

	// Of the last five minutes of policy time.
	PerMinute float64 `json:"invocations_per_minute"`
	Errors4XX float64 `json:"errors_4xx"`
	Errors5XX float64 `json:"errors_5xx"`

	// What its instances would cost on AWS an hour, by the list prices of their type; 0 where that is not known. It is an estimate: prices
	// differ by region, and change.
	Cost float64 `json:"estimated_usd_per_hour,omitempty"`

	Trouble string `json:"trouble,omitempty"`

	health engine.Health
}

// Dollars is the cost for the page.
func (r row) Dollars() string {
	if r.Cost == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f", r.Cost)
}

// Link is where the variant is explained.
func (r row) Link() string { return explainLink(r.Region, r.Endpoint, r.Variant) }

// explainLink is where a variant is explained, with the story of a day.
func explainLink(region, endpoint, variant string) string {
	return explainPath + url.PathEscape(endpoint) + "/" + url.PathEscape(variant) + "?since=24h&region=" + url.QueryEscape(region)
}

// alarmRow is an alarm in ALARM.
type alarmRow struct {
	Region  string    `json:"region"`
	Name    string    `json:"name"`
	Reason  string    `json:"reason"`
	Since   time.Time `json:"since"`
	Explain string    `json:"explain,omitempty"` // where the variant that it is about is explained; "" where it is about none
}

func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "devel"
}

// health answers GET / and /health: a page for people, JSON for machines. Without a key /health says how things are, for probes, and / asks
// for one.
func (s *server) health(w http.ResponseWriter, r *http.Request) {
	st := status{Status: "ok", Version: version()}
	keyed := s.mayRead(r)
	if !keyed && r.URL.Path != healthPath {
		askForKey(w)
		return
	}
	if keyed {
		st.Uptime = time.Since(s.started).Round(time.Second).String()
		st.PolicyTime, st.ClockSpeed = s.control.Now().Round(time.Second), s.control.Speed()
		st.Served, st.Failed = s.gateway.Totals()
		st.History = newKept(s.history.Status())
		if d, err := s.store.Reach(r.Context()); err == nil {
			st.Explain = &reach{d.From, d.Bytes, int64(s.conf().ExplainMax)}
		}
		s.lookAtMachine(&st)
	}
	before := st
	look := func(_ time.Time, e *engine.Engine) { st.look(e); s.lookAtPrices(&st); s.lookAtTypes(&st, e) }
	err := s.control.View(r.Context(), look)
	if again := (*control.UncommittedError)(nil); errors.As(err, &again) { // a disk that fails does not make the server unhealthy
		st = before
		err = s.control.View(r.Context(), look)
	}
	if err != nil {
		st.Status = err.Error()
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	if t, is := s.control.Trouble(); is { // invocations go on: the HTTP status stays 200, for those who route by it
		if st.Status = "changes are refused. " + t.String(); t.Broken {
			st.Status = t.String()
		}
	}
	if !keyed {
		st.Endpoints, st.Warnings, st.InAlarm, st.Alarms, st.Machine, st.ModelData = nil, nil, nil, 0, nil, nil
	}
	if strings.Contains(r.Header.Get("Accept"), "text/html") {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if err := writePage(w, &st); err != nil {
			s.o.log.Error("the health page failed", "error", err)
		}
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(st); err != nil {
		s.o.log.Debug("a client went away before its answer", "error", err)
	}
}

// look reads the engine. The worst comes first.
func (st *status) look(e *engine.Engine) {
	now := e.Now()
	worst := engine.Healthy
	for _, r := range e.Regions() {
		for _, name := range slices.Sorted(maps.Keys(r.Hosting.Endpoints)) {
			x := r.Hosting.Endpoints[name]
			for _, v := range x.Shown() {
				health, why := r.Health(now, x, v)
				worst = max(worst, health)
				t := r.Traffic(now, name, v.Config.Name)
				st.Endpoints = append(st.Endpoints, row{
					Region: r.Scope.Region, Endpoint: name, Variant: v.Config.Name, Health: health.String(), Status: x.Status.String(),
					Desired: v.Desired, Current: v.Current(), Starting: v.Starting(), PerMinute: t.PerMinute(), Errors4XX: t.Errors4XX, Errors5XX: t.Errors5XX,
					Type: v.Config.InstanceType, Trouble: cmp.Or(why, x.Failure(v.Config.Name)), health: health,
				})
			}
		}
		for _, x := range r.Warnings(now) {
			for _, w := range x.Warnings {
				st.Warnings = append(st.Warnings, warning{r.Scope.Region, x.Target.VariantName(), w.String()})
			}
		}
		for name, state := range r.Alarms.States() {
			if st.Alarms++; state == alarm.InAlarm {
				st.InAlarm = append(st.InAlarm, alarmOf(r, name))
			}
		}
	}
	if worst != engine.Healthy {
		st.Status = worst.String()
	}
	slices.SortStableFunc(st.Endpoints, func(a, b row) int { return cmp.Compare(b.health, a.health) })
}

// alarmOf tells of an alarm in ALARM, and which variant it is about: the one whose policy it invokes, or whose metric it watches.
func alarmOf(r *engine.Region, name string) alarmRow {
	if c := r.Alarms.Composite[name]; c != nil {
		return alarmRow{Region: r.Scope.Region, Name: name, Reason: c.Reason, Since: c.Transitioned}
	}
	a := r.Alarms.Metric[name]
	out := alarmRow{Region: r.Scope.Region, Name: name, Reason: a.Reason, Since: a.Transitioned}
	if endpoint, variant, found := r.VariantOf(a); found {
		out.Explain = explainLink(r.Scope.Region, endpoint, variant)
	}
	return out
}
