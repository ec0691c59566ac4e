package forecast

import "math"

// Shapes: the base value of a member.
const (
	likeYesterday  = iota // the same time of the last day
	likeTheDays           // the median of that time over the days
	likeLastWeek          // the same time a week ago
	likeBothWeeks         // a week ago, and two weeks ago with half the weight
	likeOneDay            // the mean of the last day
	likeLastHours         // the mean of the last three hours
	shapeOfLast           // the usual share of that time in a day like the last
	shapeOfMedian         // in a day like the median of the last week's days
	shapeOfWeekday        // in a day like the one a week ago
	shapes
)

// Corrections of a shape.
const (
	asIs        = iota
	ofLastHours // by the ratio of the last three hours to the shape's values for them, decreasing over half a day
	ofLastDay   // by the ratio of the last day to the same day a week ago
	ofLastDays  // the same for three days
	corrections
)

// member is one simple forecast.
type member struct{ shape, correction int }

// members are evaluated for every forecast. Those that need a week of history have no value until there is one.
var members = [...]member{
	{likeYesterday, ofLastHours},
	{likeTheDays, ofLastHours},
	{shapeOfLast, asIs},
	{shapeOfLast, ofLastHours},
	{shapeOfMedian, ofLastHours},
	{likeOneDay, asIs},
	{likeLastHours, asIs},
	{likeLastWeek, asIs},
	{likeLastWeek, ofLastHours},
	{likeLastWeek, ofLastDay},
	{likeLastWeek, ofLastDays},
	{likeBothWeeks, asIs},
	{shapeOfWeekday, asIs},
	{shapeOfWeekday, ofLastHours},
	{shapeOfWeekday, ofLastDay},
	{shapeOfWeekday, ofLastDays},
}

// Constants of the correction by the last hours, which decreases with the distance and is bounded.
const (
	recentPower = 0.7
	recentFade  = 0.5 // seasons
	recentMost  = 3.0
	weeklyMost  = 4.0
)

// ask evaluates every member at a position for n blocks of values.
func (p *past) ask(now, n, block int) [][]float64 {
	values := make([][]float64, shapes)
	for s := range values {
		values[s] = make([]float64, n)
	}
	var days dayVotes
	for i := range n {
		p.describe(&days, values, now, i, block)
	}
	drift := p.drift(&days, now)
	weekly := [corrections]float64{asIs: 1, ofLastHours: 1, ofLastDay: p.weekly(now, 1), ofLastDays: p.weekly(now, 3)}
	out := make([][]float64, len(members))
	for m, x := range members {
		out[m] = make([]float64, n)
		for i := range n {
			v := values[x.shape][i]
			if x.correction == ofLastHours && drift[x.shape] != 1 {
				v *= math.Pow(drift[x.shape], math.Exp(-float64(i*block)/float64(p.season)/recentFade))
			}
			out[m][i] = v * weekly[x.correction]
		}
	}
	return out
}

// dayVotes is memory for medians over days.
type dayVotes struct{ values, shares []vote }

// describe returns the value of each shape for block i.
func (p *past) describe(d *dayVotes, values [][]float64, now, i, block int) {
	from := now + i*block - p.smooth()
	until := now + (i+1)*block + p.smooth()
	first := ((i+1)*block-1)/p.season + 1 // days back to the last known one
	d.values, d.shares = d.values[:0], d.shares[:0]
	for k := first; until-k*p.season > 0; k++ {
		v := p.mean(now, from-k*p.season, until-k*p.season)
		if math.IsNaN(v) {
			continue
		}
		d.values = append(d.values, vote{v, 1})
		if level := p.level(now, k-first+1); level > 0 {
			d.shares = append(d.shares, vote{v / level, 1})
		}
	}
	share := weightedMedian(d.shares)
	values[likeYesterday][i] = p.mean(now, from-first*p.season, until-first*p.season)
	values[likeTheDays][i] = weightedMedian(d.values)
	values[likeOneDay][i] = p.level(now, 1)
	values[likeLastHours][i] = p.mean(now, now-p.recent(), now)
	values[shapeOfLast][i] = share * p.level(now, 1)
	values[shapeOfMedian][i] = share * p.usual(now)
	values[shapeOfWeekday][i] = share * p.level(now, week+1-first)
	last := p.mean(now, from-week*p.season, until-week*p.season)
	values[likeLastWeek][i], values[likeBothWeeks][i] = last, last
	if before := p.mean(now, from-2*week*p.season, until-2*week*p.season); !math.IsNaN(before) {
		values[likeBothWeeks][i] = (2*last + before) / 3
	}
}

// level returns the mean of the k-th day back, 1 for the last; NaN if the history is shorter.
func (p *past) level(now, k int) float64 {
	if k < 1 || now-k*p.season < 0 {
		return math.NaN()
	}
	return p.mean(now, now-k*p.season, now-(k-1)*p.season)
}

// usual returns the median of the means of the last week's days.
func (p *past) usual(now int) float64 {
	var days [week]vote
	known := days[:0]
	for k := 1; k <= week; k++ {
		if v := p.level(now, k); !math.IsNaN(v) {
			known = append(known, vote{v, 1})
		}
	}
	return weightedMedian(known)
}

// drift returns the ratio of the last hours to each shape's values for them; 1 if it is unknown.
func (p *past) drift(d *dayVotes, now int) (drift [shapes]float64) {
	for s := range drift {
		drift[s] = 1
	}
	before := now - p.recent()
	if before < 1 {
		return drift
	}
	values := make([][]float64, shapes)
	for s := range values {
		values[s] = make([]float64, 1)
	}
	p.describe(d, values, before, 0, p.recent())
	was := p.mean(now, before, now)
	for s := range drift {
		if v := values[s][0]; was > 0 && v > 0 {
			drift[s] = bounded(math.Pow(was/v, recentPower), recentMost)
		}
	}
	return drift
}

// weekly returns the ratio of some days to the same days a week ago; NaN if it is unknown, so that members that
// need it have no value.
func (p *past) weekly(now, days int) float64 {
	from := now - (days+week)*p.season
	was := p.mean(now, now-days*p.season, now)
	before := p.mean(now, from, now-week*p.season)
	switch {
	case from < 0 || math.IsNaN(before):
		return math.NaN()
	case !(was > 0 && before > 0):
		return 1
	default:
		return bounded(was/before, weeklyMost)
	}
}

func bounded(v, most float64) float64 { return min(max(v, 1/most), most) }
