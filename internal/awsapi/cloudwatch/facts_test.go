package cloudwatch

import (
	"testing"
	"time"
)

// Scaling policies act only on complete StateReasonData without gaps. AWS: recorded.
func TestFacts(t *testing.T) {
	good := `{"queryDate":"2026-11-24T10:00:00.000+0000","recentDatapoints":[1,2.5],"threshold":1}`
	if f := facts(good); f == nil || len(f.Datapoints) != 2 || !f.QueryDate.Equal(time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)) {
		t.Errorf("%+v", f)
	}
	for _, bad := range []string{
		"", "{}", `[]`, `{"queryDate":"today","recentDatapoints":[1],"threshold":1}`,
		`{"queryDate":"2026-11-24T10:00:00.000+0000","recentDatapoints":[],"threshold":1}`,
		`{"queryDate":"2026-11-24T10:00:00.000+0000","recentDatapoints":[1,null],"threshold":1}`,
		`{"queryDate":"2026-11-24T10:00:00.000+0000","recentDatapoints":[1]}`,
	} {
		if f := facts(bad); f != nil {
			t.Errorf("%s: %+v", bad, f)
		}
	}
}

func FuzzFacts(f *testing.F) {
	f.Add(`{"queryDate":"2026-11-24T10:00:00Z","recentDatapoints":[1,2],"threshold":1}`)
	f.Fuzz(func(t *testing.T, data string) {
		if x := facts(data); x != nil && len(x.Datapoints) == 0 {
			t.Errorf("%+v", x)
		}
	})
}
