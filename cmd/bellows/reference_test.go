package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"bellows.dev/bellows/internal/act"
	"bellows.dev/bellows/internal/client"
	"bellows.dev/bellows/internal/console"
	"bellows.dev/bellows/internal/deploy"
	"bellows.dev/bellows/internal/doctor"
	"bellows.dev/bellows/internal/listing"
	"bellows.dev/bellows/scaling/policy"
)

// rewrite writes docs/cli.md.
var rewrite = flag.Bool("rewrite", false, "write docs/cli.md from the commands")

const referenceFile = "../../docs/cli.md"

// introduction begins docs/cli.md.
const introduction = `# Command line

This page is generated from the program (` + "`go test ./cmd/bellows -run TestReference -rewrite`" + `): do not edit it.

## What is called
Commands call the server of ` + "`--data-dir`" + ` (default ` + "`" + defaultDataDir + "`" + `), with the address and the key in it. ` + "`--endpoint-url URL`" + `, or the variable AWS_ENDPOINT_URL, which
` + "`bellows env`" + ` sets, calls a server by its URL with AWS's credentials of the environment. ` + "`--aws`" + ` and ` + "`--profile NAME`" + ` call AWS itself; other variables of AWS's
never do. What AWS has no API for is refused there with a sentence that says so. ` + "`--region`" + ` selects the region in each case.

## Output
Tables are for people: they are cut to the width of a terminal, and coloured on one alone. NO_COLOR turns colours off, CLICOLOR_FORCE on. Times are UTC.
` + "`--json`" + ` is for programs: members have AWS's names where AWS's API answers, times are RFC 3339, and members without a value are left out.
` + "`--watch`" + ` prints again every 2 s, or ` + "`--watch=INTERVAL`" + `; with ` + "`--json`" + ` one document a line. Errors are on standard error, and say what to do next.

## Exit codes
| code | meaning |
|---|---|
| 0 | success |
| 1 | something failed, or ` + "`bellows doctor`" + ` found something wrong |
| 2 | a mistake on the command line; nothing was called |
| 3 | the server refused the call |
| 4 | no server answers, or none is known |
| 5 | what is named does not exist |
| 130 | interrupted by Ctrl-C |

## Completion
` + "`source <(bellows completion bash)`" + `, or zsh, fish or powershell. Names of endpoints, variants, models, alarms and policy types are completed from the server.

`

// schemas are the JSON documents that are not AWS's alone.
var schemas = []struct {
	commands string
	of       reflect.Type
}{
	{"variants", reflect.TypeFor[listing.Variants]()},
	{"instances: {\"instances\": […]}, each", reflect.TypeFor[listing.Instance]()},
	{"policies: AWS's ScalingPolicies, each with Settings", reflect.TypeFor[struct{ Settings map[string]string }]()},
	{"policies types: a list, each", reflect.TypeFor[client.PolicyType]()},
	{"scale", reflect.TypeFor[act.Scaled]()},
	{"deploy, rollback", reflect.TypeFor[deploy.Result]()},
	{"doctor", reflect.TypeFor[doctor.Report]()},
	{"delete", reflect.TypeFor[deploy.Deletion]()},
}

// answers are the documents of AWS's members.
const answers = `## JSON
| command | members |
|---|---|
| endpoints | Endpoints: a list of [DescribeEndpoint](https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeEndpoint.html)'s answers |
| models | Models: a list of [DescribeModel](https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeModel.html)'s answers |
| alarms | MetricAlarms, CompositeAlarms ([DescribeAlarms](https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html)); AlarmHistoryItems of alarms that are named |
| policies | ScalingPolicies ([DescribeScalingPolicies](https://docs.aws.amazon.com/autoscaling/application/APIReference/API_DescribeScalingPolicies.html)) |
| schedules | ScheduledActions ([DescribeScheduledActions](https://docs.aws.amazon.com/autoscaling/application/APIReference/API_DescribeScheduledActions.html)) |
| activities | ScalingActivities ([DescribeScalingActivities](https://docs.aws.amazon.com/autoscaling/application/APIReference/API_DescribeScalingActivities.html)) |
| metrics | MetricDataResults ([GetMetricData](https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html)), From, To, Period in seconds; without a metric Metrics (ListMetrics) |

Documents of Bellows' own:

`

