package cloudwatch

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/awsapi/wire"
)

// journal encodes inputs as internal/control does before they take effect.
type journal struct {
	*memory
	size int
}

func (j *journal) Step(ctx context.Context, in engine.Input) (engine.Result, error) {
	line, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	j.size += len(line)
	return j.memory.Step(ctx, in)
}

// BenchmarkPutMetricData decodes a full batch, adds it to existing series, and encodes it for the journal.
func BenchmarkPutMetricData(b *testing.B) {
	a, m := newMemory()
	in := &sdk.PutMetricDataInput{Namespace: aws.String("N")}
	for i := range datumsMax {
		in.MetricData = append(in.MetricData, types.MetricDatum{
			MetricName: aws.String("Requests"), Dimensions: []types.Dimension{dim("Host", fmt.Sprint("host-", i))}, Timestamp: aws.Time(m.now),
			Value: aws.Float64(float64(i) + 0.5), Unit: types.StandardUnitCount,
		})
	}
	body := wire.EncodeCBOR(in)
	b.ReportAllocs()
	for b.Loop() {
		var got sdk.PutMetricDataInput
		if err := wire.DecodeCBOR(body, &got); err != nil {
			b.Fatal(err)
		}
		if bad := wire.Validate("monitoring", "PutMetricData", &got); len(bad) > 0 {
			b.Fatal(bad)
		}
		j := &journal{memory: m}
		a.backend = j
		if _, err := a.putMetricData(b.Context(), call, &got); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(datumsMax*float64(b.N)/b.Elapsed().Seconds(), "datapoints/s")
}
