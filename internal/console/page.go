package console

import (
	"fmt"
	"html"
	"io"
	"strings"
	"time"

	"bellows.dev/bellows/plural"
)

// markup builds a page. It does the escaping that the page needs without html/template, which calls methods by name: that makes the linker keep
// every exported method of every type in the program (docs/decisions/0035-modules-and-binary.md).
type markup struct{ strings.Builder }

// add appends markup in which the verbs stand for values. Values are escaped for text and for quoted attributes.
func (m *markup) add(format string, values ...any) {
	for i, v := range values {
		if s, ok := v.(string); ok {
			values[i] = html.EscapeString(s)
		}
	}
	fmt.Fprintf(m, format, values...)
}

const pageHead = `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta http-equiv="refresh" content="5"><title>Bellows: %[1]s</title>
<style>body{font:16px system-ui;margin:2rem;max-width:75rem}table{border-collapse:collapse}td,th{padding:.3rem .8rem;text-align:left;border-bottom:1px solid #ccc;vertical-align:top}
.n{text-align:right}.failing{color:#a00;font-weight:bold}.degraded{color:#850}</style>
<h1>Bellows: <span class="%[1]s">%[1]s</span></h1>
<p>Version %[2]s`

// writePage writes the health page. What fails comes first.
func writePage(w io.Writer, st *status) error {
	m := &markup{}
	m.add(pageHead, st.Status, st.Version)
	if st.Uptime != "" {
		m.add(", up %s. Policy time %s, %g times as fast as the clock.\n", st.Uptime, st.PolicyTime.Format("2006-01-02 15:04:05 MST"), st.ClockSpeed)
		m.add("%d invocations served, %d failed. %s, %d in ALARM.", st.Served, st.Failed, plural.Of(st.Alarms, "alarm"), len(st.InAlarm))
	}
	m.add("</p>\n")
	m.endpoints(st.Endpoints)
	m.alarms(st.InAlarm)
	if len(st.Warnings) > 0 {
		m.add("<h2>Warnings</h2><ul>")
		for _, x := range st.Warnings {
			m.add("<li>%s <small>%s</small>: %s", x.Target, x.Region, x.Text)
		}
		m.add("</ul>\n")
	}
	if len(st.Damage) > 0 {
		m.add("<h2>Missing or damaged data</h2><ul>")
		for _, x := range st.Damage {
			m.add("<li>%s", x)
		}
		m.add("</ul>\n")
	}
	if st.History != nil {
		m.history(st.History)
	}
	if x := st.Explain; x != nil && !x.Since.IsZero() {
		m.add("<p>Moments can be explained from %s on: %s on disk, of %s at most.</p>\n", minute(x.Since), megabytes(x.Bytes), megabytes(x.BytesMax))
	}
	if st.Machine != nil {
		m.machine(st.Machine)
	}
	if x := st.ModelData; x != nil {
		m.add("<p>Model data: %s, of which %d %s in use, %d being fetched; %s on disk, of %s at most.</p>\n", plural.Of(x.Models, "model"),
			x.Held, plural.Verb(x.Held, "is", "are"), x.Fetching, megabytes(x.Bytes), megabytes(x.BytesMax))
	}
	_, err := io.WriteString(w, m.String())
	return err
}

func (m *markup) endpoints(rows []row) {
	if len(rows) == 0 {
		return
	}
	m.add(`<table><tr><th>Endpoint<th>Variant<th>Health<th>Status<th>Instances<th>Wanted<th title="What the instances would cost on AWS by the list prices of their type: an estimate">USD/hour, estimated<th>Invocations/min<th>4XX, 5 min<th>5XX, 5 min<th>Trouble</tr>` + "\n")
	for _, r := range rows {
		m.add(`<tr><td>%s <small>%s</small><td><a href="%s">%s</a><td class="%[5]s">%[5]s<td>%[6]s`, r.Endpoint, r.Region, r.Link(), r.Variant, r.Health, r.Status)
		m.add(`<td class="n">%d`, r.Current)
		if r.Starting != "" {
			m.add(" <small>(%s)</small>", r.Starting)
		}
		m.add(`<td class="n">%d<td class="n">%s<td class="n">%.0f<td class="n">%g<td class="n">%g<td>%s</tr>`+"\n", r.Desired, r.Dollars(), r.PerMinute,
			r.Errors4XX, r.Errors5XX, r.Trouble)
	}
	m.add("</table>\n")
}

func (m *markup) alarms(rows []alarmRow) {
	if len(rows) == 0 {
		return
	}
	m.add("<h2>In ALARM</h2><table><tr><th>Alarm<th>Since<th>Reason</tr>\n")
	for _, a := range rows {
		m.add("<tr><td>")
		if a.Explain != "" {
			m.add(`<a href="%s">%s</a>`, a.Explain, a.Name)
		} else {
			m.add("%s", a.Name)
		}
		m.add(" <small>%s</small><td>%s<td>%s</tr>\n", a.Region, a.Since.Format("2006-01-02 15:04:05"), a.Reason)
	}
	m.add("</table>\n")
}

func (m *markup) history(k *kept) {
	m.add("<h2>Metric history</h2>\n<p>%s on disk, of %s at most", megabytes(k.Bytes), megabytes(k.BytesMax))
	if !k.Kept.IsZero() {
		m.add("; written until %s", k.Kept.Format("15:04:05"))
	}
	m.add(".")
	if k.Failure != "" {
		m.add(" %s.", k.Failure)
	}
	if k.Waiting != 0 {
		m.add(" %d samples wait to be written.", k.Waiting)
	}
	m.add("</p>\n<table><tr><th>Datapoints of<th>Kept for<th>Since<th>On disk<th>Trouble</tr>\n")
	for _, t := range k.Tiers {
		m.add("<tr><td>%s<td>%s<td>%s<td>%s<td>%s</tr>\n", t.Resolution, t.Retention, minute(t.Oldest), megabytes(t.Bytes), t.Trouble)
	}
	m.add("</table>\n")
}

func (m *markup) machine(x *machineStatus) {
	m.add("<h2>Machine</h2><p>%s", x.Has)
	if x.Stated {
		m.add("; instances take %s", x.Used)
	}
	if x.Unlimited != "" {
		m.add(". Instances are not held to the memory and CPU of their types: %s.</p>\n", x.Unlimited)
	} else {
		m.add(". Instances are held to the memory and CPU of their types.</p>\n")
	}
}

// minute formats a time to the minute; "" for none.
func minute(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format("2006-01-02 15:04")
}

// megabytes formats a number of bytes.
func megabytes(n int64) string {
	if n >= 1e9 {
		return fmt.Sprintf("%.1f GB", float64(n)/1e9)
	}
	return fmt.Sprintf("%.1f MB", float64(n)/1e6)
}
