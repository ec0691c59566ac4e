// Package top is a live view of all variants in a terminal: what the console's first page shows, from the same API.
//
//	err := top.Run(ctx, c, top.Options{})
package top

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"bellows.dev/bellows/internal/client"
	"bellows.dev/bellows/internal/listing"
	"bellows.dev/bellows/internal/term"
)

// Times of the view.
const (
	readEvery   = 2 * time.Second        // loads change without an event
	changeEvery = 250 * time.Millisecond // changes within this time are read together
	followAgain = time.Second            // after the live stream has ended
)

// rowsMax is the most variants that are read.
const rowsMax = 1000

// Read returns the variants that a query selects.
type Read func(ctx context.Context, q listing.VariantsQuery) (listing.Variants, error)

// Options are where the view is drawn. The zero value is this process's terminal.
type Options struct {
	Colour  bool
	Program []tea.ProgramOption
}

// Run shows the view until the user ends it or ctx ends.
func Run(ctx context.Context, c *client.Client, o Options) error {
	ctx, cancel := context.WithCancel(ctx)
	m := New(ctx, func(ctx context.Context, q listing.VariantsQuery) (listing.Variants, error) {
		return listing.ReadVariants(ctx, c, q)
	}, c.Name(), o.Colour)
	p := tea.NewProgram(m, append([]tea.ProgramOption{tea.WithContext(ctx)}, o.Program...)...)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		follow(ctx, c, func() { p.Send(changed{}) })
	}()
	_, err := p.Run()
	cancel()
	<-ended
	if errors.Is(err, tea.ErrProgramKilled) || errors.Is(err, tea.ErrInterrupted) {
		return nil // the user ended it
	}
	return err
}

// follow calls f when something has happened, until ctx ends.
func follow(ctx context.Context, c *client.Client, f func()) {
	for ctx.Err() == nil {
		if err := c.Stream(ctx, func([]byte) { f() }); errors.As(err, new(*client.OnlyBellowsError)) {
			return // AWS has no stream: it is read at intervals
		}
		select {
		case <-ctx.Done():
		case <-time.After(followAgain):
		}
	}
}

// Messages.
type (
	changed struct{} // something happened
	due     struct{} // it is time to read
	loaded  struct {
		list listing.Variants
		err  error
		q    listing.VariantsQuery
	}
)

// sorts and states are what the keys s and f go through.
var (
	sorts  = []string{"", "name", "load", "errors", "capacity"}
	states = []string{"", "failing", "degraded", "in_alarm", "warned", "changing"}
)

// Model is the view's state.
type Model struct {
	ctx    context.Context //nolint:containedctx // bubbletea's commands have no context of their own
	read   Read
	name   string // of the server
	screen term.Screen

	q             listing.VariantsQuery
	list          listing.Variants
	err           error
	reading       bool
	again         bool // something happened while it was read
	top, height   int  // the first row, and the lines of the screen
	searching     bool
	width, failed int
}

// New returns the view of what read returns.
func New(ctx context.Context, read Read, name string, colour bool) Model {
	return Model{
		ctx: ctx, read: read, name: name, screen: term.Screen{Colour: colour}, q: listing.VariantsQuery{Limit: rowsMax}, width: 80, height: 24, reading: true,
	}
}

// Init implements tea.Model.
func (m Model) Init() tea.Cmd {
	return tea.Batch(m.load(), tick())
}

func tick() tea.Cmd {
	return tea.Tick(readEvery, func(time.Time) tea.Msg { return due{} })
}

// load reads the variants.
func (m Model) load() tea.Cmd {
	q := m.q
	return func() tea.Msg {
		list, err := m.read(m.ctx, q)
		return loaded{list, client.Plain(err), q}
	}
}

// Update implements tea.Model.
func (m Model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
		return m.bounded(), nil
	case due:
		next, load := m.refresh()
		return next, tea.Batch(load, tick())
	case changed:
		return m.refresh()
	case loaded:
		return m.take(msg)
	case tea.KeyPressMsg:
		if m.searching {
			return m.search(msg)
		}
		return m.key(msg.String())
	}
	return m, nil
}

// refresh reads again, once a reading in progress has ended.
func (m Model) refresh() (Model, tea.Cmd) {
	if m.reading {
		m.again = true
		return m, nil
	}
	m.reading = true
	return m, m.load()
}

// take shows what was read, unless the selection has changed since.
func (m Model) take(l loaded) (tea.Model, tea.Cmd) {
	m.reading = false
	if l.q == m.q {
		if m.err = l.err; l.err == nil {
			m.list, m.failed = l.list, 0
		} else {
			m.failed++
		}
	}
	if m.again || l.q != m.q {
		m.again, m.reading = false, true
		load := m.load()
		return m.bounded(), tea.Tick(changeEvery, func(time.Time) tea.Msg { return load() })
	}
	return m.bounded(), nil
}

