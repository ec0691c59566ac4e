package cloudwatch

import (
	"math"
	"strings"
	"testing"
	"time"

	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/metric/expr"
)

func TestDynamicLabels(t *testing.T) {
	zone, err := timezone("+0130")
	if err != nil {
		t.Fatal(err)
	}
	l := &labelled{
		label: "web Errors", account: "123456789012", region: "us-east-1", now: began.Add(10 * time.Minute), zone: zone,
		result: &expr.Result{
			From: began, Period: time.Minute, Values: []float64{math.NaN(), 3, 9.5, 0.00012, 4, math.NaN()},
			Origin: &expr.Origin{
				Metric:    metric.NewID("N", "Errors", metric.Dimension{Name: "Function", Value: "web"}),
				Statistic: metric.Statistic{Kind: metric.Sum}, Period: time.Minute,
			},
		},
	}
	for text, want := range map[string]string{
		"plain": "plain", "": "", "[max: ${MAX} Errors for ${LABEL}]": "[max: 9.5 Errors for web Errors]",
		"${MIN}": "0.00012", "${AVG}": "4.125", "${SUM}": "16.5", "${FIRST}": "3", "${LAST}": "4", "${DATAPOINT_COUNT}": "4",
		"${MAX_TIME}": "2026-11-25 12:07:00 UTC+01:30", "${MAX_TIME_RELATIVE}": "8m", "${MIN_TIME}": "2026-11-25 12:08:00 UTC+01:30",
		"${MIN_TIME_RELATIVE}": "7m", "${FIRST_TIME}": "2026-11-25 12:06:00 UTC+01:30", "${FIRST_TIME_RELATIVE}": "9m",
		"${LAST_TIME}": "2026-11-25 12:09:00 UTC+01:30", "${LAST_TIME_RELATIVE}": "6m", "${MIN_MAX_RANGE}": "9.5", "${MIN_MAX_TIME_RANGE}": "1m",
		"${FIRST_LAST_RANGE}": "1", "${FIRST_LAST_TIME_RANGE}": "3m",
		"${PROP('AccountId')} ${PROP('Region')} ${PROP('Namespace')} ${PROP('MetricName')} ${PROP('Stat')} ${PROP('Period')}": "123456789012 us-east-1 N Errors Sum 60",
		"${PROP('Dim.Function')}": "web", "${PROP('Dim.function')}": "--", `${PROP("AccountLabel")}`: "123456789012",
		"${max} ${PROP('X')} ${PROP('Dim.')} ${ $ {MAX} ${MAX": "${max} ${PROP('X')} ${PROP('Dim.')} ${ $ {MAX} ${MAX", "a${${MAX}": "a${9.5",
	} {
		if got := l.render(template(text)); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
	empty := &labelled{label: "x", zone: time.UTC, result: &expr.Result{Values: []float64{math.NaN()}}}
	if got := empty.render(template("${MAX} ${LAST_TIME} ${DATAPOINT_COUNT} ${LABEL} ${PROP('MetricName')} ${PROP('Region')}")); got != "-- -- 0 x -- " {
		t.Errorf("without datapoints: %s", got)
	}
}

func TestNumbersAndSpans(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 1: "1", -2.5: "-2.5", 1e6: "1000000", 3.14159: "3.142", 1e-9: "1e-09", 1e20: "1e+20", 99.9999: "100"} {
		if got := number(v); got != want {
			t.Errorf("%v: %s, want %s", v, got, want)
		}
	}
	for d, want := range map[time.Duration]string{0: "0s", 45 * time.Second: "45s", 90 * time.Minute: "1h30m", 51 * time.Hour: "2d3h"} {
		if got := span(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
}

func TestTimezones(t *testing.T) {
	for s, want := range map[string]string{"": "UTC", "+0000": "UTC", "+0130": "UTC+01:30", "-0800": "UTC-08:00", "+2359": "UTC+23:59"} {
		if z, err := timezone(s); err != nil || z.String() != want {
			t.Errorf("%s: %v %v", s, z, err)
		}
	}
	for _, s := range []string{"0130", "+130", "+01:30", "+0160", "+2400", "+", "++130", "Z"} {
		if z, err := timezone(s); err == nil {
			t.Errorf("%s: %v", s, z)
		}
	}
}

// FuzzLabel checks that a label without a dynamic value is not changed.
func FuzzLabel(f *testing.F) {
	for _, s := range []string{"${MAX} ${PROP('Dim.a')}", "${", "${PROP('", "$${LABEL}}", "${PROP(\"Stat')}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		l := &labelled{zone: time.UTC, label: "x", result: &expr.Result{Values: []float64{1}, Period: time.Minute}}
		got := l.render(template(text))
		if !isTemplate(text) && got != text {
			t.Errorf("%q became %q", text, got)
		}
		if isTemplate(text) && !strings.Contains(text, "${") {
			t.Errorf("%q has no dynamic value", text)
		}
	})
}
