package history

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/tsdb"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/metric/expr"
)

func (l *life) put(age time.Duration, resolution time.Duration, values ...float64) {
	l.t.Helper()
	d := metric.Datum{ID: metric.NewID("N", "m"), At: l.now.Add(-age), Resolution: resolution, Unit: "None"}
	for _, v := range values {
		d.Summary.Add(v, 1)
	}
	if _, err := l.step(context.Background(), engine.PutMetricData{Scope: home, Data: []metric.Datum{d}}); err != nil {
		l.t.Fatal(err)
	}
}

func (l *life) pass(d time.Duration) {
	l.now = l.now.Add(d)
	l.flush()
}

// sum returns the Sum of a period; false if there is none.
func (l *life) sum(from time.Time, period time.Duration) (float64, bool) {
	l.t.Helper()
	var out []metric.Datapoint
	q := metric.Query{Statistic: metric.Statistic{Kind: metric.Sum}, Period: period, From: from, Periods: 1}
	if err := l.h.Metrics(context.Background(), home, func(_ time.Time, s expr.Source) {
		out = s.Datapoints(metric.NewID("N", "m"), q, nil)
	}); err != nil {
		l.t.Fatal(err)
	}
	if len(out) == 0 || out[0].Missing {
		return 0, false
	}
	return out[0].Value, true
}

func (l *life) wantSum(from time.Time, period time.Duration, want float64) {
	l.t.Helper()
	if got, ok := l.sum(from, period); got != want || ok != (want != 0) {
		l.t.Errorf("at %v, the sum of %v from %v is %v %v, want %v", l.now, period, from, got, ok, want)
	}
}

// CloudWatch's retention through all tiers: seconds for three hours, minutes for 15 days, five minutes for 63 days, hours for 455.
func TestRetention(t *testing.T) {
	l := newLife(t, filepath.Join(t.TempDir(), "h"), Options{})
	defer func() { l.h.close() }()
	first := l.now
	l.put(0, time.Second, 1)
	l.put(-10*time.Second, time.Second, 2)
	l.put(-time.Minute, time.Minute, 4)
	for _, x := range []struct {
		age                                  time.Duration
		second, minute, five, hour, halfHour float64
	}{
		{time.Hour, 1, 3, 7, 7, 7},
		{4 * time.Hour, 0, 3, 7, 7, 7},
		{14 * day, 0, 3, 7, 7, 7},
		{15*day + 2*time.Hour, 0, 0, 7, 7, 7},
		{40 * day, 0, 0, 7, 7, 7},
		{64 * day, 0, 0, 0, 7, 0},
		{400 * day, 0, 0, 0, 7, 0},
		{456 * day, 0, 0, 0, 0, 0},
	} {
		for l.now.Before(first.Add(x.age)) {
			l.pass(min(first.Add(x.age).Sub(l.now), 100*time.Hour))
			l.put(0, time.Minute, 1)
		}
		l.wantSum(first, time.Second, x.second)
		l.wantSum(first, time.Minute, x.minute)
		l.wantSum(first, 5*time.Minute, x.five)
		l.wantSum(first, 30*time.Minute, x.halfHour)
		l.wantSum(first, time.Hour, x.hour)
	}
	for i, tier := range l.h.tiers {
		if tier.db == nil {
			t.Errorf("the tier of %d s has no samples", tier.resolution)
			continue
		}
		if err := tier.tidy(context.Background()); err != nil {
			t.Fatal(err)
		}
		oldest, _, ok := tier.bounds()
		if most := l.h.o.Retention[i] * 5 / 4; ok && l.now.Sub(time.Unix(oldest, 0)) > most+5*day {
			t.Errorf("the tier of %d s has samples that are %v old", tier.resolution, l.now.Sub(time.Unix(oldest, 0)))
		}
	}
}

