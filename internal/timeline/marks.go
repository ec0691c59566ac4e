package timeline

import (
	"context"
	"fmt"
	"slices"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/log"
	"bellows.dev/bellows/plural"
	"bellows.dev/bellows/scaling"
)

// expect adds the hours of the range that a policy has a forecast of.
func (b *builder) expect(p *scaling.Policy) {
	f, ok := p.Rule.(scaling.Forecaster)
	if !ok {
		return
	}
	for _, h := range f.Hours() {
		if h.Start.Add(time.Hour).After(b.q.From) && h.Start.Before(b.q.To) {
			b.t.Forecast = append(b.t.Forecast, Expected{h.Start, h.Capacity, p.Name, f.Acts()})
		}
	}
}

// marks lists what was done to the variant besides what its policies did, and the forecasts that were made.
func (b *builder) marks(ctx context.Context, s Sources) error {
	for _, x := range b.schedules {
		if e, ok := x.Event.(engine.ScheduledActionRan); ok {
			b.t.Marks = append(b.t.Marks, Mark{At: x.At, Kind: "schedule", Text: e.Run.Action + ": " + e.Run.String()})
		}
	}
	b.deployments()
	got, err := s.Events(ctx, log.EventQuery{
		Scope: engine.ScopeName(b.q.Scope), Table: log.TableDecision, Key: b.q.target().ResourceID, Types: []string{log.TypeForecast},
		From: b.q.From, To: b.q.To, Limit: groupsMax,
	})
	if err != nil {
		return err
	}
	for _, x := range got {
		if e, ok := x.Event.(engine.ForecastMade); ok {
			b.t.Marks = append(b.t.Marks, Mark{At: x.At, Kind: "forecast", Text: forecastText(e)})
		}
	}
	slices.SortStableFunc(b.t.Marks, func(x, y Mark) int { return x.At.Compare(y.At) })
	return nil
}

func forecastText(e engine.ForecastMade) string {
	if e.Reason != "" {
		return e.Policy + ": " + e.Reason
	}
	return fmt.Sprintf("%s: the next two days need %d to %s, by %s of history", e.Policy, e.Least, plural.Of(e.Most, "instance"), plural.Of(e.History, "hour"))
}

// deployments adds changes by hand and deployments, with the instances that they started or took away. A deployment that keeps the number of
// instances is one, too.
func (b *builder) deployments() {
	at := map[time.Time]int{} // places in b.t.Marks
	pending := map[time.Time]bool{}
	for i := range b.launches {
		a := &b.launches[i]
		kind := by(a.Why.Cause.Kind)
		if a.Why.Cause.Kind == 0 || kind != "hand" && kind != "deployment" || !b.within(a.Why.At) {
			continue
		}
		n, known := at[a.Why.At]
		if !known {
			n = len(b.t.Marks)
			at[a.Why.At] = n
			m := Mark{At: a.Why.At, Kind: kind, Text: sentence(a.Why.Cause.String())}
			if a.Why.From != a.Why.To {
				m.Text = fmt.Sprintf("%d → %d. %s", a.Why.From, a.Why.To, m.Text)
			}
			b.t.Marks = append(b.t.Marks, m)
		}
		switch m := &b.t.Marks[n]; {
		case a.End.IsZero():
			pending[a.Why.At], m.To = true, time.Time{}
		case !pending[a.Why.At] && a.End.After(m.To):
			m.To = a.End
		}
	}
}
