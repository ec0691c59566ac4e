package console

import (
	"strings"
	"testing"
	"time"

	"bellows.dev/bellows/internal/modeldata"
)

// Names, reasons and other texts of callers are escaped everywhere on the page.
func TestThePageEscapesWhatItShows(t *testing.T) {
	const bad = `"><script>alert('x')</script>&`
	at := time.Date(2026, 11, 27, 10, 0, 0, 0, time.UTC)
	st := &status{
		Status: bad, Version: bad, Uptime: bad, PolicyTime: at, ClockSpeed: 1.5, Alarms: 1,
		Endpoints: []row{{Region: bad, Endpoint: bad, Variant: bad, Health: bad, Status: bad, Starting: bad, Trouble: bad, Cost: 0.5, Errors5XX: 2}},
		InAlarm:   []alarmRow{{Region: bad, Name: bad, Reason: bad, Since: at}, {Name: bad, Explain: bad, Since: at}},
		Warnings:  []warning{{bad, bad, bad}},
		History:   &kept{Kept: at, Failure: bad, Waiting: 7, Tiers: []depth{{Resolution: bad, Retention: bad, Oldest: at, Trouble: bad}}},
		Explain:   &Reach{Since: at, BytesMax: 2e9},
		Machine:   &machineStatus{Has: bad, Used: bad, Stated: true, Unlimited: bad},
		ModelData: &modeldata.Status{Models: 1},
	}
	var b strings.Builder
	if err := writePage(&b, st); err != nil {
		t.Fatal(err)
	}
	page := b.String()
	if strings.Contains(page, "<script") || strings.Contains(page, `"">`) || strings.Contains(page, "%!") {
		t.Errorf("a text is not escaped, or a value is missing:\n%s", page)
	}
	const escaped = "&#34;&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;"
	if n := strings.Count(page, escaped); n != 28 {
		t.Errorf("the page shows %d of 28 escaped texts:\n%s", n, page)
	}
	for _, want := range []string{"1.5 times as fast", "1 alarm,", "10:00:00 UTC", ">0.50<", "7 samples wait", "of 2.0 GB at most", "1 model,", "explained from 2026-11-27 10:00 on"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q:\n%s", want, page)
		}
	}
}

// Without a key the page shows the status and the version.
func TestThePageWithoutAKey(t *testing.T) {
	var b strings.Builder
	if err := writePage(&b, &status{Status: "ok", Version: "v1"}); err != nil {
		t.Fatal(err)
	}
	if page := b.String(); !strings.HasSuffix(page, "<p>Version v1</p>\n") || strings.Contains(page, "<table") {
		t.Errorf("the page is %s", page)
	}
}
