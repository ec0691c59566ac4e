package scaling

import (
	"slices"
	"time"
)

// Consider says what every policy of a target sees and wants at a moment, for explanations: what Decide makes of the signals of alarms
// that invoke their policies now, and beside it, Quiet, what alarms say that do not.
func Consider(now time.Time, t *Target, c Capacity, invoking, quiet, votes []Signal) Decision {
	var d Decision
	Decide(now, t, c, invoking, votes, &d)
	s := situation{now: now, target: t, capacity: c}
	for i := range quiet {
		p := t.told(&quiet[i])
		if p == nil {
			continue
		}
		pr := heard(&s, &quiet[i])
		if pr.Evaluated < quiet[i].Needs {
			pr.Needs = quiet[i].Needs
		}
		if pr.Outcome = Quiet; pr.Evaluated == 0 {
			pr.Outcome = NoData
		} else if pr.Metric = mean(quiet[i].Datapoints); p.Type == StepScaling {
			pr.Metric = p.Step.aggregate(quiet[i].Datapoints)
		}
		d.Proposals = append(d.Proposals, pr)
	}
	slices.SortFunc(d.Proposals, canonical)
	d.Winner = max(slices.IndexFunc(d.Proposals, func(p Proposal) bool { return p.Outcome == Acted }), 0)
	return d
}
