package server

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "write the tables of docs/reference/metrics.md from the code")

const metricsFile = "../../docs/reference/metrics.md"

// meanings of a variant's metrics.
var meanings = map[string]string{
	"Invocations":                  "invocations",
	"InvocationsPerInstance":       "invocations divided by the number of instances in service",
	"Invocation4XXErrors":          "invocations with an HTTP status of 400 to 499",
	"Invocation5XXErrors":          "invocations with an HTTP status of 500 to 599",
	"InvocationModelErrors":        "invocations that the model server failed, also by no answer in time",
	"ModelLatency":                 "from the request to the model server to the end of its answer",
	"OverheadLatency":              "the rest of the time of an invocation: in the gateway, and waiting for an instance",
	"ConcurrentRequestsPerModel":   "requests in progress, those that wait included, per instance",
	"NoCapacityInvocationFailures": "invocations at zero capacity",
	"CPUUtilization":               "CPU time; 100 is one vCPU, so an instance with 4 has at most 400",
	"CPUUtilizationNormalized":     "CPU time; 100 is all vCPUs of the instance",
	"MemoryUtilization":            "memory in use, as a share of the instance type's",
	"DiskUtilization":              "disk space in use, as a share of the instance's",
	"ModelDownloadTime":            "the fetch of the model data, one sample per start",
	"ContainerStartDuration":       "from the start of the model server to its first successful ping, one sample per start",
	"ColdStartDuration":            "from the first attempt to start an instance to the first successful ping, one sample per start",
}

// The tables of the metrics are those of the code: what the engine publishes of variants, and what this package exports at /metrics.
func TestMetricsReference(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(metricsFile)
	if err != nil {
		t.Fatal(err)
	}
	want := section(t, string(page), "variant", variantMetricsTable(t))
	want = section(t, want, "server", serverMetricsTable(t))
	if *rewrite {
		if err := os.WriteFile(metricsFile, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(page) != want {
		t.Error("docs/reference/metrics.md is not what the code says: run go test ./internal/server -run TestMetricsReference -rewrite")
	}
}

// section replaces what is between the comments that begin and end a section.
func section(t *testing.T, page, name, text string) string {
	t.Helper()
	head, rest, found := strings.Cut(page, "<!-- begin "+name+" -->\n")
	_, tail, ends := strings.Cut(rest, "<!-- end "+name+" -->\n")
	if !found || !ends {
		t.Fatalf("the page has no section %s", name)
	}
	return head + "<!-- begin " + name + " -->\n" + text + "<!-- end " + name + " -->\n" + tail
}

var publishedMetric = regexp.MustCompile(`\{(namespaceInvocations|namespaceInstances), "(\w+)", "(\w+)", metric\.(Standard|High)Resolution\}`)

func variantMetricsTable(t *testing.T) string {
	t.Helper()
	source, err := os.ReadFile("../../engine/measure.go")
	if err != nil {
		t.Fatal(err)
	}
	namespaces := map[string]string{"namespaceInvocations": "AWS/SageMaker", "namespaceInstances": "/aws/sagemaker/Endpoints"}
	out, n := "| namespace | metric | unit | resolution | meaning |\n|---|---|---|---|---|\n", 0
	for _, m := range publishedMetric.FindAllStringSubmatch(string(source), -1) {
		if meanings[m[2]] == "" {
			t.Errorf("%s has no meaning in this test", m[2])
		}
		resolution, unit := "1 minute", m[3]
		if m[4] == "High" {
			resolution = "1 second"
		}
		out += fmt.Sprintf("| `%s` | %s | %s | %s | %s |\n", namespaces[m[1]], m[2], unit, resolution, meanings[m[2]])
		n++
	}
	if n != len(meanings) {
		t.Errorf("the engine publishes %d metrics, and %d have a meaning", n, len(meanings))
	}
	return out
}

// serverMetricsTable has a row for each metric that the sources of this package describe.
func serverMetricsTable(t *testing.T) string {
	t.Helper()
	var rows []string
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), f.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				switch called, is := n.Fun.(*ast.Ident); {
				case is && called.Name == "desc":
					all := labels(n.Args)
					rows = append(rows, metricRow("bellows_"+all[0], all[1], all[2:]))
				default:
					rows = append(rows, optsRow(n)...)
				}
			default:
			}
			return true
		})
	}
	slices.Sort(rows)
	if len(rows) < 30 {
		t.Fatalf("only %d metrics were found: the search is broken", len(rows))
	}
	return "| metric | type | labels | meaning |\n|---|---|---|---|\n" + strings.Join(rows, "")
}

// optsRow is the row of a metric that is made by a call with options; none for other calls.
func optsRow(call *ast.CallExpr) []string {
	if len(call.Args) == 0 {
		return nil
	}
	opts, is := call.Args[0].(*ast.CompositeLit)
	if !is {
		return nil
	}
	fields := map[string]string{}
	for _, e := range opts.Elts {
		if kv, is := e.(*ast.KeyValueExpr); is {
			if key, is := kv.Key.(*ast.Ident); is {
				fields[key.Name] = strings.Join(labels([]ast.Expr{kv.Value}), "")
			}
		}
	}
	if !strings.HasPrefix(fields["Name"], "bellows_") {
		return nil
	}
	var of []string
	if len(call.Args) > 1 {
		if list, is := call.Args[1].(*ast.CompositeLit); is {
			of = labels(list.Elts)
		}
	}
	return []string{metricRow(fields["Name"], fields["Help"], of)}
}

// labels are the texts in expressions, with those of a variant for the name of the list of them.
func labels(all []ast.Expr) (out []string) {
	for _, e := range all {
		ast.Inspect(e, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.SliceExpr: // variantLabels[:…]
				out = append(out, variantLabels...)
				return false
			case *ast.Ident:
				if n.Name == "variantLabels" {
					out = append(out, variantLabels...)
				}
			case *ast.BasicLit:
				if text, err := strconv.Unquote(n.Value); err == nil && n.Kind == token.STRING {
					out = append(out, text)
				}
			default:
			}
			return true
		})
	}
	return out
}

func metricRow(name, help string, labels []string) string {
	kind := "gauge"
	switch {
	case strings.HasSuffix(name, "_total"):
		kind = "counter"
	case strings.HasSuffix(name, "_duration_seconds"):
		kind = "histogram"
	}
	return fmt.Sprintf("| `%s` | %s | %s | %s |\n", name, kind, strings.Join(labels, ", "), strings.TrimSuffix(help, "."))
}
