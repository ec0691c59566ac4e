package engine

import (
	"fmt"
	"strings"
	"time"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/plural"
)

// trafficSpan is how far back Traffic looks, in policy time: so many whole minutes and the running one.
const trafficSpan = 5 * time.Minute

// Traffic counts a variant's invocations and errors of the last minutes.
type Traffic struct {
	Over        time.Duration // policy time: the window, or what of it the endpoint has been in service
	Invocations float64       // requests
	Errors4XX   float64       // answers with such a status
	Errors5XX   float64
}

// PerMinute returns the load: invocations a minute.
func (t Traffic) PerMinute() float64 {
	if t.Over <= 0 {
		return 0
	}
	return t.Invocations / t.Over.Minutes()
}

// Failing reports whether at least half of what was asked was answered with a 5XX status.
func (t Traffic) Failing() bool { return t.Errors5XX > 0 && 2*t.Errors5XX >= t.Invocations }

// Traffic returns a variant's traffic until now, as its published metrics have it. Of a past moment whose metrics are not in memory there is
// none.
func (r *Region) Traffic(now time.Time, endpoint, variant string) Traffic {
	from := metric.Align(now, time.Minute).Add(-trafficSpan)
	sum := func(what int) float64 {
		total := 0.0
		if s := r.Metrics.Find(published[what].id(endpoint, variant)); s != nil {
			s.Range(from.Unix(), now.Unix()+1, func(b metric.BucketState) { total += b.Summary.Sum })
		}
		return total
	}
	seen := from
	if x, err := r.Hosting.Endpoint(endpoint); err == nil && x.Served.After(from) {
		seen = x.Served
	}
	return Traffic{now.Sub(seen), sum(invocations), sum(errors4XX), sum(errors5XX)}
}

// How a variant is.
const (
	Healthy  Health = iota + 1
	Degraded        // fewer instances serve than are wanted, since the last one failed to start, or some are ejected
	Failing         // its endpoint failed, no instance serves, or most invocations are answered with a 5XX status
)

// Health is how a variant is.
type Health int

// String returns the state's name.
func (h Health) String() string {
	switch h {
	case Healthy:
		return "healthy"
	case Degraded:
		return "degraded"
	case Failing:
		return "failing"
	default:
		return "invalid"
	}
}

// Health says how a variant of an endpoint is, and why; "" where it is healthy. A variant with ejected instances is not.
func (r *Region) Health(now time.Time, x *hosting.Endpoint, v *hosting.Variant) (Health, string) {
	h, why := r.serviceHealth(now, x, v)
	reasons := v.Ejections()
	if len(reasons) == 0 {
		return h, why
	}
	if why != "" {
		reasons = append([]string{why}, reasons...)
	}
	return max(h, Degraded), strings.Join(reasons, "; ")
}

// serviceHealth is the health that the endpoint's status, its traffic and the number of its instances give.
func (r *Region) serviceHealth(now time.Time, x *hosting.Endpoint, v *hosting.Variant) (Health, string) {
	t := r.Traffic(now, x.Name, v.Config.Name)
	current, last := v.Current(), v.LastFailure()
	switch {
	case x.Status == hosting.Failed:
		return Failing, x.FailureReason
	case x.Status == hosting.Creating && x.PendingReason() != "":
		return Failing, x.PendingReason()
	case t.Failing():
		return Failing, fmt.Sprintf("%.0f of %s of the last %.0f minutes %s answered with a 5XX status",
			t.Errors5XX, plural.Of(int(t.Invocations), "invocation"), trafficSpan.Minutes(), plural.Verb(int(t.Errors5XX), "was", "were"))
	case v.Desired > 0 && current == 0 && x.Status == hosting.InService:
		return Failing, reasoned("no instance serves", last)
	case x.PendingReason() != "":
		return Degraded, x.PendingReason()
	case current < v.Desired && last != "":
		return Degraded, reasoned(fmt.Sprintf("%d of %d wanted %s", current, v.Desired, plural.Noun(v.Desired, "instance serves", "instances serve")), last)
	default:
		return Healthy, ""
	}
}

func reasoned(what, last string) string {
	if last == "" {
		return what
	}
	return what + ": " + last
}

// VariantOf returns the variant that an alarm is about: the one whose policy it invokes, or whose metric it watches; found is false where
// it is about none.
func (r *Region) VariantOf(a *alarm.Alarm) (endpoint, variant string, found bool) {
	for _, x := range a.Actions {
		if t, _ := r.policyOf(x); t != nil {
			endpoint, variant = r.placeOf(t.Key)
			return endpoint, variant, true
		}
	}
	for _, x := range a.Actions { // the policy may be gone, and its target still there
		if t, err := r.Targets.ByID(x.Target); x.Target != "" && err == nil {
			endpoint, variant = r.placeOf(t.Key)
			return endpoint, variant, true
		}
	}
	ids := []metric.ID{a.Rule.Metric}
	for i := range a.Rule.Metrics {
		if s := a.Rule.Metrics[i].Stat; s != nil {
			ids = append(ids, s.Metric)
		}
	}
	for _, id := range ids {
		for _, d := range id.Dimensions {
			switch d.Name {
			case "EndpointName":
				endpoint = d.Value
			case "VariantName":
				variant = d.Value
			}
		}
		if x, err := r.Hosting.Endpoint(endpoint); err == nil && x.Variant(variant) != nil {
			return endpoint, variant, true
		}
	}
	return "", "", false
}
