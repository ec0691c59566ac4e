package scaling

import (
	"math"
	"strconv"
	"strings"
)

// AWS: PutScalingPolicy, TargetValue.
const (
	targetValueMin = 8.51592e-109
	targetValueMax = 1.174271e108
)

// CheckTargetValue refuses a target value that AWS refuses; kind is how the text names the policy type. It fails with KindValidation.
func CheckTargetValue(kind string, v float64) error {
	if v >= targetValueMin && v <= targetValueMax {
		return nil
	}
	return Invalid("For %s, target value must be between '8.51592E-109' and '1.174271E108', but was '%s'.", kind, javaDouble(v))
}

// javaDouble prints a number as AWS's servers do in their texts: 0.0, 12.5, 1.0E-110.
func javaDouble(v float64) string {
	if a := math.Abs(v); v == 0 || (a >= 1e-3 && a < 1e7) {
		return withPoint(strconv.FormatFloat(v, 'f', -1, 64))
	}
	mantissa, exponent, found := strings.Cut(strconv.FormatFloat(v, 'E', -1, 64), "E")
	if !found {
		return mantissa
	}
	sign := ""
	if strings.HasPrefix(exponent, "-") {
		sign = "-"
	}
	return withPoint(mantissa) + "E" + sign + strings.TrimLeft(exponent, "+-0")
}

func withPoint(s string) string {
	if strings.Contains(s, ".") {
		return s
	}
	return s + ".0"
}
