package scaling

import (
	"time"

	"bellows.dev/bellows/alarm"
	"bellows.dev/bellows/metric"
)

// Type is a policy type: step scaling, target tracking, … Each is a folder below scaling/policy and a line in policy.Types. This package
// knows none of them.
type Type interface {
	// Name returns the type's name as APIs have it, such as StepScaling.
	Name() string

	// New returns an empty rule, into which a policy of a snapshot is decoded.
	New() Rule

	// Put checks a request and returns the rule of the policy that it makes or changes. It changes nothing that is stored. It fails with
	// KindValidation or KindLimitExceeded.
	Put(p Put) (Rule, error)
}

// Put is a request to make or change a policy of a type.
type Put struct {
	Now    time.Time
	Key    TargetKey
	API    API
	Name   string
	Others []*Policy // those of the same target and API, with the one that changes
	Stored Rule      // of the policy that changes; nil where one is made, and always where API is EC2AutoScaling, which replaces policies whole
	Config Config    // nil where the client sent none

	Metrics Metrics // of the target's dimension
}

// Config is the configuration of a policy as a client sends it. A type has one type of Config.
type Config interface {
	// Rule returns a rule with this configuration and nothing else.
	Rule() Rule
}

// Rule is what a policy does: its configuration, the state that it keeps between decisions, and its arithmetic. Its exported members are
// encoded beside those of Policy, so none may have the name of one of these.
//
// What a rule needs besides the signals of alarms that clients point at its policy it tells by implementing further interfaces:
//
//   - AlarmOwner: alarms of its own
//   - Measured: which of an alarm's datapoints were measured with the capacity that serves now
//   - Timed: to be woken at moments that it names
//   - Windowed: metrics, read when it is woken
//   - Forecaster: weeks of the past
//
// And what others need to know of it:
//
//   - Cooled: its cooldowns
//   - Directed: whether it scales in, and out from zero
//   - Aggregating: the value that it makes of an alarm's datapoints
//   - Agreeing: that it scales in only if others of its type are ready to
//   - Executable: that EC2 Auto Scaling's ExecutePolicy can carry it out
//   - Remarking: what explanations say of it besides
//   - Resting: a cooldown of the whole group after its activities
//
// A Type can explain more than Proposal.Reason: see Explainer and AlarmLabeler.
type Rule interface {
	// Type returns the rule's type.
	Type() Type

	// Config returns the configuration; nil where there is none yet.
	Config() Config

	// Propose returns the capacity that the policy wants in a situation, with the reason and the outcome: Acted where the capacity may
	// change. It changes nothing. Situation has what rules share: Proposal to begin with, and ScaleOut and ScaleIn, which hold a wish
	// against range, cooldowns and suspensions.
	Propose(s Situation) Proposal
}

// AlarmOwner is a Rule that has alarms of its own. They are made with the policy, again whenever it is put, and deleted with it.
type AlarmOwner interface {
	Rule

	// NameAlarms gives the alarms new names. owner is what names carry of the target; newID returns a new UUID.
	NameAlarms(owner string, newID func() string)

	// AlarmNames returns the names of the alarms.
	AlarmNames() []string

	// Alarms returns the alarms. m are the metrics of the target's dimension.
	Alarms(k TargetKey, m Metrics, api API) []OwnAlarm
}

// OwnAlarm is an alarm of a policy's own, which invokes the policy while it is in ALARM.
type OwnAlarm struct {
	Name string
	Rule alarm.Rule
}

// Measured is a Rule whose signals tell which datapoints were measured while the present capacity served (Signal.Settled, Signal.Least).
type Measured interface {
	// MeasuringSpan returns how long before its timestamp the oldest of what a sample describes may have happened.
	MeasuringSpan() time.Duration
}

// Timed is a Rule that acts at moments of its own, without an alarm.
type Timed interface {
	// Next returns when the rule is due; zero where it never is.
	Next() time.Time

	// Wake tells a rule that is due the time, and returns what it asks for. Next is later than now afterwards.
	Wake(now time.Time) Asks

	// Acts reports whether the rule proposes capacities at its moments. One that only observes does not.
	Acts() bool
}

