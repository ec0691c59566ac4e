package scenario

import (
	"fmt"
	"strings"
	"time"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/engine"
)

// mute puts a mute rule: NAME "cron(0 2 * * *)" alarms=A,B for=4h zone=Z start=T expire=T.
func (r *runner) mute(c *command) error {
	name, err := c.argument(1)
	if err != nil {
		return err
	}
	rule := alarm.MuteRule{Name: name}
	if rule.Expression, err = c.argument(2); err != nil {
		return err
	}
	if rule.Duration, err = c.duration("for", time.Hour); err != nil {
		return err
	}
	if text, found := c.pair("alarms"); found {
		rule.Alarms = strings.Split(text, ",")
	}
	if zone, found := c.pair("zone"); found {
		rule.Zone, rule.ZoneData = zone, r.zoneData(zone)
	}
	for name, to := range map[string]*time.Time{"start": &rule.Start, "expire": &rule.Expire} { //tidy:unordered each by itself
		if text, found := c.pair(name); found {
			if *to, err = time.Parse(dateTime, text); err != nil {
				return fmt.Errorf("mute: %s=%s is not a time such as %s", name, text, dateTime)
			}
		}
	}
	r.do(engine.PutMuteRule{Scope: scope, Rule: rule})
	return nil
}

// unmute deletes a mute rule.
func (r *runner) unmute(c *command) error {
	name, err := c.argument(1)
	if err != nil {
		return err
	}
	r.do(engine.DeleteMuteRule{Scope: scope, Name: name})
	return nil
}
