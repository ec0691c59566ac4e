package cloudwatch

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/awsapi"
	"bellows.dev/bellows/metric"
)

var (
	began = time.Date(2026, 11, 25, 10, 35, 0, 0, time.UTC) // not a multiple of the period: periods begin at the start
	scope = engine.Scope{Account: "123456789012", Region: "us-east-1"}
)

// backend is an engine at a fixed time.
type backend struct {
	awsapi.Backend
	engine *engine.Engine
	now    time.Time
}

func (b *backend) View(_ context.Context, f func(time.Time, *engine.Engine)) error {
	f(b.now, b.engine)
	return nil
}

// put records a value of a metric in namespace N; dimensions are D=v.
func (b *backend) put(t testing.TB, name, dimensions string, minute int, v float64, unit string) {
	t.Helper()
	var ds []metric.Dimension
	for _, d := range strings.Fields(dimensions) {
		name, value, _ := strings.Cut(d, "=")
		ds = append(ds, metric.Dimension{Name: name, Value: value})
	}
	var sum metric.Summary
	sum.Add(v, 1)
	datum := metric.Datum{
		ID: metric.NewID("N", name, ds...), At: began.Add(time.Duration(minute) * time.Minute), Resolution: time.Minute, Unit: unit, Summary: sum,
	}
	if _, err := b.engine.Step(b.now, engine.PutMetricData{Scope: scope, Data: []metric.Datum{datum}}); err != nil {
		t.Fatal(err)
	}
}

func newBackend() *backend {
	return &backend{engine: engine.New(engine.Config{Seed: 1}), now: began.Add(10 * time.Minute)}
}

func (b *backend) get(in *sdk.GetMetricDataInput) (*sdk.GetMetricDataOutput, error) {
	if in.StartTime == nil {
		in.StartTime, in.EndTime = aws.Time(began), aws.Time(began.Add(5*time.Minute))
	}
	if in.ScanBy == "" {
		in.ScanBy = types.ScanByTimestampAscending
	}
	return (&API{backend: b}).getMetricData(context.Background(), awsapi.Call{Scope: scope}, in)
}

func statQuery(id, name, dimensions, stat string, period int32) types.MetricDataQuery {
	m := &types.Metric{Namespace: aws.String("N"), MetricName: aws.String(name)}
	for _, d := range strings.Fields(dimensions) {
		n, v, _ := strings.Cut(d, "=")
		m.Dimensions = append(m.Dimensions, types.Dimension{Name: aws.String(n), Value: aws.String(v)})
	}
	return types.MetricDataQuery{Id: aws.String(id), MetricStat: &types.MetricStat{Metric: m, Period: aws.Int32(period), Stat: aws.String(stat)}}
}

func mathQuery(id, text string) types.MetricDataQuery {
	return types.MetricDataQuery{Id: aws.String(id), Expression: aws.String(text)}
}

func with(q types.MetricDataQuery, change func(*types.MetricDataQuery)) types.MetricDataQuery {
	change(&q)
	return q
}

func hidden(q *types.MetricDataQuery) { q.ReturnData = aws.Bool(false) }

func label(text string) func(*types.MetricDataQuery) {
	return func(q *types.MetricDataQuery) { q.Label = aws.String(text) }
}

// show formats a response: id "label" status minute:value …
func show(out *sdk.GetMetricDataOutput) string {
	var lines []string
	for _, r := range out.MetricDataResults {
		line := fmt.Sprintf("%s %q %s", *r.Id, *r.Label, r.StatusCode)
		for i, at := range r.Timestamps {
			line += fmt.Sprintf(" %v:%s", at.Sub(began).Minutes(), strconv.FormatFloat(math.Round(r.Values[i]*1e4)/1e4, 'f', -1, 64))
		}
		for _, m := range r.Messages {
			line += " [" + *m.Code + ": " + *m.Value + "]"
		}
		lines = append(lines, line)
	}
	for _, m := range out.Messages {
		lines = append(lines, "["+*m.Code+": "+*m.Value+"]")
	}
	return strings.Join(lines, "\n")
}