// A second's samples are in the tier of minutes too. A query that ends within the minute, before that second, finds neither.
func TestAQueryEndsWithinAMinute(t *testing.T) {
	l := newLife(t, filepath.Join(t.TempDir(), "h"), Options{})
	defer func() { l.h.close() }()
	minute := l.now.Add(-time.Minute)
	l.put(time.Second, time.Second, 5)
	l.pass(time.Hour) // memory has it no more
	for _, c := range []struct {
		from   time.Duration
		period time.Duration
		want   float64
	}{
		{0, time.Second, 0}, {0, 10 * time.Second, 0}, {40 * time.Second, 10 * time.Second, 0},
		{50 * time.Second, 10 * time.Second, 5}, {59 * time.Second, time.Second, 5}, {0, time.Minute, 5},
	} {
		l.wantSum(minute.Add(c.from), c.period, c.want)
	}
}

// Samples on disk that are not yet confirmed to the engine count once.
func TestWrittenButNotConfirmed(t *testing.T) {
	l := newLife(t, filepath.Join(t.TempDir(), "h"), Options{})
	defer func() { l.h.close() }()
	l.put(0, time.Minute, 1)
	l.pass(10 * time.Minute)
	at := l.now.Add(-5 * time.Hour).Truncate(time.Minute)
	l.put(5*time.Hour, time.Minute, 10)
	l.put(5*time.Hour, time.Minute, 20)
	l.broken = true
	l.pass(5 * time.Minute)
	l.wantSum(at, time.Minute, 30)
	for _, crash := range []bool{true, false} {
		l.again(crash)
		l.wantSum(at, time.Minute, 30)
		l.pass(5 * time.Minute)
	}
	l.broken = false
	l.pass(time.Minute)
	l.wantSum(at, time.Minute, 30)
	l.again(true)
	l.wantSum(at, time.Minute, 30)
	if n := l.h.tiers[1].refused.Load(); n != 0 {
		t.Errorf("the TSDB refused %d samples", n)
	}
}

// A slice whose roll-up was interrupted by a kill is rolled up again exactly before anything else is written.
func TestInterruptedRollUp(t *testing.T) {
	l := newLife(t, filepath.Join(t.TempDir(), "h"), Options{Retention: tiny})
	defer func() { l.h.close() }()
	first := l.now
	for range 20 {
		l.put(0, time.Minute, 1, 2)
		l.pass(time.Minute)
	}
	before, err := os.ReadFile(filepath.Join(l.dir, stateFile))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	l.pass(2 * time.Hour)
	l.wantSum(first, 5*time.Minute, 15)
	after, err := readState(l.dir)
	if err != nil || after.Rolled[1] == 0 {
		t.Fatalf("nothing is rolled up: %+v, %v", after, err)
	}
	// As after a kill after the last sample and before the end of the slice.
	interrupted := state{Rolling: after.Rolled}
	if before != nil {
		if err := json.Unmarshal(before, &interrupted); err != nil {
			t.Fatal(err)
		}
		interrupted.Rolling = after.Rolled
	}
	if err := interrupted.write(l.dir, false); err != nil {
		t.Fatal(err)
	}
	l.again(true)
	if l.h.state.Rolled != after.Rolled {
		t.Errorf("rolled up to %v, want %v", l.h.state.Rolled, after.Rolled)
	}
	for i := range 4 {
		l.wantSum(first.Add(time.Duration(i)*5*time.Minute), 5*time.Minute, 15)
	}
}

