package expr

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"bellows.dev/bellows/metric"
)

// recorded are the metrics that searches were recorded with, under one namespace. AWS: recorded.
var recorded = []metric.ID{
	metric.NewID(ns, "CustomCount1", metric.Dimension{Name: "ServiceName", Value: "Project2-trial333"}, metric.Dimension{Name: "Node", Value: "blue"}),
	metric.NewID(ns, "CustomCount1", metric.Dimension{Name: "ServiceName", Value: "Project2-trial333"}),
	metric.NewID(ns, "CustomCount1"),
	metric.NewID(ns, "customcount1", metric.Dimension{Name: "ServiceName", Value: "Alpha"}, metric.Dimension{Name: "Node", Value: "lower"}),
	metric.NewID(ns, "SDBFailure", metric.Dimension{Name: "ServiceName", Value: "Beta"}, metric.Dimension{Name: "Node", Value: "red"}),
	metric.NewID(ns, "Network-Errors_2", metric.Dimension{Name: "ServiceName", Value: "Beta"}, metric.Dimension{Name: "Node", Value: "blue"}),
	metric.NewID(ns, "NetworkErrors2", metric.Dimension{Name: "ServiceName", Value: "Gamma"}, metric.Dimension{Name: "Node", Value: "green"}),
	metric.NewID(ns, "KeyWitness", metric.Dimension{Name: "CustomCount1", Value: "ExactValue"}),
	metric.NewID(ns, "ValueWitness", metric.Dimension{Name: "ServiceName", Value: "CustomCount1"}),
	metric.NewID(ns, `Europe\France Traffic(Network)"Quote`, metric.Dimension{Name: "Dimension@Name", Value: "zone'one"}),
	metric.NewID(ns, "CustomCount1", metric.Dimension{Name: "ServiceName", Value: "Alpha"}, metric.Dimension{Name: "Node", Value: "red"},
		metric.Dimension{Name: "Extra", Value: "x"}),
	metric.NewID(ns, "CustomCount1", metric.Dimension{Name: "OtherKey", Value: "Project2-trial333"}),
}

const ns = "Shop/Project2-trial333/8c31d8f2eb30"