// Asks is what a Timed rule asks for when it is woken.
type Asks struct {
	History  bool // its past, which Forecaster.Learn takes
	Decision bool // a decision for its target, in which Propose is called without a signal
}

// Windowed is a Timed rule that reads metrics when its target is decided at the rule's moment. See Situation.Windows.
type Windowed interface {
	Timed

	// Windows returns the metrics. Their order is that of Situation.Windows.
	Windows(k TargetKey) []MetricWindow
}

// MetricWindow is a metric over the newest periods that are complete, as an alarm would look at it.
type MetricWindow struct {
	Metric    metric.ID
	Statistic metric.Statistic
	Period    time.Duration // 10 s, 30 s or whole minutes
	Periods   int           // how many: at least 1
}

// Forecaster is a Timed rule that looks at weeks of the past and expects loads.
type Forecaster interface {
	Timed

	// History returns the queries of what the rule has to know of the past. m are the metrics of the target's dimension.
	History(k TargetKey, m Metrics) HistoryQueries

	// Learn gives the rule its past, and m as in History.
	Learn(now time.Time, m Metrics, past PastLoad) Learned

	// Expects returns the capacity below which no policy of the target may scale in now; false where it expects nothing.
	Expects(now time.Time) (capacity int, found bool)

	// Hours returns what the rule expects, and expected of the past, oldest first. It is for reading.
	Hours() []ForecastHour

	// RaisedMax returns the maximum that goes with what the rule expects now: most, or more where the rule may raise it.
	RaisedMax(now time.Time, most int) int
}

// Remarking is a Rule about which explanations of a moment say more than what it would propose then.
type Remarking interface {
	// Remark returns a sentence such as why there is no forecast; "" where there is nothing to say.
	Remark() string
}

// Learned is what a Forecaster made of its past.
type Learned struct {
	Reason      string // why there is no new forecast; "" where there is one
	Least, Most int    // capacity that the hours to come need
}

// Cooled is a Rule with cooldowns. They count for policies of Application Auto Scaling only: those of groups have warm-up times instead.
type Cooled interface {
	// Cooldowns returns how long after a scale-out, and after a scale-in, the next of its kind has to wait.
	Cooldowns() (out, in time.Duration)
}

// Directed is a Rule that knows in which directions it can move capacity. One that is not is taken to move it in both.
type Directed interface {
	// ScalesIn reports whether the rule can ever take capacity away.
	ScalesIn() bool

	// LeavesZero reports whether the rule can raise a capacity of 0.
	LeavesZero() bool
}

// Aggregating is a Rule that makes one value of an alarm's datapoints in a way of its own; others take the mean.
type Aggregating interface {
	// Aggregate returns the value of at least one datapoint.
	Aggregate(datapoints []float64) float64
}

// Agreeing is a Rule that scales in only if all policies of its type on the target are ready to.
type Agreeing interface {
	// AgreesBy returns the alarm that says whether the rule is ready; false where the rule has no say.
	AgreesBy() (alarm string, has bool)

	// Peers is how texts call the policies of the type: "target tracking policies".
	Peers() string
}

// Executable is a Rule that a user can carry out without an alarm. AWS: EC2 Auto Scaling, ExecutePolicy.
type Executable interface {
	// Execution checks a request and returns the signal that stands for it. It fails with KindValidation.
	Execution(x Execution) (Signal, error)
}

// Resting is a Rule whose activities are followed by a cooldown of the whole group. AWS: scaling cooldowns, EC2 Auto Scaling user guide.
type Resting interface {
	// GroupCooldown returns the cooldown; nil for the group's default.
	GroupCooldown() *time.Duration
}

// Types are the policy types that a registry knows.
type Types []Type

// Named returns the type of this name; nil where there is none.
func (ts Types) Named(name string) Type {
	for _, t := range ts {
		if t.Name() == name {
			return t
		}
	}
	return nil
}
