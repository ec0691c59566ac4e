package figure

import (
	"errors"
	"strings"
	"testing"
)

func TestReportFailsForAMissedFigure(t *testing.T) {
	for _, c := range []struct {
		figures []Figure
		want    error
	}{
		{[]Figure{{Name: "free"}, AtMost("time", 0.5, "s", 0.5), AtLeast("rate", 7, "/s", 7)}, nil},
		{[]Figure{AtMost("time", 0.501, "s", 0.5)}, ErrMissed},
		{[]Figure{AtLeast("rate", 6.9, "/s", 7)}, ErrMissed},
	} {
		for _, asJSON := range []bool{false, true} {
			var out strings.Builder
			if err := Report(&out, c.figures, asJSON); !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
				t.Errorf("%v: %v, want %v", c.figures, err, c.want)
			}
			if last := c.figures[len(c.figures)-1]; !strings.Contains(out.String(), last.Name) || !strings.Contains(out.String(), last.Promised) {
				t.Errorf("%s lacks %v", out.String(), last)
			}
		}
	}
}
