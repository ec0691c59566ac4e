package wire

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker"
	sm "github.com/aws/aws-sdk-go-v2/service/sagemaker/types"
)

// The largest PutMetricData that AWS accepts is within the limits in each protocol.
func TestLargestRequestsAreAccepted(t *testing.T) {
	var dimensions, values, datums, form []string
	for i := range 30 {
		dimensions = append(dimensions, fmt.Sprintf(`{"Name":"n%d","Value":"a,b{n\"[\\"}`, i))
	}
	for range 150 {
		values = append(values, "1")
	}
	for i := range 1000 {
		datums = append(datums, `{"MetricName":"m","Dimensions":[`+strings.Join(dimensions, ",")+`],"Values":[`+strings.Join(values, ",")+`],"Counts":[`+
			strings.Join(values, ",")+`]}`)
		for j := range 90 {
			form = append(form, fmt.Sprintf("MetricData.member.%d.Values.member.%d=1", i+1, j+1))
		}
	}
	var in cloudwatch.PutMetricDataInput
	if err := DecodeJSON([]byte(`{"Namespace":"N","MetricData":[`+strings.Join(datums, ",")+`]}`), &in); err != nil || len(in.MetricData) != 1000 {
		t.Fatalf("JSON: %d datums, %v", len(in.MetricData), err)
	}
	var again cloudwatch.PutMetricDataInput
	if err := DecodeCBOR(EncodeCBOR(&in), &again); err != nil || len(again.MetricData) != 1000 {
		t.Errorf("CBOR: %d datums, %v", len(again.MetricData), err)
	}
	parsed, ok := ParseForm(strings.Join(form, "&"))
	var query cloudwatch.PutMetricDataInput
	if err := DecodeQuery(parsed, &query); !ok || err != nil || len(query.MetricData) != 1000 {
		t.Errorf("Query: %d datums, %v", len(query.MetricData), err)
	}
}

func TestViolationsAreCapped(t *testing.T) {
	in := &sagemaker.AddTagsInput{Tags: make([]sm.Tag, 40)}
	if got := Validate("sagemaker", "AddTags", in); len(got) != violationsMax || !strings.HasPrefix(Message(got), "10 validation errors detected: ") {
		t.Errorf("%d: %s", len(got), Message(got))
	}
}

// Values are counted as the decoder would allocate them, whatever strings hold.
func TestCheckCounts(t *testing.T) {
	lot := func(part string, n int) string { return "[" + strings.Repeat(part+",", n) + part + "]" }
	for name, c := range map[string]struct {
		body string
		ok   bool
	}{
		"structures":       {lot("{}", structuresMax-1), true},
		"more structures":  {lot("{}", structuresMax), false},
		"nulls":            {lot("null", structuresMax), false},
		"values":           {lot("1", valuesMax-2), true},
		"more values":      {lot("1", valuesMax), false},
		"a text":           {`["` + strings.Repeat(`{[,n`, valuesMax) + `"]`, true},
		"a text's escapes": {`["` + strings.Repeat(`\"{\\`, valuesMax) + `"]`, true},
		"behind a text":    {`["\\",` + lot("{}", structuresMax) + "]", false},
		"an open text":     {`["` + strings.Repeat("{", valuesMax), true},
	} {
		if got := checkCounts([]byte(c.body)) == nil; got != c.ok {
			t.Errorf("%s: %t", name, got)
		}
	}
}

// Every operation that takes tags decodes no more of them than show that there are too many, and refuses the request.
func TestManyTagsAreRefused(t *testing.T) {
	list := func(item string) string {
		return "[" + strings.Repeat(item+",", 50_000) + item + "]"
	}
	tags, keys := list(`{"Key":"k","Value":"v"}`), list(`"k"`)
	var entries strings.Builder
	for i := range 150_000 {
		fmt.Fprintf(&entries, `"k%d":"v",`, i)
	}
	pairs := "{" + entries.String() + `"k":"v"}`
	tried := 0
	for service, operations := range map[string]map[string]any{
		"sagemaker": {
			"AddTags": &sagemaker.AddTagsInput{}, "DeleteTags": &sagemaker.DeleteTagsInput{}, "CreateModel": &sagemaker.CreateModelInput{},
			"CreateEndpoint": &sagemaker.CreateEndpointInput{}, "CreateEndpointConfig": &sagemaker.CreateEndpointConfigInput{},
		},
		"monitoring": {
			"TagResource": &cloudwatch.TagResourceInput{}, "UntagResource": &cloudwatch.UntagResourceInput{},
			"PutMetricAlarm": &cloudwatch.PutMetricAlarmInput{}, "PutCompositeAlarm": &cloudwatch.PutCompositeAlarmInput{},
			"PutAlarmMuteRule": &cloudwatch.PutAlarmMuteRuleInput{},
		},
		"application-autoscaling": {
			"TagResource": &applicationautoscaling.TagResourceInput{}, "UntagResource": &applicationautoscaling.UntagResourceInput{},
			"RegisterScalableTarget": &applicationautoscaling.RegisterScalableTargetInput{},
		},
	} {
		for operation, in := range operations {
			tried++
			body := pairs
			if _, isMap := reflect.TypeOf(in).Elem().FieldByName("Tags"); !isMap {
				body = keys
			} else if f, _ := reflect.TypeOf(in).Elem().FieldByName("Tags"); f.Type.Kind() == reflect.Slice {
				body = tags
			}
			member := "Tags"
			if body == keys {
				member = "TagKeys"
			}
			if err := DecodeJSON([]byte(`{"`+member+`":`+body+`}`), in); err != nil {
				t.Errorf("%s: %v", operation, err)
				continue
			}
			found := Message(Validate(service, operation, in))
			if !strings.Contains(found, "Member must have length less than or equal to ") || len(found) > 3*shownMax {
				t.Errorf("%s of %s: %.300s", operation, service, found)
			}
			if n := reflect.ValueOf(in).Elem().FieldByName(member).Len(); n != tagsMax+1 {
				t.Errorf("%s of %s: %d %s are decoded", operation, service, n, member)
			}
		}
	}
	all := 0
	for _, s := range table() {
		for _, input := range s.Operations {
			if sh := s.Shapes[input]; sh != nil && (sh.Members["Tags"] != "" || sh.Members["TagKeys"] != "") {
				all++
			}
		}
	}
	if tried != all {
		t.Errorf("%d operations are tried, but %d take tags", tried, all)
	}
}

// A collection that is too long is refused for its length, and only as many items are checked as it may have.
func TestLongCollectionsAreCheckedUpToTheirLimit(t *testing.T) {
	in := &sagemaker.AddTagsInput{Tags: make([]sm.Tag, 100)}
	key, value := "k", "v"
	for i := range in.Tags {
		in.Tags[i] = sm.Tag{Key: &key, Value: &value}
	}
	in.Tags[99].Key, in.ResourceArn = nil, new(string)
	*in.ResourceArn = "arn:aws:sagemaker:us-east-1:123456789012:model/m"
	got := Message(Validate("sagemaker", "AddTags", in))
	if !strings.HasPrefix(got, "1 validation error detected: ") || !strings.HasSuffix(got, "'tags' failed to satisfy constraint: Member must have length less than or equal to 50") {
		t.Error(got)
	}
}