// The reference in docs/cli.md is what the program says of its commands.
func TestReference(t *testing.T) {
	var b strings.Builder
	b.WriteString(introduction)
	b.WriteString(answers)
	for _, s := range schemas {
		fmt.Fprintf(&b, "- %s: %s\n", s.commands, members(s.of))
	}
	b.WriteString("\n## Commands\n")
	c := root(policy.Types())
	c.InitDefaultHelpCmd()
	c.InitDefaultCompletionCmd()
	describeCommand(&b, c)
	text := b.String()
	if *rewrite {
		if err := os.WriteFile(referenceFile, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(filepath.FromSlash(referenceFile))
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != text {
		t.Error("docs/cli.md is not what the program says: run go test ./cmd/bellows -run TestReference -rewrite")
	}
}

// members writes the members of a document.
func members(t reflect.Type) string {
	var names []string
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" || !f.IsExported() {
			continue
		}
		if name == "" {
			name = f.Name
		}
		kind := f.Type
		for kind.Kind() == reflect.Pointer || kind.Kind() == reflect.Slice {
			kind = kind.Elem()
		}
		text := "`" + name + "`"
		if kind.Kind() == reflect.Struct && strings.HasPrefix(kind.PkgPath(), "bellows.dev") {
			text += " (" + members(kind) + ")"
		}
		names = append(names, text)
	}
	return strings.Join(names, ", ")
}

// describeCommand writes a command and those below it.
func describeCommand(b *strings.Builder, c *cobra.Command) {
	if c.HasParent() {
		fmt.Fprintf(b, "\n### %s\n%s.\n", c.CommandPath(), c.Short)
		fmt.Fprintf(b, "\n```\n%s\n```\n", c.UseLine())
		if c.Long != "" && c.Parent().Name() != "completion" {
			fmt.Fprintf(b, "\n%s\n", indented(c.Long))
		}
		if len(c.Aliases) > 0 {
			fmt.Fprintf(b, "\nAlso: `%s`.\n", strings.Join(c.Aliases, "`, `"))
		}
		if c.Example != "" {
			fmt.Fprintf(b, "\n```\n%s\n```\n", unindented(c.Example))
		}
		flags := rows(c)
		if len(flags) > 0 {
			fmt.Fprintf(b, "\n| flag | meaning |\n|---|---|\n%s\n", strings.Join(flags, "\n"))
		}
	}
	for _, below := range c.Commands() {
		if !below.Hidden && below.Name() != "help" {
			describeCommand(b, below)
		}
	}
}

// indented keeps code of a text, which is indented by two spaces, as code of Markdown.
func indented(text string) string {
	return strings.ReplaceAll(text, "\n  ", "\n      ")
}

func unindented(text string) string {
	return strings.ReplaceAll(strings.TrimPrefix(text, "  "), "\n  ", "\n")
}

// connectionFlags are explained in the introduction.
var connectionFlags = []string{"data-dir", "region", "endpoint-url", "profile", "aws", "help"}

// rows are the rows of a command's flags.
func rows(c *cobra.Command) (out []string) {
	calls := c.Flags().Lookup("endpoint-url") != nil || c.PersistentFlags().Lookup("endpoint-url") != nil
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" || calls && slices.Contains(connectionFlags, f.Name) {
			return
		}
		name := "--" + f.Name
		if f.Shorthand != "" {
			name = "-" + f.Shorthand + ", " + name
		}
		if kind := f.Value.Type(); kind != "bool" {
			name += " " + kind
		}
		usage := strings.ReplaceAll(f.Usage, "|", `\|`)
		if d := f.DefValue; d != "" && d != "false" && d != "0" && d != "0s" && d != "[]" {
			usage += " (default " + d + ")"
		}
		out = append(out, fmt.Sprintf("| `%s` | %s |", name, usage))
	})
	if calls {
		out = append(out, "| | and those of [what is called](#what-is-called) |")
	}
	return out
}

// Every command that people run has a summary, and every command that calls a server an example.
func TestCommandsHaveExamples(t *testing.T) {
	var each func(c *cobra.Command)
	each = func(c *cobra.Command) {
		if c.Short == "" {
			t.Errorf("%s has no summary", c.CommandPath())
		}
		if calls := c.PersistentFlags().Lookup("endpoint-url") != nil; calls && (c.Example == "" || c.Flags().Lookup("data-dir") == nil && c.PersistentFlags().Lookup("data-dir") == nil) {
			t.Errorf("%s has no example", c.CommandPath())
		}
		for _, below := range c.Commands() {
			each(below)
		}
	}
	each(root(policy.Types()))
}

// The client knows the console's API by its path.
func TestThePathOfTheConsolesAPI(t *testing.T) {
	if client.ConsolePath != console.APIPath {
		t.Errorf("%s, but %s", client.ConsolePath, console.APIPath)
	}
}
