package scaling

import (
	"math"
	"strconv"
	"strings"
)

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
