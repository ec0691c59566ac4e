package scaling

import (
	"slices"
	"time"

	"bellows.dev/bellows/alarm"
)

// Outcomes of a proposal.
const (
	Acted               Outcome = iota + 1 // it is what happens
	OutvotedBy                             // another proposal won: By names its policy
	NotAgreed                              // target tracking scale-in, and the policy that By names is not ready for it
	HeldByCooldown                         // for Left more
	AtMax                                  // scale-out wanted, at the maximum already
	AtMin                                  // scale-in wanted, at the minimum already
	AtDesired                              // the capacity wanted is the one asked for already
	AnticipatedFlapping                    // one instance less would push the metric above its target again
	Unscalable                             // the resource takes no change now
	SuspendedOut                           // scale-out wanted, suspended
	SuspendedIn                            // scale-in wanted, suspended
	ScaleInDisabled                        // scale-in wanted, the policy has it disabled
	NoStepMatches                          // the breach lies in no step adjustment's interval
	NoData                                 // the alarm is in INSUFFICIENT_DATA, or gave no datapoints
	Quiet                                  // the alarm of a target tracking policy is not in ALARM
	WouldAct                               // it is what would happen, were this no dry run
	ActivityInProgress                     // a simple scaling policy waits until capacity has come to rest; another's scale-out is no larger than the one in progress
	WarmingUp                              // scale-in wanted, new instances warm up for Left more
	ProcessSuspended                       // the group's process that Process names rests
	PolicyDisabled                         // the group's policy is not enabled
	HeldByForecast                         // scale-in wanted, and the predictive scaling policy that By names expects to need the capacity
	NoForecast                             // the policy expects nothing of this hour
	Blind                                  // target tracking scale-in, and the policy's high alarm is in INSUFFICIENT_DATA
	Unsettled                              // target tracking scale-in, and there is no reading since the capacity changed
)

// Outcome is what became of a proposal.
type Outcome int

// String returns the outcome's name.
func (o Outcome) String() string {
	switch o {
	case Acted:
		return "Acted"
	case OutvotedBy:
		return "OutvotedBy"
	case NotAgreed:
		return "NotAgreed"
	case HeldByCooldown:
		return "HeldByCooldown"
	case AtMax:
		return "AtMax"
	case AtMin:
		return "AtMin"
	case AtDesired:
		return "AtDesired"
	case AnticipatedFlapping:
		return "AnticipatedFlapping"
	case Unscalable:
		return "Unscalable"
	case SuspendedOut:
		return "SuspendedOut"
	case SuspendedIn:
		return "SuspendedIn"
	case ScaleInDisabled:
		return "ScaleInDisabled"
	case NoStepMatches:
		return "NoStepMatches"
	case NoData:
		return "NoData"
	case Quiet:
		return "Quiet"
	case WouldAct:
		return "WouldAct"
	case ActivityInProgress:
		return "ActivityInProgress"
	case WarmingUp:
		return "WarmingUp"
	case ProcessSuspended:
		return "ProcessSuspended"
	case PolicyDisabled:
		return "PolicyDisabled"
	case HeldByForecast:
		return "HeldByForecast"
	case NoForecast:
		return "NoForecast"
	case Blind:
		return "Blind"
	case Unsettled:
		return "Unsettled"
	default:
		return "invalid"
	}
}

// Formulas that make a wanted capacity, as journals number them. The types that use the first six have their texts (Explainer); a type that
// uses none of them sets FormulaReason and Proposal.Reason.
const (
	FormulaChange   Formula = iota + 1 // current + adjustment
	FormulaPercent                     // current + adjustment %, rounded
	FormulaExact                       // adjustment
	FormulaTracking                    // ceil(metric × capacity that served / target value)
	FormulaFromZero                    // target tracking at capacity 0: 1 where the metric is above its target
	FormulaForecast                    // ceil(forecast scaling metric of one instance that bears the whole load / target value)
	FormulaWake                        // at capacity 0, 1 where requests wait
	FormulaReason                      // as Proposal.Reason says
)

// Formula is how a proposal's capacity was computed.
type Formula int

// String returns the formula's name.
func (f Formula) String() string {
	switch f {
	case FormulaChange:
		return "Change"
	case FormulaPercent:
		return "Percent"
	case FormulaExact:
		return "Exact"
	case FormulaTracking:
		return "Tracking"
	case FormulaFromZero:
		return "FromZero"
	case FormulaForecast:
		return "Forecast"
	case FormulaWake:
		return "Wake"
	case FormulaReason:
		return "Reason"
	default:
		return "invalid"
	}
}

