package e2e

import (
	"bufio"
	"context"
	"os/exec"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker"
)

// An unmodified boto3 reads, searches and follows the logs of instances, also of one that failed and of a deleted endpoint.
func TestLogsOfInstances(t *testing.T) {
	t.Parallel()
	s := start(t, t.TempDir())
	s.deploy("good", 2, nil)
	s.configure("bad", 1, map[string]string{"BELLOWS_DEMO_EXIT_AT_START": "1"})
	if _, err := s.sagemaker().CreateEndpoint(t.Context(), &sagemaker.CreateEndpointInput{
		EndpointName: aws.String("bad"), EndpointConfigName: aws.String("bad"),
	}); err != nil {
		t.Fatal(err)
	}
	if out := s.script("python3", "boto3_logs.py", "good", "bad"); !strings.Contains(out, "all passed") {
		t.Errorf("the script did not complete: %s", out)
	}
}

// The AWS CLI reads the logs of instances; its version 2 follows them.
func TestAWSCLIReadsLogs(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("aws"); err != nil {
		lacking(t, "the AWS CLI is not installed")
	}
	s := start(t, t.TempDir())
	s.deploy("cli", 1, nil)
	const group = "/aws/sagemaker/Endpoints/cli"
	var found struct {
		Events []struct{ Message, LogStreamName string }
	}
	s.until("a line", func() bool {
		decode(t, s.script("aws", "logs", "filter-log-events", "--log-group-name", group, "--filter-pattern", "listening"), &found)
		return len(found.Events) == 1
	})
	if e := found.Events[0]; !strings.HasPrefix(e.LogStreamName, "AllTraffic/i-") || !strings.HasPrefix(e.Message, "demo model: listening") {
		t.Errorf("%+v", e)
	}
	if !strings.HasPrefix(s.script("aws", "--version"), "aws-cli/2") {
		t.Skip("aws logs tail needs version 2 of the AWS CLI")
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tail := s.command(ctx, "aws", "logs", "tail", group, "--follow", "--since", "10m")
	out, err := tail.StdoutPipe()
	if err == nil {
		err = tail.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() && !strings.Contains(lines.Text(), "demo model: stopped") {
		if strings.Contains(lines.Text(), "demo model: listening") { // then what it follows ends
			if _, err := s.sagemaker().DeleteEndpoint(t.Context(), &sagemaker.DeleteEndpointInput{EndpointName: aws.String("cli")}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if !strings.Contains(lines.Text(), "demo model: stopped") {
		t.Errorf("it ended before the instance did: %v", lines.Err())
	}
	cancel()
	_ = tail.Wait() // it was killed
}
