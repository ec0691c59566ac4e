package term

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
)

// Point is a value at a time.
type Point struct {
	At    time.Time
	Value float64
}

// Series is a line of a chart.
type Series struct {
	Label  string
	Unit   string
	Points []Point // oldest first
}

// Chart draws a series over a time range, in braille dots: two columns and four rows a character. Where several points fall on one column, it shows
// the largest.
type Chart struct {
	Series Series
	From   time.Time
	To     time.Time // exclusive
	Height int       // in lines; 0: 8
	Level  *float64  // a horizontal line, such as an alarm's threshold
}

// chartWidth is the width where the output is no terminal.
const chartWidth = 80

// Write implements Block.
func (c Chart) Write(s *Screen) error {
	height, width := c.Height, s.Width
	if height == 0 {
		height = 8
	}
	if width == 0 {
		width = chartWidth
	}
	var b strings.Builder
	b.WriteString(s.Paint(Bold, Clean(c.Series.Label)) + c.summary(s) + "\n")
	if len(c.Series.Points) == 0 {
		b.WriteString("no data from " + clock(c.From) + " to " + clock(c.To) + "\n")
		_, err := io.WriteString(s.Out, b.String())
		return err
	}
	top := nice(c.most())
	labels := []string{short(top), short(top / 2), "0"}
	margin := 0
	for _, l := range labels {
		margin = max(margin, len(l))
	}
	columns := max(10, width-margin-2)
	grid := c.plot(columns, height, top)
	for row := range height {
		label := ""
		switch row {
		case 0:
			label = labels[0]
		case height / 2:
			label = labels[1]
		case height - 1:
			label = labels[2]
		}
		b.WriteString(s.Paint(Faint, fmt.Sprintf("%*s ┤", margin, label)))
		b.WriteString(s.Paint(Accent, strings.TrimRight(string(grid[row]), "⠀ ")) + "\n")
	}
	from, to := clock(c.From), clock(c.To)
	b.WriteString(s.Paint(Faint, strings.Repeat(" ", margin+2)+from+strings.Repeat(" ", max(1, columns-len(from)-len(to)))+to) + "\n")
	_, err := io.WriteString(s.Out, b.String())
	return err
}

// most returns the largest value that is drawn.
func (c Chart) most() float64 {
	most := 0.0
	for _, p := range c.Series.Points {
		most = math.Max(most, p.Value)
	}
	if c.Level != nil {
		most = math.Max(most, *c.Level)
	}
	return most
}

// summary is beside the label: the newest, least and largest values.
func (c Chart) summary(s *Screen) string {
	p := c.Series.Points
	if len(p) == 0 {
		return ""
	}
	least, most := math.Inf(1), math.Inf(-1)
	for _, x := range p {
		least, most = math.Min(least, x.Value), math.Max(most, x.Value)
	}
	unit := ""
	if c.Series.Unit != "" && c.Series.Unit != "None" {
		unit = " " + c.Series.Unit
	}
	return s.Paint(Faint, fmt.Sprintf("  now %s, least %s, most %s%s", short(p[len(p)-1].Value), short(least), short(most), unit))
}

// dots are the bits of braille dots by row and column of a character.
var dots = [4][2]rune{{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}}

// plot returns the lines of the chart, from the top.
func (c Chart) plot(columns, height int, top float64) [][]rune {
	grid := make([][]rune, height)
	for i := range grid {
		grid[i] = []rune(strings.Repeat("⠀", columns))
	}
	wide, high := columns*2, height*4
	row := func(v float64) int { return high - 1 - int(math.Round(max(0, min(1, v/top))*float64(high-1))) }
	set := func(x, y int) { grid[y/4][x/2] |= dots[y%4][x%2] }
	if c.Level != nil {
		for x := 0; x < wide; x += 4 {
			set(x, row(*c.Level))
		}
	}
	values := make([]float64, wide)
	for i := range values {
		values[i] = math.NaN()
	}
	span := c.To.Sub(c.From)
	for _, p := range c.Series.Points {
		x := int(float64(wide) * float64(p.At.Sub(c.From)) / float64(span))
		if x >= 0 && x < wide && !(values[x] >= p.Value) { // also where it is NaN
			values[x] = p.Value
		}
	}
	last, lastY := -1, 0
	for x, v := range values {
		if math.IsNaN(v) {
			continue
		}
		y := row(v)
		for between := last + 1; last >= 0 && between <= x; between++ { // a line from the point before
			at := lastY + int(math.Round(float64((y-lastY)*(between-last))/float64(x-last)))
			set(between, at)
		}
		set(x, y)
		last, lastY = x, y
	}
	return grid
}

// nice returns the end of an axis: at least v, of one or two digits.
func nice(v float64) float64 {
	if v <= 0 {
		return 1
	}
	unit := math.Pow(10, math.Floor(math.Log10(v)))
	for _, step := range []float64{1, 1.5, 2, 3, 4, 5, 6, 8, 10} {
		if step*unit >= v {
			return step * unit
		}
	}
	return 10 * unit
}

// short writes a number in few characters.
func short(v float64) string {
	switch a := math.Abs(v); {
	case a >= 1e9:
		return strconv.FormatFloat(v/1e9, 'g', 3, 64) + "G"
	case a >= 1e6:
		return strconv.FormatFloat(v/1e6, 'g', 3, 64) + "M"
	case a >= 1e4:
		return strconv.FormatFloat(v/1e3, 'g', 3, 64) + "k"
	case a >= 1000:
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}

// clock writes a time in UTC, as all times that commands print.
func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") }

// Spark draws values as one line of bars.
func Spark(values []float64) string {
	const bars = "▁▂▃▄▅▆▇█"
	most := 0.0
	for _, v := range values {
		most = math.Max(most, v)
	}
	var b strings.Builder
	for _, v := range values {
		i := 0
		if most > 0 && v > 0 {
			i = min(7, int(v/most*7.999))
		}
		b.WriteRune([]rune(bars)[i])
	}
	return b.String()
}
