package scaling

// States of an alarm.
const (
	OK AlarmState = iota + 1
	Alarm
	InsufficientData
)

// AlarmState is the state of an alarm.
type AlarmState int

// String returns CloudWatch's name of the state.
func (s AlarmState) String() string {
	switch s {
	case OK:
		return "OK"
	case Alarm:
		return "ALARM"
	case InsufficientData:
		return "INSUFFICIENT_DATA"
	default:
		return "invalid"
	}
}

// Comparisons of an alarm's datapoints with its threshold.
const (
	Greater Comparison = iota + 1
	GreaterOrEqual
	Less
	LessOrEqual
)

// Comparison is how an alarm's datapoints breach its threshold.
type Comparison int

// Name returns CloudWatch's ComparisonOperator.
func (c Comparison) Name() string {
	switch c {
	case Greater:
		return "GreaterThanThreshold"
	case GreaterOrEqual:
		return "GreaterThanOrEqualToThreshold"
	case Less:
		return "LessThanThreshold"
	case LessOrEqual:
		return "LessThanOrEqualToThreshold"
	default:
		return "invalid"
	}
}

// String returns the comparison's sign.
func (c Comparison) String() string {
	switch c {
	case Greater:
		return ">"
	case GreaterOrEqual:
		return ">="
	case Less:
		return "<"
	case LessOrEqual:
		return "<="
	default:
		return "invalid"
	}
}

// High reports whether the alarm watches for values above its threshold.
func (c Comparison) High() bool { return c == Greater || c == GreaterOrEqual }

func (c Comparison) breached(v, threshold float64) bool {
	switch c {
	case Greater:
		return v > threshold
	case GreaterOrEqual:
		return v >= threshold
	case Less:
		return v < threshold
	default:
		return v <= threshold
	}
}

// Signal is what an alarm tells a policy: when it enters a state whose actions name the policy, and again each minute while it
// stays there.
type Signal struct {
	Policy     string // name of the policy
	Group      bool   // the policy is the group's
	Alarm      string // name of the alarm
	State      AlarmState
	Comparison Comparison
	Threshold  float64
	Datapoints []float64 // the evaluated ones, oldest first, without missing ones; empty where there is no data

	// Needs is how many datapoints the alarm needs to go into ALARM; explanations only.
	Needs int

	// Settled is how many of Datapoints, the newest ones, were measured wholly while the capacity served that serves now. Least is the
	// smallest capacity that served while any of Datapoints was measured.
	Settled, Least int

	// Executed: a user asks, by ExecutePolicy; there is no alarm. HonorCooldown: and waits for cooldown and activity.
	Executed, HonorCooldown bool
}
