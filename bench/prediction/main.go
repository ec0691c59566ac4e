// Command prediction prints the error of the forecast on each trace, beside its peers: the same minute a day ago, the same minute a week
// ago, exponential smoothing (Holt and Winters), and the last day's mean. Each forecasts two days ahead, every six hours, from at most
// the two weeks before: see package backtest.
//
//	cd bench && go run ./prediction
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

	"bellows.dev/bellows/forecast/backtest"
)

// trace is a file and the length of its season.
type trace struct {
	file   string
	season int // bins a day
	note   string
}

// The code trace lasts 57 minutes and holds no whole day. It is evaluated by the same rules on a smaller scale, four minutes for a day and
// 28 for a week: it has no season at all, so it shows how the forecast behaves without one.
var traces = []trace{
	{"servegen-qwen-large", 144, "10-minute bins"},
	{"worldcup98-weeks1-3", 1440, "1-minute bins"},
	{"azure-llm-code", 240, "1-second bins, 4 minutes for a day"},
}

func main() {
	folder := flag.String("traces", "../forecast/testdata", "folder of the traces")
	flag.Parse()
	if err := run(*folder); err != nil {
		fmt.Fprintln(os.Stderr, "bench/prediction:", err)
		os.Exit(1)
	}
}

func run(folder string) error {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "WAPE, two days ahead\torigins\tours\tday ago\tweek ago\tHolt-Winters\tlast day's mean\tms a forecast\t")
	won := true
	for _, t := range traces {
		text, err := os.ReadFile(filepath.Join(folder, t.file+".csv"))
		if err != nil {
			return err
		}
		values, err := backtest.ParseTrace(string(text))
		if err != nil {
			return err
		}
		for _, n := range []int{1, t.season / 24} {
			note := t.note
			if n > 1 {
				note = "hours of these"
			}
			ok := evaluate(w, t.file+", "+note, backtest.Aggregate(values, n), t.season/n)
			won = won && ok
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if !won {
		return errors.New("a seasonal-naive forecast was better on a trace")
	}
	return nil
}

// evaluate prints a line and reports whether the forecast has a smaller error than both seasonal-naive forecasts.
func evaluate(w *tabwriter.Writer, name string, values []float64, season int) bool {
	plan := backtest.TwoDays(season)
	began := time.Now()
	ours, origins := plan.WAPE(values, backtest.Bellows)
	each := time.Since(began).Seconds() * 1000 / float64(origins)
	day, _ := plan.WAPE(values, backtest.DayAgo)
	week, _ := plan.WAPE(values, backtest.WeekAgo)
	smoothing, _ := plan.WAPE(values, backtest.HoltWinters)
	flat, _ := plan.WAPE(values, backtest.LastDayMean)
	fmt.Fprintf(w, "%s\t%d\t%.3f\t%.3f\t%.3f\t%.3f\t%.3f\t%.1f\t\n", name, origins, ours, day, week, smoothing, flat, each)
	return ours < math.Min(day, week)
}
