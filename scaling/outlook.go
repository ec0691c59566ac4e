package scaling

import (
	"cmp"
	"math"
	"slices"
	"time"

	"bellows.dev/bellows/forecast"
)

// How forecasts are made. AWS: predictive scaling, how it works.
const (
	HistoryHours  = 14 * 24 // of the past that are looked at, at most
	forecastHours = 48
	refreshEvery  = 6 * time.Hour
	retryEvery    = time.Hour // where there is not enough history yet, or nobody answered
	outlookHours  = 30 * 24   // of the past for which forecasts are kept
)

// Outlook is what a predictive scaling policy expects, and expected of the past.
type Outlook struct {
	Due     time.Time // when a history is wanted next
	Lead    time.Time // when the forecast asks for capacity next; zero: it does not
	Updated time.Time // when the newest forecast was made; zero: none yet
	Reason  string    `json:",omitzero"` // why there is no newer one

	// Need is how much of the scaling metric, per instance, one unit of an hour's load is.
	Need  float64
	Hours []ForecastHour `json:",omitzero"` // oldest first
}

// ForecastHour is what is expected of one hour: for the past, what was expected last before it was over.
type ForecastHour struct {
	Start    time.Time
	Load     float64 // sum of the hour's
	Capacity int     // that it needs, whatever the target's range
}

// PastLoad is what a predictive scaling policy looks at: a value an hour, oldest first, ending with the last whole one.
type PastLoad struct {
	Until                   time.Time // the end of the last hour
	Load, Scaling, Capacity []HourValue
}

// HourValue is the value of one hour; hours without data are left out.
type HourValue struct {
	Ago   int // hours from its end to Until
	Value float64
}

// Foretell makes a forecast from a history and puts it into the policy's outlook. Why none can be made is the outlook's Reason; what
// was expected before stays.
func (p *Policy) Foretell(now time.Time, past PastLoad) {
	o := p.Outlook
	o.forget(now)
	f, err := forecast.New(forecast.History{Values: hours(past.Load), Season: 24}, forecastHours)
	if err != nil {
		o.Reason, o.Due = "At least 24 hours of load metric data are required to create a forecast.", now.Add(retryEvery)
		return
	}
	need, known := p.need(past)
	if !known {
		o.Reason, o.Due = "No hour has data of the load, the scaling and the capacity metric.", now.Add(retryEvery)
		return
	}
	o.Reason, o.Due, o.Updated, o.Need = "", now.Add(refreshEvery), now, need
	kept, _ := slices.BinarySearchFunc(o.Hours, past.Until, func(h ForecastHour, t time.Time) int { return h.Start.Compare(t) })
	o.Hours = o.Hours[:kept]
	for i, load := range f.Values {
		h := ForecastHour{Start: past.Until.Add(time.Duration(i) * time.Hour), Load: finite(load)}
		h.Capacity = o.capacity(h.Load, p.Predictive.target())
		o.Hours = append(o.Hours, h)
	}
}

// capacity is what a load needs. E.g. 252,000 invocations an hour are 4,200 a minute: 60 instances at 70 each.
func (o *Outlook) capacity(load, target float64) int { return ceil(load * o.Need / target) }

// rescale holds the hours to come against another target value.
func (p *Policy) rescale(now time.Time) {
	for i := range p.Outlook.Hours {
		if h := &p.Outlook.Hours[i]; h.Start.Add(time.Hour).After(now) {
			h.Capacity = p.Outlook.capacity(h.Load, p.Predictive.target())
		}
	}
}

// Span returns the least and the most capacity of the hours to come; zeros where there are none.
func (o *Outlook) Span(now time.Time) (least, most int) {
	found := false
	for i := range o.Hours {
		if h := &o.Hours[i]; h.Start.Add(time.Hour).After(now) {
			if !found || h.Capacity < least {
				least = h.Capacity
			}
			found, most = true, max(most, h.Capacity)
		}
	}
	return least, most
}

