package explain

import (
	"fmt"
	"io"
	"strings"
	"time"

	"bellows.dev/bellows/plural"
)

// clock is the format of times; indent has its width.
const clock = "2006-01-02 15:04:05"

var indent = strings.Repeat(" ", len(clock))

// Render returns an explanation as text: the story, if requested, then the state and warnings.
func (x *Explanation) Render(w io.Writer) error {
	var b strings.Builder
	x.story(&b)
	name := x.Resource
	if name == "" {
		name = x.Endpoint + "/" + x.Variant
	}
	x.Moment.render(&b, name)
	_, err := io.WriteString(w, b.String())
	return err
}

// story prints events. Decisions without effect repeat each minute: of a sequence of them the first and the last are shown.
func (x *Explanation) story(b *strings.Builder) {
	for i := 0; i < len(x.Story); i++ {
		l := x.Story[i]
		fmt.Fprintf(b, "%s  %-10s %s\n", stamp(l.At), l.Kind, l.Text)
		run := i
		for l.Idle && run+1 < len(x.Story) && x.Story[run+1].Idle {
			run++
		}
		if run-i > 2 {
			fmt.Fprintf(b, "%s  … %d more such %s, the last:\n", indent, run-i-1, plural.Noun(run-i-1, "decision"))
			i = run - 1
		}
	}
	if len(x.Story) > 0 {
		b.WriteByte('\n')
	}
}

func stamp(t time.Time) string { return t.UTC().Format(clock) }

func (m *Moment) render(b *strings.Builder, name string) {
	fmt.Fprintf(b, "%s at %s UTC", name, stamp(m.At))
	switch {
	case m.Gone:
		b.WriteString(": there is no such variant")
	case m.Scaled:
		fmt.Fprintf(b, ": %s, %s; range %d to %d", m.Status, m.serving(), m.Min, m.Max)
	default:
		fmt.Fprintf(b, ": %s, %s; it is no scalable target", m.Status, m.serving())
	}
	if len(m.Suspended) > 0 {
		fmt.Fprintf(b, "; suspended: %s", strings.Join(m.Suspended, ", "))
	}
	if m.DryRun {
		b.WriteString("; dry run")
	}
	b.WriteByte('\n')
	if o := m.Outage; o != nil {
		fmt.Fprintf(b, "  %s\n", o)
	}
	if m.Clock != nil {
		fmt.Fprintf(b, "  note: %s\n", m.Clock)
	}
	m.starts(b)
	width := 0
	for _, p := range m.Policies {
		width = max(width, len(p.label()))
	}
	for _, p := range m.Policies {
		label := p.label()
		says := p.Says
		if len(says) == 0 {
			says = []string{"no alarm invokes it"}
		}
		for i, s := range says {
			if i > 0 {
				label = ""
			}
			fmt.Fprintf(b, "  %-*s  %s\n", width, label, s)
		}
	}
	if m.Scaled && len(m.Policies) == 0 {
		b.WriteString("  no policies: only its range and you change its capacity\n")
	}
	if m.Decision != nil {
		fmt.Fprintf(b, "  last decision, %s: %s\n", stamp(m.Decision.At), m.Decision.Text)
	}
	if m.Trouble != "" {
		fmt.Fprintf(b, "  %s: %s\n", m.Health, m.Trouble)
	}
	for _, w := range m.Warnings {
		fmt.Fprintf(b, "  warning: %s\n", w.Text)
	}
	if m.Idle != nil {
		fmt.Fprintf(b, "  note: nothing happened from %s until a server was started at %s: maybe none ran at the moment\n", stamp(m.Idle.From), stamp(m.Idle.Until))
	}
	if m.Differs != nil {
		fmt.Fprintf(b, "  note: another version ran then: from %s on it decided differently than is shown here; the story has its own decisions\n", stamp(*m.Differs))
	}
}

func (p *Policy) label() string {
	if p.Group {
		return p.Name + " (group)"
	}
	return p.Name
}

// serving returns how many of the desired instances are in service.
func (m *Moment) serving() string {
	return fmt.Sprintf("%d of %d wanted %s", m.Current, m.Desired, plural.Noun(m.Desired, "instance serves", "instances serve"))
}
