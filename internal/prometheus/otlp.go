package prometheus

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"google.golang.org/protobuf/encoding/protowire"

	"bellows.dev/bellows/metric"
)

// otlpNamespace is the namespace of metrics whose resource has no name.
const otlpNamespace = "OTLP"

// Limits of parts of an export that take more memory than bytes on the wire.
const (
	resourcesMax = 10_000
	depthMax     = 64 // of nested messages: attribute values may be nested, and an exhausted stack ends the process
)

// takeOTLP handles an export of metrics. OpenTelemetry: OTLP specification, OTLP/HTTP.
func (h *Handler) takeOTLP(w http.ResponseWriter, c *call) {
	if c.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "Metrics must be exported by POST.", http.StatusMethodNotAllowed)
		return
	}
	kind, _, err := mime.ParseMediaType(c.Header.Get("Content-Type"))
	if err != nil || kind != protobufType && kind != jsonType {
		http.Error(w, fmt.Sprintf("The content type %q is neither %s nor %s.", c.Header.Get("Content-Type"), protobufType, jsonType),
			http.StatusUnsupportedMediaType)
		return
	}
	answer := otlpAnswer{w, kind == jsonType}
	plain := c.body
	switch e := c.Header.Get("Content-Encoding"); e {
	case "", "identity":
	case "gzip":
		if plain, err = gunzip(c.body); err != nil {
			answer.fail(statusOf(err), err)
			return
		}
	default:
		answer.fail(http.StatusUnsupportedMediaType, fmt.Errorf("the encoding %q is not gzip", e))
		return
	}
	m, err := decodeOTLP(kind, plain)
	if err != nil {
		answer.fail(http.StatusBadRequest, err)
		return
	}
	b := &batch{now: h.o.Now()}
	h.translate(b, c, m)
	if err := h.put(c.Context(), c.scope, b, &h.exported); err != nil {
		answer.fail(http.StatusServiceUnavailable, err) // exporters retry it
		return
	}
	answer.partial(b)
}

func statusOf(err error) int {
	if errors.Is(err, errTooLarge) {
		return http.StatusRequestEntityTooLarge
	}
	return http.StatusBadRequest
}

const (
	protobufType = "application/x-protobuf"
	jsonType     = "application/json"
)

func decodeOTLP(kind string, plain []byte) (m pmetric.Metrics, err error) {
	if kind == jsonType {
		if bytes.Count(plain, []byte("{")) > fieldsMax/2 {
			return m, errMany
		}
		if !json.Valid(plain) { // also refuses deep nesting, which would exhaust the decoder's stack
			return m, errors.New("the body is not JSON, or is nested too deeply")
		}
		m, err = (&pmetric.JSONUnmarshaler{}).UnmarshalMetrics(plain)
	} else {
		if n := count(plain, 1); n > resourcesMax {
			return m, fmt.Errorf("the export has %d resources; at most %d are accepted", n, resourcesMax)
		}
		if deeper(plain, depthMax) {
			return m, fmt.Errorf("the export has messages nested more than %d deep", depthMax)
		}
		if tooMany(plain) {
			return m, errMany
		}
		m, err = (&pmetric.ProtoUnmarshaler{}).UnmarshalMetrics(plain)
	}
	if err != nil {
		return m, fmt.Errorf("decoding the export: %w", err)
	}
	return m, nil
}

// deeper reports whether a message has more than the given levels of nested messages. Any bytes that could be a message are counted as one.
func deeper(message []byte, levels int) bool {
	if levels < 0 {
		return true
	}
	for rest := message; len(rest) > 0; {
		_, kind, n := protowire.ConsumeTag(rest)
		if n < 0 {
			return false
		}
		rest = rest[n:]
		size := 0
		if kind == protowire.BytesType {
			var inner []byte
			if inner, size = protowire.ConsumeBytes(rest); size > 0 && len(inner) > 1 && deeper(inner, levels-1) {
				return true
			}
		} else {
			size = protowire.ConsumeFieldValue(1, kind, rest)
		}
		if size < 0 {
			return false
		}
		rest = rest[size:]
	}
	return false
}

// otlpAnswer responds in the encoding of the request.
type otlpAnswer struct {
	http.ResponseWriter
	json bool
}

