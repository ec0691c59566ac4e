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
	"github.com/prometheus/prometheus/storage"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/awsapi"
	"bellows.dev/bellows/internal/awsapi/sigv4"
)

// Prefix is the prefix of Prometheus' paths; OTLPPath is the default path to which OpenTelemetry exporters send metrics.
const (
	Prefix   = "/prometheus/"
	OTLPPath = "/v1/metrics"

	apiPrefix = Prefix + "api/v1/"
)

// Services that a request may be signed for: Amazon Managed Prometheus, as in Prometheus and Grafana, and CloudWatch.
var services = []string{"aps", "monitoring"}

// Limits of a request's body.
const (
	bodyMax     = 8 << 20  // bytes before decompression
	unpackedMax = 32 << 20 // bytes after decompression; Prometheus' own limit
)

// Limits of the memory for decoding writes; each request uses a multiple of its body's decompressed size.
const (
	intakeMax    = 512 << 20
	intakeFactor = 4
)

// Options configures a Handler.
type Options struct {
	Auth *awsapi.Authenticator

	// Data has the series of all scopes; Scoped separates them.
	Data storage.Queryable

	// Engine evaluates queries.
	Engine promql.QueryEngine

	// Step applies an input, as internal/control does.
	Step func(context.Context, engine.Input) (engine.Result, error)

	// Now returns policy time.
	Now func() time.Time

	// NamespaceLabel is the label whose value is the CloudWatch namespace of a written series; it does not become a dimension.
	// If it is "", or a series has no such label, the namespace is Prometheus.
	NamespaceLabel string

	// Safe reports whether a key may be sent as user name and password over the connection of a request; Insecure is the refusal where it may not.
	// Safe may be nil: it may.
	Safe     func(r *http.Request) bool
	Insecure string

	// OnRefused is called for requests that are refused because of who sent them; the account is "" where that is not known. It may be nil.
	OnRefused func(r *http.Request, account string, caller awsapi.Caller, err error)

	Version string
	Log     *slog.Logger
}

// Handler is the http.Handler of all paths below Prefix, of OTLPPath, and of CloudWatch's PromQL API.
type Handler struct {
	o      Options
	known  families
	totals *totals

	queries *awsapi.Share
	intake  *awsapi.Share // bytes for decoding writes

	written, exported traffic
}

// traffic counts datapoints.
type traffic struct{ recorded, refused atomic.Uint64 }

// Ingested counts the datapoints sent to one receiver.
type Ingested struct {
	Receiver       string // remote_write or otlp
	Taken, Refused uint64
}

// Ingested returns the counts since the start, one per receiver.
func (h *Handler) Ingested() []Ingested {
	return []Ingested{
		{"remote_write", h.written.recorded.Load(), h.written.refused.Load()}, {"otlp", h.exported.recorded.Load(), h.exported.refused.Load()},
	}
}

// New returns a handler.
func New(o Options) *Handler {
	return &Handler{
		o: o, totals: newTotals(o.Now()),
		queries: awsapi.NewShare(queriesMax, queriesWaiting, patience), intake: awsapi.NewShare(intakeMax, queriesWaiting, patience),
	}
}

// Limits of queries. All concurrent queries together use a few hundred megabytes.
const (
	samplesMax     = 2_000_000 // of one query, in memory at the same time: enough for a graph with 180 lines; Prometheus' default is 50 million
	queriesMax     = 4         // concurrent queries
	queriesWaiting = 100       // waiting queries
	patience       = 10 * time.Second
	queryTimeout   = time.Minute
)

// NewEngine returns an engine with Prometheus' defaults except for lower limits of samples and time.
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