// forget drops what is older than is kept.
func (o *Outlook) forget(now time.Time) {
	oldest := now.Add(-outlookHours * time.Hour)
	o.Hours = slices.DeleteFunc(o.Hours, func(h ForecastHour) bool { return h.Start.Before(oldest) })
}

// loadMax bounds an hour's load in forecasts, which add up weeks of it, and square it.
const loadMax = 1e150

// hours lays values out, one an hour, NaN where there is none, from the oldest known one.
func hours(values []HourValue) []float64 {
	first := -1
	for _, v := range values {
		first = max(first, v.Ago)
	}
	out := make([]float64, min(first+1, HistoryHours))
	for i := range out {
		out[i] = math.NaN()
	}
	for _, v := range values {
		if v.Ago >= 0 && v.Ago < len(out) {
			out[len(out)-1-v.Ago] = min(v.Value, loadMax)
		}
	}
	return out
}

// minutes an hour: where load and scaling metric are of one kind, an hour's load is sixty minutes' of all instances.
const minutes = 60

// need finds how much of the scaling metric, per instance, a unit of load is: scaling × capacity ÷ load, the median of the hours
// that have all three, hours of much load counting more.
// AWS: predictive scaling, custom metrics: the scaling metric must be inversely proportional to the capacity.
func (p *Policy) need(past PastLoad) (need float64, known bool) {
	if p.Predictive.Specs[0].exact() {
		return 1.0 / minutes, true
	}
	type ratio struct{ value, weight float64 }
	var all []ratio
	total := 0.0
	capacities := byHour(past.Capacity)
	scalings := byHour(past.Scaling)
	for _, l := range past.Load {
		s, ok := scalings[l.Ago]
		c, ok2 := capacities[l.Ago]
		if ok && ok2 && l.Value > 0 && s >= 0 && c > 0 {
			all = append(all, ratio{finite(s * c / l.Value), l.Value})
			total += l.Value
		}
	}
	slices.SortFunc(all, func(a, b ratio) int { return cmp.Or(cmp.Compare(a.value, b.value), cmp.Compare(a.weight, b.weight)) })
	reached := 0.0
	for _, r := range all {
		if reached += r.weight; reached >= total/2 {
			return r.value, true
		}
	}
	return 0, false
}

func byHour(values []HourValue) map[int]float64 {
	m := map[int]float64{}
	for _, v := range values {
		m[v.Ago] = v.Value
	}
	return m
}

// at returns what is expected of the hour that a moment lies in.
func (o *Outlook) at(t time.Time) (ForecastHour, bool) {
	i, found := slices.BinarySearchFunc(o.Hours, t, func(h ForecastHour, t time.Time) int { return h.Start.Compare(t) })
	if !found {
		i--
	}
	if i < 0 || !t.Before(o.Hours[i].Start.Add(time.Hour)) {
		return ForecastHour{}, false
	}
	return o.Hours[i], true
}

// expects returns the hour that decides now: the present one or, within the buffer before it begins, the next where that needs more.
// AWS: PredictiveScalingPolicyConfiguration, SchedulingBufferTime.
func (p *Policy) expects(now time.Time) (ForecastHour, bool) {
	h, found := p.Outlook.at(now)
	if next, ok := p.Outlook.at(now.Add(p.Predictive.buffer())); ok && (!found || next.Capacity > h.Capacity) {
		return next, true
	}
	return h, found
}

// nextLead is when next a policy's forecast asks for capacity: the buffer before an hour that is foretold begins; zero: never.
func (p *Policy) nextLead(now time.Time) time.Time {
	lead := hourOf(now.Add(p.Predictive.buffer())).Add(time.Hour)
	if _, found := p.Outlook.at(lead); !found {
		return time.Time{}
	}
	return lead.Add(-p.Predictive.buffer())
}

func hourOf(t time.Time) time.Time { return t.UTC().Truncate(time.Hour) }
