package sagemaker_test

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/hosting"
	"bellows.dev/bellows/scaling"
)

// operations are those that the service has.
func operations(t *testing.T) (names []string) {
	t.Helper()
	text, err := os.ReadFile("service.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`awsapi\.Handle\(s, "(\w+)"`).FindAllStringSubmatch(string(text), -1) {
		names = append(names, m[1])
	}
	if len(names) < 17 {
		t.Fatalf("only %q are found", names)
	}
	return names
}

// Each operation is refused in the tests for what is missing, malformed and, where it names something, not there.
func TestEveryOperationHasRefusals(t *testing.T) {
	for _, name := range operations(t) {
		var codes []string
		for _, x := range refusals {
			if x.operation == name {
				codes = append(codes, x.code)
			}
		}
		if len(codes) < 3 || !slices.Contains(codes, "SerializationException") || !slices.Contains(codes, validation) {
			t.Errorf("%s: %q", name, codes)
		}
	}
}

// like compares a JSON answer with what it should be.
func like(t *testing.T, what, got, want string) {
	t.Helper()
	var a, b any
	if err := json.Unmarshal([]byte(got), &a); err != nil {
		t.Fatalf("%s: %s: %v", what, got, err)
	}
	if err := json.Unmarshal([]byte(want), &b); err != nil {
		t.Fatalf("%s: %s: %v", what, want, err)
	}
	if diff := cmp.Diff(b, a); diff != "" {
		t.Errorf("%s: (-want +got)\n%s", what, diff)
	}
}

const began = 1795600800 // when a world begins

// A model is described as it was created, in either form of its container, and is gone once it is deleted.
func TestModels(t *testing.T) {
	w := newWorld(t)
	like(t, "create", w.do("CreateModel", `{"ModelName": "Full", "ExecutionRoleArn": "arn:aws:iam::123456789012:role/serve",
		"PrimaryContainer": {"Image": "known", "ContainerHostname": "host", "Environment": {"A": "1", "B": ""}, "Mode": "SingleModel",
			"ImageConfig": {"RepositoryAccessMode": "Platform"},
			"ModelDataSource": {"S3DataSource": {"S3Uri": "s3://bucket/model/", "S3DataType": "S3Prefix", "CompressionType": "None"}}},
		"VpcConfig": {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1", "subnet-2"]}, "Tags": [{"Key": "team", "Value": "vision"}]}`),
		`{"ModelArn": "arn:aws:sagemaker:us-east-1:123456789012:model/full"}`)
	like(t, "describe", w.do("DescribeModel", `{"ModelName": "Full"}`), fmt.Sprintf(`{"ModelName": "Full", "CreationTime": %d,
		"ModelArn": "arn:aws:sagemaker:us-east-1:123456789012:model/full", "ExecutionRoleArn": "arn:aws:iam::123456789012:role/serve", "EnableNetworkIsolation": false,
		"PrimaryContainer": {"Image": "known", "ContainerHostname": "host", "Environment": {"A": "1", "B": ""}, "Mode": "SingleModel",
			"ImageConfig": {"RepositoryAccessMode": "Platform"},
			"ModelDataSource": {"S3DataSource": {"S3Uri": "s3://bucket/model/", "S3DataType": "S3Prefix", "CompressionType": "None"}}},
		"VpcConfig": {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1", "subnet-2"]}}`, began))
	w.do("CreateModel", `{"ModelName": "listed", "Containers": [{"Image": "other", "ModelDataUrl": "s3://bucket/model.tar.gz"}]}`)
	like(t, "describe a list", w.do("DescribeModel", `{"ModelName": "listed"}`), fmt.Sprintf(`{"ModelName": "listed", "CreationTime": %d,
		"ModelArn": "arn:aws:sagemaker:us-east-1:123456789012:model/listed", "EnableNetworkIsolation": false,
		"Containers": [{"Image": "other", "Mode": "SingleModel", "ModelDataUrl": "s3://bucket/model.tar.gz"}]}`, began))
	w.do("CreateModel", `{"ModelName": "archive", "PrimaryContainer": {"Image": "known",
		"ModelDataSource": {"S3DataSource": {"S3Uri": "s3://bucket/model.tar.gz", "S3DataType": "S3Object", "CompressionType": "Gzip", "ETag": "e"}}}}`)
	if got := w.do("DescribeModel", `{"ModelName": "archive"}`); !strings.Contains(got, `"S3DataType":"S3Object"`) || !strings.Contains(got, `"CompressionType":"Gzip"`) || !strings.Contains(got, `"ETag":"e"`) {
		t.Error(got)
	}
	like(t, "delete", w.do("DeleteModel", `{"ModelName": "listed"}`), `{}`)
	if a := w.call("DescribeModel", `{"ModelName": "listed"}`); a.status != 400 {
		t.Errorf("a deleted model is described: %s", a.body)
	}
}

