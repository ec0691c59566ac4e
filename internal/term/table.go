package term

import (
	"fmt"
	"io"
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// Block is a part of an answer.
type Block interface {
	Write(s *Screen) error
}

// Cell is a cell of a table.
type Cell struct {
	Text  string
	Tone  Tone
	Right bool // aligned to the right: numbers
}

// Plain returns a cell of a text.
func Plain(text string) Cell { return Cell{Text: text} }

// Number returns a cell of a number.
func Number(format string, args ...any) Cell {
	return Cell{Text: fmt.Sprintf(format, args...), Right: true}
}

// Status returns a cell of a status in its colour.
func Status(text string) Cell { return Cell{Text: text, Tone: ToneOf(text)} }

// Toned returns a cell in a colour.
func Toned(t Tone, text string) Cell { return Cell{Text: text, Tone: t} }

// Table is rows of cells below a header. On a terminal that is too narrow, the widest column is cut.
type Table struct {
	Header []string
	Rows   [][]Cell
	Empty  string // printed where there is no row: what to do next
}

// gap is between columns.
const gap = 2

// columnMin is what a column is not cut below.
const columnMin = 12

// Write implements Block.
func (t Table) Write(s *Screen) error {
	if len(t.Rows) == 0 {
		_, err := fmt.Fprintln(s.Out, t.Empty)
		return err
	}
	widths := t.widths(s.Width)
	var b strings.Builder
	head := make([]Cell, len(t.Header))
	for i, text := range t.Header {
		head[i] = Cell{Text: text, Tone: Faint, Right: t.Rows[0][i].Right}
	}
	line(&b, s, head, widths)
	for _, row := range t.Rows {
		line(&b, s, row, widths)
	}
	_, err := io.WriteString(s.Out, b.String())
	return err
}

// widths returns the width of each column, so that a line fits the screen as far as possible.
func (t Table) widths(screen int) []int {
	widths := make([]int, len(t.Header))
	for i, text := range t.Header {
		widths[i] = ansi.StringWidth(text)
	}
	for _, row := range t.Rows {
		for i, c := range row {
			widths[i] = max(widths[i], ansi.StringWidth(Clean(c.Text)))
		}
	}
	if screen == 0 {
		return widths
	}
	for {
		total, widest := gap*(len(widths)-1), 0
		for i, w := range widths {
			total += w
			if w >= widths[widest] {
				widest = i
			}
		}
		if total <= screen || widths[widest] <= columnMin {
			return widths
		}
		widths[widest] = max(columnMin, widths[widest]-(total-screen))
	}
}

// line writes a row.
func line(to *strings.Builder, s *Screen, row []Cell, widths []int) {
	b := &strings.Builder{}
	last := len(row) - 1
	for last > 0 && row[last].Text == "" { // no spaces at the end of a line
		last--
	}
	for i, c := range row[:last+1] {
		text := ansi.Truncate(Clean(c.Text), widths[i], "…")
		space := strings.Repeat(" ", widths[i]-ansi.StringWidth(text))
		switch {
		case c.Right:
			b.WriteString(space + s.Paint(c.Tone, text))
		case i == last:
			b.WriteString(s.Paint(c.Tone, text))
		default:
			b.WriteString(s.Paint(c.Tone, text) + space)
		}
		if i < last {
			b.WriteString(strings.Repeat(" ", gap))
		}
	}
	text := b.String()
	if s.Width > 0 {
		text = ansi.Truncate(text, s.Width, "…") // columns that cannot be narrower
	}
	to.WriteString(text + "\n")
}

// Pairs are names with values, a line each. A value without a text is left out.
type Pairs []Pair

// Pair is a name with a value.
type Pair struct {
	Name string
	Cell Cell
}

// Write implements Block.
func (p Pairs) Write(s *Screen) error {
	width := 0
	for _, x := range p {
		if x.Cell.Text != "" {
			width = max(width, ansi.StringWidth(x.Name))
		}
	}
	for _, x := range p {
		if x.Cell.Text == "" {
			continue
		}
		if _, err := fmt.Fprintf(s.Out, "%s%s  %s\n", s.Paint(Faint, x.Name), strings.Repeat(" ", width-ansi.StringWidth(x.Name)),
			s.Paint(x.Cell.Tone, Clean(x.Cell.Text))); err != nil {
			return err
		}
	}
	return nil
}

// Line is a line of text.
type Line Cell

// Write implements Block.
func (l Line) Write(s *Screen) error {
	_, err := fmt.Fprintln(s.Out, s.Paint(l.Tone, Clean(l.Text)))
	return err
}
