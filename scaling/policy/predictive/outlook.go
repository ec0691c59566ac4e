package predictive

import (
	"cmp"
	"math"
	"slices"
	"time"

	"bellows.dev/bellows/forecast"
	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/scaling"
)

// How forecasts are made. AWS: predictive scaling, how it works.
const (
	forecastHours = 48
	refreshEvery  = 6 * time.Hour
	retryEvery    = time.Hour // where there is not enough history yet, or it was not supplied
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
	Hours []scaling.ForecastHour `json:",omitzero"` // oldest first
}

// Learn implements scaling.Forecaster: it makes a forecast from a history and puts it into the outlook. Why none can be made is the
// outlook's Reason; what was expected before stays.
func (r *Rule) Learn(now time.Time, m scaling.Metrics, past scaling.PastLoad) scaling.Learned {
	r.forecast(now, m, past)
	r.Outlook.Lead = r.nextLead(now)
	least, most := r.Outlook.Span(now)
	return scaling.Learned{Reason: r.Outlook.Reason, Least: least, Most: most}
}

func (r *Rule) forecast(now time.Time, m scaling.Metrics, past scaling.PastLoad) {
	o := r.Outlook
	o.forget(now)
	if past.Unread != "" {
		o.Reason, o.Due = past.Unread, now.Add(retryEvery)
		return
	}
	f, err := forecast.New(forecast.History{Values: hours(past.Load), Season: 24}, forecastHours)
	if err != nil {
		o.Reason, o.Due = "At least 24 hours of load metric data are required to create a forecast.", now.Add(retryEvery)
		return
	}
	need, known := r.need(m, past)
	if !known {
		o.Reason, o.Due = "No hour has data of the load, the scaling and the capacity metric.", now.Add(retryEvery)
		return
	}
	o.Reason, o.Due, o.Updated, o.Need = "", now.Add(refreshEvery), now, need
	kept, _ := slices.BinarySearchFunc(o.Hours, past.Until, func(h scaling.ForecastHour, t time.Time) int { return h.Start.Compare(t) })
	o.Hours = o.Hours[:kept]
	for i, load := range f.Values {
		h := scaling.ForecastHour{Start: past.Until.Add(time.Duration(i) * time.Hour), Load: metric.Finite(load)}
		h.Capacity = o.capacity(h.Load, r.Settings.target())
		o.Hours = append(o.Hours, h)
	}
}

// capacity is what a load needs. E.g. 252,000 invocations an hour are 4,200 a minute: 60 instances at 70 each.
func (o *Outlook) capacity(load, target float64) int { return scaling.Ceil(load * o.Need / target) }

// rescale holds the hours to come against another target value.
func (r *Rule) rescale(now time.Time) {
	for i := range r.Outlook.Hours {
		if h := &r.Outlook.Hours[i]; h.Start.Add(time.Hour).After(now) {
			h.Capacity = r.Outlook.capacity(h.Load, r.Settings.target())
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
	o.Hours = slices.DeleteFunc(o.Hours, func(h scaling.ForecastHour) bool { return h.Start.Before(oldest) })
}

// loadMax bounds an hour's load in forecasts, which add up weeks of it, and square it.
const loadMax = 1e150

// hours lays values out, one an hour, NaN where there is none, from the oldest known one.
func hours(values []scaling.HourValue) []float64 {
	first := -1
	for _, v := range values {
		first = max(first, v.Ago)
	}
	out := make([]float64, min(first+1, scaling.HistoryHours))
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
func (r *Rule) need(m scaling.Metrics, past scaling.PastLoad) (need float64, known bool) {
	if d, ok := m.(scaling.Forecastable); ok && r.Settings.Specs[0].exact(d) {
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
			all = append(all, ratio{metric.Finite(s * c / l.Value), l.Value})
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

func byHour(values []scaling.HourValue) map[int]float64 {
	m := map[int]float64{}
	for _, v := range values {
		m[v.Ago] = v.Value
	}
	return m
}

// at returns what is expected of the hour that a moment lies in.
func (o *Outlook) at(t time.Time) (scaling.ForecastHour, bool) {
	i, found := slices.BinarySearchFunc(o.Hours, t, func(h scaling.ForecastHour, t time.Time) int { return h.Start.Compare(t) })
	if !found {
		i--
	}
	if i < 0 || !t.Before(o.Hours[i].Start.Add(time.Hour)) {
		return scaling.ForecastHour{}, false
	}
	return o.Hours[i], true
}

func hourOf(t time.Time) time.Time { return t.UTC().Truncate(time.Hour) }
