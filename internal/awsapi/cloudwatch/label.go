package cloudwatch

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"bellows.dev/bellows/internal/awsapi"
	"bellows.dev/bellows/metric/expr"
)

// AWS: CloudWatch user guide, using dynamic labels.
const (
	dynamicMax = 6 // dynamic values in a label
	labelMax   = 1 // ${LABEL} in a label
)

// piece is a part of a label: a text, or the name of a dynamic value.
type piece struct {
	text    string
	dynamic bool
	prop    bool // the text is a property's name
}

// template splits a label into pieces. Invalid dynamic values stay text; AWS does not document this case.
func template(label string) []piece {
	var out []piece
	literal := func(s string) {
		if n := len(out); n > 0 && !out[n-1].dynamic {
			out[n-1].text += s
		} else if s != "" {
			out = append(out, piece{text: s})
		}
	}
	for {
		before, rest, found := strings.Cut(label, "${")
		literal(before)
		if !found {
			return out
		}
		name, after, closed := strings.Cut(rest, "}")
		property, isProperty := property(name)
		switch {
		case closed && isProperty:
			out = append(out, piece{text: property, dynamic: true, prop: true})
		case closed && dynamicValues[name] != nil:
			out = append(out, piece{text: name, dynamic: true})
		default:
			literal("${")
			after = rest
		}
		label = after
	}
}

// property parses PROP('name').
func property(s string) (string, bool) {
	name, ok := strings.CutPrefix(s, "PROP(")
	name, closed := strings.CutSuffix(name, ")")
	if !ok || !closed || len(name) < 2 || name[0] != name[len(name)-1] || name[0] != '\'' && name[0] != '"' {
		return "", false
	}
	name = name[1 : len(name)-1]
	if dimension, is := strings.CutPrefix(name, "Dim."); is {
		return name, dimension != ""
	}
	return name, properties[name] != nil
}

// checkTemplate refuses labels with too many dynamic values.
func checkTemplate(label, path string) error {
	dynamic, labels := 0, 0
	for _, p := range template(label) {
		if p.dynamic && !p.prop {
			dynamic++
			labels += strings.Count(p.text, "LABEL")
		}
	}
	if dynamic-labels > dynamicMax {
		return awsapi.Validation("The parameter %s must not contain more than %d dynamic values.", path, dynamicMax)
	}
	if labels > labelMax {
		return awsapi.Validation("The parameter %s must not contain ${LABEL} more than once.", path)
	}
	return nil
}

func isTemplate(label string) bool {
	for _, p := range template(label) {
		if p.dynamic {
			return true
		}
	}
	return false
}

// labelled contains the data for the dynamic values of a label.
type labelled struct {
	label           string // the metric's own
	account, region string
	now             time.Time
	zone            *time.Location
	result          *expr.Result
	seen            *seen // of the result's values
}

// seen contains the datapoints that labels refer to, as indices of the result's values.
type seen struct {
	count, first, last, least, most int
	sum                             float64
}

func look(values []float64) *seen {
	s := &seen{first: -1}
	for i, v := range values {
		if math.IsNaN(v) {
			continue
		}
		if s.count == 0 {
			s.first, s.least, s.most = i, i, i
		}
		s.count, s.sum, s.last = s.count+1, s.sum+v, i
		if v < values[s.least] {
			s.least = i
		}
		if v > values[s.most] {
			s.most = i
		}
	}
	return s
}

// nothing is the text of a missing value.
const nothing = "--"

// render replaces the dynamic values of a label.
func (l *labelled) render(pieces []piece) string {
	var b strings.Builder
	for _, p := range pieces {
		switch {
		case !p.dynamic:
			b.WriteString(p.text)
		case p.prop:
			b.WriteString(l.property(p.text))
		default:
			if l.seen == nil {
				l.seen = look(l.result.Values)
			}
			if l.seen.count == 0 && p.text != "LABEL" && p.text != "DATAPOINT_COUNT" {
				b.WriteString(nothing)
			} else {
				b.WriteString(dynamicValues[p.text](l))
			}
		}
	}
	return b.String()
}

// properties are the names for PROP, except dimensions. AccountLabel is the name of a linked account; there is only one account here.
var properties = map[string]func(l *labelled, o *expr.Origin) string{
	"AccountId":    func(l *labelled, _ *expr.Origin) string { return l.account },
	"AccountLabel": func(l *labelled, _ *expr.Origin) string { return l.account },
	"MetricName":   func(_ *labelled, o *expr.Origin) string { return o.Metric.Name },
	"Namespace":    func(_ *labelled, o *expr.Origin) string { return o.Metric.Namespace },
	"Period":       func(_ *labelled, o *expr.Origin) string { return strconv.Itoa(int(o.Period / time.Second)) },
	"Region":       func(l *labelled, _ *expr.Origin) string { return l.region },
	"Stat":         func(_ *labelled, o *expr.Origin) string { return o.Statistic.String() },
}