// Proposal is the capacity that one policy wants, because of one alarm or at a moment of its own, with the reason, and what became of it.
type Proposal struct {
	Policy, Alarm string
	API           API  `json:"Group,omitempty"`
	Executed      bool `json:",omitempty"` // by ExecutePolicy, not by an alarm
	State         alarm.State
	Comparison    ComparisonCode
	Threshold     float64
	Evaluated     int     // datapoints
	Breaching     int     // those of them that breach
	Needs         int     `json:",omitempty"` // datapoints that its alarm needs, where it has fewer; explanations only
	Metric        float64 // the one value made of them

	Formula Formula // zero where nothing was computed
	Factor  float64 // the adjustment, or the target value
	Raw     float64 // before rounding
	Wanted  int     // before cooldown, agreement and range
	Credit  int     // what a scale-out in progress or its cooldown takes off Wanted
	Served  int     `json:",omitempty"` // target tracking: the capacity that served while Metric was read; Metric × Served is the load
	Partial bool    `json:",omitempty"` // no reading since the capacity changed: Served is the least that served
	Least   int     `json:",omitempty"` // the policy's minimum magnitude, where it made more of a change in percent
	Warming int     `json:",omitempty"` // instances that warm up and so are no capacity to a group's step scaling policy
	Clamped int     // the capacity that would be set; meaningful for Acted, OutvotedBy and Unscalable

	Waiting int `json:",omitempty"` // requests that wait for a first instance: it is they that want it

	Forecast *ForecastHour `json:",omitempty"` // a forecast's: the hour that decides

	Reason *Reason `json:",omitempty"` // FormulaReason: how Wanted was computed

	Outcome Outcome
	Left    time.Duration // HeldByCooldown, WarmingUp, and NotAgreed where the other policy is cooling down or warming up
	Process Process       `json:",omitempty"` // ProcessSuspended

	// By names a policy. HeldByForecast: whose forecast it is; OutvotedBy, NotAgreed: the other one; HeldByCooldown of a group: whose activity it was; Acted: the policy
	// that raised a target tracking scale-in, if any.
	By string
}

// ForecastHour is what a forecast expects of one hour.
type ForecastHour struct {
	Start    time.Time
	Load     float64 // sum of the hour's
	Capacity int     // that it needs, whatever the target's range
}

// Reason is how a rule computed the capacity that it wants, for rules whose arithmetic none of the other formulas is. E.g. a queue of 12
// with 5 for each instance: Formula "ceil(queue / each)" and the terms queue 12 and each 5.
type Reason struct {
	Formula string
	Terms   []Term
}

// Term is a number that a formula names.
type Term struct {
	Name  string
	Value float64
}

// String tells the formula and its numbers: "ceil(queue / each), queue 12, each 5".
func (r *Reason) String() string {
	s := r.Formula
	for _, t := range r.Terms {
		s += ", " + t.Name + " " + FormatNumber(t.Value)
	}
	return s
}

// byRule reports whether a rule proposed at a moment of its own, without an alarm, a user or requests that ask.
func (p *Proposal) byRule() bool { return p.Alarm == "" && !p.Executed && p.Waiting == 0 }

// Decision is what was decided for a target at one instant, and every reason for it.
type Decision struct {
	At       time.Time
	Capacity Capacity
	Min, Max int

	Acted  bool
	Want   int // the desired capacity from now on
	Winner int // index of the proposal that acted; meaningful while Acted

	Proposals []Proposal // by policy, then alarm
}

// Clone returns a decision that shares no memory with this one.
func (d *Decision) Clone() Decision {
	c := *d
	c.Proposals = slices.Clone(d.Proposals)
	return c
}

// Change returns the move that was decided. It may be called only where Acted is true.
func (d *Decision) Change() Change {
	return Change{From: d.Capacity.Desired, Want: d.Want, Cause: d.Proposals[d.Winner].cause()}
}

func (p *Proposal) cause() Cause {
	if p.Forecast != nil {
		return Cause{Kind: CauseForecast, Policy: p.Policy, Capacity: p.Wanted}
	}
	if p.byRule() {
		return Cause{Kind: CauseRule, Policy: p.Policy, Capacity: p.Wanted}
	}
	if p.Waiting > 0 {
		return Cause{Kind: CauseRequest, Capacity: p.Waiting}
	}
	if p.Executed {
		return Cause{Kind: CauseExecuted, Policy: p.Policy, API: EC2AutoScaling}
	}
	return Cause{Kind: CauseAlarm, Alarm: p.Alarm, State: p.State, Policy: p.Policy, API: p.API}
}