func TestSearchFindsWhatCloudWatchFinds(t *testing.T) {
	const all, count1 = "0 1 2 3 4 5 6 7 8 9 10 11", "0 1 2 7 8 10 11"
	for query, want := range map[string]string{
		`Namespace="` + ns + `"`: all, `"` + ns + `"`: all, `Namespace="` + strings.ToLower(ns) + `"`: "", "": all,
		`{"` + ns + `"}`: "2", `{"` + ns + `",ServiceName}`: "1 8", `{"` + ns + `",ServiceName,Node}`: "0 3 4 5 6", `{"` + ns + `", Node, ServiceName}`: "0 3 4 5 6",
		`{"` + ns + `",ServiceName,Node,Extra}`: "10", `{"` + ns + `",Missing}`: "", `{"` + ns + `",servicename}`: "", `{"` + ns + `",Node,Node}`: "",
		`{"` + ns + `","Dimension@Name"}`: "9", `{` + ns + `, ServiceName}, "CustomCount1"`: "1 8",
		`MetricName="CustomCount1"`: "0 1 2 10 11", `MetricName="customcount1"`: "3", `MetricName=count`: "0 1 2 10 11", `MetricName="AbsentMetric"`: "",
		`ServiceName="Project2-trial333"`: "0 1", `ServiceName=trial`: "0 1", `servicename=trial`: "", `"CustomCount1"`: count1, `"OtherKey"`: "11", `"ExactValue"`: "7",
		"count": count1, "COUNT": count1, "Count": count1, "couNT": "", "CustomCount": count1, "customcount": "0 1 2 3 7 8 10 11",
		"Count1": count1, "count1": count1, "customcount1": "0 1 2 3 7 8 10 11", "sdb": "4", "SDBFailure": "4", "sdbfailure": "4", "ount": "",
		"OtherKey=333": "11", "ServiceName=33": "", "network/errors": "5 6", "network+errors": "5 6", "Network_Errors": "5 6", `"Network-Errors_2"`: "5",
		`"Network_Errors_2"`: "", `MetricName="CustomCount1" Node=red`: "10", `MetricName="CustomCount1" AND Node=red`: "10",
		`MetricName="SDBFailure" OR MetricName="NetworkErrors2"`: "4 6", `MetricName="CustomCount1" NOT Node=red`: "0 1 2 11",
		`NOT MetricName="CustomCount1"`: "3 4 5 6 7 8 9", `MetricName="SDBFailure" OR MetricName="CustomCount1" AND Node=blue`: "0 4",
		`(MetricName="SDBFailure" OR MetricName="CustomCount1") AND Node=blue`: "0", `NOT "CustomCount1" NOT ServiceName=beta`: "3 6 9",
		`MetricName="SDBFailure" OR (MetricName="CustomCount1" AND (Node=blue OR Node=red))`: "0 4 10",
		`MetricName="CustomCount1" and Node=red`:                                             "", `Node=("red" OR "green")`: "4 6 10", `"Node"="red"`: "4 10", `Node = red`: "4 10",
		`MetricName="Europe\\France Traffic\(Network\)\"Quote"`: "9", `MetricName="Europe\\France Traffic(Network)\"Quote"`: "9",
		`"Dimension@Name"="zone'one"`: "9", ":aws.AccountId=123456789012": all, `:aws.AccountId="123456789012"`: all,
		`:aws.AccountId = "LOCAL"`: all, ":aws.AccountId=111122223333": "",
	} {
		s, err := parseSearch(query)
		if err != nil {
			t.Errorf("%s: %v", query, err)
			continue
		}
		var found []string
		for i, id := range recorded {
			f := s.filter()
			matches := s.matches(id, "123456789012")
			if w := listed(id); matches && len(w.List(f)) != 1 {
				t.Errorf("%s finds %v, which its filter %+v leaves out", query, id, f)
			}
			if matches {
				found = append(found, fmt.Sprint(i))
			}
		}
		if got := strings.Join(found, " "); got != want {
			t.Errorf("%s finds %s, want %s", query, got, want)
		}
	}
}

// listed is a window with one metric.
func listed(id metric.ID) *metric.Window {
	w := metric.NewWindow(time.Hour)
	var sum metric.Summary
	sum.Add(1, 1)
	w.Series(id).Record(start, time.Minute, "None", &sum)
	return w
}

func TestSearchRefused(t *testing.T) {
	for _, query := range []string{
		`{"N"`, "{}", "{,}", "(a", "a)", "a AND", "OR a", "AND", "NOT", "a OR", "A==b", "A=", "=b", `"open`, `""`, "a AND AND b", "--", "A=(b", "A=(B=c)",
		strings.Repeat("a", searchMax+1), "{N} {M}", "'a'", "a}",
	} {
		if _, err := parseSearch(query); err == nil || err.Error() != "Invalid SEARCH parameter: "+query {
			t.Errorf("%s: %v", query, err)
		}
	}
}

// AWS: search expression syntax, tokenization.
func TestTokens(t *testing.T) {
	for src, want := range map[string]string{
		"CustomCount1": "custom count 1", "SDBFailure": "sdb failure", "Project2-trial333": "project 2 trial 333", "Network-Errors_2": "network errors 2",
		"a": "a", "": "", "--": "", "AWS/EC2": "aws ec 2", "ABC": "abc", "aB": "a b", "é1": "1",
	} {
		got := tokenize(src)
		var parts []string
		from := 0
		for _, c := range append(slices.Clone(got.cuts), len(got.text)) {
			if c > from {
				parts = append(parts, string(got.text[from:c]))
			}
			from = c
		}
		if strings.Join(parts, " ") != want {
			t.Errorf("%s: %v, want %s", src, parts, want)
		}
	}
}

