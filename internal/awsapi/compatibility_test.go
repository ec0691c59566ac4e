package awsapi_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"bellows.dev/bellows/internal/awsapi"
	"bellows.dev/bellows/internal/awsapi/autoscaling"
	"bellows.dev/bellows/internal/awsapi/cloudwatch"
	"bellows.dev/bellows/internal/awsapi/ec2autoscaling"
	"bellows.dev/bellows/internal/awsapi/keys"
	"bellows.dev/bellows/internal/awsapi/logs"
	"bellows.dev/bellows/internal/awsapi/policies"
	"bellows.dev/bellows/internal/awsapi/sagemaker"
	"bellows.dev/bellows/internal/awsapi/sts"
)

// docs/compatibility.md lists every operation that is handled in its service's section, and its tables list no other.
func TestCompatibilityNamesEveryOperation(t *testing.T) {
	text, err := os.ReadFile("../../docs/compatibility.md")
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string]string{}
	for _, s := range strings.Split(string(text), "\n## ")[1:] {
		title, body, _ := strings.Cut(s, "\n")
		title, _, _ = strings.Cut(title, " (")
		sections[title] = body
	}
	bellows := policies.New(nil)
	keys.Add(bellows, nil, time.Now)
	word := regexp.MustCompile(`[A-Z][A-Za-z0-9]+`)
	for title, services := range map[string][]*awsapi.Service{
		"SageMaker": {sagemaker.New(nil, sagemaker.Options{})}, "Application Auto Scaling": {autoscaling.New(nil)}, "Bellows": {bellows},
		"EC2 Auto Scaling": {ec2autoscaling.New(nil)}, "CloudWatch": {cloudwatch.New(nil, nil)}, "CloudWatch Logs": {logs.New(nil, time.Now)},
		"STS and IAM": {sts.New(), sts.NewIAM(time.Time{})},
	} {
		var handled []string
		for _, s := range services {
			handled = append(handled, s.Operations()...)
		}
		body, named := sections[title], word.FindAllString(sections[title], -1)
		for _, operation := range handled {
			if !slices.Contains(named, operation) {
				t.Errorf("%s: %s is handled but not listed", title, operation)
			}
		}
		for row := range strings.Lines(body) {
			cells := strings.Split(row, "|")
			if len(cells) < 3 || strings.Contains(cells[1], "---") || strings.TrimSpace(cells[1]) == "operation" {
				continue
			}
			first, _, _ := strings.Cut(cells[1], " (")
			for name := range strings.SplitSeq(first, ",") {
				if name = strings.TrimSpace(name); !slices.Contains(handled, name) {
					t.Errorf("%s: the table lists %q, which is not handled", title, name)
				}
			}
		}
	}
}