func (b *backend) want(t *testing.T, want string, queries ...types.MetricDataQuery) {
	t.Helper()
	out, err := b.get(&sdk.GetMetricDataInput{MetricDataQueries: queries})
	if err != nil {
		t.Errorf("%v", err)
		return
	}
	if got := show(out); got != strings.TrimSpace(want) || out.NextToken != nil {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestLabels contains labels that are all recorded from CloudWatch.
func TestLabels(t *testing.T) {
	b := newBackend()
	check := func(want string, queries ...types.MetricDataQuery) {
		t.Helper()
		out, err := b.get(&sdk.GetMetricDataInput{MetricDataQueries: queries})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range out.MetricDataResults {
			got = append(got, *r.Label)
		}
		if strings.Join(got, "|") != want {
			t.Errorf("got %v, want %s", got, want)
		}
	}
	other := func(q *types.MetricDataQuery) { q.MetricStat.Metric.Namespace = aws.String("M") }
	check("A", statQuery("a", "A", "", "p50", 60))
	check("A", statQuery("a", "A", "Zone=a", "Sum", 60))
	check("A|W", statQuery("a", "A", "", "SampleCount", 60), statQuery("b", "W", "", "Sum", 60))
	check("A Sum|A Average", statQuery("a", "A", "", "Sum", 60), statQuery("b", "A", "", "Average", 60))
	check("A|named", statQuery("a", "A", "", "Sum", 60), with(statQuery("b", "A", "", "Average", 60), label("named")))
	check("A", statQuery("a", "A", "", "Sum", 60), with(statQuery("b", "A", "", "Average", 60), hidden))
	check("A Sum|A Average|W", statQuery("a", "A", "", "Sum", 60), statQuery("b", "A", "", "Average", 60), statQuery("c", "W", "", "Sum", 60))
	check("A 60|A 120", statQuery("a", "A", "", "Sum", 60), statQuery("b", "A", "", "Sum", 120))
	check("A Sum 60|A Average 120", statQuery("a", "A", "", "Sum", 60), statQuery("b", "A", "", "Average", 120))
	check("W p90|W tm90|X", statQuery("a", "W", "", "p90", 60), statQuery("b", "W", "", "tm90", 60), statQuery("c", "X", "", "p90", 60))
	check("a|b", statQuery("a", "A", "Zone=a", "Sum", 60), statQuery("b", "A", "Zone=b", "Sum", 60))
	check("a|b", statQuery("a", "A", "Zone=a Common=s", "Sum", 60), statQuery("b", "A", "Zone=b Common=s", "Sum", 60))
	check("a A|b W", statQuery("a", "A", "Zone=a", "Sum", 60), statQuery("b", "W", "Zone=b", "Sum", 60))
	check("a1 z1|a2 z2", statQuery("a", "A", "Zebra=z1 Alpha=a1", "Sum", 60), statQuery("b", "A", "Zebra=z2 Alpha=a2", "Sum", 60))
	check("N|M", statQuery("a", "A", "", "Sum", 60), with(statQuery("b", "A", "", "Sum", 60), other))
	check("N A|M W", statQuery("a", "A", "", "Sum", 60), with(statQuery("b", "W", "", "Sum", 60), other))
}

func TestMath(t *testing.T) {
	b := newBackend()
	for i, v := range []float64{4, 4, 8, 16, 32} { // as recorded
		b.put(t, "Scalar", "", i, v, "None")
	}
	m := with(statQuery("m", "Scalar", "", "Sum", 60), hidden)
	b.want(t, `
double "twice" Complete 0:8 1:8 2:16 3:32 4:64
running "running" Complete 0:4 1:8 2:16 3:32 4:64
conditional "conditional" Complete 0:0 1:0 2:8 3:16 4:32
aggregate "aggregate" Complete 0:8 1:8 2:16 3:32 4:64
coarse "coarse" Complete 0:8 2:24 4:32`,
		m, with(mathQuery("double", "m*2"), label("twice")), mathQuery("running", "RUNNING_SUM(m)"), mathQuery("conditional", "IF(m>=8,m,0)"),
		mathQuery("aggregate", "SUM([m,m])"), with(mathQuery("coarse", "m"), func(q *types.MetricDataQuery) { q.Period = aws.Int32(120) }))
	b.want(t, "a \"Scalar\" Complete 0:8 2:24 4:32", statQuery("a", "Scalar", "", "Sum", 120)) // periods begin at the start: recorded
	b.want(t, "e \"Filled: Scalar\" Complete 0:4 1:4 2:8 3:16 4:32", m, with(mathQuery("e", "FILL(METRICS(), 0)"), label("Filled:")))
	b.want(t, "e \"Filled: errors\" Complete 0:4 1:4 2:8 3:16 4:32", with(m, label("errors")), with(mathQuery("e", "FILL(METRICS(), 0)"), label("Filled:")))
	b.want(t, "", m)
	b.want(t, `
m "Scalar" Complete 0:4 1:4 2:8 3:16 4:32
e "e" Complete 0:5 1:5 2:9 3:17 4:33`, mathQuery("e", "m + 1"), statQuery("m", "Scalar", "", "Sum", 60)) // metrics come first: recorded
}

func TestSearch(t *testing.T) {
	b := newBackend()
	for i, d := range []string{"Service=p Node=blue", "Service=p", "", "Service=a Node=red Extra=x", "Other=p"} {
		b.put(t, "CustomCount1", d, 0, float64(i+1), "Count")
		b.put(t, "CustomCount1", d, 2, float64(10*i+10), "Count")
	}
	b.put(t, "SDBFailure", "Service=b Node=red", 0, 7, "Count")
	const all = `SEARCH('Namespace="N"', 'Sum', 60)`
	b.want(t, `
e "CustomCount1" Complete 0:3 2:30
e "blue p CustomCount1" Complete 0:1 2:10
e "p CustomCount1" Complete 0:5 2:50
e "p CustomCount1" Complete 0:2 2:20
e "red b SDBFailure" Complete 0:7
e "x red a CustomCount1" Complete 0:4 2:40`, mathQuery("e", all))
	b.want(t, `
e "All CustomCount1" Complete 0:10 2:100`, with(mathQuery("e", `SEARCH('{N,Other}', 'Sum', 60) * 2`), label("All")))
	b.want(t, `
sum "sum" Complete 0:22 2:150
avg "avg" Complete 0:3.6667 2:25
count "count" Complete 0:6 2:5`,
		with(mathQuery("h", all), hidden), mathQuery("sum", "SUM(h)"), mathQuery("avg", "AVG(h)"), mathQuery("count", "DATAPOINT_COUNT(h)"))
	b.want(t, "", mathQuery("e", `SEARCH('MetricName="Absent"', 'Sum', 60)`))
	b.want(t, `e "e" Complete`, mathQuery("e", `SUM(SEARCH('MetricName="Absent"', 'Sum', 60))`))
	b.want(t, `
e "p: 11 (blue), N/CustomCount1 Sum 60 us-east-1 123456789012" Complete 0:1 2:10`,
		with(mathQuery("e", `SEARCH('{N,Node,Service}Node=blue', 'Sum', 60)`),
			label("${PROP('Dim.Service')}: ${SUM} (${PROP('Dim.Node')}), ${PROP('Namespace')}/${PROP('MetricName')} ${PROP('Stat')} ${PROP('Period')} "+
				"${PROP('Region')} ${PROP('AccountId')}")))
}

// Results of an expression that are not numbers are dropped with a message, also if the expression is used by another one. A metric without
// datapoints and a missing scalar cause no message.
func TestArithmeticErrors(t *testing.T) {
	b := newBackend()
	for minute, v := range []float64{4, 0, -1} {
		b.put(t, "A", "", minute, v, "None")
	}
	const dropped = " [ArithmeticError: One or more data-points have been dropped due to non-numeric values (NaN, -Infinite, +Infinite)]"
	a, absent := with(statQuery("a", "A", "", "Sum", 60), hidden), with(statQuery("n", "Absent", "", "Sum", 60), hidden)
	for expression, want := range map[string]string{
		"8 / a":                 `e "e" Complete 0:2 2:-8` + dropped,
		"a / 0":                 `e "e" Complete` + dropped,
		"LOG10(a)":              `e "e" Complete 0:0.6021` + dropped,
		"a ^ 0.5":               `e "e" Complete 0:2 1:0` + dropped,
		"FILL(8 / a, 1) + 1":    `e "e" Complete 0:3 1:2 2:-7 3:2 4:2` + dropped,
		"IF(a, 8 / a)":          `e "e" Complete 0:2 2:-8` + dropped,
		"SUM([8 / a, a])":       `e "e" Complete 0:6 1:0 2:-9` + dropped,
		"a + 1":                 `e "e" Complete 0:5 1:1 2:0`,
		"a / n":                 `e "e" Complete` + dropped, // a missing datapoint of two counts as 0
		"RATE(a)":               `e "e" Complete 1:-0.0667 2:-0.0167`,
		"a * AVG(n)":            `e "e" Complete`,
		"REMOVE_EMPTY([n]) * 2": ``,
	} {
		b.want(t, strings.TrimSuffix("\n"+want, "\n"), a, absent, mathQuery("e", expression))
	}
}

// TestPages contains recorded pages: each source gets its share of the periods, including those without datapoints; the first gets the remainder.
func TestPages(t *testing.T) {
	b := newBackend()
	for _, i := range []int{1, 3} {
		b.put(t, "A", "", i, float64(i), "None")
		b.put(t, "B", "", i+1, float64(10*i), "None")
	}
	pages := func(most int32, order types.ScanBy, queries ...types.MetricDataQuery) string {
		t.Helper()
		var all []string
		var token *string
		for {
			in := &sdk.GetMetricDataInput{MetricDataQueries: queries, MaxDatapoints: &most, ScanBy: order, NextToken: token}
			out, err := b.get(in)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, show(out))
			if token = out.NextToken; token == nil {
				return strings.Join(all, "\n--\n")
			}
		}
	}
	a, c := statQuery("a", "A", "", "Sum", 60), statQuery("b", "B", "", "Sum", 60)
	if got, want := pages(4, types.ScanByTimestampAscending, a, c), `a "A" PartialData 1:1
b "B" PartialData
--
a "A" PartialData 3:3
b "B" PartialData 2:10
--
a "A" Complete
b "B" Complete 4:30`; got != want {
		t.Errorf("got\n%s", got)
	}
	if got, want := pages(3, types.ScanByTimestampDescending, a), `a "A" PartialData 3:3
--
a "A" Complete 1:1`; got != want {
		t.Errorf("got\n%s", got)
	}
	if got, want := pages(4, types.ScanByTimestampAscending, a, with(c, hidden), mathQuery("e", "a + FILL(b, 0)")),
		`a "A" PartialData 1:1
e "e" PartialData 0:0 1:1 [PartialData: The expression may contain partial data as one or more metrics have StatusCode 'Paginated']`; got != want {
		t.Errorf("got\n%s", got)
	}
}

func TestTokensAreBoundToTheirRequest(t *testing.T) {
	b := newBackend()
	b.put(t, "A", "", 0, 1, "None")
	first := func() *sdk.GetMetricDataInput {
		return &sdk.GetMetricDataInput{MetricDataQueries: []types.MetricDataQuery{statQuery("a", "A", "", "Sum", 60)}, MaxDatapoints: aws.Int32(2)}
	}
	out, err := b.get(first())
	if err != nil || out.NextToken == nil {
		t.Fatal(out, err)
	}
	for name, change := range map[string]func(*sdk.GetMetricDataInput){
		"query": func(in *sdk.GetMetricDataInput) { in.MetricDataQueries[0].MetricStat.Stat = aws.String("Average") },
		"range": func(in *sdk.GetMetricDataInput) {
			in.StartTime, in.EndTime = aws.Time(began), aws.Time(began.Add(6*time.Minute))
		},
		"order":   func(in *sdk.GetMetricDataInput) { in.ScanBy = types.ScanByTimestampDescending },
		"nothing": func(in *sdk.GetMetricDataInput) { in.NextToken = aws.String("not-a-token") },
		"other":   func(in *sdk.GetMetricDataInput) { in.NextToken = aws.String(awsapi.Seal("x,y", "data")) },
	} {
		in := first()
		in.NextToken = out.NextToken
		change(in)
		_, err := b.get(in)
		var refused *awsapi.Error
		if !errors.As(err, &refused) || refused.Code != "InvalidNextToken" || refused.Message != "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	in := first()
	in.NextToken, in.MaxDatapoints = out.NextToken, aws.Int32(3) // the page size may change
	if again, err := b.get(in); err != nil || again.NextToken != nil {
		t.Errorf("%v %v", again, err)
	}
}

func TestRequestsRefused(t *testing.T) {
	b := newBackend()
	a := statQuery("a", "A", "", "Sum", 60)
	many := make([]types.MetricDataQuery, 501)
	for i := range many {
		many[i] = statQuery(fmt.Sprintf("m%d", i), "A", "", "Sum", 60)
	}
	for want, in := range map[string]*sdk.GetMetricDataInput{
		"The values for parameter id in MetricDataQueries are not unique.":                                                 {MetricDataQueries: []types.MetricDataQuery{a, a}},
		"The value for parameter MetricDataQueries.member.1.Id is not matching the expected pattern ^[a-z][a-zA-Z0-9_]*$.": {MetricDataQueries: []types.MetricDataQuery{statQuery("Bad", "A", "", "Sum", 60)}},
		"The parameters MetricDataQueries.member.1.Expression and MetricDataQueries.member.1.MetricStat are mutually exclusive and you have specified both.": {
			MetricDataQueries: []types.MetricDataQuery{with(a, func(q *types.MetricDataQuery) { q.Expression = aws.String("1+1") })},
		},
		"The parameter MetricDataQueries.member.2.MetricStat is required.\n":                             {MetricDataQueries: []types.MetricDataQuery{a, {Id: aws.String("b")}}},
		"The value for parameter MetricDataQueries.member.1.MetricStat.Stat is not a valid statistic.\n": {MetricDataQueries: []types.MetricDataQuery{statQuery("a", "A", "", "sum", 60)}},
		"The parameter MetricDataQueries.member.1.MetricStat.Period must be a multiple of 60.\n":         {MetricDataQueries: []types.MetricDataQuery{statQuery("a", "A", "", "Sum", 61)}},
		"The parameter MetricDataQueries.member.1.MetricStat.Period must be a value in the set [1, 5, 10, 20, 30].\n": {
			MetricDataQueries: []types.MetricDataQuery{statQuery("a", "A", "", "Sum", 7)},
		},
		"The parameter MetricDataQueries.member.1.Period must be a multiple of 60.\n": {
			MetricDataQueries: []types.MetricDataQuery{with(mathQuery("e", "TIME_SERIES(1)"), func(q *types.MetricDataQuery) { q.Period = aws.Int32(90) })},
		},
		"The collection MetricDataQueries must not have a size greater than 500.":    {MetricDataQueries: many},
		"The parameter StartTime must be less than the parameter EndTime.":           {MetricDataQueries: many[:1], StartTime: aws.Time(began), EndTime: aws.Time(began)},
		"The parameter MaxDatapoints must be between 1 and 100800.":                  {MetricDataQueries: many[:1], MaxDatapoints: aws.Int32(100_801)},
		"Error in expression 'bad': Function 'NOT_A_FUNCTION' not found":             {MetricDataQueries: []types.MetricDataQuery{mathQuery("bad", "NOT_A_FUNCTION(a)"), a}},
		"Error in expression 'e': ID 'm9' not found":                                 {MetricDataQueries: []types.MetricDataQuery{mathQuery("e", "m9")}},
		"Period is a required field when using SEARCH function within an expression": {MetricDataQueries: []types.MetricDataQuery{mathQuery("e", "SEARCH('x', 'Sum')")}},
		"The value for parameter LabelOptions.Timezone is not matching the expected pattern ^[+-][0-9]{4}$.": {
			MetricDataQueries: many[:1], LabelOptions: &types.LabelOptions{Timezone: aws.String("+25:0")},
		},
		"The parameter MetricDataQueries.member.1.Label must not contain ${LABEL} more than once.": {
			MetricDataQueries: []types.MetricDataQuery{with(a, label("${LABEL} ${LABEL}"))},
		},
		"The parameter MetricDataQueries.member.1.Label must not contain more than 6 dynamic values.": {
			MetricDataQueries: []types.MetricDataQuery{with(a, label("${MIN}${MAX}${SUM}${AVG}${LAST}${FIRST}${MIN_TIME}"))},
		},
	} {
		_, err := b.get(in)
		var refused *awsapi.Error
		if !errors.As(err, &refused) || refused.Message != want || refused.Query != "ValidationError" {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func TestUnitsAndAccounts(t *testing.T) {
	b := newBackend()
	b.put(t, "U", "", 0, 1, "Seconds")
	b.put(t, "U", "", 0, 1000, "Milliseconds")
	of := func(id, unit string) types.MetricDataQuery {
		return with(statQuery(id, "U", "", "Sum", 60), func(q *types.MetricDataQuery) { q.MetricStat.Unit = types.StandardUnit(unit) })
	}
	b.want(t, `
all "U" Complete 0:1000 [MultipleUnits: Multiple units returned: '[Milliseconds, Seconds]']
s "U" Complete 0:1
wrong "U" Complete`, of("all", ""), of("s", "Seconds"), of("wrong", "Bytes"))
	account := func(id string) func(*types.MetricDataQuery) {
		return func(q *types.MetricDataQuery) { q.AccountId = aws.String(id) }
	}
	const denied = "[Forbidden: Access denied when getting data - please check that this account and the requested metric account are linked]"
	b.want(t, "m \"U\" Complete 0:1\no \"U\" Forbidden "+denied+"\ne \"e\" Forbidden "+denied,
		with(of("m", "Seconds"), account("123456789012")), with(of("o", "Seconds"), account("111111111111")), mathQuery("e", "m + o"))
}

// TestRange checks that starts are rounded by age and that data is available by its period's retention. AWS: GetMetricData, StartTime, Period.
func TestRange(t *testing.T) {
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		age, length time.Duration // of the start
		period      time.Duration
		from        time.Duration // age of the first period
		periods     int
	}{
		{time.Hour + 12*time.Second, time.Hour, time.Minute, time.Hour + time.Minute, 60}, // rounded down to the minute, as is the end
		{time.Hour + 12*time.Second, time.Minute, 10 * time.Second, time.Hour + 20*time.Second, 6},
		{time.Hour, 5*time.Minute + 30*time.Second, 5 * time.Minute, time.Hour, 1},
		{time.Hour, 6 * time.Minute, 5 * time.Minute, time.Hour, 2},
		{4 * time.Hour, 4 * time.Hour, 10 * time.Second, 3 * time.Hour, 1080}, // 1-second datapoints are retained for three hours
		{16 * 24 * time.Hour, 24 * time.Hour, time.Minute, 15 * 24 * time.Hour, 0},
		{16*24*time.Hour + time.Minute, 24 * time.Hour, 5 * time.Minute, 16*24*time.Hour + 5*time.Minute, 289},
		{16 * 24 * time.Hour, 25 * time.Hour, time.Minute, 15 * 24 * time.Hour, 60},
		{70*24*time.Hour + time.Minute, 2 * time.Hour, time.Hour, 70*24*time.Hour + time.Hour, 3},
		{time.Hour, 100 * time.Hour, time.Minute, time.Hour, 181}, // datapoints may be two hours ahead
		{20 * time.Second, 10 * time.Second, time.Minute, time.Minute, 0},
		{47 * time.Second, 10 * time.Second, 10 * time.Second, 50 * time.Second, 1}, // 1:05:13 to 1:05:23: AWS's example
		{16*24*time.Hour + 37*time.Second, time.Hour, 2 * time.Minute, 15*24*time.Hour - time.Minute, 0},
		{64*24*time.Hour + 37*time.Second, 2 * time.Hour, 5 * time.Minute, 63 * 24 * time.Hour, 0},
		{time.Hour, 2 * time.Hour, math.MaxInt32 / 60 * time.Minute, time.Hour, 1},
		{-3 * time.Hour, time.Hour, time.Minute, -3 * time.Hour, 0}, // ahead of all datapoints
	} {
		start := now.Add(-c.age)
		q := &dataRequest{tiers: defaultTiers(), now: now, start: start, end: start.Add(c.length)}
		if from, n := q.frame(c.period); now.Sub(from) != c.from || n != c.periods {
			t.Errorf("%v old, %v at %v: from %v ago, %d", c.age, c.length, c.period, now.Sub(from), n)
		}
	}
}

func TestVeryLongRanges(t *testing.T) {
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	for _, period := range []time.Duration{time.Second, time.Minute, time.Hour, math.MaxInt32 / 60 * time.Minute} {
		q := &dataRequest{tiers: defaultTiers(), now: now, start: time.Time{}, end: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)}
		if from, n := q.frame(period); n < 1 || n > 25_000 || now.Sub(from) > 456*24*time.Hour && period < 1000*time.Hour {
			t.Errorf("%v: %d periods from %v", period, n, from)
		}
	}
}

// BenchmarkGetMetricData reads 500 metrics over three hours at 60 s; the limit is 100 ms.
func BenchmarkGetMetricData(b *testing.B) {
	x := newBackend()
	x.now = began.Add(3 * time.Hour)
	in := &sdk.GetMetricDataInput{StartTime: aws.Time(began), EndTime: aws.Time(began.Add(3 * time.Hour)), ScanBy: types.ScanByTimestampAscending}
	for i := range 500 {
		name := fmt.Sprintf("m%d", i)
		for minute := range 180 {
			x.put(b, name, "Endpoint=e Variant=v", minute, float64(minute), "Count")
		}
		in.MetricDataQueries = append(in.MetricDataQueries, statQuery(name, name, "Endpoint=e Variant=v", "Average", 60))
	}
	for b.Loop() {
		out, err := x.get(in)
		if err != nil || len(out.MetricDataResults) != 500 || len(out.MetricDataResults[7].Values) != 180 {
			b.Fatal(err)
		}
	}
}