// partial reports how many datapoints were refused and why; the response is empty if there were none.
func (a otlpAnswer) partial(b *batch) {
	err := b.err()
	if a.json {
		out := map[string]any{}
		if err != nil {
			out["partialSuccess"] = map[string]any{"rejectedDataPoints": fmt.Sprint(b.refused), "errorMessage": err.Error()}
		}
		a.send(http.StatusOK, out, nil)
		return
	}
	var message []byte // ExportMetricsServiceResponse
	if err != nil {
		var partial []byte
		partial = protowire.AppendVarint(protowire.AppendTag(partial, 1, protowire.VarintType), uint64(b.refused))
		partial = protowire.AppendString(protowire.AppendTag(partial, 2, protowire.BytesType), err.Error())
		message = protowire.AppendBytes(protowire.AppendTag(message, 1, protowire.BytesType), partial)
	}
	a.send(http.StatusOK, nil, message)
}

// fail responds with a google.rpc.Status.
func (a otlpAnswer) fail(status int, err error) {
	const invalidArgument, unavailable = 3, 14
	code := uint64(invalidArgument)
	if status == http.StatusServiceUnavailable {
		code = unavailable
	}
	message := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), code)
	message = protowire.AppendString(protowire.AppendTag(message, 2, protowire.BytesType), err.Error())
	a.send(status, map[string]any{"code": code, "message": err.Error()}, message)
}

func (a otlpAnswer) send(status int, asJSON map[string]any, asProtobuf []byte) {
	kind, text := protobufType, asProtobuf
	if a.json {
		kind = jsonType
		text, _ = json.Marshal(asJSON) // strings and numbers
	}
	a.Header().Set("Content-Type", kind)
	a.WriteHeader(status)
	_, _ = a.Write(text) // the client may have disconnected
}

// translate converts an export to datums: a resource's name is the namespace; its other attributes and those of a datapoint are
// dimensions.
func (h *Handler) translate(b *batch, c *call, m pmetric.Metrics) {
	for _, r := range m.ResourceMetrics().All() {
		namespace, own := resource(r.Resource().Attributes())
		for _, s := range r.ScopeMetrics().All() {
			for _, x := range s.Metrics().All() {
				p := points{b: b, totals: h.totals, scope: c.scope, namespace: namespace, resource: own, name: x.Name(), unit: unitOf(x.Unit())}
				p.take(x)
			}
		}
	}
}

// resource splits a resource's attributes into the namespace and dimensions. Attributes of the SDK itself are dropped.
func resource(attributes pcommon.Map) (namespace string, own []metric.Dimension) {
	var group, name string
	for k, v := range attributes.All() {
		switch {
		case k == "service.namespace":
			group = v.AsString()
		case k == "service.name":
			name = v.AsString()
		case strings.HasPrefix(k, "telemetry.sdk."):
		default:
			own = append(own, metric.Dimension{Name: k, Value: v.AsString()})
		}
	}
	switch {
	case group != "" && name != "":
		namespace = group + "/" + name
	case name != "":
		namespace = name
	case group != "":
		namespace = group
	default:
		namespace = otlpNamespace
	}
	return namespace, own
}

// units maps units of UCUM, which OpenTelemetry uses, to CloudWatch's. Other units are dropped.
var units = map[string]string{
	"s": "Seconds", "ms": "Milliseconds", "us": "Microseconds", "By": "Bytes", "KiBy": "Kilobytes", "kBy": "Kilobytes", "MiBy": "Megabytes",
	"MBy": "Megabytes", "GiBy": "Gigabytes", "GBy": "Gigabytes", "TiBy": "Terabytes", "TBy": "Terabytes", "bit": "Bits", "%": "Percent",
	"By/s": "Bytes/Second", "bit/s": "Bits/Second",
}

func unitOf(ucum string) string {
	if u, found := units[ucum]; found {
		return u
	}
	if strings.HasPrefix(ucum, "{") && strings.HasSuffix(ucum, "}") { // an annotation: {request}
		return "Count"
	}
	return "None"
}

// at returns a datapoint's time; 0 in OTLP means unknown, for which the current time is used.
func (b *batch) at(t pcommon.Timestamp) time.Time {
	if t == 0 {
		return b.now
	}
	return t.AsTime().UTC()
}