func TestSearchEvaluated(t *testing.T) {
	w := metric.NewWindow(time.Hour)
	for i := range 600 {
		var sum metric.Summary
		sum.Add(float64(i), 1)
		w.Series(metric.NewID("N", "many", metric.Dimension{Name: "D", Value: fmt.Sprintf("v%03d", i)})).Record(start, time.Minute, "None", &sum)
	}
	var old metric.Summary
	old.Add(1, 1)
	w.Series(metric.NewID("N", "old")).Record(start.Add(-15*24*time.Hour), time.Minute, "None", &old)
	queries := []metric.DataQuery{
		{ID: "found", Expression: "SEARCH('{N,D} v002 OR v001', 'Sum', 60)"}, {ID: "total", Expression: "SUM(found)"},
		{ID: "old", Expression: "SEARCH('MetricName=\"old\"', 'Sum', 60)"},
	}
	p, err := Compile(queries)
	if err != nil || !p.Searches(0) || !p.Searches(1) || p.Type(0) != Array {
		t.Fatalf("%v %v", p, err)
	}
	var s Scratch
	o := Options{From: start, Until: start.Add(time.Minute), Now: start}
	results, err := p.Eval(w, o, &s)
	if err != nil || len(results) != 3 || s.Cut() {
		t.Fatalf("%+v %v", results, err)
	}
	for i, want := range []string{"1", "2", "3"} {
		if show(results[i].Values) != want {
			t.Errorf("%d: %v, want %s", i, results[i].Values, want)
		}
	}
	if o := results[1].Origin; o == nil || o.Metric.Dimensions[0].Value != "v002" || o.Statistic.Kind != metric.Sum || o.Query != 0 || results[2].Origin != nil {
		t.Errorf("origins %+v %+v", o, results[2].Origin)
	}
	p, err = Compile([]metric.DataQuery{expression("all", "SEARCH('', 'Sum', 60)")})
	if err != nil {
		t.Fatal(err)
	}
	if results, err = p.Eval(w, o, &s); err != nil || len(results) != MetricsMax || !s.Cut() {
		t.Errorf("%d metrics, cut %v, %v", len(results), s.Cut(), err)
	}
}

// An evaluation asks regularly whether to continue, and stops where the answer is no: while it searches, reads, reduces an array or sorts.
func TestEvaluationsStop(t *testing.T) {
	many := metric.NewWindow(time.Hour)
	for i := range 3000 {
		var sum metric.Summary
		sum.Add(1, 1)
		many.Series(metric.NewID("N", "Metric", metric.Dimension{Name: "Node", Value: fmt.Sprint("node", i)})).Record(start, time.Minute, "", &sum)
	}
	search := "SEARCH('" + strings.Repeat("absent OR ", 90) + "node', 'Sum', 60)"
	wide := "SEARCH('{N,Node}', 'Sum', 60)"
	for name, text := range map[string]string{
		"a search": search, "a search without a match": strings.Replace(search, "node'", "none'", 1), "what is read": wide, "a reduction": "SUM(" + wide + ")",
		"an order": "SORT(" + wide + ", SUM, DESC)", "arithmetic": "2 * " + wide,
	} {
		p, err := Compile([]metric.DataQuery{{ID: "e", Expression: text, Period: time.Minute}})
		if err != nil {
			t.Fatal(name, err)
		}
		o := Options{From: start, Until: start.Add(12 * time.Hour), Now: start}
		asked := 0
		o.More = func() bool { asked++; return true }
		var s Scratch
		if _, err := p.Eval(many, o, &s); err != nil || asked < 5 {
			t.Errorf("%s: %v after %d questions", name, err, asked)
			continue
		}
		for _, budget := range []int{0, 1, asked / 2, asked - 1} {
			left := budget
			o.More = func() bool { left--; return left >= 0 }
			if _, err := p.Eval(many, o, &s); !errors.Is(err, ErrStopped) || left != -1 {
				t.Errorf("%s, stopped at question %d of %d: %v, asked %d times more", name, budget+1, asked, err, -1-left)
			}
		}
		o.More = nil
		if _, err := p.Eval(many, o, &s); err != nil {
			t.Errorf("%s, not stopped: %v", name, err)
		}
	}
}