// A torn write-ahead log or a damaged block loses only its own content; the server logs it and continues.
func TestDamage(t *testing.T) {
	l := newLife(t, filepath.Join(t.TempDir(), "h"), Options{})
	defer func() { l.h.close() }()
	first := l.now
	for range 30 {
		l.put(0, time.Minute, 1)
		l.pass(20 * time.Minute)
	}
	tier := l.h.tiers[1]
	if err := tier.tidy(context.Background()); err != nil {
		t.Fatal(err)
	}
	blocks := tier.db.Blocks()
	if len(blocks) < 2 {
		t.Fatalf("%d blocks", len(blocks))
	}
	l.h.close()
	index := filepath.Join(blocks[0].Dir(), "index")
	if err := os.WriteFile(index, []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	wal, err := filepath.Glob(filepath.Join(tier.dir, "wal", "0*"))
	if err != nil || len(wal) == 0 {
		t.Fatal(wal, err)
	}
	text, err := os.ReadFile(wal[len(wal)-1])
	if err != nil {
		t.Fatal(err)
	}
	if len(text) > 100 {
		for i := len(text) - 20; i < len(text); i++ {
			text[i] ^= 0xff
		}
	}
	if err := os.WriteFile(wal[len(wal)-1], text, 0o600); err != nil {
		t.Fatal(err)
	}
	l.lost = true
	l.again(false)
	s := l.h.Status()
	if len(s.Tiers[1].Damaged) != 1 {
		t.Errorf("%v is set aside", s.Tiers[1].Damaged)
	}
	if _, ok := l.sum(first, time.Minute); ok {
		t.Error("a damaged block is read")
	}
	l.wantSum(time.UnixMilli(blocks[1].MinTime()).Truncate(20*time.Minute).Add(20*time.Minute), 20*time.Minute, 1)
	l.put(0, time.Minute, 5)
	at := l.now
	l.pass(4 * time.Hour)
	l.wantSum(at, time.Minute, 5)
}

// Files set aside count towards the disk space, also after restarts, and are deleted first if it is full.
func TestDamagedHistoryIsBounded(t *testing.T) {
	l := newLife(t, filepath.Join(t.TempDir(), "h"), Options{BytesMax: 1_000_000})
	defer func() { l.h.close() }()
	l.put(0, time.Minute, 1)
	l.pass(time.Hour)
	tier := l.h.tiers[1]
	for _, name := range []string{"one", "two", "three"} {
		path := filepath.Join(tier.dir, name)
		if err := os.WriteFile(path, make([]byte, tier.bytesMax*2/5), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := tier.setAside(path, errors.New("it is damaged")); err != nil {
			t.Fatal(err)
		}
	}
	before := l.h.Status().Tiers[1]
	if len(before.Damaged) != 3 || before.Bytes < tier.bytesMax*6/5 {
		t.Errorf("%v are set aside, %d bytes", before.Damaged, before.Bytes)
	}
	l.again(false) // the TSDB checks its blocks when it is opened
	after := l.h.Status().Tiers[1]
	if len(after.Damaged) != 2 || !strings.HasSuffix(after.Damaged[0], "two") || after.Bytes > tier.bytesMax {
		t.Errorf("%v are set aside, %d bytes of %d", after.Damaged, after.Bytes, tier.bytesMax)
	}
	if _, err := os.Stat(before.Damaged[0]); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the first one still exists: %v", err)
	}
	l.put(0, time.Minute, 7)
	at := l.now
	l.pass(time.Hour)
	l.wantSum(at, time.Minute, 7)
}

// If the disk space is full, the oldest blocks are deleted, which is logged.
func TestDiskIsBounded(t *testing.T) {
	l := newLife(t, filepath.Join(t.TempDir(), "h"), Options{BytesMax: 100_000})
	defer func() { l.h.close() }()
	first := l.now
	for range 400 {
		l.put(0, time.Minute, float64(l.now.Unix()%1013))
		l.pass(13 * time.Minute)
	}
	tier := l.h.tiers[1]
	if err := tier.tidy(context.Background()); err != nil {
		t.Fatal(err)
	}
	size := int64(0)
	for _, b := range tier.db.Blocks() {
		size += b.Size()
	}
	if size > tier.bytesMax || tier.dropped.Load() == 0 {
		t.Errorf("%d bytes of %d, %d blocks dropped", size, tier.bytesMax, tier.dropped.Load())
	}
	if _, ok := l.sum(first, time.Minute); ok {
		t.Error("the oldest one still exists")
	}
	if s := l.h.Status(); s.Tiers[1].Dropped == 0 || s.Tiers[1].Bytes == 0 || s.Tiers[1].Series == 0 {
		t.Errorf("%+v", s)
	}
}

// PromQL reads disk and memory together, one sample per interval, with late samples added.
func TestPromQL(t *testing.T) {
	l := newLife(t, filepath.Join(t.TempDir(), "h"), Options{Retention: tiny})
	defer func() { l.h.close() }()
	first := l.now
	for range 90 {
		l.put(0, time.Minute, 1, 3)
		l.pass(time.Minute)
	}
	l.put(50*time.Minute, time.Minute, 100)
	l.put(20*time.Second, time.Second, 7)
	l.now = l.now.Add(time.Minute)
	e := promql.NewEngine(promql.EngineOpts{MaxSamples: 1e6, Timeout: time.Minute, EnableAtModifier: true})
	defer func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}()
	eval := func(text string, at time.Time) string {
		t.Helper()
		q, err := e.NewInstantQuery(context.Background(), l.h, nil, text, at)
		if err != nil {
			t.Fatal(err)
		}
		defer q.Close()
		r := q.Exec(context.Background())
		if r.Err != nil {
			t.Fatal(text, r.Err)
		}
		return r.String()
	}
	for text, want := range map[string]string{
		`sum(sum_over_time(n_m_sum[2h]))`:                              "467",
		`sum(sum_over_time(n_m_count[2h]))`:                            "182",
		`max(max_over_time(n_m_max[2h]))`:                              "100",
		`min(min_over_time(n_m_min[2h]))`:                              "1",
		`histogram_count(sum(sum_over_time(n_m[2h])))`:                 "182",
		`count({__name__=~"n_m.*",account="123456789012",metric="m"})`: "5",
		`count({__name__=~"n_m.*",account="1"})`:                       "",
		`count({__name__=~"n_m.*",EndpointName="none"})`:               "",
	} {
		if got := cut(eval(text, l.now)); got != want {
			t.Errorf("%s is %s, want %s", text, got, want)
		}
	}
	// A minute on disk with a late sample is one sample.
	if got := cut(eval(`n_m_sum`, l.now.Add(-51*time.Minute).Truncate(time.Minute))); got != "104" && got != "4" {
		t.Errorf("the minute of a late sample is %s", got)
	}
	q, err := l.h.Querier(first.UnixMilli(), l.now.UnixMilli())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := q.Close(); err != nil {
			t.Error(err)
		}
	}()
	names, _, err := q.LabelValues(context.Background(), model.MetricNameLabel, nil)
	if err != nil || len(names) != 5 {
		t.Errorf("names %v, %v", names, err)
	}
	all, _, err := q.LabelNames(context.Background(), nil, labels.MustNewMatcher(labels.MatchEqual, LabelMetric, "m"))
	if err != nil || len(all) != 5 {
		t.Errorf("labels %v, %v", all, err)
	}
}

