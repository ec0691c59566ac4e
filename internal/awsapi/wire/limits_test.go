package wire

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker"
	sm "github.com/aws/aws-sdk-go-v2/service/sagemaker/types"
)

// The largest PutMetricData that AWS takes fits into the limits, in each protocol.
func TestLargestRequestsAreTaken(t *testing.T) {
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

// Counting sees what the decoder would make, whatever is in texts.
func TestFew(t *testing.T) {
	lot := func(part string, n int) string { return "[" + strings.Repeat(part+",", n) + part + "]" }
	for name, c := range map[string]struct {
		body string
		few  bool
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
		if got := few([]byte(c.body)) == nil; got != c.few {
			t.Errorf("%s: %t", name, got)
		}
	}
}
