package awsapi

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/awsapi/sigv4"
	"bellows.dev/bellows/internal/awsapi/wire"
)

// Limits of a request's body. The largest of AWS's limits here is PutMetricData's: 1 MB, compressed.
const (
	bodyMax     = 4 << 20
	unpackedMax = 32 << 20

	// decodedFactor is the approximate memory of a decoded body, in bytes per byte of the body.
	decodedFactor = 4
)

// Limits of requests that are served concurrently.
const (
	decodingMax  = 512 << 20       // bytes of memory for decoding
	waitingMax   = 200             // requests waiting for their share
	patience     = 5 * time.Second // how long they wait
	queryTimeout = time.Minute
)

// queriesMax limits concurrent queries of metrics: each holds the datapoints that it reads.
const queriesMax = 8

// Server handles all control-plane requests on one port. The path, the target header or the action determines the service.
type Server struct {
	Auth     *Authenticator
	Services []*Service
	NewID    func() string // a UUID

	// OnRequest is called after each response to a request of a known operation; code is that of the error, "" if there is none. It may
	// be nil.
	OnRequest func(service, operation, code string, took time.Duration)

	// Safe reports whether secrets may cross the connection of a request. It may be nil: they may.
	Safe func(r *http.Request) bool

	// OnEvent is called after each response to a request that changed something or was refused because of its sender. It may be nil.
	OnEvent func(Event)

	Log *slog.Logger

	once              sync.Once
	decoding, queries *Share
}

// request is the state of one request in progress.
type request struct {
	Call
	service  *Service
	protocol wire.Protocol
	mode     bool // x-amzn-query-mode: errors also contain Query's codes
	http     *http.Request
	body     []byte
	unpacked []byte // of a compressed body, filled on first use
	form     url.Values
	shape    shape  // of errors, if the service is not served
	leave    func() // releases its share of memory
	known    bool   // the sender is known without a signature

	in, out any // the operation's input, once it is decoded, and its output
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.serve(w, &request{http: r, leave: func() {}})
}

// ServeAs serves a request that is not signed and whose sender is known otherwise: the console's, from its session. The caller is empty
// where no authentication is needed.
func (s *Server) ServeAs(w http.ResponseWriter, r *http.Request, scope engine.Scope, caller Caller) {
	q := &request{http: r, leave: func() {}, known: true}
	q.Scope, q.Caller = scope, caller
	s.serve(w, q)
}

func (s *Server) serve(w http.ResponseWriter, q *request) {
	started := time.Now()
	s.once.Do(func() {
		s.decoding, s.queries = NewShare(decodingMax, waitingMax, patience), NewShare(queriesMax, waitingMax, patience)
	})
	q.RequestID = s.NewID()
	q.Safe = s.Safe == nil || s.Safe(q.http)
	out, err := s.answer(q.http.Context(), q)
	if err != nil {
		s.fail(w, q, err)
	} else {
		s.succeed(w, q, out)
	}
	s.Log.Debug("request", "operation", q.Operation, "protocol", q.protocol.String(), "region", q.Region, "request_id", q.RequestID,
		"took", time.Since(started), "error", errorText(err))
	s.tell(q, err, time.Since(started))
	q.out = out
	s.report(q, err)
}

func (s *Server) tell(q *request, err error, took time.Duration) {
	if s.OnRequest == nil || q.service == nil {
		return
	}
	if _, known := q.service.operations[q.Operation]; !known {
		return // arbitrary names of clients must not create metrics
	}
	code := ""
	if e, known := asError(err); known {
		code = e.Code
	} else if err != nil {
		code = "InternalFailure"
	}
	s.OnRequest(q.service.Name, q.Operation, code, took)
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// answer decodes a request, calls its operation and returns the output.
func (s *Server) answer(ctx context.Context, q *request) (out any, err error) {
	defer func() {
		if p := recover(); p != nil {
			s.Log.Error("an operation panicked", "operation", q.Operation, "request_id", q.RequestID, "panic", p, "stack", string(debug.Stack()))
			out, err = nil, internal(q.RequestID)
		}
	}()
	facts := Facts(q.http)
	if service := s.Unserved(facts); service != "" { // its body is not read
		return nil, s.refuseUnserved(q, service)
	}
	s.route(q)
	defer func() { q.leave() }()
	if err := s.enter(q, facts); err != nil {
		return nil, err
	}
	if q.service == nil {
		return nil, q.unknown()
	}
	op, found := q.service.operations[q.Operation]
	if !found {
		return nil, q.unknown()
	}
	in := op.new()
	if err := q.decode(in); err != nil {
		return nil, err
	}
	q.in = in
	if err := q.permit(in); err != nil {
		return nil, err
	}
	if err := q.check(in); err != nil {
		return nil, err
	}
	if !slices.Contains(q.service.Queries, q.Operation) {
		return op.call(ctx, q.Call, in)
	}
	leave, err := s.queries.Enter(ctx, 1)
	if err != nil {
		return nil, err
	}
	defer leave()
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	out, err = op.call(ctx, q.Call, in)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return nil, unavailable("The query took longer than " + queryTimeout.String() + ".")
	case errors.Is(err, context.Canceled):
		return nil, unavailable("The query was cancelled: the server is stopping, or the client is gone.")
	default:
		return out, err
	}
}

