package term

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
)

// env returns variables by name.
func env(pairs ...string) func(string) string {
	return func(name string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1]
			}
		}
		return ""
	}
}

// A pipe has no colours, CLICOLOR_FORCE turns them on, and NO_COLOR off in any case. Sources: bixense.com/clicolors, no-color.org.
func TestColour(t *testing.T) {
	for _, tt := range []struct {
		env  func(string) string
		want bool
	}{
		{env(), false}, {env("CLICOLOR_FORCE", "1"), true}, {env("CLICOLOR_FORCE", "0"), false}, {env("CLICOLOR_FORCE", "1", "NO_COLOR", "1"), false}, {env("CLICOLOR", "1"), false},
	} {
		s := NewScreen(&bytes.Buffer{}, tt.env)
		if s.Colour != tt.want || strings.Contains(s.Paint(Bad, "x"), "\x1b") != tt.want {
			t.Errorf("%+v, want colour %v", s, tt.want)
		}
	}
}

// A table has aligned columns, is cut where the screen is narrow, and prints nothing that steers a terminal.
func TestTable(t *testing.T) {
	table := Table{Header: []string{"NAME", "N", "NOTE"}, Rows: [][]Cell{
		{Plain("a"), Number("%d", 5), Plain("short")}, {Plain("größer"), Number("%d", 100), Plain("a long\n\x1b[31mnote \u202ethat does not fit")}, {Plain("x"), Number("%d", 1), {}},
	}}
	var b bytes.Buffer
	if err := table.Write(&Screen{Out: &b}); err != nil {
		t.Fatal(err)
	}
	if want := "NAME      N  NOTE\na         5  short\ngrößer  100  a long [31mnote that does not fit\nx         1\n"; b.String() != want {
		t.Errorf("got\n%q, want\n%q", b.String(), want)
	}
	b.Reset()
	if err := table.Write(&Screen{Out: &b, Width: 26}); err != nil {
		t.Fatal(err)
	}
	if want := "NAME      N  NOTE\na         5  short\ngrößer  100  a long [31mn…\nx         1\n"; b.String() != want {
		t.Errorf("got\n%q, want\n%q", b.String(), want)
	}
}

// A chart has its axis, and the largest value at its top; without data it says so.
func TestChart(t *testing.T) {
	from := time.Date(2026, 11, 28, 10, 0, 0, 0, time.UTC)
	c := Chart{From: from, To: from.Add(10 * time.Minute), Height: 4, Series: Series{Label: "Load"}}
	for i := range 10 {
		c.Series.Points = append(c.Series.Points, Point{from.Add(time.Duration(i) * time.Minute), float64(i * 10)})
	}
	var b bytes.Buffer
	if err := c.Write(&Screen{Out: &b, Width: 30}); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(b.String(), "\n")
	if lines[0] != "Load  now 90, least 0, most 90" || !strings.HasPrefix(lines[1], "100 ┤") || !strings.HasPrefix(lines[4], "  0 ┤") || !strings.Contains(lines[5], "2026-11-28 10:10") {
		t.Errorf("%s", b.String())
	}
	left, right := strings.IndexFunc(strings.TrimPrefix(lines[4], "  0 ┤"), func(r rune) bool { return r > '⠀' && r <= '⣿' }), len([]rune(lines[1]))
	if left != 0 || right < 28 {
		t.Errorf("the line goes from %d to %d:\n%s", left, right, b.String())
	}
	b.Reset()
	c.Series.Points = nil
	if err := c.Write(&Screen{Out: &b}); err != nil || !strings.Contains(b.String(), "no data from 2026-11-28 10:00 to 2026-11-28 10:10") {
		t.Errorf("%v: %s", err, b.String())
	}
	if got := Spark([]float64{0, 1, 7, 8}); got != "▁▁▇█" {
		t.Errorf("Spark: %s", got)
	}
}

// Answers are printed again after an error, but the first error ends it.
func TestRepeat(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var b bytes.Buffer
	n := 0
	err := Repeat(ctx, &Screen{Out: &b}, time.Millisecond, true, func(context.Context) (Answer, error) {
		n++
		switch n {
		case 2:
			return Answer{}, errors.New("no server")
		case 4:
			cancel()
		}
		return Answer{JSON: map[string]any{"n": n, "nothing": nil}}, nil
	})
	if err != nil || b.String() != "{\"n\":1}\n{\"error\":\"no server\"}\n{\"n\":3}\n" {
		t.Errorf("%v, %q", err, b.String())
	}
	want := errors.New("first")
	if err := Repeat(t.Context(), &Screen{Out: &b}, time.Millisecond, true, func(context.Context) (Answer, error) { return Answer{}, want }); !errors.Is(err, want) {
		t.Error(err)
	}
}

// JSON has no members without a value.
func TestWriteJSON(t *testing.T) {
	var b bytes.Buffer
	var none *int
	if err := WriteJSON(&b, struct {
		A              *int
		B              []struct{ C *string }
		ResultMetadata map[string]int
		D              json.Number
	}{A: none, B: []struct{ C *string }{{}}, ResultMetadata: map[string]int{"x": 1}, D: "12345678901234567890"}); err != nil {
		t.Fatal(err)
	}
	if want := "{\n  \"B\": [\n    {}\n  ],\n  \"D\": 12345678901234567890\n}\n"; b.String() != want {
		t.Errorf("%s", b.String())
	}
}
