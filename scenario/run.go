package scenario

import (
	"fmt"
	"strings"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/sim"
)

// startUnix is when every scenario begins; times are printed from here.
const startUnix = 1_767_225_600 // 2026-01-01 00:00 UTC

// scope is where every scenario happens.
var scope = engine.Scope{Account: "123456789012", Region: "us-east-1"}

// runner executes commands and collects what happens.
type runner struct {
	world *sim.World
	start time.Time
	lines []string
}

// Run executes a scenario and returns its text with what really happened below the dashes. An error is the file's: its line and
// what is wrong with it. AWS's refusals are output, not errors.
func Run(text string) (string, error) {
	start := time.Unix(startUnix, 0).UTC()
	r := &runner{start: start, world: sim.NewWorld(engine.Config{Seed: 1}, start)}
	r.world.OnEvent = r.event
	var out strings.Builder
	for i, b := range blocks(text) {
		r.lines = nil
		commands := 0
		for _, line := range b.head {
			if strings.HasPrefix(line, "#") {
				continue
			}
			commands++
			if err := r.command(line); err != nil {
				return "", fmt.Errorf("%q: %w", line, err)
			}
		}
		if i > 0 {
			out.WriteByte('\n')
		}
		out.WriteString(strings.Join(b.head, "\n") + "\n")
		if commands > 0 {
			out.WriteString(dashes + "\n")
		}
		for _, line := range r.lines {
			out.WriteString(line + "\n")
		}
	}
	return out.String(), nil
}

func (r *runner) print(format string, args ...any) {
	s := r.world.Now.Sub(r.start) / time.Second
	r.lines = append(r.lines, fmt.Sprintf("%d:%02d:%02d ", s/3600, s/60%60, s%60)+fmt.Sprintf(format, args...))
}

// event prints what someone who knows AWS wants to see. Identifiers are left out: they differ from run to run at AWS, too.
func (r *runner) event(_ time.Time, e engine.Event) {
	switch e := e.(type) {
	case engine.AlarmTransition:
		r.print("alarm %s %v -> %v", short(e.Alarm), e.From, e.To)
		r.print("  %s", e.Reason)
	case engine.Decided:
		r.print("decision %s", e.Decision.String())
	case engine.ActivityChanged:
		a := e.Activity
		r.print("activity %v: %s %s", a.Status, a.Description(), a.StatusMessage())
	case engine.EndpointChanged:
		r.print("endpoint %s %v -> %v", e.Key.Endpoint, e.From, e.To)
	}
}

// short is what is left of a target tracking alarm's name without its resource and identifier.
func short(alarm string) string {
	for _, kind := range []string{"AlarmHigh", "AlarmLow"} {
		if strings.HasPrefix(alarm, "TargetTracking-") && strings.Contains(alarm, kind) {
			return kind
		}
	}
	return alarm
}

// do takes a step; a refusal is printed.
func (r *runner) do(in engine.Input) {
	if _, err := r.world.Do(in); err != nil {
		r.print("refused: %v", err)
	}
}
