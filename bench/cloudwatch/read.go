package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/shirou/gopsutil/v4/process"

	"bellows.dev/bellows/bench/figure"
	"bellows.dev/bellows/bench/target"
	"bellows.dev/bellows/internal/awsapi/wire"
)

// The size of the read: as much as a large dashboard requests.
const (
	metrics  = 500
	each     = 180
	liveFast = 300 // seconds of policy time per second while the datapoints are written
	reads    = 25
)

// measureReading writes three hours of datapoints and reads them. Each minute's datapoints are written in that minute of a clock that runs
// fast, so that memory has the last quarter of an hour and the history the rest, as in any server. The server is then restarted at normal
// speed, so that it is idle otherwise.
func measureReading(ctx context.Context, b *target.Binary) ([]figure.Figure, error) {
	to, err := live(ctx, b)
	if err != nil {
		return nil, err
	}
	s, err := b.Start(ctx, "reading", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	out, err := readAll(ctx, s, to)
	if stopped := s.Stop(); err == nil {
		err = stopped
	}
	return out, err
}

// live writes the datapoints and returns the end of the three hours.
func live(ctx context.Context, b *target.Binary) (to time.Time, err error) {
	s, err := b.Start(ctx, "reading", "127.0.0.1:0", "--clock-speed", fmt.Sprint(liveFast))
	if err != nil {
		return to, err
	}
	defer func() {
		if stopped := s.Stop(); err == nil {
			err = stopped
		}
	}()
	asked := time.Now()
	now, _, err := health(ctx, s)
	if err != nil {
		return to, err
	}
	begun := now.Truncate(time.Minute).Add(time.Minute)
	for minute := range each {
		at := begun.Add(time.Duration(minute) * time.Minute)
		if err := pause(ctx, time.Until(asked.Add(at.Sub(now)/liveFast))); err != nil {
			return to, err
		}
		in := &sdk.PutMetricDataInput{Namespace: aws.String("Bench")}
		for i := range metrics {
			in.MetricData = append(in.MetricData, types.MetricDatum{
				MetricName: aws.String(fmt.Sprint("m", i)), Value: aws.Float64(float64(minute*i%977) + 0.25), Timestamp: aws.Time(at),
			})
		}
		put, err := signed(ctx, s, "PutMetricData", in)
		if err != nil {
			return to, err
		}
		if _, err := put.do(ctx); err != nil {
			return to, err
		}
	}
	to = begun.Add(each * time.Minute)
	for {
		_, kept, err := health(ctx, s)
		if err != nil || !kept.Before(to.Add(-5*time.Minute)) {
			return to, err
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return to, err
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// health returns the policy time and the time up to which the history is complete.
func health(ctx context.Context, s *target.Server) (now, kept time.Time, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/health", nil)
	if err != nil {
		return now, kept, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return now, kept, err
	}
	defer resp.Body.Close() //nolint:errcheck // it was read
	var page struct {
		Now     time.Time `json:"policy_time"`
		History struct {
			Kept time.Time `json:"kept_until"`
		} `json:"metric_history"`
	}
	err = json.NewDecoder(resp.Body).Decode(&page)
	return page.Now, page.History.Kept, err
}

// readAll reads all datapoints in one call, repeatedly.
func readAll(ctx context.Context, s *target.Server, to time.Time) ([]figure.Figure, error) {
	in := &sdk.GetMetricDataInput{StartTime: aws.Time(to.Add(-each * time.Minute)), EndTime: aws.Time(to)}
	for i := range metrics {
		in.MetricDataQueries = append(in.MetricDataQueries, types.MetricDataQuery{
			Id: aws.String(fmt.Sprint("q", i)), MetricStat: &types.MetricStat{
				Metric: &types.Metric{Namespace: aws.String("Bench"), MetricName: aws.String(fmt.Sprint("m", i))}, Period: aws.Int32(60), Stat: aws.String("Average"),
			},
		})
	}
	get, err := signed(ctx, s, "GetMetricData", in)
	if err != nil {
		return nil, err
	}
	if err := complete(ctx, get, metrics*each); err != nil {
		return nil, err
	}
	p, err := process.NewProcessWithContext(ctx, int32(s.PID()))
	if err != nil {
		return nil, err
	}
	before, err := p.TimesWithContext(ctx)
	if err != nil {
		return nil, err
	}
	var all []time.Duration
	var size int64
	for range reads {
		started := time.Now()
		if size, err = get.do(ctx); err != nil {
			return nil, err
		}
		all = append(all, time.Since(started))
	}
	after, err := p.TimesWithContext(ctx)
	if err != nil {
		return nil, err
	}
	core := after.User + after.System - before.User - before.System
	slices.Sort(all)
	return []figure.Figure{
		figure.AtMost("GetMetricData, 500 metrics, 3 h at 60 s, milliseconds of one core", 1000*core/reads, "ms", 100),
		{Name: "  by wall clock, median", Value: all[reads/2].Seconds() * 1000, Unit: "ms"},
		{Name: "  size of the response", Value: float64(size) / 1e6, Unit: "MB"},
	}, nil
}

// complete checks that a response has all datapoints.
func complete(ctx context.Context, get *call, want int) error {
	resp, err := get.send(ctx)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // it was read
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	var out sdk.GetMetricDataOutput
	if err := wire.DecodeCBOR(body, &out); err != nil {
		return err
	}
	n := 0
	for _, r := range out.MetricDataResults {
		n += len(r.Values)
	}
	if n != want {
		return fmt.Errorf("GetMetricData gave %d datapoints of %d", n, want)
	}
	return nil
}
