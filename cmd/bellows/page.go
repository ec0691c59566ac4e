package main

import "html/template"

// page is the health page. What fails comes first.
var page = template.Must(template.New("health").Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta http-equiv="refresh" content="5"><title>Bellows: {{.Status}}</title>
<style>body{font:16px system-ui;margin:2rem;max-width:75rem}table{border-collapse:collapse}td,th{padding:.3rem .8rem;text-align:left;border-bottom:1px solid #ccc;vertical-align:top}
.n{text-align:right}.failing{color:#a00;font-weight:bold}.degraded{color:#850}</style>
<h1>Bellows: <span class="{{.Status}}">{{.Status}}</span></h1>
<p>Version {{.Version}}{{if .Uptime}}, up {{.Uptime}}. Policy time {{.PolicyTime.Format "2006-01-02 15:04:05 MST"}}, {{.ClockSpeed}} times as fast as the clock.
{{.Served}} invocations served, {{.Failed}} failed. {{.Alarms}} alarm{{if ne .Alarms 1}}s{{end}}, {{len .InAlarm}} in ALARM.{{end}}</p>
{{if .Endpoints}}<table><tr><th>Endpoint<th>Variant<th>Health<th>Status<th>Instances<th>Wanted<th title="What the instances would cost on AWS by the list prices of their type: an estimate">USD/hour, estimated<th>Invocations/min<th>4XX, 5 min<th>5XX, 5 min<th>Trouble</tr>
{{range .Endpoints}}<tr><td>{{.Endpoint}} <small>{{.Region}}</small><td><a href="{{.Link}}">{{.Variant}}</a><td class="{{.Health}}">{{.Health}}<td>{{.Status}}<td class="n">{{.Current}}{{with .Starting}} <small>({{.}})</small>{{end}}<td class="n">{{.Desired}}<td class="n">{{.Dollars}}<td class="n">{{printf "%.0f" .PerMinute}}<td class="n">{{.Errors4XX}}<td class="n">{{.Errors5XX}}<td>{{.Trouble}}</tr>
{{end}}</table>{{end}}
{{if .InAlarm}}<h2>In ALARM</h2><table><tr><th>Alarm<th>Since<th>Reason</tr>
{{range .InAlarm}}<tr><td>{{if .Explain}}<a href="{{.Explain}}">{{.Name}}</a>{{else}}{{.Name}}{{end}} <small>{{.Region}}</small><td>{{.Since.Format "2006-01-02 15:04:05"}}<td>{{.Reason}}</tr>
{{end}}</table>{{end}}
{{if .Warnings}}<h2>Warnings</h2><ul>{{range .Warnings}}<li>{{.Target}} <small>{{.Region}}</small>: {{.Text}}{{end}}</ul>{{end}}
{{with .History}}<h2>Metric history</h2>
<p>{{.MB .Bytes}} on disk, of {{.MB .BytesMax}} at most{{if not .Kept.IsZero}}; written until {{.Kept.Format "15:04:05"}}{{end}}.{{with .Failure}} {{.}}.{{end}}{{with .Waiting}} {{.}} samples wait to be written.{{end}}</p>
<table><tr><th>Datapoints of<th>Kept for<th>Since<th>On disk<th>Trouble</tr>
{{range .Tiers}}<tr><td>{{.Resolution}}<td>{{.Retention}}<td>{{if not .Oldest.IsZero}}{{.Oldest.Format "2006-01-02 15:04"}}{{end}}<td>{{$.History.MB .Bytes}}<td>{{.Trouble}}</tr>
{{end}}</table>{{end}}
{{with .Explain}}{{if not .Since.IsZero}}<p>Moments can be explained from {{.Since.Format "2006-01-02 15:04"}} on: {{$.History.MB .Bytes}} on disk, of {{$.History.MB .BytesMax}} at most.</p>{{end}}{{end}}
{{with .Machine}}<h2>Machine</h2><p>{{.Has}}{{if .Stated}}; instances take {{.Used}}{{end}}. {{if .Unlimited}}Instances are not held to the memory and CPU of their types: {{.Unlimited}}.{{else}}Instances are held to the memory and CPU of their types.{{end}}</p>{{end}}
{{with .ModelData}}<p>Model data: {{.Models}} model{{if ne .Models 1}}s{{end}}, of which {{.Held}} are in use, {{.Fetching}} being fetched; {{$.History.MB .Bytes}} on disk, of {{$.History.MB .BytesMax}} at most.</p>{{end}}
`))
