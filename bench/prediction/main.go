// Command prediction prints how far off the forecast is on each trace, beside its peers: the same minute a day ago, the same minute a
// week ago, exponential smoothing (Holt and Winters), and the last day's mean. Each is asked two days ahead, again each six hours,
// from at most the two weeks before: see package rolling.
//
//	go run ./bench/prediction
package main

import (
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"bellows.dev/bellows/bench/rolling"
)

// trace is a file, and what its season is taken to be.
type trace struct {
	file   string
	season int // bins a day
	note   string
}

// The code trace lasts 57 minutes and has no day in it. It is judged by the same rules on a smaller scale, four minutes for a day
// and 28 for a week: there is no season in it at all, so this shows what the forecast does without one.
var traces = []trace{
	{"servegen-qwen-large", 144, "10-minute bins"},
	{"worldcup98-weeks1-3", 1440, "1-minute bins"},
	{"azure-llm-code", 240, "1-second bins, 4 minutes for a day"},
}

func main() {
	folder := flag.String("traces", "forecast/testdata", "folder of the traces")
	flag.Parse()
	if err := run(*folder); err != nil {
		fmt.Fprintln(os.Stderr, "bench/prediction:", err)
		os.Exit(1)
	}
}

func run(folder string) error {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "WAPE, two days ahead\torigins\tours\tday ago\tweek ago\tHolt-Winters\tlast day's mean\tms a forecast\t")
	beaten := true
	for _, t := range traces {
		values, err := rolling.Load(filepath.Join(folder, t.file+".csv"))
		if err != nil {
			return err
		}
		for _, n := range []int{1, t.season / 24} {
			note := t.note
			if n > 1 {
				note = "hours of these"
			}
			ok := judge(w, t.file+", "+note, rolling.Join(values, n), t.season/n)
			beaten = beaten && ok
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if !beaten {
		return errors.New("a seasonal-naive forecast was better on a trace")
	}
	return nil
}

// judge prints a line and reports whether both seasonal-naive forecasts were beaten.
func judge(w *tabwriter.Writer, name string, values []float64, season int) bool {
	plan := rolling.TwoDays(season)
	began := time.Now()
	ours, origins := plan.WAPE(values, rolling.Ours)
	each := time.Since(began).Seconds() * 1000 / float64(origins)
	day, _ := plan.WAPE(values, rolling.DayAgo)
	week, _ := plan.WAPE(values, rolling.WeekAgo)
	smoothing, _ := plan.WAPE(values, rolling.HoltWinters)
	flat, _ := plan.WAPE(values, rolling.LastDay)
	fmt.Fprintf(w, "%s\t%d\t%.3f\t%.3f\t%.3f\t%.3f\t%.3f\t%.1f\t\n", name, origins, ours, day, week, smoothing, flat, each)
	return ours < math.Min(day, week)
}
