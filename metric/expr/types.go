package expr

import "strings"

// Type is the type of an expression.
type Type int

// Types of values. AWS: CloudWatch user guide, using metric math, data types.
const (
	Scalar      Type = iota + 1 // S
	Series                      // TS
	Array                       // TS[]
	textType                    // an argument of METRICS and SEARCH
	keywordType                 // an argument of FILL and SORT
)

// String returns the type's name in CloudWatch's messages. AWS: recorded for Scalar and String.
func (t Type) String() string {
	switch t {
	case Scalar:
		return "Scalar"
	case Series:
		return "TimeSeries"
	case Array:
		return "Array[TimeSeries]"
	case textType:
		return "String"
	case keywordType:
		return "Keyword"
	default:
		return "invalid"
	}
}

// unsupported returns the error for the types of an operator's or function's arguments. AWS: recorded.
func unsupported(pos int, what string, types []Type) *Error {
	names := make([]string, len(types))
	for i, t := range types {
		names[i] = t.String()
	}
	return at(pos, "Unsupported operand type(s) for %s: '[%s]'", what, strings.Join(names, ", "))
}
