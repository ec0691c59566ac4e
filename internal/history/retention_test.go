package history

import (
	"strings"
	"testing"
	"time"
)

func TestParseRetention(t *testing.T) {
	for text, want := range map[string]Retention{
		"":                                  DefaultRetention(),
		"1s=3h,60s=15d,300s=63d,3600s=455d": DefaultRetention(),
		"60s=30d":                           {3 * time.Hour, 30 * day, 63 * day, 455 * day},
		"3600s=1000d, 300s=90d":             {3 * time.Hour, 15 * day, 90 * day, 1000 * day},
		"1s=90m,1m=90m,5m=2h,1h=2h":         {90 * time.Minute, 90 * time.Minute, 2 * time.Hour, 2 * time.Hour},
	} {
		got, err := ParseRetention(text)
		if err != nil || got != want {
			t.Errorf("%q is %v, %v", text, got, err)
		}
		if again, err := ParseRetention(got.String()); err != nil || again != got {
			t.Errorf("%v is parsed back as %v, %v", got, again, err)
		}
	}
	for text, want := range map[string]string{
		"2s=3h":              `"2s" is no resolution`,
		"60s":                `60s: "" is no duration`,
		"60s=-3d":            `"-3d" is no duration`,
		"60s=1d,60s=2d":      "60s is there twice",
		"1s=1s":              "1s=1s is too short: want 1m0s",
		"3600s=1h":           "3600s=1h0m0s is too short: want 2h0m0s",
		"60s=90d":            "give that, too",
		"60s=90d,300s=80d":   "coarser datapoints are made of finer ones",
		"3600s=99999999999d": "is no duration",
		",":                  `"" is no resolution`,
	} {
		if got, err := ParseRetention(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q gives %v, %v, want %s", text, got, err, want)
		}
	}
}
