package history

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// resolutions of the tiers, finest first, in seconds. AWS: CloudWatch user guide, concepts, metrics retention.
var resolutions = [4]int64{1, 60, 300, 3600}

// Retention is the retention of datapoints of 1, 60, 300 and 3,600 seconds.
type Retention [4]time.Duration

// DefaultRetention returns CloudWatch's retention.
func DefaultRetention() Retention {
	return Retention{3 * time.Hour, 15 * day, 63 * day, 455 * day}
}

const (
	day          = 24 * time.Hour
	retentionMax = 100 * 365 * day
)

// ParseRetention parses a text such as 1s=3h,60s=15d,300s=63d,3600s=455d. Omitted resolutions have CloudWatch's retention.
func ParseRetention(text string) (Retention, error) {
	out := DefaultRetention()
	if text == "" {
		return out, nil
	}
	var named [4]bool
	for part := range strings.SplitSeq(text, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		at := slices.Index(resolutions[:], seconds(name))
		if at < 0 {
			return out, fmt.Errorf("%q is no resolution: want 1s, 60s, 300s or 3600s, as in 60s=15d", name)
		}
		if named[at] {
			return out, fmt.Errorf("%s is there twice", name)
		}
		d, err := parseDays(value)
		if err != nil {
			return out, fmt.Errorf("%s: %w", name, err)
		}
		out[at], named[at] = d, true
	}
	return out, out.check(named)
}

// seconds parses a resolution; 0 if it is invalid.
func seconds(text string) int64 {
	d, err := time.ParseDuration(text)
	if err != nil || d%time.Second != 0 {
		return 0
	}
	return int64(d / time.Second)
}

// parseDays parses a duration that may be in days.
func parseDays(text string) (time.Duration, error) {
	if n, ok := strings.CutSuffix(text, "d"); ok {
		days, err := strconv.ParseUint(n, 10, 32)
		if err == nil && time.Duration(days) <= retentionMax/day {
			return time.Duration(days) * day, nil
		}
		return 0, fmt.Errorf("%q is no duration such as 15d or 3h, of a hundred years at most", text)
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 || d > retentionMax {
		return 0, fmt.Errorf("%q is no duration such as 15d or 3h, of a hundred years at most", text)
	}
	return d, nil
}

// check validates a retention. Coarser tiers are rolled up from finer ones, so they must not be shorter.
func (r Retention) check(named [4]bool) error {
	for i, d := range r {
		if least := time.Duration(max(60, 2*resolutions[i])) * time.Second; d < least {
			return fmt.Errorf("%ds=%v is too short: want %v at least", resolutions[i], d, least)
		}
		if i == 0 || d >= r[i-1] {
			continue
		}
		if !named[i] {
			return fmt.Errorf("%ds=%v is more than what is kept at %ds, %v: give that, too", resolutions[i-1], r[i-1], resolutions[i], d)
		}
		return fmt.Errorf("%ds=%v is less than %ds=%v: coarser datapoints are made of finer ones", resolutions[i], d, resolutions[i-1], r[i-1])
	}
	return nil
}

// String returns the form that ParseRetention parses.
func (r Retention) String() string {
	parts := make([]string, len(r))
	for i, d := range r {
		parts[i] = fmt.Sprintf("%ds=%s", resolutions[i], Days(d))
	}
	return strings.Join(parts, ",")
}

// Days formats a duration as 15d, 3h or 90m.
func Days(d time.Duration) string {
	for _, u := range []struct {
		unit time.Duration
		name string
	}{{day, "d"}, {time.Hour, "h"}, {time.Minute, "m"}} {
		if d >= u.unit && d%u.unit == 0 {
			return strconv.FormatInt(int64(d/u.unit), 10) + u.name
		}
	}
	return d.String()
}

// earliest returns the start of the oldest available datapoint of a period.
// AWS: GetMetricStatistics, Period: 3 hours to 15 days ago multiples of 60 s, to 63 days ago of 300 s, before of 3,600 s.
func (r Retention) earliest(now time.Time, period time.Duration) int64 {
	for i := len(resolutions) - 1; i > 0; i-- {
		if int64(period/time.Second)%resolutions[i] == 0 {
			return floor(now.Add(-r[i]).Unix(), resolutions[i])
		}
	}
	return r.seconds(now.Unix())
}

// seconds returns the time from which on 1-second samples are available, a whole minute.
func (r Retention) seconds(now int64) int64 { return floor(now-int64(r[0].Seconds()), 60) }

func floor(sec, step int64) int64 {
	r := sec % step
	if r < 0 {
		r += step
	}
	return sec - r
}

func ceil(sec, step int64) int64 { return floor(sec+step-1, step) }
