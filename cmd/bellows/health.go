package main

import (
	"encoding/json"
	"fmt"
	"html/template"
	"maps"
	"net"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/history"
	"bellows.dev/bellows/internal/modeldata"
)

// status is what the health page says. Who is not on this machine sees Status and Version only.
type status struct {
	Status     string    `json:"status"` // "ok", or what is wrong with the server as a whole
	Version    string    `json:"version"`
	Uptime     string    `json:"uptime,omitempty"`
	PolicyTime time.Time `json:"policy_time,omitzero"`
	ClockSpeed float64   `json:"clock_speed,omitempty"`
	Served     uint64    `json:"invocations_served"`
	Failed     uint64    `json:"invocations_failed"`
	Endpoints  []row     `json:"endpoints,omitempty"`
	Alarms     int       `json:"alarms"`
	InAlarm    []string  `json:"alarms_in_alarm,omitempty"`
	Warnings   []warning `json:"warnings,omitempty"`
	History    *kept     `json:"metric_history,omitempty"`
	Explain    *reach    `json:"explain,omitempty"`

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
	p := &kept{Kept: s.Kept, Failure: s.Failure, BytesMax: s.BytesMax}
	for _, t := range s.Tiers {
		d := depth{Resolution: t.Resolution.String(), Retention: history.Days(t.Retention), Bytes: t.Bytes, Oldest: t.Oldest}
		var trouble []string
		if len(t.Damaged) > 0 {
			trouble = append(trouble, "damaged and set aside: "+strings.Join(t.Damaged, ", "))
		}
		if t.Dropped > 0 {
			trouble = append(trouble, fmt.Sprintf("%d blocks dropped before their time for want of disk space", t.Dropped))
		}
		if t.Refused > 0 {
			trouble = append(trouble, fmt.Sprintf("%d samples could not be written", t.Refused))
		}
		d.Trouble = strings.Join(trouble, "; ")
		p.Bytes += t.Bytes
		p.Tiers = append(p.Tiers, d)
	}
	return p
}

// MB is for the page.
func (kept) MB(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }

// row is one variant of an endpoint.
type row struct {
	Region   string `json:"region"`
	Endpoint string `json:"endpoint"`
	Status   string `json:"status"`
	Variant  string `json:"variant"`
	Desired  int    `json:"desired"`
	Current  int    `json:"current"`
	Trouble  string `json:"trouble,omitempty"`
}

func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "devel"
}

