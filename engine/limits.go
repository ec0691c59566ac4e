package engine

import (
	"fmt"
	"math"
	"time"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/scaling"
)

// RangeError refuses an input with a number, a duration or a time that is outside its range. Those who speak to clients check before.
type RangeError struct{ Field string }

// Error names the field.
func (e *RangeError) Error() string { return "engine: " + e.Field + " is out of range" }

// limited is an Input with members whose ranges are checked before it is applied. Members that the packages below check are theirs.
type limited interface{ limits() error }

// lastYear is the last of the moments that can be encoded.
const lastYear = 9999

// field returns a RangeError where a value is outside its range.
func field(ok bool, format string, args ...any) error {
	if ok {
		return nil
	}
	return &RangeError{fmt.Sprintf(format, args...)}
}

// first returns the first error.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// encodable reports whether a moment can be written down, and counted with.
func encodable(t time.Time) bool { return t.Year() >= 0 && t.Year() <= lastYear }

// between reports whether a duration is in a range, both ends included.
func between(d, least, most time.Duration) bool { return d >= least && d <= most }

// Ranges of settings. Products of time-outs and the clock's speed are finite.
const (
	clockSpeedMax = 1e6
	timeoutMax    = 24 * time.Hour
)

func (in Configured) limits() error {
	s := in.Settings
	return first(
		field(between(s.StartupTimeout, 1, timeoutMax), "Settings.StartupTimeout"),
		field(between(s.InvocationTimeout, 1, timeoutMax), "Settings.InvocationTimeout"),
		field(s.ClockSpeed > 0 && s.ClockSpeed <= clockSpeedMax, "Settings.ClockSpeed"),
	)
}

func (in Reported) limits() error {
	r, s := in.Report, in.Report.Stages
	return first(
		field(r.State >= hosting.FleetReady && r.State <= hosting.FleetStarting, "Report.State"),
		field(r.Cause >= hosting.CauseHealth && r.Cause <= hosting.CauseStopped, "Report.Cause"),
		field(encodable(s.Asked), "Report.Stages.Asked"),
		field(encodable(s.Scheduled), "Report.Stages.Scheduled"),
		field(encodable(s.DataReady), "Report.Stages.DataReady"),
		field(encodable(s.Started), "Report.Stages.Started"),
		field(encodable(s.Healthy), "Report.Stages.Healthy"),
	)
}

// limits checks what gateways measured about once a second: without allocating.
func (in Observed) limits() error {
	for i := range in.Variants {
		o := &in.Variants[i]
		for j, v := range [...]float64{o.Invocations, o.InvocationsPerInstance, o.Errors4XX, o.Errors5XX, o.ModelErrors, o.Answered, o.NoCapacity} {
			if !metric.InRange(v) || v < 0 {
				names := [...]string{"Invocations", "InvocationsPerInstance", "Errors4XX", "Errors5XX", "ModelErrors", "Answered", "NoCapacity"}
				return field(false, "Variants[%d].%s", i, names[j])
			}
		}
		for j, s := range [...]*metric.Summary{&o.ModelLatency, &o.OverheadLatency, &o.Concurrency} {
			if !s.InRange() {
				return field(false, "Variants[%d].%s", i, [...]string{"ModelLatency", "OverheadLatency", "Concurrency"}[j])
			}
		}
	}
	for i := range in.Instances {
		u := &in.Instances[i]
		for j, v := range [...]float64{u.CPUPercent, u.CPUNormalized, u.MemoryPercent, u.DiskPercent} {
			if !metric.InRange(v) {
				return field(false, "Instances[%d].%s", i, [...]string{"CPUPercent", "CPUNormalized", "MemoryPercent", "DiskPercent"}[j])
			}
		}
	}
	return nil
}

func (in PutMetricData) limits() error {
	for i := range in.Data {
		d := &in.Data[i]
		switch {
		case !d.Summary.InRange():
			return field(false, "Data[%d].Summary", i)
		case d.Resolution != metric.StandardResolution && d.Resolution != metric.HighResolution:
			return field(false, "Data[%d].Resolution", i)
		case !metric.TimeInRange(d.At):
			return field(false, "Data[%d].At", i)
		}
	}
	return nil
}

func (in PutMetricAlarm) limits() error {
	for i, p := range in.Past {
		if !encodable(p.From) {
			return field(false, "Past[%d].From", i)
		}
		for j := range p.Samples {
			if !p.Samples[j].InRange() {
				return field(false, "Past[%d].Samples[%d]", i, j)
			}
		}
	}
	return nil
}

func (in SetAlarmState) limits() error {
	if err := field(stateInRange(in.State), "State"); err != nil || in.Facts == nil {
		return err
	}
	for i, v := range in.Facts.Datapoints {
		if !metric.IsFinite(v) {
			return field(false, "Facts.Datapoints[%d]", i)
		}
	}
	return field(encodable(in.Facts.QueryDate), "Facts.QueryDate")
}

func stateInRange(s alarm.State) bool { return s >= alarm.OK && s <= alarm.InsufficientData }

func (in Notified) limits() error {
	err := first(field(encodable(in.Updated), "Updated"), field(in.Action == (alarm.Action{}) || stateInRange(in.Action.On), "Action.On"))
	if c := in.Contributor; c != nil && err == nil {
		return first(
			field(encodable(c.Since), "Contributor.Since"), field(encodable(c.Gone), "Contributor.Gone"),
			field(encodable(c.Transitioned), "Contributor.Transitioned"),
		)
	}
	return err
}

func (in LoadHistory) limits() error {
	for name, values := range in.Past.All() {
		for i, v := range values {
			if !metric.IsFinite(v.Value) {
				return field(false, "Past.%s[%d].Value", name, i)
			}
			if v.Ago < 0 || v.Ago >= scaling.HistoryHours {
				return field(false, "Past.%s[%d].Ago", name, i)
			}
		}
	}
	return field(in.Past.Until.IsZero() || metric.TimeInRange(in.Past.Until), "Past.Until")
}

func (in HistoryKept) limits() error { return field(encodable(in.Through), "Through") }

func (in InstancesEjected) limits() error {
	for i, x := range in.Ejected {
		if err := first(field(encodable(x.Since), "Ejected[%d].Since", i), field(x.Times >= 0, "Ejected[%d].Times", i)); err != nil {
			return err
		}
	}
	return nil
}

func (in WakeRequested) limits() error {
	return field(in.Waiting >= 0 && in.Waiting <= math.MaxInt32, "Waiting")
}
