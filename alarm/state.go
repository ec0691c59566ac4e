package alarm

// State is the state of an alarm.
type State int

// Alarm states.
const (
	OK State = iota + 1
	InAlarm
	InsufficientData
)

// String returns CloudWatch's name.
func (s State) String() string {
	switch s {
	case OK:
		return "OK"
	case InAlarm:
		return "ALARM"
	case InsufficientData:
		return "INSUFFICIENT_DATA"
	default:
		return "invalid"
	}
}

// Comparison is how a datapoint breaches the threshold.
type Comparison int

// Comparisons. The zero value is invalid.
const (
	GreaterThanOrEqualToThreshold Comparison = iota + 1
	GreaterThanThreshold
	LessThanThreshold
	LessThanOrEqualToThreshold
)

// Breaches reports whether the value breaches the threshold.
func (c Comparison) Breaches(v, threshold float64) bool {
	switch c {
	case GreaterThanOrEqualToThreshold:
		return v >= threshold
	case GreaterThanThreshold:
		return v > threshold
	case LessThanThreshold:
		return v < threshold
	case LessThanOrEqualToThreshold:
		return v <= threshold
	default:
		panic("alarm: invalid comparison")
	}
}

// High reports whether values above the threshold breach it.
func (c Comparison) High() bool {
	return c == GreaterThanThreshold || c == GreaterThanOrEqualToThreshold
}

// String returns CloudWatch's name.
func (c Comparison) String() string {
	switch c {
	case GreaterThanOrEqualToThreshold:
		return "GreaterThanOrEqualToThreshold"
	case GreaterThanThreshold:
		return "GreaterThanThreshold"
	case LessThanThreshold:
		return "LessThanThreshold"
	case LessThanOrEqualToThreshold:
		return "LessThanOrEqualToThreshold"
	default:
		return "invalid"
	}
}

// Sign returns the comparison's mathematical sign, such as >=.
func (c Comparison) Sign() string {
	switch c {
	case GreaterThanOrEqualToThreshold:
		return ">="
	case GreaterThanThreshold:
		return ">"
	case LessThanThreshold:
		return "<"
	case LessThanOrEqualToThreshold:
		return "<="
	default:
		return "invalid"
	}
}

// phrase returns the comparison's words in a state reason.
func (c Comparison) phrase() string {
	switch c {
	case GreaterThanOrEqualToThreshold:
		return "greater than or equal to"
	case GreaterThanThreshold:
		return "greater than"
	case LessThanThreshold:
		return "less than"
	default:
		return "less than or equal to"
	}
}

// MissingData is how periods without samples count. AWS: TreatMissingData.
type MissingData int

// Treatments. MissingUnset is described as absent; see Rule.Decide for what it means.
const (
	MissingUnset MissingData = iota
	Missing
	Ignore
	Breaching
	NotBreaching
)

// String returns CloudWatch's name; "" where unset.
func (m MissingData) String() string {
	switch m {
	case Missing:
		return "missing"
	case Ignore:
		return "ignore"
	case Breaching:
		return "breaching"
	case NotBreaching:
		return "notBreaching"
	default:
		return ""
	}
}
