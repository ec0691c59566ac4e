package scenario

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// block is a group of commands with the expected output.
type block struct {
	line     int      // of the file that the block begins at, from 1
	head     []string // the lines above the dashes: comments and commands, unchanged
	expected []string
}

const dashes = "----"

func blocks(text string) []block {
	var out []block
	var b block
	inOutput := false
	flush := func() {
		if len(b.head) > 0 {
			out = append(out, b)
		}
		b, inOutput = block{}, false
	}
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimRight(line, " \t\r\n")
		switch {
		case line == dashes && !inOutput:
			inOutput = true
		case line == "":
			flush()
		case inOutput:
			b.expected = append(b.expected, line)
		default:
			if len(b.head) == 0 {
				b.line = number
			}
			b.head = append(b.head, line)
		}
	}
	flush()
	return out
}

// command is a parsed line: words and name=value pairs.
type command struct {
	words []string
	pairs map[string]string
	used  map[string]bool
}

func parseCommand(line string) command {
	c := command{pairs: map[string]string{}, used: map[string]bool{}}
	for _, f := range fields(line) {
		if name, value, ok := strings.Cut(f, "="); ok && !strings.Contains(name, `"`) {
			c.pairs[name] = strings.ReplaceAll(value, `"`, "")
			continue
		}
		c.words = append(c.words, strings.ReplaceAll(f, `"`, ""))
	}
	return c
}

// fields splits a line at white space, except within double quotes.
func fields(line string) []string {
	quoted := false
	return strings.FieldsFunc(line, func(r rune) bool {
		if r == '"' {
			quoted = !quoted
		}
		return !quoted && blank(r)
	})
}

func blank(r rune) bool { return r == ' ' || r == '\t' }

// argument returns the n-th word after the command's name.
func (c *command) argument(n int) (string, error) {
	if n >= len(c.words) {
		return "", fmt.Errorf("%s: argument %d is missing", c.words[0], n)
	}
	return c.words[n], nil
}

// number reads a number from a pair, with a default.
func (c *command) number(name string, def float64) (float64, error) {
	text, found := c.pair(name)
	if !found {
		return def, nil
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0, fmt.Errorf("%s: %s=%s is not a number", c.words[0], name, text)
	}
	return v, nil
}

func (c *command) duration(name string, def time.Duration) (time.Duration, error) {
	text, found := c.pair(name)
	if !found {
		return def, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("%s: %s=%s is not a duration", c.words[0], name, text)
	}
	return d, nil
}

// integer reads an optional whole number.
func (c *command) integer(name string) (*int, error) {
	text, found := c.pair(name)
	if !found {
		return nil, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %s=%s is not a whole number", c.words[0], name, text)
	}
	return &n, nil
}

// span reads an optional duration.
func (c *command) span(name string) (*time.Duration, error) {
	if _, found := c.pair(name); !found {
		return nil, nil
	}
	d, err := c.duration(name, 0)
	return &d, err
}

func (c *command) yes(name string) bool {
	text, _ := c.pair(name)
	return text == "yes"
}

func (c *command) pair(name string) (string, bool) {
	v, found := c.pairs[name]
	c.used[name] = true
	return v, found
}

// unused returns the name of a pair that the command did not use, or "".
func (c *command) unused() string {
	first := ""
	for name := range c.pairs { //tidy:unordered the smallest is kept
		if !c.used[name] && (first == "" || name < first) {
			first = name
		}
	}
	return first
}

// seriesMax limits a series of values, so that no file runs without end.
const seriesMax = 10_000

// series parses values: "100x5 _ 20" is five times 100, none, 20. None is NaN.
func series(words []string) ([]string, error) {
	var out []string
	for _, w := range words {
		value, times, repeated := strings.Cut(w, "x")
		n := 1
		if repeated {
			var err error
			if n, err = strconv.Atoi(times); err != nil || n < 1 || n > seriesMax {
				return nil, fmt.Errorf("metric: %s has no count", w)
			}
		}
		if _, err := strconv.ParseFloat(value, 64); err != nil && value != "_" {
			return nil, fmt.Errorf("metric: %s is neither a number nor _", value)
		}
		for range n {
			out = append(out, value)
		}
	}
	if len(out) > seriesMax {
		return nil, fmt.Errorf("metric: %d values are more than %d", len(out), seriesMax)
	}
	return out, nil
}