// health answers GET / and /health: a page for people, JSON for machines.
func (s *server) health(w http.ResponseWriter, r *http.Request) {
	st := status{Status: "ok", Version: version()}
	if t, is := s.control.Trouble(); is { // invocations go on: the HTTP status stays 200, for those who route by it
		st.Status = "changes are refused. " + t.String()
	}
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil && net.ParseIP(host).IsLoopback() {
		st.Uptime = time.Since(s.started).Round(time.Second).String()
		st.PolicyTime, st.ClockSpeed = s.control.Now().Round(time.Second), s.control.Speed()
		st.Served, st.Failed = s.gateway.Totals()
		st.History = newKept(s.history.Status())
		if d, err := s.store.DiaryReach(r.Context()); err == nil {
			st.Explain = &reach{d.From, d.Bytes, s.conf().ExplainMax}
		}
		s.lookAtMachine(&st)
		if err := s.control.View(r.Context(), func(_ time.Time, e *engine.Engine) { st.look(e); s.lookAtTypes(&st, e) }); err != nil {
			st.Status = err.Error()
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}
	if strings.Contains(r.Header.Get("Accept"), "text/html") {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if err := page.Execute(w, st); err != nil {
			s.o.log.Error("the health page failed", "error", err)
		}
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(st); err != nil {
		s.o.log.Debug("a client went away before its answer", "error", err)
	}
}

func (st *status) look(e *engine.Engine) {
	for _, r := range e.Regions() {
		for _, name := range slices.Sorted(maps.Keys(r.Hosting.Endpoints)) {
			x := r.Hosting.Endpoints[name]
			for _, v := range x.Shown() {
				st.Endpoints = append(st.Endpoints, row{
					r.Scope.Region, name, x.Status.String(), v.Config.Name, v.Desired, v.Current(), x.Failure(v.Config.Name),
				})
			}
		}
		for _, x := range r.Warnings(e.Now()) {
			for _, w := range x.Warnings {
				st.Warnings = append(st.Warnings, warning{r.Scope.Region, x.Target.VariantName(), w.String()})
			}
		}
		for name, state := range r.AlarmStates() {
			if st.Alarms++; state == alarm.InAlarm {
				st.InAlarm = append(st.InAlarm, name)
			}
		}
	}
}

var page = template.Must(template.New("health").Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="5"><title>Bellows</title>
<style>body{font:16px system-ui;margin:2rem;max-width:60rem}table{border-collapse:collapse}td,th{padding:.3rem .8rem;text-align:left;border-bottom:1px solid #ccc}</style>
<h1>Bellows: {{.Status}}</h1>
<p>Version {{.Version}}{{if .Uptime}}, up {{.Uptime}}. Policy time {{.PolicyTime.Format "2006-01-02 15:04:05 MST"}}, {{.ClockSpeed}} times as fast as the clock.
{{.Served}} invocations served, {{.Failed}} failed. {{.Alarms}} alarms, {{len .InAlarm}} in ALARM.{{end}}</p>
{{if .Endpoints}}<table><tr><th>Endpoint<th>Variant<th>Status<th>Instances<th>Wanted<th>Trouble</tr>
{{range .Endpoints}}<tr><td>{{.Endpoint}} <small>{{.Region}}</small><td><a href="/explain/{{.Endpoint}}/{{.Variant}}?since=24h&amp;region={{.Region}}">{{.Variant}}</a><td>{{.Status}}<td>{{.Current}}<td>{{.Desired}}<td>{{.Trouble}}</tr>
{{end}}</table>{{end}}{{if .Warnings}}<h2>Silently wrong</h2><ul>{{range .Warnings}}<li>{{.Target}} <small>{{.Region}}</small>: {{.Text}}{{end}}</ul>{{end}}
{{with .History}}<h2>Metric history</h2>
<p>{{.MB .Bytes}} on disk, of {{.MB .BytesMax}} at most{{if not .Kept.IsZero}}; written until {{.Kept.Format "15:04:05"}}{{end}}. {{.Failure}}</p>
<table><tr><th>Datapoints of<th>Kept for<th>Since<th>On disk<th>Trouble</tr>
{{range .Tiers}}<tr><td>{{.Resolution}}<td>{{.Retention}}<td>{{if not .Oldest.IsZero}}{{.Oldest.Format "2006-01-02 15:04"}}{{end}}<td>{{$.History.MB .Bytes}}<td>{{.Trouble}}</tr>
{{end}}</table>{{end}}
{{with .Explain}}{{if not .Since.IsZero}}<p>Moments can be explained from {{.Since.Format "2006-01-02 15:04"}} on: {{$.History.MB .Bytes}} on disk, of {{$.History.MB .BytesMax}} at most.</p>{{end}}{{end}}
{{with .Machine}}<h2>Machine</h2><p>{{.Has}}{{if .Stated}}; instances take {{.Used}}{{end}}. {{if .Unlimited}}Instances are not held to the memory and CPU of their types: {{.Unlimited}}.{{else}}Instances are held to the memory and CPU of their types.{{end}}</p>{{end}}
{{with .ModelData}}<p>Model data: {{.Models}} models, of which {{.Held}} are in use, {{.Fetching}} being fetched; {{$.History.MB .Bytes}} on disk, of {{$.History.MB .BytesMax}} at most.</p>{{end}}
{{if .InAlarm}}<h2>In ALARM</h2><ul>{{range .InAlarm}}<li>{{.}}{{end}}</ul>{{end}}
`))
