package scaling

import "bellows.dev/bellows/alarm"

// ComparisonCode is an alarm's comparison in a recorded decision. Journals, archives and traces hold its numbers, which are not those of
// alarm.Comparison: everything but a recorded Proposal uses that type.
type ComparisonCode int

// Codes, in the order in which decisions have always been recorded.
const (
	codeGreater ComparisonCode = iota + 1
	codeGreaterOrEqual
	codeLess
	codeLessOrEqual
)

// comparisonCode returns the code of a comparison; zero where there is none.
func comparisonCode(c alarm.Comparison) ComparisonCode {
	switch c {
	case alarm.GreaterThanThreshold:
		return codeGreater
	case alarm.GreaterThanOrEqualToThreshold:
		return codeGreaterOrEqual
	case alarm.LessThanThreshold:
		return codeLess
	case alarm.LessThanOrEqualToThreshold:
		return codeLessOrEqual
	default:
		return 0
	}
}

// Comparison returns the comparison that a code stands for; the invalid one for a code that is unknown.
func (c ComparisonCode) Comparison() alarm.Comparison {
	switch c {
	case codeGreater:
		return alarm.GreaterThanThreshold
	case codeGreaterOrEqual:
		return alarm.GreaterThanOrEqualToThreshold
	case codeLess:
		return alarm.LessThanThreshold
	case codeLessOrEqual:
		return alarm.LessThanOrEqualToThreshold
	default:
		return 0
	}
}

// String returns CloudWatch's name of the comparison.
func (c ComparisonCode) String() string { return c.Comparison().String() }
