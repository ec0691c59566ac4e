package metric

import "slices"

// units are CloudWatch's. Series store the index. AWS: MetricDatum, Unit.
var units = []string{
	"None", "Count", "Percent", "Seconds", "Microseconds", "Milliseconds", "Bytes", "Kilobytes", "Megabytes", "Gigabytes", "Terabytes",
	"Bits", "Kilobits", "Megabits", "Gigabits", "Terabits", "Bytes/Second", "Kilobytes/Second", "Megabytes/Second", "Gigabytes/Second",
	"Terabytes/Second", "Bits/Second", "Kilobits/Second", "Megabits/Second", "Gigabits/Second", "Terabits/Second", "Count/Second",
}

// unitCode returns the index of a unit among CloudWatch's and, after these, the series' own.
func (s *Series) unitCode(unit string) uint16 {
	if i := slices.Index(units, unit); i >= 0 {
		return uint16(i)
	}
	if s.foreign == nil {
		s.foreign = &[]string{}
	}
	i := slices.Index(*s.foreign, unit)
	if i < 0 {
		i = len(*s.foreign)
		*s.foreign = append(*s.foreign, unit)
	}
	return uint16(len(units) + i)
}

func (s *Series) unitName(code uint16) string {
	if int(code) < len(units) {
		return units[code]
	}
	return (*s.foreign)[int(code)-len(units)]
}

// selects returns the code of the unit of a query. anyUnit is true where the query has none, known is false where the series has no sample in
// the unit.
func (s *Series) selects(unit string) (code uint16, anyUnit, known bool) {
	if unit == "" {
		return 0, true, true
	}
	if i := slices.Index(units, unit); i >= 0 {
		return uint16(i), false, true
	}
	if s.foreign != nil {
		if i := slices.Index(*s.foreign, unit); i >= 0 {
			return uint16(len(units) + i), false, true
		}
	}
	return 0, false, false
}
