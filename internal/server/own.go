package server

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/control"
	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/scaling"
)

// ownNamespace is the namespace of metrics that AWS does not publish: capacities, states of alarms and activities, for dashboards and alarms.
const ownNamespace = "Bellows"

// Limits of the metrics that are recorded, per region.
const (
	ownVariants = 1000
	ownAlarms   = 500
)

// ownMetrics records the metrics of ownNamespace each minute of policy time, in regions that have endpoints, alarms or targets.
type ownMetrics struct {
	control *control.Controller
	log     *slog.Logger

	mu         sync.Mutex
	activities map[engine.Scope]map[string]float64 // successful ones since the last record, by resource
}

// take counts an activity that succeeded.
func (o *ownMetrics) take(e engine.ActivityChanged) {
	if e.Activity.Status != scaling.Successful || e.Activity.NotScaled.Code != 0 {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.activities == nil {
		o.activities = map[engine.Scope]map[string]float64{}
	}
	if o.activities[e.Scope] == nil {
		o.activities[e.Scope] = map[string]float64{}
	}
	o.activities[e.Scope][e.Activity.Key.ResourceID]++
}

// run records until ctx ends.
func (o *ownMetrics) run(ctx context.Context) {
	tick := time.NewTicker(max(time.Duration(float64(time.Minute)/o.control.Speed()), time.Second))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := o.record(ctx); err != nil && ctx.Err() == nil {
				o.log.Warn("the server's own metrics are not recorded", "error", err)
			}
		}
	}
}

func (o *ownMetrics) record(ctx context.Context) error {
	o.mu.Lock()
	done := o.activities
	o.activities = nil
	o.mu.Unlock()
	var puts []engine.PutMetricData
	if err := o.control.View(ctx, func(now time.Time, e *engine.Engine) {
		for _, r := range e.Regions() {
			if data := ownData(now, r, done[r.Scope]); len(data) > 0 {
				puts = append(puts, engine.PutMetricData{Scope: r.Scope, Data: data})
			}
		}
	}); err != nil {
		return err
	}
	for _, p := range puts {
		if _, err := o.control.Step(ctx, p); err != nil {
			return fmt.Errorf("recording: %w", err)
		}
	}
	return nil
}

// ownData returns the datapoints of a region.
func ownData(now time.Time, r *engine.Region, activities map[string]float64) []metric.Datum {
	var out []metric.Datum
	add := func(name string, v float64, dimensions ...metric.Dimension) {
		d := metric.Datum{ID: metric.NewID(ownNamespace, name, dimensions...), At: now, Resolution: metric.StandardResolution, Unit: "Count"}
		d.Summary.Add(v, 1)
		out = append(out, d)
	}
	variants := 0
	for _, name := range slices.Sorted(maps.Keys(r.Hosting.Endpoints)) {
		x := r.Hosting.Endpoints[name]
		for _, v := range x.Variants {
			if variants++; variants > ownVariants {
				break
			}
			of := []metric.Dimension{{Name: "EndpointName", Value: name}, {Name: "VariantName", Value: v.Config.Name}}
			add("DesiredInstances", float64(v.Desired), of...)
			add("CurrentInstances", float64(x.Serving(v)), of...)
		}
	}
	for i, name := range slices.Sorted(maps.Keys(r.Alarms.Metric)) {
		if i == ownAlarms {
			break
		}
		add("AlarmInAlarm", truth(r.Alarms.Metric[name].State == alarm.InAlarm), metric.Dimension{Name: "AlarmName", Value: name})
	}
	targets := map[string]float64{}
	for key := range r.Targets.Targets {
		if len(targets) < ownVariants {
			targets[key.ResourceID] = 0
		}
	}
	maps.Copy(targets, activities)
	for _, id := range slices.Sorted(maps.Keys(targets)) {
		add("ScalingActivities", targets[id], metric.Dimension{Name: "ResourceId", Value: id})
	}
	return out
}