// A config is described as it was created.
func TestEndpointConfigs(t *testing.T) {
	w := newWorld(t)
	w.do("CreateModel", `{"ModelName": "m", "PrimaryContainer": {"Image": "known"}}`)
	like(t, "create", w.do("CreateEndpointConfig", `{"EndpointConfigName": "c", "ExecutionRoleArn": "arn:aws:iam::123456789012:role/serve",
		"VpcConfig": {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]}, "ProductionVariants": [
		{"VariantName": "full", "ModelName": "m", "InitialInstanceCount": 2, "InitialVariantWeight": 0.5, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 20,
			"ModelDataDownloadTimeoutInSeconds": 600, "ContainerStartupHealthCheckTimeoutInSeconds": 300, "VariantInstanceProvisionTimeoutInSeconds": 900,
			"RoutingConfig": {"RoutingStrategy": "LEAST_OUTSTANDING_REQUESTS"}, "EnableSSMAccess": false},
		{"VariantName": "plain", "ModelName": "m", "InitialInstanceCount": 1, "InstanceType": "ml.c5.large", "RoutingConfig": {"RoutingStrategy": "RANDOM"}}]}`),
		`{"EndpointConfigArn": "arn:aws:sagemaker:us-east-1:123456789012:endpoint-config/c"}`)
	like(t, "describe", w.do("DescribeEndpointConfig", `{"EndpointConfigName": "c"}`), fmt.Sprintf(`{"EndpointConfigName": "c", "CreationTime": %d,
		"EndpointConfigArn": "arn:aws:sagemaker:us-east-1:123456789012:endpoint-config/c", "ExecutionRoleArn": "arn:aws:iam::123456789012:role/serve",
		"EnableNetworkIsolation": false, "VpcConfig": {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]}, "ProductionVariants": [
		{"VariantName": "full", "ModelName": "m", "InitialInstanceCount": 2, "InitialVariantWeight": 0.5, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 20,
			"ModelDataDownloadTimeoutInSeconds": 600, "ContainerStartupHealthCheckTimeoutInSeconds": 300, "VariantInstanceProvisionTimeoutInSeconds": 900,
			"RoutingConfig": {"RoutingStrategy": "LEAST_OUTSTANDING_REQUESTS"}},
		{"VariantName": "plain", "ModelName": "m", "InitialInstanceCount": 1, "InitialVariantWeight": 1, "InstanceType": "ml.c5.large",
			"RoutingConfig": {"RoutingStrategy": "RANDOM"}}]}`, began))
	like(t, "delete", w.do("DeleteEndpointConfig", `{"EndpointConfigName": "c"}`), `{}`)
	if a := w.call("DescribeEndpointConfig", `{"EndpointConfigName": "c"}`); a.status != 400 {
		t.Errorf("a deleted config is described: %s", a.body)
	}
}

// summary is what DescribeEndpoint says of a variant.
type summary struct {
	VariantName                                string
	CurrentWeight, DesiredWeight               float64
	CurrentInstanceCount, DesiredInstanceCount int
	InstanceType                               string
	VariantStatus                              []struct{ Status, StatusMessage string }
}

// described is what DescribeEndpoint says.
type described struct {
	EndpointStatus, EndpointConfigName, FailureReason string
	ProductionVariants                                []summary
	PendingDeploymentSummary                          *struct {
		EndpointConfigName string
		ProductionVariants []summary
	}
}

func (w *world) describe(name string) (d described) {
	w.t.Helper()
	if err := json.Unmarshal([]byte(w.do("DescribeEndpoint", fmt.Sprintf(`{"EndpointName": %q}`, name))), &d); err != nil {
		w.t.Fatal(err)
	}
	return d
}

