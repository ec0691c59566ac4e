package prometheus

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/snappy"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/awsapi"
	"bellows.dev/bellows/internal/awsapi/sigv4"
)

// Prefix is where Prometheus' paths begin; OTLPPath is where exporters of OpenTelemetry send metrics if they are told the server only.
const (
	Prefix   = "/prometheus/"
	OTLPPath = "/v1/metrics"

	apiPrefix = Prefix + "api/v1/"
)

// Services that a request may be signed for: Amazon Managed Prometheus', as Prometheus and Grafana sign, and CloudWatch's own.
var services = []string{"aps", "monitoring"}

// Limits of a request's body.
const (
	bodyMax     = 8 << 20  // bytes as sent
	unpackedMax = 32 << 20 // bytes unpacked; Prometheus' own limit
)

// What is written is decoded in at most so much memory, of which each request takes its body's unpacked size several times.
const (
	intakeMax    = 512 << 20
	intakeFactor = 4
)

// Options are what a Handler works with.
type Options struct {
	Auth *awsapi.Authenticator

	// Data has the series of every scope; Scoped tells them apart.
	Data storage.Queryable

	// Engine evaluates queries.
	Engine promql.QueryEngine

	// Step takes what was written, as internal/control does.
	Step func(context.Context, engine.Input) (engine.Result, error)

	// Now is the policy time.
	Now func() time.Time

	// NamespaceLabel names the label whose value is the CloudWatch namespace of a series that is written; it is then no dimension.
	// Where it is "", or a series has no such label, the namespace is Prometheus.
	NamespaceLabel string

	Version string
	Log     *slog.Logger
}

// Handler is the http.Handler of everything below Prefix, of OTLPPath, and of CloudWatch's PromQL API.
type Handler struct {
	o      Options
	parser parser.Parser
	known  families
	totals *totals

	queries *awsapi.Share
	intake  *awsapi.Share // bytes that decoding what is written takes

	written, exported traffic
}

// traffic counts datapoints.
type traffic struct{ taken, refused atomic.Uint64 }

// Ingested counts the datapoints that one receiver was sent.
type Ingested struct {
	Receiver       string // remote_write or otlp
	Taken, Refused uint64
}

// Ingested returns the counts since the start, a receiver each.
func (h *Handler) Ingested() []Ingested {
	return []Ingested{
		{"remote_write", h.written.taken.Load(), h.written.refused.Load()}, {"otlp", h.exported.taken.Load(), h.exported.refused.Load()},
	}
}

// New returns a handler.
func New(o Options) *Handler {
	return &Handler{
		o: o, parser: parser.NewParser(parser.Options{}), totals: newTotals(o.Now()),
		queries: awsapi.NewShare(queriesMax, queriesWaiting, patience), intake: awsapi.NewShare(intakeMax, queriesWaiting, patience),
	}
}

// Limits of queries. All that are answered at once hold a few hundred megabytes.
const (
	samplesMax     = 2_000_000 // of one query, in memory at once: a page of 180 lines has as many; Prometheus' default is 50 million
	queriesMax     = 4         // that are answered at once
	queriesWaiting = 100       // that wait for their turn
	patience       = 10 * time.Second
	queryTimeout   = time.Minute
	queryMax       = 64 << 10 // characters: what nests deeper than that is too much for the stack
)

// NewEngine returns an engine with Prometheus' defaults but for tighter limits of samples and of time.
func NewEngine(log *slog.Logger) *promql.Engine {
	return promql.NewEngine(promql.EngineOpts{
		Logger: log, MaxSamples: samplesMax, Timeout: queryTimeout, EnableAtModifier: true, EnableNegativeOffset: true,
		NoStepSubqueryIntervalFn: func(int64) int64 { return time.Minute.Milliseconds() },
	})
}

// Serves reports whether a path belongs to the Handler.
func Serves(path string) bool {
	return strings.HasPrefix(path, Prefix) || path == OTLPPath || servesCloudWatch(path)
}

