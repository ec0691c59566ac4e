package top

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"bellows.dev/bellows/internal/listing"
)

// page returns variants, of which the first is failing.
func page(n int) listing.Variants {
	list := listing.Variants{Now: time.Date(2026, 11, 28, 10, 0, 0, 0, time.UTC), All: n, Total: n, Counts: map[string]int{"failing": 1, "in_alarm": 2}}
	for i := range n {
		list.Variants = append(list.Variants, listing.Variant{Endpoint: fmt.Sprintf("e%03d", i), Variant: "v", Status: "InService", Health: "healthy", Desired: 2, Running: 2})
	}
	list.Variants[0].Health, list.Variants[0].Trouble = "failing", "no instance answers \x1b[2J/ping"
	return list
}

func press(m tea.Model, keys ...string) tea.Model {
	for _, k := range keys {
		key := tea.KeyPressMsg{Code: []rune(k)[0], Text: k}
		switch k {
		case "down":
			key = tea.KeyPressMsg{Code: tea.KeyDown}
		case "end":
			key = tea.KeyPressMsg{Code: tea.KeyEnd}
		case "enter":
			key = tea.KeyPressMsg{Code: tea.KeyEnter}
		case "esc":
			key = tea.KeyPressMsg{Code: tea.KeyEscape}
		}
		m, _ = m.Update(key)
	}
	return m
}

func lines(m tea.Model) []string { return strings.Split(ansi.Strip(m.(Model).text()), "\n") }

// The screen shows the counts, as many variants as it has lines, none wider than it is, and what steers a terminal is left out.
func TestTheScreen(t *testing.T) {
	var m tea.Model = New(t.Context(), nil, "http://127.0.0.1:4580", true)
	m, _ = m.Update(tea.WindowSizeMsg{Width: 90, Height: 20})
	m, _ = m.Update(loaded{list: page(40), q: listing.VariantsQuery{Limit: rowsMax}})
	got := lines(m)
	if len(got) > 20 || !strings.HasPrefix(got[0], "bellows top  http://127.0.0.1:4580  2026-11-28 10:00:00 UTC") || got[1] != "40 variants  1 failing  2 in alarm" {
		t.Errorf("%d lines:\n%s", len(got), strings.Join(got, "\n"))
	}
	for _, l := range got {
		if ansi.StringWidth(l) > 90 {
			t.Errorf("wider than the screen: %s", l)
		}
	}
	if !slices.ContainsFunc(got, func(l string) bool {
		return strings.HasPrefix(l, "e000/v") && strings.Contains(l, "failing")
	}) || !slices.Contains(got, "26 more below") {
		t.Errorf("%s", strings.Join(got, "\n"))
	}
	if text := m.(Model).text(); strings.Contains(text, "\x1b[2J") {
		t.Error("a model's text clears the screen")
	}
	if got := strings.Join(lines(press(m, "end")), "\n"); !strings.Contains(got, "e039/v") || strings.Contains(got, "e000/v") {
		t.Errorf("at the end: %s", got)
	}
	if got := strings.Join(lines(press(m, "down", "down")), "\n"); !strings.Contains(got, "e002/v") || strings.Contains(got, "e001/v") {
		t.Errorf("two lines down: %s", got)
	}
	m, _ = m.Update(loaded{err: errors.New("no server answers"), q: listing.VariantsQuery{Limit: rowsMax}})
	if got := strings.Join(lines(m), "\n"); !strings.Contains(got, "no server answers  trying again") || !strings.Contains(got, "e001/v") {
		t.Errorf("when the server restarts: %s", got)
	}
}

// Keys change the order, the filter and the search.
func TestKeys(t *testing.T) {
	var m tea.Model = New(t.Context(), nil, "x", false)
	m = press(m, "s", "s", "f", "/", "i", "r")
	if q := m.(Model).q; q.Sort != "load" || q.State != "failing" || q.Text != "ir" {
		t.Errorf("%+v", q)
	}
	if got := lines(m)[2]; got != "sorted by load  only failing  search: ir▏" {
		t.Errorf("%q", got)
	}
	m = press(m, "enter", "esc")
	if q := m.(Model).q; q.Text != "" || q.State != "" {
		t.Errorf("%+v", q)
	}
}

// locked is a buffer for two goroutines.
type locked struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *locked) has(text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(ansi.Strip(l.b.String()), text)
}

// The program draws what it reads, and ends with q.
func TestTheProgram(t *testing.T) {
	in, keys := io.Pipe()
	var out locked
	read := func(context.Context, listing.VariantsQuery) (listing.Variants, error) { return page(3), nil }
	p := tea.NewProgram(New(t.Context(), read, "x", false), tea.WithInput(in), tea.WithOutput(&out), tea.WithWindowSize(100, 20), tea.WithoutSignals())
	ended := make(chan error, 1)
	go func() {
		_, err := p.Run()
		ended <- err
	}()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(20 * time.Second); !out.has("e002/v"); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("it draws %q", out.b.String())
		}
	}
	if _, err := keys.Write([]byte("q")); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
