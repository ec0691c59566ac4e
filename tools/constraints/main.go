// Command constraints writes constraints.json: the limits that AWS's API models put on the members of the operations served here:
//
//	go generate ./internal/awsapi/wire
//
// The models are files of github.com/aws/aws-sdk-go, in the version that go.mod requires; newer.go adds what AWS has added since. A test
// compares the table that ships with a new one.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/aws/aws-sdk-go/aws" //nolint:staticcheck // only its API models are read; the import keeps the module in go.mod
)

// sdk is the module whose API models are read.
const sdk = "github.com/aws/aws-sdk-go"

// served lists the operations whose input is checked, by service and model.
var served = map[string]struct {
	model      string
	operations string
}{
	"sagemaker": {"sagemaker/2017-07-24", `AddTags CreateEndpoint CreateEndpointConfig CreateModel DeleteEndpoint
		DeleteEndpointConfig DeleteModel DeleteTags DescribeEndpoint DescribeEndpointConfig DescribeModel ListEndpointConfigs
		ListEndpoints ListModels ListTags UpdateEndpoint UpdateEndpointWeightsAndCapacities`},
	"application-autoscaling": {"application-autoscaling/2016-02-06", `DeleteScalingPolicy DeregisterScalableTarget
		DescribeScalableTargets DescribeScalingActivities DescribeScalingPolicies ListTagsForResource PutScalingPolicy
		RegisterScalableTarget TagResource UntagResource
		DeleteScheduledAction DescribeScheduledActions PutScheduledAction
		GetPredictiveScalingForecast`},
	"autoscaling": {"autoscaling/2011-01-01", `DeletePolicy DescribeAutoScalingGroups DescribeAutoScalingInstances DescribePolicies
		DescribeScalingActivities ExecutePolicy PutScalingPolicy ResumeProcesses SetDesiredCapacity SuspendProcesses
		UpdateAutoScalingGroup BatchDeleteScheduledAction BatchPutScheduledUpdateGroupAction DeleteScheduledAction
		DescribeScheduledActions PutScheduledUpdateGroupAction`},
	"logs": {"logs/2014-03-28", `DescribeLogGroups DescribeLogStreams FilterLogEvents GetLogEvents`},
	"monitoring": {"monitoring/2010-08-01", `DeleteAlarms DescribeAlarmContributors DescribeAlarmHistory DescribeAlarms
		DescribeAlarmsForMetric DisableAlarmActions EnableAlarmActions GetMetricData GetMetricStatistics ListMetrics ListTagsForResource
		PutCompositeAlarm PutMetricAlarm PutMetricData SetAlarmState TagResource UntagResource
		PutAlarmMuteRule GetAlarmMuteRule ListAlarmMuteRules DeleteAlarmMuteRule`},
}

// shape is the part of a model's shape that limits values.
type shape struct {
	Type     string            `json:"type"`
	Required []string          `json:"required,omitempty"`
	Members  map[string]string `json:"members,omitempty"` // name → shape
	Member   string            `json:"member,omitempty"`
	Key      string            `json:"key,omitempty"`
	Value    string            `json:"value,omitempty"`
	Enum     []string          `json:"enum,omitempty"`
	Min      *float64          `json:"min,omitempty"`
	Max      *float64          `json:"max,omitempty"`
	Pattern  string            `json:"pattern,omitempty"`
}

type ref struct {
	Shape string `json:"shape"`
}

type modelShape struct {
	Type     string         `json:"type"`
	Required []string       `json:"required"`
	Members  map[string]ref `json:"members"`
	Member   ref            `json:"member"`
	Key      ref            `json:"key"`
	Value    ref            `json:"value"`
	Enum     []string       `json:"enum"`
	Min      *float64       `json:"min"`
	Max      *float64       `json:"max"`
	Pattern  string         `json:"pattern"`
}

type operation struct {
	Input ref `json:"input"`
}

type model struct {
	Operations map[string]operation  `json:"operations"`
	Shapes     map[string]modelShape `json:"shapes"`
}

type service struct {
	Operations map[string]string `json:"operations"` // operation → input shape
	Shapes     map[string]shape  `json:"shapes"`
}

func main() {
	out := flag.String("o", "constraints.json", "file to write")
	flag.Parse()
	if err := run(context.Background(), *out); err != nil {
		fmt.Fprintln(os.Stderr, "constraints:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out string) error {
	text, err := generate(ctx)
	if err != nil {
		return err
	}
	return os.WriteFile(out, text, 0o644)
}

// modelFolder returns the folder of the API models, in the module cache.
func modelFolder(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", sdk).Output()
	dir := strings.TrimSpace(string(out))
	if err != nil || dir == "" {
		return "", fmt.Errorf("looking for the API models of aws-sdk-go %s (go mod download): %w", aws.SDKVersion, err)
	}
	return filepath.Join(dir, "models", "apis"), nil
}

// generate returns the table as JSON.
func generate(ctx context.Context) ([]byte, error) {
	models, err := modelFolder(ctx)
	if err != nil {
		return nil, err
	}
	table := map[string]service{}
	for name, s := range served {
		text, err := os.ReadFile(filepath.Join(models, filepath.FromSlash(s.model), "api-2.json"))
		if err != nil {
			return nil, fmt.Errorf("reading a model: %w", err)
		}
		var m model
		if err := json.Unmarshal(text, &m); err != nil {
			return nil, fmt.Errorf("decoding %s: %w", s.model, err)
		}
		amend(name, &m)
		t := service{map[string]string{}, map[string]shape{}}
		for _, op := range strings.Fields(s.operations) {
			input := m.Operations[op].Input.Shape
			if input == "" {
				return nil, fmt.Errorf("%s has no operation %s with an input", s.model, op)
			}
			t.Operations[op] = input
			t.collect(&m, input)
		}
		table[name] = t
	}
	text, err := json.Marshal(table)
	if err != nil {
		return nil, fmt.Errorf("encoding the table: %w", err)
	}
	return append(text, '\n'), nil
}

func (t service) collect(m *model, name string) {
	if _, done := t.Shapes[name]; done || name == "" {
		return
	}
	in := m.Shapes[name]
	s := shape{
		Type: in.Type, Required: in.Required, Member: in.Member.Shape, Key: in.Key.Shape, Value: in.Value.Shape, Enum: in.Enum,
		Min: in.Min, Max: in.Max, Pattern: in.Pattern,
	}
	t.Shapes[name] = s
	if len(in.Members) > 0 {
		s.Members = map[string]string{}
		for member, r := range in.Members {
			s.Members[member] = r.Shape
			t.collect(m, r.Shape)
		}
		t.Shapes[name] = s
	}
	for _, next := range []string{s.Member, s.Key, s.Value} {
		t.collect(m, next)
	}
}