// An endpoint goes through its statuses, and DescribeEndpoint shows each with its variants.
func TestEndpointThroughItsLife(t *testing.T) {
	w := newWorld(t)
	w.populate()
	like(t, "create", w.do("CreateEndpoint", `{"EndpointName": "Iris", "EndpointConfigName": "c"}`),
		`{"EndpointArn": "arn:aws:sagemaker:us-east-1:123456789012:endpoint/iris"}`)
	d := w.describe("Iris")
	if d.EndpointStatus != "Creating" || len(d.ProductionVariants) != 2 || d.ProductionVariants[0].DesiredInstanceCount != 2 || d.ProductionVariants[0].CurrentInstanceCount != 0 ||
		d.ProductionVariants[0].VariantStatus[0].Status != "Creating" {
		t.Errorf("%+v", d)
	}
	w.report("Iris", hosting.FleetReady)
	d = w.describe("Iris")
	if blue := d.ProductionVariants[0]; d.EndpointStatus != "InService" || d.EndpointConfigName != "c" || blue.CurrentInstanceCount != 2 || blue.CurrentWeight != 1 ||
		len(blue.VariantStatus) != 0 || d.ProductionVariants[1].CurrentWeight != 0.5 || d.PendingDeploymentSummary != nil {
		t.Errorf("%+v", d)
	}
	like(t, "weights", w.do("UpdateEndpointWeightsAndCapacities", `{"EndpointName": "Iris", "DesiredWeightsAndCapacities": [
		{"VariantName": "blue", "DesiredWeight": 3}, {"VariantName": "green", "DesiredInstanceCount": 2}]}`),
		`{"EndpointArn": "arn:aws:sagemaker:us-east-1:123456789012:endpoint/iris"}`)
	d = w.describe("Iris")
	if d.EndpointStatus != "Updating" || d.ProductionVariants[0].DesiredWeight != 3 || d.ProductionVariants[1].DesiredInstanceCount != 2 ||
		d.ProductionVariants[1].VariantStatus[0].Status != "Updating" {
		t.Errorf("%+v", d)
	}
	w.report("Iris", hosting.FleetReady)
	if d = w.describe("Iris"); d.EndpointStatus != "InService" || d.ProductionVariants[0].CurrentWeight != 3 || d.ProductionVariants[1].CurrentInstanceCount != 2 {
		t.Errorf("%+v", d)
	}
	like(t, "update", w.do("UpdateEndpoint", `{"EndpointName": "Iris", "EndpointConfigName": "next", "RetainAllVariantProperties": true,
		"ExcludeRetainedVariantProperties": [{"VariantPropertyType": "DesiredWeight"}],
		"DeploymentConfig": {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0}, "TerminationWaitInSeconds": 60}}}`),
		`{"EndpointArn": "arn:aws:sagemaker:us-east-1:123456789012:endpoint/iris"}`)
	d = w.describe("Iris")
	if p := d.PendingDeploymentSummary; d.EndpointStatus != "Updating" || p == nil || p.EndpointConfigName != "next" || len(p.ProductionVariants) != 1 ||
		p.ProductionVariants[0].DesiredInstanceCount != 2 || p.ProductionVariants[0].InstanceType != "ml.m5.large" {
		t.Errorf("%+v", d)
	}
	w.report("Iris", hosting.FleetReady)
	if d = w.describe("Iris"); d.EndpointStatus != "Updating" || d.EndpointConfigName != "next" || d.ProductionVariants[0].VariantStatus[0].Status != "Baking" ||
		d.ProductionVariants[0].DesiredWeight != 1 { // excluded from what is retained
		t.Errorf("%+v", d)
	}
	w.now = w.now.Add(2 * time.Minute)
	if _, err := w.Step(t.Context(), engine.Tick{}); err != nil {
		t.Fatal(err)
	}
	w.report("Iris", hosting.FleetReady)
	if d = w.describe("Iris"); d.EndpointStatus != "InService" || len(d.ProductionVariants) != 1 {
		t.Errorf("%+v", d)
	}
	like(t, "delete", w.do("DeleteEndpoint", `{"EndpointName": "Iris"}`), `{}`)
	if d = w.describe("Iris"); d.EndpointStatus != "Deleting" || d.ProductionVariants[0].VariantStatus[0].Status != "Deleting" {
		t.Errorf("%+v", d)
	}
	w.report("Iris", hosting.FleetReady)
	if a := w.call("DescribeEndpoint", `{"EndpointName": "Iris"}`); a.status != 400 || !strings.Contains(a.text, "Could not find endpoint") {
		t.Errorf("%+v", a)
	}
}

