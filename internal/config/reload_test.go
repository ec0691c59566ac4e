package config

import (
	"slices"
	"testing"
)

// The engine knows which topics have webhooks, but not their URLs.
func TestTopicsOfWebhooksAreASetting(t *testing.T) {
	c, err := Parse([]byte("webhooks: [{topic: '*:ops', url: 'http://secret@x'}, {topic: '*:all', url: 'http://y'}]"), "/etc/bellows")
	if got := c.Engine().Topics; err != nil || got != "*:ops\n*:all" {
		t.Errorf("topics %q, %v", got, err)
	}
}

// What the engine depends on can change while a server runs; what cannot is named.
func TestSettingsThatAreTakenOver(t *testing.T) {
	before := Default()
	next := before
	next.StartupTimeout, next.InvocationTimeout, next.LenientSetAlarmState, next.WakeOnRequest = 1, 2, true, true
	next.Region = "eu-west-1"
	now, changed, waiting := before.TakeOver(next)
	if now.Engine() != next.Engine() || len(changed) != 4 {
		t.Errorf("the engine's settings are %+v, and %v changed", now.Engine(), changed)
	}
	if !slices.Equal(waiting, []string{"region"}) || now.Region != before.Region {
		t.Errorf("%v wait, and the region is %s", waiting, now.Region)
	}
}
