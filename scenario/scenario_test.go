package scenario_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bellows.dev/bellows/internal/zone"
	"bellows.dev/bellows/scenario"
)

var rewrite = flag.Bool("rewrite", false, "accept what really happens; read the difference before you commit it")

func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("../scenarios/*.txt")
	if err != nil || len(files) < 150 {
		t.Fatalf("%d scenarios: %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got, err := scenario.RunWith(string(text), scenario.Options{Zone: zone.Data})
			if err != nil {
				t.Fatal(err)
			}
			if again, err := scenario.RunWith(string(text), scenario.Options{Zone: zone.Data}); err != nil || again != got {
				t.Errorf("the second run differs: %v; traces %x and %x\n%s", err, got.Trace, again.Trace, cmp.Diff(got.Text, again.Text))
			}
			if *rewrite {
				if err := os.WriteFile(file, []byte(got.Text), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(text), got.Text); diff != "" {
				t.Errorf("-expected +happened:\n%s", diff)
			}
		})
	}
}

func TestMistakesAreNamed(t *testing.T) {
	for text, want := range map[string]string{
		"fly me": `line 1: "fly me": there is no command fly`,
		"# one\n\n# three\nrun 1m\n----\n0:00 x\n\nrun 1m\nServe e\n": `line 9: "Serve e": there is no command Serve`,
		"run":                             "argument 1 is missing",
		"run forever":                     "not a duration to run for",
		"target e":                        "not ENDPOINT/VARIANT",
		"target e/v min=few":              "min=few is not a whole number",
		"endpoint e size=9":               "knows no size=",
		"metric A/m 5x0":                  "has no count",
		"metric A/m five":                 "neither a number nor _",
		"alarm a metric=A/m missing=lost": "missing=lost",
		"step p on e/v steps=1":           "not a step such as",
		"state a GONE":                    "not a state",
		"composite":                       "argument 1 is missing",
		"composite c wait=soon rule=TRUE": "wait=soon is not a duration",
		"composite c because=TRUE":        "knows no because=",
		"promql p query=up interval=1s":   "shorter than 10 s",
		"returned p web=much":             "web=much is not a number",
		"metrics A/m":                     "not NAMESPACE/NAME=VALUE",
		"metrics A/m=1,five":              "neither a number nor _",
		"forget":                          "argument 1 is missing",
		"table of=3 0 0":                  "looks at 5",
		"begin yesterday":                 "yesterday is not a time such as",
		"times \"cron(1)\" n=0":           "n is not a number",
		"times \"cron(1)\" zone=Mars":     "Mars is not a time zone",
		"down":                            "argument 1 is missing",
		"warnings e":                      "not ENDPOINT/VARIANT",
		"consider e/v":                    "nothing scales e/v",
		"tag e/v a=b":                     "e/v is not a scalable target",
		"untag e/v a":                     "e/v is not a scalable target",
		"actions a maybe":                 "neither on nor off",
		"actions AlarmLow of p on e/v on": "e/v is not a scalable target",
		"crash e/v":                       "no instance in service",
		"start soon":                      "not a duration to start for",
		"keep p on e":                     "not ENDPOINT/VARIANT",
		"math m1 m1=five":                 "neither a number nor _",
		"math m1 m1=1 period=1s":          "a minute or more",
		"metric A/m 5 samples=0":          "not a number above 0",
		"alarm a metric=A/m at-least=few": "at-least=few is not a number",
		"state a ALARM fresh=1 age=old":   "age=old is not a duration",
		"schedule s on e/v start=noon":    "start=noon is not a time",
	} {
		if _, err := scenario.Run(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func FuzzRun(f *testing.F) {
	f.Add("endpoint e variant=v\ntarget e/v min=1 max=2\n----\n")
	f.Add("metric A/m 1x2 _ 3\n")
	f.Add("set e/v 2")
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, "run") || strings.Contains(text, "metric") || strings.Contains(text, "instances") ||
			strings.Contains(text, "set") || strings.Contains(text, "min") || strings.Contains(text, "table") {
			t.Skip() // too much time or too many instances
		}
		_, _ = scenario.Run(text)
	})
}