// A Failed endpoint says why, and can be deleted; and so can one that is being created.
func TestFailedEndpoint(t *testing.T) {
	w := newWorld(t)
	w.populate()
	d := w.describe("broken")
	if d.EndpointStatus != "Failed" || !strings.Contains(d.FailureReason, "did not pass the ping health check") || !strings.Contains(d.FailureReason, "It exited with code 3.") {
		t.Errorf("%+v", d)
	}
	x, err := w.engine.Region(scope).Hosting.Endpoint("new")
	if err != nil {
		t.Fatal(err)
	}
	const why = "/ping answered 503: not healthy"
	x.Report(w.now, hosting.InstanceReport{ID: x.Variants[0].Instances[0].ID, State: hosting.FleetStarting, Reason: why})
	if d := w.describe("new"); d.EndpointStatus != "Creating" || !strings.HasSuffix(d.FailureReason, " has not passed the ping health check yet: "+why) {
		t.Errorf("while it starts: %+v", d)
	}
	for _, name := range []string{"broken", "new"} {
		w.do("DeleteEndpoint", fmt.Sprintf(`{"EndpointName": %q}`, name))
	}
}

// What a scalable target holds cannot be replaced by another type of instance, nor go.
func TestScaledVariantsAreInUse(t *testing.T) {
	w := newWorld(t)
	w.populate()
	least, most := 1, 4
	if _, err := w.Step(t.Context(), engine.RegisterScalableTarget{Scope: scope, Registration: scaling.Registration{Key: scaling.VariantTarget("live", "green"), Min: &least, Max: &most}}); err != nil {
		t.Fatal(err)
	}
	before := w.state()
	a := w.call("UpdateEndpoint", `{"EndpointName": "live", "EndpointConfigName": "next"}`)
	if a.status != 400 || a.code != validation || !strings.Contains(a.text, "green") {
		t.Errorf("%+v", a)
	}
	if w.state() != before {
		t.Error("the refusal changed the state")
	}
}

// names are the names in a list, in its order.
func names(t *testing.T, body, list, member string) (out []string, token string) {
	t.Helper()
	var all map[string]json.RawMessage
	if err := json.Unmarshal([]byte(body), &all); err != nil {
		t.Fatal(err)
	}
	var items []map[string]any
	if err := json.Unmarshal(all[list], &items); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	for _, x := range items {
		out = append(out, x[member].(string))
	}
	if text := all["NextToken"]; text != nil {
		if err := json.Unmarshal(text, &token); err != nil {
			t.Fatal(err)
		}
	}
	return out, token
}

// Lists are sorted, filtered and paged. AWS: ListModels, ListEndpointConfigs, ListEndpoints.
func TestLists(t *testing.T) {
	w := newWorld(t)
	w.do("CreateModel", `{"ModelName": "m", "PrimaryContainer": {"Image": "known"}}`)
	for i := range 12 {
		w.now = w.now.Add(time.Second)
		w.do("CreateModel", fmt.Sprintf(`{"ModelName": "model-%02d", "PrimaryContainer": {"Image": "known"}}`, 11-i))
		w.do("CreateEndpointConfig", fmt.Sprintf(`{"EndpointConfigName": "config-%02d", "ProductionVariants": [
			{"VariantName": "v", "ModelName": "m", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}]}`, 11-i))
		w.do("CreateEndpoint", fmt.Sprintf(`{"EndpointName": "endpoint-%02d", "EndpointConfigName": "config-%02d"}`, 11-i, 11-i))
	}
	w.report("endpoint-03", hosting.FleetReady)
	for _, l := range []struct{ operation, list, member, prefix string }{
		{"ListModels", "Models", "ModelName", "model-"},
		{"ListEndpointConfigs", "EndpointConfigs", "EndpointConfigName", "config-"},
		{"ListEndpoints", "Endpoints", "EndpointName", "endpoint-"},
	} {
		list := func(body string) (out []string, token string) {
			t.Helper()
			out, token = names(t, w.do(l.operation, body), l.list, l.member)
			for i := range out {
				out[i] = strings.TrimPrefix(out[i], l.prefix)
			}
			return out, token
		}
		first, token := list(`{}`) // by creation time, newest first, 10 a page
		if want := []string{"00", "01", "02", "03", "04", "05", "06", "07", "08", "09"}; !slices.Equal(first, want) || token == "" {
			t.Errorf("%s: %q", l.operation, first)
		}
		if rest, end := list(fmt.Sprintf(`{"NextToken": %q}`, token)); len(rest) < 2 || rest[0] != "10" || end != "" {
			t.Errorf("%s: %q, token %q", l.operation, rest, end)
		}
		if a := w.call(l.operation, fmt.Sprintf(`{"NextToken": %q, "SortOrder": "Ascending"}`, token)); a.status != 400 || a.code != validation {
			t.Errorf("%s: a token of another query: %+v", l.operation, a)
		}
		for body, want := range map[string][]string{
			`{"SortBy": "Name", "SortOrder": "Ascending", "MaxResults": 2, "NameContains": "-"}`:          {"00", "01"},
			`{"SortBy": "Name", "SortOrder": "Descending", "MaxResults": 2, "NameContains": "-"}`:         {"11", "10"},
			`{"SortBy": "CreationTime", "SortOrder": "Ascending", "NameContains": "-0", "MaxResults": 3}`: {"09", "08", "07"},
			`{"NameContains": "-1", "SortBy": "Name", "SortOrder": "Ascending"}`:                          {"10", "11"},
			`{"NameContains": "nothing"}`: nil,
			fmt.Sprintf(`{"CreationTimeAfter": %d, "SortBy": "Name", "SortOrder": "Ascending"}`, began+11):                     {"00", "01"},
			fmt.Sprintf(`{"CreationTimeBefore": %d, "SortBy": "Name", "SortOrder": "Ascending", "NameContains":"-"}`, began+3): {"10", "11"},
		} {
			if got, _ := list(body); !slices.Equal(got, want) {
				t.Errorf("%s %s: %q, not %q", l.operation, body, got, want)
			}
		}
	}
	for body, want := range map[string][]string{
		`{"StatusEquals": "InService"}`:                                                           {"endpoint-03"},
		`{"StatusEquals": "Failed"}`:                                                              nil,
		`{"SortBy": "Status", "SortOrder": "Descending", "MaxResults": 1}`:                        {"endpoint-03"},
		fmt.Sprintf(`{"LastModifiedTimeAfter": %d}`, began+13):                                    {"endpoint-03"},
		fmt.Sprintf(`{"LastModifiedTimeBefore": %d, "SortBy": "Name", "MaxResults": 1}`, began+2): {"endpoint-11"},
		fmt.Sprintf(`{"LastModifiedTimeAfter": %d, "StatusEquals": "Creating"}`, began+13):        nil,
	} {
		if got, _ := names(t, w.do("ListEndpoints", body), "Endpoints", "EndpointName"); !slices.Equal(got, want) {
			t.Errorf("%s: %q, not %q", body, got, want)
		}
	}
}