// cut returns the value in "{} => 5 @[…]".
func cut(s string) string {
	_, s, _ = strings.Cut(s, " => ")
	s, _, _ = strings.Cut(s, " @")
	return s
}

// No late samples are lost if the server is killed while the TSDB compacts them, and killed again.
func TestLateSamplesSurviveAKilledCompaction(t *testing.T) {
	l := newLife(t, filepath.Join(t.TempDir(), "h"), Options{})
	defer func() { l.h.close() }()
	began := l.now
	l.put(0, time.Minute, 1)
	l.pass(10 * time.Minute)
	total := 1.0
	for round := range 4 {
		for i := range 45 {
			l.put(time.Duration(i*4+round+300)*time.Minute, time.Minute, 1)
			total++
		}
		l.pass(10 * time.Minute)
		// The first steps of a compaction: late samples are moved to chunks, whose files are buffered, and a new log begins.
		if _, err := tsdb.NewOOOCompactionHead(context.Background(), l.h.tiers[1].db.Head()); err != nil {
			t.Fatal(err)
		}
		l.put(time.Duration(round+500)*time.Minute, time.Minute, 1)
		total++
		l.pass(10 * time.Minute)
		l.again(true)
		got := 0.0
		for at := began.Add(-24 * time.Hour); at.Before(l.now); at = at.Add(time.Hour) {
			v, _ := l.sum(at, time.Hour)
			got += v
		}
		if got != total {
			t.Fatalf("after %d kills %v samples are there of %v", round+1, got, total)
		}
	}
}
