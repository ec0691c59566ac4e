package console

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/history"
	"bellows.dev/bellows/internal/modeldata"
	"bellows.dev/bellows/plural"
)

// status is the content of the health page. Without a key, only Status and Version are shown.
type status struct {
	Status     string     `json:"status"` // "ok", the worst health of a variant, or what is wrong with the server as a whole
	Version    string     `json:"version"`
	Uptime     string     `json:"uptime,omitempty"`
	PolicyTime time.Time  `json:"policy_time,omitzero"`
	ClockSpeed float64    `json:"clock_speed,omitempty"`
	Outage     *outage    `json:"outage,omitempty"`
	Served     uint64     `json:"invocations_served"`
	Failed     uint64     `json:"invocations_failed"`
	Endpoints  []row      `json:"endpoints,omitempty"`
	Alarms     int        `json:"alarms"`
	InAlarm    []alarmRow `json:"alarms_in_alarm,omitempty"`
	Warnings   []warning  `json:"warnings,omitempty"`
	Damage     []string   `json:"damage,omitempty"` // data on disk found missing or damaged since the start
	History    *kept      `json:"metric_history,omitempty"`
	Explain    *Reach     `json:"explain,omitempty"`

	Machine   *machineStatus    `json:"machine,omitempty"`
	ModelData *modeldata.Status `json:"model_data,omitempty"`
}

// outage is why decisions are not recorded.
type outage struct {
	Since time.Time `json:"since"` // wall time
	Text  string    `json:"text"`
}

// Reach is how far back moments can be explained.
type Reach struct {
	Since    time.Time `json:"since,omitzero"` // zero: what there is, is in the journal still
	Bytes    int64     `json:"disk_bytes"`
	BytesMax int64     `json:"disk_bytes_max"`
}

// warning is something that is silently wrong with a scalable target or an alarm.
type warning struct {
	Region string `json:"region"`
	Target string `json:"target"` // the variant; "alarms" for alarms that are about none
	Text   string `json:"text"`
}

// actionWarning returns the warning of an action that leads nowhere. Its target is the variant that its alarms are about.
func actionWarning(r *engine.Region, w engine.ActionWarning) warning {
	out := warning{Region: r.Scope.Region, Text: w.String()}
	if out.Target = "alarms"; w.Endpoint != "" {
		out.Target = w.Endpoint + "/" + w.Variant
	}
	return out
}

// kept is the status of the history of metrics.
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

// newKept renders the status of the history.
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

// Dollars renders the cost for the page; "" where it is not known.
func (r row) Dollars() string {
	if r.Cost == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f", r.Cost)
}

// Link is the path of the variant's explanation.
func (r row) Link() string { return explainLink(r.Region, r.Endpoint, r.Variant) }

// explainLink is the path of a variant's explanation, with the story of the last day; variant is "" for the only one of the endpoint.
func explainLink(region, endpoint, variant string) string {
	if variant != "" {
		variant = "/" + url.PathEscape(variant)
	}
	return ExplainPath + url.PathEscape(endpoint) + variant + "?since=24h&region=" + url.QueryEscape(region)
}

// alarmRow is an alarm in ALARM.
type alarmRow struct {
	Region  string    `json:"region"`
	Name    string    `json:"name"`
	Reason  string    `json:"reason"`
	Since   time.Time `json:"since"`
	Explain string    `json:"explain,omitempty"` // path of the explanation of its variant; "" where it has none
}

// sees says whose endpoints a reader sees.
type sees struct {
	all     bool
	account string // where not all
}

// regions yields the regions of which a reader sees the endpoints.
func (s sees) regions(e *engine.Engine) iter.Seq[*engine.Region] {
	return func(yield func(*engine.Region) bool) {
		for _, r := range e.Regions() {
			if (s.all || r.Scope.Account == s.account) && !yield(r) {
				return
			}
		}
	}
}

// look reads the engine's state. The variants with the worst health come first.
func (st *status) look(e *engine.Engine, of sees) {
	now := e.Now()
	worst := engine.Healthy
	for r := range of.regions(e) {
		for _, name := range slices.Sorted(maps.Keys(r.Hosting.Endpoints)) {
			x := r.Hosting.Endpoints[name]
			for _, v := range x.Shown() {
				health, why := r.Health(now, x, v)
				worst = max(worst, health)
				t := r.Traffic(now, name, v.Config.Name)
				st.Endpoints = append(st.Endpoints, row{
					Region: r.Scope.Region, Endpoint: name, Variant: v.Config.Name, Health: health.String(), Status: x.Status.String(),
					Desired: v.Desired, Current: x.Serving(v), Starting: v.Starting(), PerMinute: t.PerMinute(), Errors4XX: t.Errors4XX, Errors5XX: t.Errors5XX,
					Type: v.Config.InstanceType, Trouble: cmp.Or(why, x.Failure(v.Config.Name)), health: health,
				})
			}
		}
		for _, x := range r.Warnings(now) {
			for _, w := range x.Warnings {
				st.Warnings = append(st.Warnings, warning{r.Scope.Region, x.Target.VariantName(), w.String()})
			}
		}
		for _, w := range r.ActionWarnings() {
			st.Warnings = append(st.Warnings, actionWarning(r, w))
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

// alarmOf returns the row of an alarm in ALARM. Its variant is the one whose policy it invokes, or whose metric it watches.
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
