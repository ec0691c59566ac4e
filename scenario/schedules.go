package scenario

import (
	"fmt"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/engine/dimension"
	"bellows.dev/bellows/scaling"
	"bellows.dev/bellows/schedule"
)

// Options are external dependencies of scenarios.
type Options struct {
	// Zone returns the data (TZif) of a time zone. Nil: UTC only.
	Zone func(name string) ([]byte, error)

	// Policies are the policy types that there are. Nil: policy.Types().
	Policies scaling.Types

	// Dimensions are the scalable dimensions that there are. Nil: dimension.All().
	Dimensions dimension.List

	// Fold shortens sequences of decisions without effect, which repeat each minute, to the first and the last.
	Fold bool
}

const dateTime = "2006-01-02T15:04:05"

// begin sets the local time at which the scenario begins; times are printed in its zone from then on.
func (r *runner) begin(c *command) error {
	if !r.world.Engine.Now().IsZero() {
		return fmt.Errorf("begin must be the first command")
	}
	at, loc, err := r.clock(c, 1)
	if err != nil {
		return err
	}
	r.world.Now, r.start, r.shown = at.UTC(), at.UTC(), loc
	return nil
}

// clock parses argument n, a local time, in the zone given by zone=.
func (r *runner) clock(c *command, n int) (time.Time, *time.Location, error) {
	text, err := c.argument(n)
	if err != nil {
		return time.Time{}, nil, err
	}
	name, _ := c.pair("zone")
	loc := r.location(name)
	if loc == nil {
		return time.Time{}, nil, fmt.Errorf("%s is not a time zone", name)
	}
	at, err := time.ParseInLocation(dateTime, text, loc)
	if err != nil {
		return time.Time{}, nil, fmt.Errorf("%s is not a time such as %s", text, dateTime)
	}
	return at, loc, nil
}

// location returns a zone, UTC for "", or nil.
func (r *runner) location(name string) *time.Location {
	if name == "" {
		return time.UTC
	}
	data := r.zoneData(name)
	if data == nil {
		return nil
	}
	loc, err := time.LoadLocationFromTZData(name, data)
	if err != nil {
		return nil
	}
	return loc
}

func (r *runner) zoneData(name string) []byte {
	if r.options.Zone == nil {
		return nil
	}
	data, err := r.options.Zone(name)
	if err != nil {
		return nil
	}
	return data
}

// schedule puts a scheduled action: NAME on ENDPOINT/VARIANT "cron(…)" min=N max=N zone=Z start=T end=T; omitted members are
// not in the request.
func (r *runner) schedule(c *command) error {
	p, err := c.policy()
	if err != nil {
		return err
	}
	in := scaling.ScheduleInput{Key: p.Key, Name: p.Name}
	if len(c.words) > 4 {
		in.Schedule = c.words[4]
	}
	if name, found := c.pair("zone"); found {
		in.Zone, in.ZoneData = name, r.zoneData(name)
	}
	for name, to := range map[string]*time.Time{"start": &in.Start, "end": &in.End} { //tidy:unordered each by itself
		if text, found := c.pair(name); found {
			if *to, err = time.Parse(dateTime, text); err != nil {
				return fmt.Errorf("schedule: %s=%s is not a time such as %s", name, text, dateTime)
			}
		}
	}
	var set scaling.Range
	for name, to := range map[string]**int{"min": &set.Min, "max": &set.Max} { //tidy:unordered each by itself
		if _, found := c.pair(name); found {
			v, err := c.number(name, 0)
			if err != nil {
				return err
			}
			n := int(v)
			*to = &n
			in.Range = &set
		}
	}
	r.do(engine.PutScheduledAction{Scope: scope, Input: in})
	return nil
}

// unschedule deletes a scheduled action: NAME on ENDPOINT/VARIANT.
func (r *runner) unschedule(c *command) error {
	p, err := c.policy()
	if err != nil {
		return err
	}
	r.do(engine.DeleteScheduledAction{Scope: scope, Key: p.Key, Name: p.Name})
	return nil
}

// timesMax limits the number of times printed by one command.
const timesMax = 100

// times prints the next times of a schedule: "cron(…)" zone=Z after=T n=3. It changes nothing.
func (r *runner) times(c *command) error {
	text, err := c.argument(1)
	if err != nil {
		return err
	}
	n, err := c.number("n", 3)
	if err != nil || n < 1 || n > timesMax {
		return fmt.Errorf("times: n is not a number from 1 to %d", timesMax)
	}
	name, _ := c.pair("zone")
	loc := r.location(name)
	if loc == nil {
		return fmt.Errorf("%s is not a time zone", name)
	}
	at := r.world.Now
	if from, found := c.pair("after"); found {
		if at, err = time.ParseInLocation(dateTime, from, loc); err != nil {
			return fmt.Errorf("times: after=%s is not a time such as %s", from, dateTime)
		}
	}
	s, err := schedule.Parse(text)
	if err != nil {
		r.lines = append(r.lines, "refused: "+err.Error())
		return nil //nolint:nilerr // the error is the output
	}
	r.lines = append(r.lines, text)
	for range int(n) {
		next, ok := s.Next(at, loc)
		if !ok {
			r.lines = append(r.lines, "  never again")
			return nil
		}
		r.lines = append(r.lines, "  "+next.In(loc).Format(onClock))
		at = next
	}
	return nil
}

// onClock is the format of local times.
const onClock = "Mon 2006-01-02 15:04:05 MST"

// down advances time while no server runs: there are no steps until its end.
func (r *runner) down(c *command) error {
	d, err := r.lapse(c)
	if err != nil {
		return err
	}
	r.world.Now = r.world.Now.Add(d)
	return nil
}