// property returns a property of the metric that the values come from. An expression over several metrics has only account and region.
func (l *labelled) property(name string) string {
	o := l.result.Origin
	dimension, isDimension := strings.CutPrefix(name, "Dim.")
	switch {
	case o == nil && name != "AccountId" && name != "AccountLabel" && name != "Region":
		return nothing
	case !isDimension:
		return properties[name](l, o)
	}
	for _, d := range o.Metric.Dimensions {
		if d.Name == dimension {
			return d.Value
		}
	}
	return nothing
}

// dynamicValues are the dynamic values of labels, by name.
var dynamicValues = map[string]func(l *labelled) string{
	"AVG":                   func(l *labelled) string { return number(l.seen.sum / float64(l.seen.count)) },
	"DATAPOINT_COUNT":       func(l *labelled) string { return strconv.Itoa(l.seen.count) },
	"FIRST":                 func(l *labelled) string { return l.value(l.seen.first) },
	"FIRST_LAST_RANGE":      func(l *labelled) string { return l.between(l.seen.first, l.seen.last) },
	"FIRST_LAST_TIME_RANGE": func(l *labelled) string { return l.apart(l.seen.first, l.seen.last) },
	"FIRST_TIME":            func(l *labelled) string { return l.time(l.seen.first) },
	"FIRST_TIME_RELATIVE":   func(l *labelled) string { return l.ago(l.seen.first) },
	"LABEL":                 func(l *labelled) string { return l.label },
	"LAST":                  func(l *labelled) string { return l.value(l.seen.last) },
	"LAST_TIME":             func(l *labelled) string { return l.time(l.seen.last) },
	"LAST_TIME_RELATIVE":    func(l *labelled) string { return l.ago(l.seen.last) },
	"MAX":                   func(l *labelled) string { return l.value(l.seen.most) },
	"MAX_TIME":              func(l *labelled) string { return l.time(l.seen.most) },
	"MAX_TIME_RELATIVE":     func(l *labelled) string { return l.ago(l.seen.most) },
	"MIN":                   func(l *labelled) string { return l.value(l.seen.least) },
	"MIN_MAX_RANGE":         func(l *labelled) string { return l.between(l.seen.least, l.seen.most) },
	"MIN_MAX_TIME_RANGE":    func(l *labelled) string { return l.apart(l.seen.least, l.seen.most) },
	"MIN_TIME":              func(l *labelled) string { return l.time(l.seen.least) },
	"MIN_TIME_RELATIVE":     func(l *labelled) string { return l.ago(l.seen.least) },
	"SUM":                   func(l *labelled) string { return number(l.seen.sum) },
}

func (l *labelled) value(i int) string { return number(l.result.Values[i]) }

// between and apart return the distance of two datapoints in value and in time.
func (l *labelled) between(i, j int) string {
	return number(math.Abs(l.result.Values[j] - l.result.Values[i]))
}

func (l *labelled) apart(i, j int) string { return span(l.result.At(j).Sub(l.result.At(i)).Abs()) }

func (l *labelled) ago(i int) string { return span(l.now.Sub(l.result.At(i)).Abs()) }

func (l *labelled) time(i int) string {
	return l.result.At(i).In(l.zone).Format("2006-01-02 15:04:05") + " " + l.zone.String()
}

// number formats a value with at most three decimals, or three digits for small values. AWS documents no format.
func number(v float64) string {
	if a := math.Abs(v); a != 0 && (a < 1e-3 || a >= 1e15) {
		return strconv.FormatFloat(v, 'g', 3, 64)
	}
	return strconv.FormatFloat(math.Round(v*1000)/1000, 'f', -1, 64)
}

// span formats a duration: 2d3h, 1h30m, 45s. AWS documents no format.
func span(d time.Duration) string {
	d = d.Round(time.Second)
	units := []struct {
		unit time.Duration
		name string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "m"}, {time.Second, "s"}}
	var b strings.Builder
	for _, u := range units {
		if n := d / u.unit; n > 0 {
			fmt.Fprintf(&b, "%d%s", n, u.name)
			d -= n * u.unit
		}
	}
	if b.Len() == 0 {
		return "0s"
	}
	return b.String()
}

// timezone parses LabelOptions.Timezone. AWS: GetMetricData, LabelOptions.
func timezone(s string) (*time.Location, error) {
	if s == "" || s == "+0000" || s == "-0000" {
		return time.UTC, nil
	}
	bad := awsapi.Validation("The value for parameter LabelOptions.Timezone is not matching the expected pattern ^[+-][0-9]{4}$.")
	n, err := strconv.Atoi(s[1:])
	if err != nil || len(s) != 5 || s[0] != '+' && s[0] != '-' || s[1] == '+' || s[1] == '-' || n/100 > 23 || n%100 > 59 {
		return nil, bad
	}
	offset := n/100*3600 + n%100*60
	if s[0] == '-' {
		offset = -offset
	}
	return time.FixedZone("UTC"+s[:3]+":"+s[3:], offset), nil
}
