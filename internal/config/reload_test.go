package config

import (
	"slices"
	"testing"
)

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