// key handles a key.
func (m Model) key(key string) (tea.Model, tea.Cmd) {
	switch key {
	case "q", "ctrl+c":
		return m, tea.Quit
	case "s":
		m.q.Sort = after(sorts, m.q.Sort)
		return m.refresh()
	case "f":
		m.q.State = after(states, m.q.State)
		return m.refresh()
	case "/":
		m.searching = true
	case "esc":
		m.q.Text, m.q.State = "", ""
		return m.refresh()
	case "down", "j":
		m.top++
	case "up", "k":
		m.top--
	case "pgdown", "space":
		m.top += m.rows()
	case "pgup":
		m.top -= m.rows()
	case "home", "g":
		m.top = 0
	case "end", "G":
		m.top = len(m.list.Variants)
	}
	return m.bounded(), nil
}

// search handles a key while the text that is searched for is typed.
func (m Model) search(k tea.KeyPressMsg) (tea.Model, tea.Cmd) {
	switch key := k.String(); {
	case key == "ctrl+c":
		return m, tea.Quit
	case key == "enter":
		m.searching = false
		return m, nil
	case key == "esc":
		m.searching, m.q.Text = false, ""
	case key == "backspace" && m.q.Text != "":
		runes := []rune(m.q.Text)
		m.q.Text = string(runes[:len(runes)-1])
	default:
		m.q.Text += k.Text
	}
	m.top = 0
	return m.refresh()
}

func after(all []string, x string) string {
	return all[(slices.Index(all, x)+1)%len(all)]
}

// frame is how many lines are not rows: the head, counts, the header and the keys.
const frame = 6

// rows is how many rows the screen has.
func (m Model) rows() int { return max(1, m.height-frame) }

// bounded keeps the first row among those that there are.
func (m Model) bounded() Model {
	m.top = max(0, min(m.top, len(m.list.Variants)-m.rows()))
	return m
}

// View implements tea.Model.
func (m Model) View() tea.View {
	v := tea.NewView(m.text())
	v.AltScreen, v.WindowTitle = true, "bellows top"
	return v
}

// text draws the screen.
func (m Model) text() string {
	var b strings.Builder
	s := m.screen
	s.Out, s.Width = &b, m.width
	line := func(text string) { b.WriteString(ansi.Truncate(text, m.width, "…") + "\n") }
	clock := ""
	if !m.list.Now.IsZero() {
		clock = "  " + m.list.Now.UTC().Format("2006-01-02 15:04:05") + " UTC"
	}
	line(s.Paint(term.Bold, "bellows top") + "  " + m.name + s.Paint(term.Faint, clock))
	switch {
	case m.err != nil:
		line(s.Paint(term.Bad, term.Clean(m.err.Error())) + s.Paint(term.Faint, "  trying again"))
	case m.list.Trouble != "":
		line(s.Paint(term.Bad, term.Clean(m.list.Trouble)))
	default:
		line(m.counts(&s))
	}
	line(m.selection(&s))
	end := min(len(m.list.Variants), m.top+m.rows())
	page := m.list
	page.Variants = page.Variants[m.top:end]
	table := listing.VariantsTable(page)
	if err := table.Write(&s); err != nil {
		line(err.Error())
	}
	if rest := len(m.list.Variants) - end; rest > 0 || m.list.Total > len(m.list.Variants) {
		line(s.Paint(term.Faint, fmt.Sprintf("%d more below", max(rest, m.list.Total-end))))
	} else {
		line("")
	}
	b.WriteString(s.Paint(term.Faint, ansi.Truncate("q quit  s sort  f filter  / search  esc all  ↑↓ scroll", m.width, "…")))
	return b.String()
}

// counts says how many variants are in which state.
func (m Model) counts(s *term.Screen) string {
	parts := []string{fmt.Sprintf("%d variants", m.list.All)}
	for _, x := range []struct {
		name string
		tone term.Tone
	}{{"failing", term.Bad}, {"degraded", term.Warning}, {"in_alarm", term.Bad}, {"warned", term.Warning}, {"changing", term.Accent}} {
		if n := m.list.Counts[x.name]; n > 0 {
			parts = append(parts, s.Paint(x.tone, fmt.Sprintf("%d %s", n, strings.ReplaceAll(x.name, "_", " "))))
		}
	}
	return strings.Join(parts, "  ")
}

// selection says what is shown, in which order.
func (m Model) selection(s *term.Screen) string {
	text := "sorted by " + orWords(m.q.Sort, "the worst health")
	if m.q.State != "" {
		text += "  only " + strings.ReplaceAll(m.q.State, "_", " ")
	}
	if m.q.Text != "" || m.searching {
		text += "  search: " + m.q.Text
	}
	if m.searching {
		text += "▏"
	}
	return s.Paint(term.Faint, text)
}

func orWords(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
