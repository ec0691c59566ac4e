package prometheus

import (
	"errors"
	"fmt"
	"math"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/snappy"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/prompb"
	writev2 "github.com/prometheus/prometheus/prompb/io/prometheus/write/v2"
	"google.golang.org/protobuf/encoding/protowire"

	"bellows.dev/bellows/metric"
)

// Messages of remote write. Prometheus: remote write specifications 1.0 and 2.0.
const (
	messageV1 = "prometheus.WriteRequest"
	messageV2 = "io.prometheus.write.v2.Request"
)

// seriesMax limits the series of one request: Prometheus sends 2,000 samples per request. An empty series takes two bytes on the wire and a
// hundred in memory.
const seriesMax = 100_000

// takeWrite handles remote write.
func (h *Handler) takeWrite(w http.ResponseWriter, c *call) {
	if c.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "Remote write must use POST.", http.StatusMethodNotAllowed)
		return
	}
	message, err := messageOf(c.Request)
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnsupportedMediaType)
		return
	}
	plain, err := unsnap(c.body)
	if errors.Is(err, errTooLarge) {
		http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
		return
	}
	if err == nil {
		b := &batch{now: h.o.Now()}
		if err = h.decodeWrite(b, message, plain, c); err == nil {
			h.answerWrite(w, c, b)
			return
		}
	}
	http.Error(w, err.Error(), http.StatusBadRequest)
}

// answerWrite records the valid part of a request and reports the rest. 4xx: not to be retried; 5xx: to be retried.
func (h *Handler) answerWrite(w http.ResponseWriter, c *call, b *batch) {
	if err := h.put(c.Context(), c.scope, b, &h.written); err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("X-Prometheus-Remote-Write-Samples-Written", strconv.Itoa(len(b.data)))
	w.Header().Set("X-Prometheus-Remote-Write-Histograms-Written", "0")
	w.Header().Set("X-Prometheus-Remote-Write-Exemplars-Written", "0")
	if err := b.err(); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// messageOf returns the message type of a request according to its headers.
func messageOf(r *http.Request) (string, error) {
	if e := r.Header.Get("Content-Encoding"); e != "" && e != "snappy" {
		return "", fmt.Errorf("the encoding %q is not snappy", e)
	}
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-protobuf" {
		return "", fmt.Errorf("the content type %q is not application/x-protobuf", r.Header.Get("Content-Type"))
	}
	switch proto := params["proto"]; proto {
	case "":
		return messageV1, nil
	case messageV1, messageV2:
		return proto, nil
	default:
		return "", fmt.Errorf("the message %q is neither %s nor %s", proto, messageV1, messageV2)
	}
}

// unsnap decompresses a snappy block. Its header has the decompressed size, so that decompression bombs are refused before decompression.
func unsnap(body []byte) ([]byte, error) {
	n, err := snappy.DecodedLen(body)
	if err != nil {
		return nil, fmt.Errorf("decompressing the body: %w", err)
	}
	if n > unpackedMax {
		return nil, errTooLarge
	}
	plain, err := snappy.Decode(nil, body)
	if err != nil {
		return nil, fmt.Errorf("decompressing the body: %w", err)
	}
	return plain, nil
}

// count returns the number of fields with a field number in a message, without decoding; 0 for an invalid message.
func count(message []byte, number protowire.Number) int {
	total := 0
	for len(message) > 0 {
		field, _, n := protowire.ConsumeField(message)
		if n < 0 {
			return 0
		}
		if field == number {
			total++
		}
		message = message[n:]
	}
	return total
}

// decodeWrite fills a batch from a message.
func (h *Handler) decodeWrite(b *batch, message string, plain []byte, c *call) error {
	if tooMany(plain) {
		return errMany
	}
	if message == messageV2 {
		return h.decodeV2(b, plain, c)
	}
	if err := atMost(count(plain, 1), seriesMax, "series"); err != nil {
		return err
	}
	var m prompb.WriteRequest
	if err := m.Unmarshal(plain); err != nil {
		return fmt.Errorf("decoding the request: %w", err)
	}
	growFor(b, m.Timeseries, func(t *prompb.TimeSeries) int { return len(t.Samples) })
	var scratch labels.ScratchBuilder
	for i := range m.Timeseries {
		t := &m.Timeseries[i]
		id, err := h.identity(t.ToLabels(&scratch, nil))
		if err != nil {
			b.refuse(len(t.Samples)+len(t.Histograms), "%v", err)
			continue
		}
		for _, s := range t.Samples {
			b.sample(id, s.Timestamp, s.Value)
		}
		b.histograms(id, len(t.Histograms))
	}
	for _, x := range m.Metadata {
		h.known.note(c.scope, x.MetricFamilyName, family{strings.ToLower(x.Type.String()), x.Help, x.Unit})
	}
	return nil
}