// enter checks the head and the key, reads the body, and verifies the signature before the body is decoded.
func (s *Server) enter(q *request, facts *sigv4.Request) error {
	var visitor Visitor
	var err error
	if !q.known {
		if visitor, err = s.Auth.Begin(facts, q.signing()); err != nil {
			return refusal(err)
		}
	}
	if err := encodings(q.http.Header.Values("Content-Encoding")); err != nil {
		return err
	}
	body, sum, err := ReadBody(q.http, bodyMax)
	if err != nil {
		return refusedBody(err)
	}
	q.body, q.Size = body, len(body)
	if !q.known {
		if q.Scope, q.Caller, err = visitor.Finish(facts, sum); err != nil {
			return refusal(err)
		}
	}
	if err := Verified(q.http); err != nil {
		return refusedBody(err)
	}
	if q.leave, err = s.decoding.Enter(q.http.Context(), q.weight()); err != nil {
		return err
	}
	if q.protocol != wire.Query {
		return nil
	}
	if err := s.routeForm(q); err != nil || q.known {
		return err
	}
	return refusal(visitor.For(q.signing()))
}

// weight estimates the memory for decoding the body in bytes. gzip compresses by a factor of at most about 1,000.
func (q *request) weight() int64 {
	n := int64(len(q.body))
	if strings.EqualFold(q.http.Header.Get("Content-Encoding"), "gzip") {
		n = min(n<<10, unpackedMax)
	}
	return decodedFactor * n
}

// encodings refuses unsupported content encodings.
func encodings(all []string) error {
	for _, e := range all {
		if !strings.EqualFold(e, "gzip") && !strings.EqualFold(e, "identity") && e != "" {
			return &Error{
				Code: "UnsupportedMediaType", Status: http.StatusUnsupportedMediaType, Lower: true,
				Message: "The only Content-Encoding that this server takes is gzip.",
			}
		}
	}
	return nil
}

// signing returns the service name that the request must be signed for, "" if it is unknown or not known yet.
func (q *request) signing() string {
	if q.service == nil {
		return ""
	}
	return q.service.Signing
}

// route determines protocol, service and operation from the head; for a Query request only the protocol, as the rest is in its body.
func (s *Server) route(q *request) {
	h := q.http.Header
	q.mode = h.Get("X-Amzn-Query-Mode") == "true"
	if rest, ok := strings.CutPrefix(q.http.URL.Path, "/service/"); ok {
		q.protocol = wire.CBOR
		name, operation, _ := strings.Cut(rest, "/operation/")
		q.Operation = operation
		q.service = s.find(func(x *Service) bool { return x.CBOR != "" && x.CBOR == name })
	} else if target := h.Get("X-Amz-Target"); target != "" {
		q.protocol = wire.JSON11
		if strings.Contains(h.Get("Content-Type"), "json-1.0") {
			q.protocol = wire.JSON10
		}
		prefix, operation, _ := strings.Cut(target, ".")
		q.Operation = operation
		q.service = s.find(func(x *Service) bool { return x.Target != "" && x.Target == prefix })
	} else if kind := h.Get("Content-Type"); q.http.URL.Query().Get("Action") != "" {
		q.protocol = wire.Query // whatever its body, of which there is none in a GET
	} else if strings.Contains(kind, "json") {
		q.protocol = wire.JSON11 // of no operation
	} else if strings.Contains(kind, "cbor") {
		q.protocol = wire.CBOR
	} else {
		q.protocol = wire.Query
	}
}

// Refuse responds to a request that the port has refused, in the protocol that its head indicates.
func (s *Server) Refuse(w http.ResponseWriter, r *http.Request, requestID string, status int, code, message string) {
	q := &request{http: r}
	q.RequestID = requestID
	s.route(q)
	if q.protocol == wire.Query {
		version := r.URL.Query().Get("Version")
		q.service = s.find(func(x *Service) bool { return x.Version != "" && x.Version == version })
	}
	s.fail(w, q, &Error{Code: code, Status: status, Message: message, Lower: true})
}

