package e2e

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cw "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/fxamacker/cbor/v2"
)

// dataAnswer is GetMetricData's response in any protocol.
type dataAnswer struct {
	MetricDataResults []dataResult `xml:"GetMetricDataResult>MetricDataResults>member"`
}

type dataResult struct {
	Id, Label, StatusCode string
	Values                []float64                      `xml:"Values>member"`
	Messages              []struct{ Code, Value string } `xml:"Messages>member"`
}

// Metric math has the same results and refusals over CBOR, JSON and Query.
func TestMetricMathIsEqualInEveryProtocol(t *testing.T) {
	t.Parallel()
	s := start(t, t.TempDir())
	at := time.Now().Truncate(time.Minute).Add(-10 * time.Minute)
	for i, v := range []float64{1, 4} {
		for _, unit := range []cw.StandardUnit{cw.StandardUnitCount, cw.StandardUnitSeconds}[:i+1] {
			_, err := s.cloudwatch().PutMetricData(t.Context(), &cloudwatch.PutMetricDataInput{
				Namespace: aws.String("N"), MetricData: []cw.MetricDatum{{
					MetricName: aws.String("m"), Value: aws.Float64(v), Unit: unit, Timestamp: aws.Time(at.Add(time.Duration(i) * time.Minute)),
				}},
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	ask := func(expression string) map[string]answer {
		text := fmt.Sprintf(`{"StartTime":%d,"EndTime":%d,"ScanBy":"TimestampAscending","LabelOptions":{"Timezone":"+0000"},"MetricDataQueries":[
			{"Id":"m","MetricStat":{"Metric":{"Namespace":"N","MetricName":"m"},"Period":60,"Stat":"Sum"}},
			{"Id":"e","Expression":%q,"Label":"max ${MAX}"}]}`, at.Unix(), at.Unix()+180, expression)
		body, err := cbor.Marshal(map[string]any{
			"StartTime": cbor.Tag{Number: 1, Content: at.Unix()}, "EndTime": cbor.Tag{Number: 1, Content: at.Unix() + 180},
			"ScanBy": "TimestampAscending", "LabelOptions": map[string]any{"Timezone": "+0000"}, "MetricDataQueries": []any{
				map[string]any{"Id": "m", "MetricStat": map[string]any{
					"Metric": map[string]any{"Namespace": "N", "MetricName": "m"}, "Period": 60, "Stat": "Sum",
				}},
				map[string]any{"Id": "e", "Expression": expression, "Label": "max ${MAX}"},
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		form := url.Values{
			"Action": {"GetMetricData"}, "Version": {"2010-08-01"}, "ScanBy": {"TimestampAscending"}, "LabelOptions.Timezone": {"+0000"},
			"StartTime": {at.UTC().Format(time.RFC3339)}, "EndTime": {at.Add(3 * time.Minute).UTC().Format(time.RFC3339)},
			"MetricDataQueries.member.1.Id": {"m"}, "MetricDataQueries.member.1.MetricStat.Metric.Namespace": {"N"},
			"MetricDataQueries.member.1.MetricStat.Metric.MetricName": {"m"}, "MetricDataQueries.member.1.MetricStat.Period": {"60"},
			"MetricDataQueries.member.1.MetricStat.Stat": {"Sum"}, "MetricDataQueries.member.2.Id": {"e"},
			"MetricDataQueries.member.2.Expression": {expression}, "MetricDataQueries.member.2.Label": {"max ${MAX}"},
		}
		return map[string]answer{
			"JSON": s.raw("monitoring", "/", map[string]string{
				"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "GraniteServiceVersion20100801.GetMetricData",
			}, []byte(text), time.Now(), nil),
			"CBOR": s.raw("monitoring", cloudWatchCBOR+"GetMetricData", map[string]string{
				"Content-Type": "application/cbor", "Smithy-Protocol": "rpc-v2-cbor",
			}, body, time.Now(), nil),
			"Query": s.raw("monitoring", "/", map[string]string{"Content-Type": "application/x-www-form-urlencoded"},
				[]byte(form.Encode()), time.Now(), nil),
		}
	}
	const want = `[{m m Complete [1 4] [{MultipleUnits Multiple units returned: '[Count, Seconds]'}]} {e max 5 Complete [2 5 1] []}]`
	for protocol, a := range ask("FILL(m, 0) + 1") {
		var got dataAnswer
		var err error
		switch protocol {
		case "JSON":
			err = json.Unmarshal(a.body, &got)
		case "CBOR":
			err = cbor.Unmarshal(a.body, &got)
		default:
			err = xml.Unmarshal(a.body, &got)
		}
		if text := fmt.Sprint(got.MetricDataResults); err != nil || a.status != 200 || text != want {
			t.Errorf("%s: %d %v %s\nwant %s", protocol, a.status, err, text, want)
		}
	}
	for protocol, a := range ask("RATE(5)") {
		text := strings.ReplaceAll(strings.ReplaceAll(string(a.body), "&#39;", "'"), "&apos;", "'")
		if a.status != 400 || !strings.Contains(text, "Error in expression 'e': Unsupported operand type(s) for RATE: '[Scalar]'") {
			t.Errorf("%s: %d %s", protocol, a.status, a.body)
		}
	}
}