// call is a request whose sender is known.
type call struct {
	*http.Request
	scope engine.Scope
	body  []byte // as sent
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer func() {
		if p := recover(); p != nil {
			h.o.Log.Error("answering a request panicked", "path", r.URL.Path, "panic", p, "stack", string(debug.Stack()))
			fail(w, &failure{kind: kindInternal, err: errors.New("internal failure")})
		}
	}()
	scope, body, err := h.enter(r)
	if err != nil {
		refuse(w, r, err)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body)) // forms are read from it
	c := &call{Request: r, scope: scope, body: body}
	switch path := r.URL.Path; {
	case path == OTLPPath || path == apiPrefix+"otlp/v1/metrics":
		h.take(w, c, h.takeOTLP)
	case path == apiPrefix+"write":
		h.take(w, c, h.takeWrite)
	case strings.HasPrefix(path, apiPrefix):
		h.ask(w, c, strings.TrimPrefix(path, apiPrefix))
	case servesCloudWatch(path):
		h.askCloudWatch(w, c, strings.TrimPrefix(path, CloudWatchPrefix))
	default:
		http.NotFound(w, r)
	}
}

// take lets a request write, within its share of memory.
func (h *Handler) take(w http.ResponseWriter, c *call, write func(http.ResponseWriter, *call)) {
	leave, err := h.intake.Enter(c.Context(), intakeFactor*c.unpacked())
	if err != nil {
		w.Header().Set("Retry-After", "1")
		Refuse(w, c.URL.Path, c.Header.Get("Content-Type"), http.StatusTooManyRequests, errors.New("too much is being written: send it again later"))
		return
	}
	defer leave()
	write(w, c)
}

// unpacked is how large a body may become, as far as can be told before it is unpacked: gzip packs a thousand bytes into one at most.
func (c *call) unpacked() int64 {
	switch c.Header.Get("Content-Encoding") {
	case "gzip":
		return min(int64(len(c.body))<<10, unpackedMax)
	case "", "identity":
		if c.URL.Path != apiPrefix+"write" {
			return int64(len(c.body))
		}
	}
	n, err := snappy.DecodedLen(c.body)
	if err != nil {
		return 0 // it is refused
	}
	return int64(min(n, unpackedMax))
}

// enter checks the head and the key, reads the body, and verifies the signature; or takes the key as user name and password.
func (h *Handler) enter(r *http.Request) (scope engine.Scope, body []byte, err error) {
	if id, secret, ok := r.BasicAuth(); ok {
		if scope, err = h.o.Auth.Basic(id, secret); err != nil {
			return scope, nil, err
		}
		if err := awsapi.Verified(r); err != nil {
			return scope, nil, err
		}
		body, _, err = awsapi.ReadBody(r, bodyMax)
		return scope, body, err
	}
	facts := awsapi.Facts(r)
	visitor, err := h.o.Auth.Begin(facts, services...)
	if err != nil {
		return scope, nil, err
	}
	body, sum, err := awsapi.ReadBody(r, bodyMax)
	if err != nil {
		return scope, nil, err
	}
	if scope, _, err = visitor.Finish(facts, sum); err != nil {
		return scope, nil, err
	}
	return scope, body, awsapi.Verified(r)
}

// refuse answers a request that is not let in: one without a valid key in plain text, which makes browsers ask for a name and a password, and
// one that the port refuses in the protocol of its path.
func refuse(w http.ResponseWriter, r *http.Request, err error) {
	status := http.StatusForbidden
	var e *sigv4.Error
	var port interface {
		Refused() (status int, code, message string)
	}
	switch {
	case errors.As(err, &e):
		if _, _, status = e.Codes(); e.Kind == sigv4.Missing || e.Kind == sigv4.UnknownKey {
			status = http.StatusUnauthorized
			w.Header().Set("WWW-Authenticate", `Basic realm="Bellows: access key ID and secret access key", charset="UTF-8"`)
		}
	case errors.As(err, &port):
		status, _, message := port.Refused()
		Refuse(w, r.URL.Path, r.Header.Get("Content-Type"), status, errors.New(message))
		return
	}
	http.Error(w, err.Error(), status)
}

// errTooLarge says that a body unpacks to more than is taken.
var errTooLarge = fmt.Errorf("the body unpacks to more than %d bytes", unpackedMax)

// gunzip unpacks a body, up to the limit.
func gunzip(body []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("unpacking the body: %w", err)
	}
	plain, err := io.ReadAll(io.LimitReader(z, unpackedMax+1))
	if err != nil {
		return nil, fmt.Errorf("unpacking the body: %w", err)
	}
	if len(plain) > unpackedMax {
		return nil, errTooLarge
	}
	return plain, nil
}