// routeForm determines service and operation of a Query request.
func (s *Server) routeForm(q *request) error {
	var ok bool
	if q.form, ok = wire.ParseForm(string(q.plain())); !ok {
		return &Error{Code: "SerializationException", Query: "MalformedQueryString", Message: "The request has too many parameters", Lower: true}
	}
	if q.form.Get("Action") == "" {
		q.form = q.http.URL.Query()
	}
	q.Operation = q.form.Get("Action")
	q.service = s.find(func(x *Service) bool { return x.Version != "" && x.Version == q.form.Get("Version") })
	return nil
}

func (s *Server) find(is func(*Service) bool) *Service {
	for _, x := range s.Services {
		if is(x) {
			return x
		}
	}
	return nil
}

// unpackers are reused: the tables of one take 40 KB.
var unpackers = sync.Pool{New: func() any { return new(gzip.Reader) }}

// plain returns the decompressed body, or nil if it cannot be decompressed.
func (q *request) plain() []byte {
	if !strings.EqualFold(q.http.Header.Get("Content-Encoding"), "gzip") {
		return q.body
	}
	if q.unpacked != nil {
		return q.unpacked
	}
	z := unpackers.Get().(*gzip.Reader)
	defer unpackers.Put(z)
	if err := z.Reset(bytes.NewReader(q.body)); err != nil {
		return nil
	}
	plain, err := io.ReadAll(io.LimitReader(z, unpackedMax+1))
	if err != nil || len(plain) > unpackedMax {
		return nil
	}
	q.unpacked = plain
	return plain
}

func refusal(err error) error {
	var e *sigv4.Error
	if !errors.As(err, &e) {
		return err
	}
	code, query, status := e.Codes()
	return &Error{Code: code, Query: query, Status: status, Message: e.Msg, Lower: true}
}

// printable returns a client's text for use in messages: control characters and invalid UTF-8 are escaped.
func printable(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return !strconv.IsPrint(r) || r == utf8.RuneError }) {
		return s
	}
	q := strconv.Quote(s)
	return q[1 : len(q)-1]
}

func (q *request) unknown() *Error {
	what, status := "the operation "+printable(q.Operation), http.StatusNotFound
	if q.Operation == "" {
		what = "an operation (it has no X-Amz-Target header, no Action, and no known path)"
	} else if q.service != nil {
		what += " of " + q.service.Name
	}
	if q.protocol == wire.Query {
		status = http.StatusBadRequest
	}
	return &Error{
		Code: "UnknownOperationException", Query: "InvalidAction", Status: status, Lower: true,
		Message: "This server does not serve " + what + ".",
	}
}

func (q *request) decode(in any) error {
	plain := q.plain()
	if plain == nil && len(q.body) > 0 {
		return &Error{Code: "SerializationException", Query: "MalformedQueryString", Message: "The request body is no valid gzip, or too large.", Lower: true}
	}
	var err error
	switch q.protocol {
	case wire.CBOR:
		err = wire.DecodeCBOR(plain, in)
	case wire.Query:
		err = wire.DecodeQuery(q.form, in)
	default:
		err = wire.DecodeJSON(plain, in)
	}
	if number := (*wire.NumberError)(nil); errors.As(err, &number) {
		return q.notFinite(number)
	}
	if err != nil {
		return &Error{Code: "SerializationException", Query: "MalformedInput", Message: err.Error(), Lower: true}
	}
	return nil
}

func (q *request) notFinite(number *wire.NumberError) *Error {
	if own := q.service.NotFinite; own != nil {
		if e := own(q.Operation, number.Member, number.Value); e != nil {
			return e
		}
	}
	return framework(number.Error())
}

// check checks the input against the API model's constraints.
func (q *request) check(in any) error {
	found := wire.Validate(q.service.Signing, q.Operation, in)
	if len(found) == 0 {
		return nil
	}
	if required := q.service.Required; required != nil {
		for _, v := range found {
			if v.Missing {
				return required(v.Member)
			}
		}
	}
	if enum := q.service.Enum; enum != nil && len(found[0].Allowed) > 0 {
		if e := enum(q.Operation, found[0].Member, found[0].Allowed); e != nil {
			return e
		}
	}
	e := framework(wire.Message(found))
	if q.service.Invalid != "" {
		e.Code = q.service.Invalid
	}
	return e
}
