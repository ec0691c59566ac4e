package metric_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"bellows.dev/bellows/metric"
)

// record is a sample that a test records.
func datum(at time.Time, resolution time.Duration, unit string, v float64) *metric.Datum {
	return &metric.Datum{ID: metric.NewID("N", "m"), At: at, Resolution: resolution, Unit: unit, Summary: *summary(v)}
}

// interval identifies a Pending: no two may be equal, unless the later one has late samples that are not complete yet.
func interval(p *metric.Pending) string {
	return fmt.Sprint(p.Series.ID(), p.Unit, p.Start, p.Fine, p.Late)
}

func TestLateSamplesAreHandedOverSeparately(t *testing.T) {
	w := metric.NewWindow(3 * time.Hour)
	w.KeepHistory(start)
	w.Record(datum(start, time.Minute, "None", 1))
	w.Seal(start.Add(2 * time.Minute))
	if len(w.Pending()) != 0 {
		t.Fatalf("a minute is sealed before its time: %v", w.Pending())
	}
	w.Seal(start.Add(3 * time.Minute))
	w.Record(datum(start, time.Minute, "None", 2)) // too late for the first
	w.Seal(start.Add(4 * time.Minute))
	got := w.Pending()
	if len(got) != 2 || got[0].Late != 0 || got[0].Summary.Sum != 1 || got[1].Late != 1 || got[1].Summary.Sum != 2 {
		t.Fatalf("%+v", got)
	}
	if a, b := got[0].Sealed()-start.Unix(), got[1].Sealed()-start.Unix(); a != 60 || b != 120 {
		t.Errorf("sealed after %d and %d s", a, b)
	}
	w.Kept(start.Add(time.Minute))
	if got := w.Pending(); len(got) != 1 || got[0].Late != 1 {
		t.Errorf("%+v", got)
	}
}

// A window that is created while a history is kept cannot know what the history has of the time before.
func TestPastSamplesOfANewWindowAreLate(t *testing.T) {
	w := metric.NewWindow(3 * time.Hour)
	w.KeepHistory(start)
	w.Record(datum(start.Add(-24*time.Hour), time.Minute, "None", 1))
	if got := w.Pending(); len(got) != 1 || got[0].Late == 0 {
		t.Errorf("%+v", got)
	}
}

// Whatever is recorded, and whenever it is sealed or restored from a snapshot: each sample is handed over once, and a window from the same
// snapshot hands over the same.
func TestEachSampleIsHandedOverOnce(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w, now := metric.NewWindow(3*time.Hour), start
		w.KeepHistory(now)
		recorded, kept := 0.0, map[string]float64{}
		for range rapid.IntRange(1, 60).Draw(rt, "steps") {
			switch rapid.IntRange(0, 5).Draw(rt, "what") {
			case 0, 1, 2:
				age := rapid.SampledFrom([]int{0, 1, 30, 90, 200, 4000, 20000}).Draw(rt, "age")
				resolution := rapid.SampledFrom([]time.Duration{time.Second, time.Minute}).Draw(rt, "resolution")
				unit := rapid.SampledFrom([]string{"None", "Count"}).Draw(rt, "unit")
				w.Record(datum(now.Add(-time.Duration(age)*time.Second), resolution, unit, 1))
				recorded++
			case 3:
				now = now.Add(time.Duration(rapid.SampledFrom([]int{1, 20, 60, 300, 15000}).Draw(rt, "pass")) * time.Second)
				w.Seal(now)
				w.Evict(now)
			case 4: // the history takes what is complete
				through := w.Sealed()
				for _, p := range w.Pending() {
					if p.Sealed() <= through.Unix() {
						kept[interval(&p)] += p.Summary.Count
					}
				}
				w.Kept(through)
			case 5:
				w = again(rt, w)
			}
		}
		now = now.Add(time.Hour)
		w.Seal(now)
		twin := again(rt, w)
		if a, b := sealed(rt, w), sealed(rt, twin); fmt.Sprint(a) != fmt.Sprint(b) {
			rt.Fatalf("a second life hands over %v, not %v", b, a)
		}
		total := 0.0
		for _, n := range kept {
			total += n
		}
		for key, n := range sealed(rt, w) {
			if _, twice := kept[key]; twice {
				rt.Fatalf("%s is handed over twice", key)
			}
			total += n
		}
		if total != recorded {
			rt.Fatalf("%v samples are handed over, %v were recorded", total, recorded)
		}
	})
}

func sealed(rt *rapid.T, w *metric.Window) map[string]float64 {
	out := map[string]float64{}
	for _, p := range w.Pending() {
		if p.Sealed() > w.Sealed().Unix() {
			rt.Fatalf("%s is not sealed", interval(&p))
		}
		out[interval(&p)] += p.Summary.Count
	}
	return out
}

func again(rt *rapid.T, w *metric.Window) *metric.Window {
	text, err := json.Marshal(w.State())
	if err != nil {
		rt.Fatal(err)
	}
	var s metric.State
	if err := json.Unmarshal(text, &s); err != nil {
		rt.Fatal(err)
	}
	return metric.FromState(s)
}