// call is an authenticated request.
type call struct {
	*http.Request
	scope  engine.Scope
	caller awsapi.Caller
	body   []byte // as sent
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer func() {
		if p := recover(); p != nil {
			h.o.Log.Error("a request handler panicked", "path", r.URL.Path, "panic", p, "stack", string(debug.Stack()))
			fail(w, &failure{kind: kindInternal, err: errors.New("internal failure")})
		}
	}()
	scope, caller, body, err := h.enter(r)
	if err != nil {
		if e := (*sigv4.Error)(nil); errors.As(err, &e) && h.o.OnRefused != nil {
			h.o.OnRefused(r, "", awsapi.Caller{}, err)
		}
		refuse(w, r, err)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body)) // for reading forms
	c := &call{Request: r, scope: scope, caller: caller, body: body}
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

// Query answers a query of a sender who is known otherwise: /query, or /query_range where the request has a step.
func (h *Handler) Query(w http.ResponseWriter, r *http.Request, scope engine.Scope) {
	path := "query"
	if r.URL.Query().Has("step") {
		path = "query_range"
	}
	h.ask(w, &call{Request: r, scope: scope}, path)
}

// take handles a write, within its share of memory.
func (h *Handler) take(w http.ResponseWriter, c *call, write func(http.ResponseWriter, *call)) {
	if c.caller.ReadOnly {
		denied := errors.New(awsapi.DeniedMessage(c.scope.Account, c.caller, "aps:RemoteWrite", ""))
		if h.o.OnRefused != nil {
			h.o.OnRefused(c.Request, c.scope.Account, c.caller, denied)
		}
		Refuse(w, c.URL.Path, c.Header.Get("Content-Type"), http.StatusForbidden, denied)
		return
	}
	leave, err := h.intake.Enter(c.Context(), intakeFactor*c.unpacked())
	if err != nil {
		w.Header().Set("Retry-After", "1")
		Refuse(w, c.URL.Path, c.Header.Get("Content-Type"), http.StatusTooManyRequests, errors.New("too many concurrent writes: retry later"))
		return
	}
	defer leave()
	write(w, c)
}

// unpacked estimates the decompressed size of a body. gzip compresses by a factor of at most about 1,000.
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
		return 0 // it will be refused
	}
	return int64(min(n, unpackedMax))
}

// enter checks the head and the key, reads the body, and verifies the signature, or accepts the key as user name and password.
func (h *Handler) enter(r *http.Request) (scope engine.Scope, caller awsapi.Caller, body []byte, err error) {
	if id, secret, ok := r.BasicAuth(); ok {
		if h.o.Safe != nil && !h.o.Safe(r) {
			return scope, caller, nil, &sigv4.Error{Kind: sigv4.WrongSignature, Msg: h.o.Insecure}
		}
		if scope, caller, err = h.o.Auth.Basic(id, secret); err != nil {
			return scope, caller, nil, err
		}
		if err := awsapi.Verified(r); err != nil {
			return scope, caller, nil, err
		}
		body, _, err = awsapi.ReadBody(r, bodyMax)
		return scope, caller, body, err
	}
	facts := awsapi.Facts(r)
	visitor, err := h.o.Auth.Begin(facts, services...)
	if err != nil {
		return scope, caller, nil, err
	}
	body, sum, err := awsapi.ReadBody(r, bodyMax)
	if err != nil {
		return scope, caller, nil, err
	}
	if scope, caller, err = visitor.Finish(facts, sum); err != nil {
		return scope, caller, nil, err
	}
	return scope, caller, body, awsapi.Verified(r)
}

// refuse responds to an unauthenticated request in plain text, which makes browsers ask for user name and password, and to
// a request that the port refuses in the protocol of its path.
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

// errTooLarge is the error of a body that is too large after decompression.
var errTooLarge = fmt.Errorf("the body is larger than %d bytes after decompression", unpackedMax)

// gunzip decompresses a body up to the limit.
func gunzip(body []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("decompressing the body: %w", err)
	}
	plain, err := io.ReadAll(io.LimitReader(z, unpackedMax+1))
	if err != nil {
		return nil, fmt.Errorf("decompressing the body: %w", err)
	}
	if len(plain) > unpackedMax {
		return nil, errTooLarge
	}
	return plain, nil
}