// growFor allocates memory for the samples of all series at once.
func growFor[T any](b *batch, series []T, samples func(t *T) int) {
	n := 0
	for i := range series {
		n += samples(&series[i])
	}
	b.data = slices.Grow(b.data, n)
}

// atMost refuses a request with too many items of one kind.
func atMost(n, most int, what string) error {
	if n > most {
		return fmt.Errorf("the request has %d %s; at most %d are accepted", n, what, most)
	}
	return nil
}

func (h *Handler) decodeV2(b *batch, plain []byte, c *call) error {
	const symbols, timeseries = 4, 5
	if err := atMost(count(plain, timeseries), seriesMax, "series"); err != nil {
		return err
	}
	if err := atMost(count(plain, symbols), 10*seriesMax, "symbols"); err != nil {
		return err
	}
	var m writev2.Request
	if err := m.Unmarshal(plain); err != nil {
		return fmt.Errorf("decoding the request: %w", err)
	}
	growFor(b, m.Timeseries, func(t *writev2.TimeSeries) int { return len(t.Samples) })
	var scratch labels.ScratchBuilder
	for i := range m.Timeseries {
		t := &m.Timeseries[i]
		ls, err := t.ToLabels(&scratch, m.Symbols)
		if err != nil {
			return fmt.Errorf("decoding series %d: %w", i, err)
		}
		meta, err := t.ToMetadata(m.Symbols)
		if err != nil {
			return fmt.Errorf("decoding series %d: %w", i, err)
		}
		id, err := h.identity(ls)
		if err != nil {
			b.refuse(len(t.Samples)+len(t.Histograms), "%v", err)
			continue
		}
		for _, s := range t.Samples {
			b.sample(id, s.Timestamp, s.Value)
		}
		b.histograms(id, len(t.Histograms))
		if meta.Type != "" && meta.Type != "unknown" || meta.Help != "" || meta.Unit != "" {
			h.known.note(c.scope, id.Name, family{string(meta.Type), meta.Help, meta.Unit})
		}
	}
	return nil
}

// identity converts a series to a metric: its name is the metric's, its labels are dimensions.
func (h *Handler) identity(ls labels.Labels) (metric.ID, error) {
	namespace, name := Namespace, ""
	dimensions := make([]metric.Dimension, 0, ls.Len())
	ls.Range(func(l labels.Label) {
		switch {
		case l.Name == model.MetricNameLabel:
			name = l.Value
		case l.Value == "": // Prometheus: equivalent to no label
		case h.o.NamespaceLabel != "" && l.Name == h.o.NamespaceLabel:
			namespace = l.Value
		default:
			dimensions = append(dimensions, metric.Dimension{Name: l.Name, Value: l.Value})
		}
	})
	id, err := identify(namespace, name, dimensions)
	if err != nil {
		return id, fmt.Errorf("series %s: %w", brief(ls), err)
	}
	return id, nil
}

// brief formats a series for an error, with a limited length.
func brief(ls labels.Labels) string {
	const most = 200
	s := ls.String()
	if len(s) > most {
		s = s[:most] + "…"
	}
	return strconv.QuoteToGraphic(s)
}

// sample adds a sample. Stale markers and other NaNs are skipped, since they mark missing values.
func (b *batch) sample(id metric.ID, ms int64, v float64) {
	at := time.UnixMilli(ms).UTC()
	switch {
	case math.IsNaN(v):
	case !b.inRange(at):
		b.refuse(1, "out of bounds: a sample of %s is of %s; the time is %s, and samples of the two weeks before and of the 10 minutes after are accepted",
			id, at.Format(time.RFC3339), b.now.UTC().Format(time.RFC3339))
	case !metric.InRange(v):
		b.refuse(1, "a sample of %s is %v, beyond 2^360", id, v)
	default:
		d := metric.Datum{ID: id, At: at, Resolution: metric.HighResolution, Unit: "None"}
		d.Summary.Add(v, 1)
		b.data = append(b.data, d)
	}
}

func (b *batch) histograms(id metric.ID, n int) {
	if n > 0 {
		b.refuse(n, "native histograms are not accepted, as of %s: send classic ones", id)
	}
}
