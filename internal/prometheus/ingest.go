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

// Namespace is where series go that are written without saying where.
const Namespace = "Prometheus"

// What a metric may be. AWS: CloudWatch API reference, MetricDatum and Dimension.
const (
	dimensionsMax = 30
	namesMax      = 255  // characters of a namespace, a metric's name, a dimension's name
	valuesMax     = 1024 // characters of a dimension's value
	oldest        = 14 * 24 * time.Hour
	newest        = 10 * time.Minute // Prometheus takes no more; PutMetricData takes two hours
	stepMax       = 1000             // datums of one step, as of one call of PutMetricData
)

// batch collects what one request writes, and what of it cannot be taken. The good part is taken all the same, as Prometheus does.
type batch struct {
	now     time.Time
	data    []metric.Datum
	refused int      // datapoints
	why     []string // of the first few
}

const whyMax = 5

// refuse notes datapoints that cannot be taken.
func (b *batch) refuse(n int, format string, args ...any) {
	b.refused += n
	if len(b.why) < whyMax {
		b.why = append(b.why, fmt.Sprintf(format, args...))
	}
}

// err says what was refused, nil where nothing was.
func (b *batch) err() error {
	if len(b.why) == 0 {
		return nil
	}
	return fmt.Errorf("%s not taken: %s", plural.Are(b.refused, "datapoint"), strings.Join(b.why, "; "))
}

// inRange reports whether datapoints of a moment are taken.
func (b *batch) inRange(at time.Time) bool {
	return !at.Before(b.now.Add(-oldest)) && !at.After(b.now.Add(newest))
}

// identify makes a metric's identity of names, and says what is wrong with them.
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
			return metric.ID{}, fmt.Errorf("the label %q is there twice", id.Dimensions[i].Name)
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

// put records a batch in steps that other inputs can come between, and counts it. A step that is refused for good, as for too many series,
// is noted in the batch.
func (h *Handler) put(ctx context.Context, s engine.Scope, b *batch, books *traffic) error {
	books.refused.Add(uint64(b.refused))
	for rest := b.data; len(rest) > 0; {
		n := min(len(rest), stepMax)
		_, err := h.o.Step(ctx, engine.PutMetricData{Scope: s, Data: rest[:n:n]})
		switch full := (*awsapi.Error)(nil); {
		case errors.As(err, &full): // sending it again would not help
			b.refuse(n, "%s", full.Message)
			books.refused.Add(uint64(n))
		case err != nil:
			return err
		default:
			books.taken.Add(uint64(n))
		}
		rest = rest[n:]
	}
	return nil
}
