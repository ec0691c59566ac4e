package expr

// function is a function of metric math. Its types are checked by Compile; eval relies on them.
type function struct {
	result func(args []Type) (Type, bool) // false: not for such arguments
	eval   func(e *evaluation, n *node, in *instance) value
}

// AWS: CloudWatch user guide, using metric math, functions supported for metric math.
var functions = map[string]*function{
	"ABS":             {result: eachScalarToo, eval: unaryFunction(abs)},
	"AVG":             {result: reduces, eval: reduction(average)},
	"CEIL":            {result: eachScalarToo, eval: unaryFunction(ceil)},
	"DATAPOINT_COUNT": {result: reduces, eval: reduction(datapointCount)},
	"DATE":            {result: ofSeries, eval: calendar(date)},
	"DAY":             {result: ofSeries, eval: calendar(weekday)},
	"DIFF":            {result: each, eval: differences(difference)},
	"DIFF_TIME":       {result: each, eval: differences(timeDifference)},
	"EPOCH":           {result: ofSeries, eval: calendar(epoch)},
	"FILL":            {result: fills, eval: fill},
	"FIRST":           {result: picks, eval: first},
	"FLOOR":           {result: eachScalarToo, eval: unaryFunction(floor)},
	"HOUR":            {result: ofSeries, eval: calendar(hour)},
	"IF":              {result: chooses, eval: choose},
	"LAST":            {result: picks, eval: last},
	"LOG":             {result: eachScalarToo, eval: unaryFunction(log)},
	"LOG10":           {result: eachScalarToo, eval: unaryFunction(log10)},
	"MAX":             {result: reduces, eval: reduction(maximum)},
	"METRICS":         {result: ofText, eval: metrics},
	"METRIC_COUNT":    {result: counts, eval: metricCount},
	"MIN":             {result: reduces, eval: reduction(minimum)},
	"MINUTE":          {result: ofSeries, eval: calendar(minute)},
	"MONTH":           {result: ofSeries, eval: calendar(month)},
	"PERIOD":          {result: ofMetric, eval: period},
	"RATE":            {result: each, eval: differences(rate)},
	"REMOVE_EMPTY":    {result: filters, eval: removeEmpty},
	"RUNNING_SUM":     {result: each, eval: runningSum},
	"SEARCH":          {result: searches, eval: found},
	"SLICE":           {result: slicesArray, eval: slice},
	"SORT":            {result: sorts, eval: sortArray},
	"STDDEV":          {result: reduces, eval: reduction(deviation)},
	"SUM":             {result: reduces, eval: reduction(sum)},
	"TIME_SERIES":     {result: ofScalar, eval: timeSeries},
	"YEAR":            {result: ofSeries, eval: calendar(year)},
}

// elsewhere are the functions of CloudWatch that need other services, or models trained there.
var elsewhere = map[string]bool{
	"ANOMALY_DETECTION_BAND": true, "DB_PERF_INSIGHTS": true, "INSIGHT_RULE_METRIC": true, "LAMBDA": true, "SERVICE_QUOTA": true,
}

func one(args []Type, result Type, allowed ...Type) (Type, bool) {
	if len(args) != 1 {
		return 0, false
	}
	for _, t := range allowed {
		if args[0] == t {
			return result, true
		}
	}
	return 0, false
}

func each(args []Type) (Type, bool) {
	if len(args) != 1 {
		return 0, false
	}
	return one(args, args[0], Series, Array)
}

// eachScalarToo also accepts a scalar, which AWS's tables do not list.
func eachScalarToo(args []Type) (Type, bool) {
	if len(args) != 1 {
		return 0, false
	}
	return one(args, args[0], Scalar, Series, Array)
}

func reduces(args []Type) (Type, bool) {
	if t, ok := one(args, Scalar, Series); ok {
		return t, true
	}
	return one(args, Series, Array)
}

func ofSeries(args []Type) (Type, bool) { return one(args, Series, Series) }
func ofMetric(args []Type) (Type, bool) { return one(args, Scalar, Series) }
func ofScalar(args []Type) (Type, bool) { return one(args, Series, Scalar) }
func picks(args []Type) (Type, bool)    { return one(args, Series, Array) }
func counts(args []Type) (Type, bool)   { return one(args, Scalar, Array) }
func filters(args []Type) (Type, bool)  { return one(args, Array, Array) }

func ofText(args []Type) (Type, bool) {
	return Array, len(args) == 0 || len(args) == 1 && args[0] == textType
}

func fills(args []Type) (Type, bool) {
	if len(args) != 2 || args[0] != Series && args[0] != Array {
		return 0, false
	}
	return args[0], args[1] == Scalar || args[1] == Series || args[1] == keywordType
}

func searches(args []Type) (Type, bool) {
	ok := len(args) >= 2 && len(args) <= 3 && args[0] == textType && args[1] == textType
	return Array, ok && (len(args) == 2 || args[2] == Scalar)
}

func slicesArray(args []Type) (Type, bool) {
	ok := len(args) >= 2 && len(args) <= 3 && args[0] == Array && args[1] == Scalar
	return Array, ok && (len(args) == 2 || args[2] == Scalar)
}

func sorts(args []Type) (Type, bool) {
	ok := len(args) >= 3 && len(args) <= 4 && args[0] == Array && args[1] == keywordType && args[2] == keywordType
	return Array, ok && (len(args) == 3 || args[3] == Scalar)
}

// chooses returns the type of IF: a time series in the forms that AWS lists, a scalar where all arguments are scalars.
func chooses(args []Type) (Type, bool) {
	if len(args) != 2 && len(args) != 3 {
		return 0, false
	}
	result := Scalar
	for _, t := range args {
		switch t {
		case Scalar:
		case Series:
			result = Series
		default:
			return 0, false
		}
	}
	return result, true
}

// operator computes one datapoint from two.
type operator func(a, b float64) float64

var operators = map[string]operator{
	"+": func(a, b float64) float64 { return a + b },
	"-": func(a, b float64) float64 { return a - b },
	"*": func(a, b float64) float64 { return a * b },
	"/": divide,
	"^": power,

	"==":  func(a, b float64) float64 { return truth(a == b) },
	"!=":  func(a, b float64) float64 { return truth(a != b) },
	"<":   func(a, b float64) float64 { return truth(a < b) },
	">":   func(a, b float64) float64 { return truth(a > b) },
	"<=":  func(a, b float64) float64 { return truth(a <= b) },
	">=":  func(a, b float64) float64 { return truth(a >= b) },
	"AND": func(a, b float64) float64 { return truth(a != 0 && b != 0) },
	"OR":  func(a, b float64) float64 { return truth(a != 0 || b != 0) },
}

// combines returns the type of an operator's result. An array can be combined with a scalar or a time series, not with another array.
// AWS: CloudWatch user guide, using metric math, basic arithmetic functions.
func combines(a, b Type) (Type, bool) {
	for _, t := range []Type{a, b} {
		if t != Scalar && t != Series && t != Array {
			return 0, false
		}
	}
	switch {
	case a == Array && b == Array:
		return 0, false
	case a == Array || b == Array:
		return Array, true
	case a == Series || b == Series:
		return Series, true
	default:
		return Scalar, true
	}
}
