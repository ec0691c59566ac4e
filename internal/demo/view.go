package demo

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/internal/credentials"
	"bellows.dev/bellows/internal/server"
	"bellows.dev/bellows/plural"
)

// How the demo shows itself.
const (
	viewEvery  = 500 * time.Millisecond
	linesEvery = 2 * time.Second // where the output is no terminal
	barWidth   = 40
)

// view shows the demo: on a terminal as a screen that is redrawn, else as lines.
type view struct {
	out      io.Writer
	terminal bool
	speed    float64 // of the policy clock
	size     func() (columns, lines int)
	load     *load
	console  []string // where the console is, and how to sign in

	mu      sync.Mutex
	happens []string
	peak    float64
}

func newView(o Options) *view {
	v := &view{out: o.Out, terminal: o.Terminal, speed: o.Speed, size: o.Size}
	if o.Terminal {
		fmt.Fprintf(o.Out, "\x1b[?25l\x1b[2J") // hide the cursor, clear
	}
	return v
}

// close restores the terminal.
func (v *view) close() {
	if v.terminal {
		fmt.Fprintln(v.out, "\x1b[?25h")
	}
}

// note prints what the demo does.
func (v *view) note(text string) { v.say("» " + text) }

// event prints what the engine decided.
func (v *view) event(now time.Time, e engine.Event) {
	switch x := e.(type) {
	case engine.AlarmTransition:
		v.say(fmt.Sprintf("%s alarm %s: %v → %v", now.Format("15:04:05"), shortAlarm(x.Alarm), x.From, x.To))
	case engine.ActivityChanged:
		if code := x.Activity.NotScaled.Code; code != 0 {
			v.say(fmt.Sprintf("%s not scaled: %v, %s", now.Format("15:04:05"), code, shortAlarm(x.Activity.Cause.String())))
			return
		}
		v.say(fmt.Sprintf("%s activity %v: %s %s", now.Format("15:04:05"), x.Activity.Status, x.Activity.Description(), shortAlarm(x.Activity.Cause.String())))
	case engine.EndpointChanged, engine.InstanceChanged:
		v.say(now.Format("15:04:05 ") + e.String())
	}
}

// shortAlarm shortens the names of target tracking alarms in a text to their distinguishing part.
func shortAlarm(s string) string {
	s = strings.ReplaceAll(s, "TargetTracking-"+resourceID+"-", "")
	for _, side := range []string{"AlarmHigh", "AlarmLow"} {
		if at := strings.Index(s, side+"-"); at >= 0 && len(s) >= at+len(side)+37 {
			s = s[:at+len(side)+5] + s[at+len(side)+37:]
		}
	}
	return s
}

func (v *view) say(line string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.happens = append(v.happens, line)
	if !v.terminal {
		fmt.Fprintln(v.out, line)
	}
}

// watch draws until ctx ends.
func (v *view) watch(ctx context.Context, s *server.Server) {
	every := viewEvery
	if !v.terminal {
		every = linesEvery
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			v.draw(ctx, s)
		}
	}
}

// hold keeps the screen until ctx ends.
func (v *view) hold(ctx context.Context) {
	v.paint("")
	<-ctx.Done()
}

// picture is what is drawn of the server's state.
type picture struct {
	now              time.Time
	status           hosting.Status
	desired, current int
	alarms           []string
}

func look(ctx context.Context, s *server.Server) (p picture) {
	_ = s.View(ctx, func(now time.Time, e *engine.Engine) { // it fails when the server stops: then nothing is drawn
		p.now = now
		for _, r := range e.Regions() {
			if x := r.Hosting.Endpoints[endpointName]; x != nil {
				p.status, p.desired, p.current = x.Status, x.Variants[0].Desired, x.Variants[0].Current()
			}
			for _, name := range slices.Sorted(maps.Keys(r.Alarms.Metric)) {
				a := r.Alarms.Metric[name]
				p.alarms = append(p.alarms, fmt.Sprintf("%-20s %-22s %v", shortAlarm(name), a.Rule.Metric.Name, a.State))
			}
		}
	})
	return p
}

func (v *view) draw(ctx context.Context, s *server.Server) {
	p := look(ctx, s)
	rate, p50, p99 := v.load.look()
	if !v.terminal {
		inAlarm := 0
		for _, a := range p.alarms {
			if strings.HasSuffix(a, " ALARM") {
				inAlarm++
			}
		}
		v.say(fmt.Sprintf("%s %4.0f requests/s, p50 %.1f ms, p99 %.1f ms; %s of %d wanted, %v; %d of %s in ALARM",
			p.now.Format("15:04:05"), rate, p50, p99, plural.Of(p.current, "instance"), p.desired, p.status, inAlarm, plural.Of(len(p.alarms), "alarm")))
		return
	}
	v.peak = max(v.peak, rate, 1)
	var b strings.Builder
	fmt.Fprintf(&b, "policy time %s (%.0f times as fast)   endpoint %s: %v\n\n", p.now.Format("15:04:05"), v.speed, endpointName, p.status)
	fmt.Fprintf(&b, "requests/s  %6.0f  %s\n", rate, bar(rate/v.peak))
	fmt.Fprintf(&b, "latency     p50 %.1f ms, p99 %.1f ms\n", p50, p99)
	fmt.Fprintf(&b, "instances   %d of %d  %s%s\n\nalarms\n", p.current, p.desired, strings.Repeat("■ ", p.current), strings.Repeat("□ ", max(p.desired-p.current, 0)))
	for _, a := range p.alarms {
		fmt.Fprintf(&b, "  %s\n", a)
	}
	v.paint(b.String())
}

func bar(part float64) string {
	n := min(max(int(part*barWidth+0.5), 0), barWidth)
	return strings.Repeat("█", n) + strings.Repeat("░", barWidth-n)
}

// paint draws the screen: the state, then as many of the newest events as there is room for. Longer lines are cut: one that wraps would
// scroll the top away.
func (v *view) paint(top string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	columns, lines := 0, 0
	if v.size != nil {
		columns, lines = v.size()
	}
	if columns <= 0 || lines <= 0 {
		columns, lines = 80, 24
	}
	all := append(strings.Split("Bellows  "+top, "\n"), v.console...)
	all = append(all, "what happens")
	room := max(lines-len(all)-1, 1)
	for _, x := range v.happens[max(len(v.happens)-room, 0):] {
		all = append(all, "  "+x)
	}
	var b strings.Builder
	b.WriteString("\x1b[H")
	for i, x := range all[:min(len(all), lines-1)] {
		if r := []rune(x); len(r) > columns {
			x = string(r[:columns-1]) + "…"
		}
		if i == 0 {
			x = strings.Replace(x, "Bellows", "\x1b[1mBellows\x1b[0m", 1)
		}
		b.WriteString(x + "\x1b[K\n")
	}
	b.WriteString("\x1b[J")
	_, _ = io.WriteString(v.out, b.String()) // the terminal may be gone
}

// place tells where the console is, and how to sign in.
func (v *view) place(url string, k credentials.Key) {
	v.mu.Lock()
	v.console = []string{
		"console     " + url, "            sign in with " + k.AccessKeyID, "            and " + k.SecretAccessKey,
	}
	v.mu.Unlock()
	if !v.terminal {
		v.say("» The console: " + url + " (sign in with " + k.AccessKeyID + " and " + k.SecretAccessKey + ")")
	}
}