// Tags of each kind of resource are added, replaced, listed in pages of 50 and removed.
func TestTags(t *testing.T) {
	w := newWorld(t)
	w.populate()
	for _, name := range []string{"model/m", "endpoint-config/c", "endpoint/live"} {
		at := fmt.Sprintf(`"ResourceArn": "arn:aws:sagemaker:us-east-1:123456789012:%s"`, name)
		w.do("DeleteTags", `{`+at+`, "TagKeys": ["team", "not there"]}`)
		like(t, name, w.do("ListTags", `{`+at+`}`), `{"Tags": []}`)
		like(t, name, w.do("AddTags", `{`+at+`, "Tags": [{"Key": "b", "Value": "1"}, {"Key": "a", "Value": ""}]}`), `{"Tags": [{"Key": "a", "Value": ""}, {"Key": "b", "Value": "1"}]}`)
		like(t, name, w.do("AddTags", `{`+at+`, "Tags": [{"Key": "b", "Value": "2"}]}`), `{"Tags": [{"Key": "a", "Value": ""}, {"Key": "b", "Value": "2"}]}`)
		like(t, name, w.do("ListTags", `{`+at+`}`), `{"Tags": [{"Key": "a", "Value": ""}, {"Key": "b", "Value": "2"}]}`)
		like(t, name, w.do("DeleteTags", `{`+at+`, "TagKeys": ["a"]}`), `{}`)
		like(t, name, w.do("ListTags", `{`+at+`, "MaxResults": 50}`), `{"Tags": [{"Key": "b", "Value": "2"}]}`)
	}
}

// Two regions and two accounts know nothing of each other's; a region without state lists nothing.
func TestScopes(t *testing.T) {
	w := newWorld(t)
	like(t, "nothing", w.do("ListModels", `{}`), `{"Models": []}`)
	if _, err := w.Step(t.Context(), engine.CreateModel{Scope: engine.Scope{Account: "210987654321", Region: "us-east-1"}, Model: hosting.Model{Name: "m"}}); err != nil {
		t.Fatal(err)
	}
	like(t, "another account's", w.do("ListModels", `{}`), `{"Models": []}`)
	if a := w.call("DescribeModel", `{"ModelName": "m"}`); a.status != 400 || a.code != validation {
		t.Errorf("%+v", a)
	}
}
