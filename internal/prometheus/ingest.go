package prometheus

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/awsapi"
	"bellows.dev/bellows/metric"
	"bellows.dev/bellows/plural"
)

// Namespace is the default namespace of written series.
const Namespace = "Prometheus"

// Limits of metrics. AWS: CloudWatch API reference, MetricDatum and Dimension.
const (
	dimensionsMax = 30
	namesMax      = 255  // characters of a namespace, metric name or dimension name
	valuesMax     = 1024 // characters of a dimension value
	oldest        = 14 * 24 * time.Hour
	newest        = 10 * time.Minute // Prometheus' limit; PutMetricData accepts two hours
	stepMax       = 1000             // datums per step, as in one call of PutMetricData
)

// batch collects the datapoints of one request and the refused ones. Valid datapoints are recorded even if others are refused, as in Prometheus.
type batch struct {
	now     time.Time
	data    []metric.Datum
	refused int      // datapoints
	why     []string // reasons of the first few
}

const whyMax = 5

// refuse records refused datapoints.
func (b *batch) refuse(n int, format string, args ...any) {
	b.refused += n
	if len(b.why) < whyMax {
		b.why = append(b.why, fmt.Sprintf(format, args...))
	}
}

// err returns an error that describes the refused datapoints, nil if there are none.
func (b *batch) err() error {
	if len(b.why) == 0 {
		return nil
	}
	return fmt.Errorf("%s not recorded: %s", plural.Are(b.refused, "datapoint"), strings.Join(b.why, "; "))
}

// inRange reports whether datapoints with a timestamp are accepted.
func (b *batch) inRange(at time.Time) bool {
	return !at.Before(b.now.Add(-oldest)) && !at.After(b.now.Add(newest))
}

// identify returns a metric's identity, or an error if its names are invalid.
func identify(namespace, name string, dimensions []metric.Dimension) (metric.ID, error) {
	if err := text("the namespace", namespace, namesMax); err != nil {
		return metric.ID{}, err
	}
	if strings.HasPrefix(namespace, "AWS/") {
		return metric.ID{}, fmt.Errorf("the namespace %q begins with AWS/, which is reserved", namespace)
	}
	if err := text("the metric's name", name, namesMax); err != nil {
		return metric.ID{}, err
	}
	if len(dimensions) > dimensionsMax {
		return metric.ID{}, fmt.Errorf("it has %d labels; a metric has at most %d dimensions", len(dimensions), dimensionsMax)
	}
	for _, d := range dimensions {
		if err := text("the label", d.Name, namesMax); err != nil {
			return metric.ID{}, err
		}
		if d.Name[0] == ':' {
			return metric.ID{}, fmt.Errorf("the label %q begins with a colon", d.Name)
		}
		if err := text("the value of the label "+d.Name, d.Value, valuesMax); err != nil {
			return metric.ID{}, err
		}
	}
	id := metric.NewID(namespace, name, dimensions...)
	for i := 1; i < len(id.Dimensions); i++ {
		if id.Dimensions[i].Name == id.Dimensions[i-1].Name {
			return metric.ID{}, fmt.Errorf("the label %q is duplicated", id.Dimensions[i].Name)
		}
	}
	return id, nil
}

// text checks a name: printable ASCII, not blank, not too long.
func text(what, s string, most int) error {
	if strings.TrimSpace(s) == "" || len(s) > most || strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) >= 0 {
		const shown = 40
		if len(s) > shown {
			s = s[:shown] + "…"
		}
		return fmt.Errorf("%s, %q, is not 1 to %d printable ASCII characters", what, s, most)
	}
	return nil
}

// put records and counts a batch in several steps, so that other inputs are not delayed. A permanent refusal of a step, for example of too
// many series, is recorded in the batch.
func (h *Handler) put(ctx context.Context, s engine.Scope, b *batch, counts *traffic) error {
	counts.refused.Add(uint64(b.refused))
	for rest := b.data; len(rest) > 0; {
		n := min(len(rest), stepMax)
		_, err := h.o.Step(ctx, engine.PutMetricData{Scope: s, Data: rest[:n:n]})
		switch full := (*awsapi.Error)(nil); {
		case errors.As(err, &full): // a retry would not help
			b.refuse(n, "%s", full.Message)
			counts.refused.Add(uint64(n))
		case err != nil:
			return err
		default:
			counts.recorded.Add(uint64(n))
		}
		rest = rest[n:]
	}
	return nil
}
