package term

import (
	"io"
	"os"
	"strings"
	"unicode"

	"golang.org/x/term"
)

// Screen is where an answer is printed.
type Screen struct {
	Out    io.Writer
	Colour bool
	Width  int // in columns; 0 where lines are not cut, since the output is no terminal

	terminal bool
}

// NewScreen returns the screen of a file or writer. Colour: NO_COLOR turns it off, CLICOLOR_FORCE on; otherwise a terminal has it, unless CLICOLOR is
// 0 or TERM is dumb. Sources: no-color.org, bixense.com/clicolors.
func NewScreen(out io.Writer, env func(string) string) *Screen {
	s := &Screen{Out: out}
	if f, is := out.(*os.File); is && term.IsTerminal(int(f.Fd())) {
		s.terminal = true
		if w, _, err := term.GetSize(int(f.Fd())); err == nil {
			s.Width = w
		}
	}
	switch force := env("CLICOLOR_FORCE"); {
	case env("NO_COLOR") != "":
	case force != "" && force != "0":
		s.Colour = true
	default:
		s.Colour = s.terminal && env("CLICOLOR") != "0" && env("TERM") != "dumb"
	}
	return s
}

// Terminal reports whether the screen is one, so that it can be drawn again.
func (s *Screen) Terminal() bool { return s.terminal }

// Tone is what a text means, shown as a colour.
type Tone int

// Tones. The zero value has no colour.
const (
	Neutral Tone = iota
	Faint
	Bold
	OK
	Warning
	Bad
	Accent
)

// codes are the SGR parameters of tones.
var codes = [...]string{Neutral: "", Faint: "2", Bold: "1", OK: "32", Warning: "33", Bad: "31", Accent: "36"}

// Paint returns a text in the colour of a tone.
func (s *Screen) Paint(t Tone, text string) string {
	if !s.Colour || t == Neutral || text == "" {
		return text
	}
	return "\x1b[" + codes[t] + "m" + text + "\x1b[0m"
}

// Clean returns a text without control characters: what a server or a model wrote must not steer a terminal. Line breaks and tabs become spaces.
func Clean(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Cf, r):
			return -1
		}
		return r
	}, text)
}

// CleanLines is Clean for a text of several lines, which stay.
func CleanLines(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = Clean(lines[i])
	}
	return strings.Join(lines, "\n")
}

// ToneOf returns the tone of a status of AWS's or a health.
func ToneOf(status string) Tone {
	switch status {
	case "InService", "OK", "Successful", "healthy", "Completed":
		return OK
	case "Failed", "ALARM", "failing", "OutOfService", "UpdateRollbackFailed":
		return Bad
	case "Creating", "Updating", "Deleting", "RollingBack", "SystemUpdating", "Pending", "InProgress", "Unfulfilled", "INSUFFICIENT_DATA", "degraded", "Overridden":
		return Warning
	}
	return Neutral
}
