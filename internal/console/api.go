package console

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"bellows.dev/bellows/engine"
	"bellows.dev/bellows/internal/control"
	"bellows.dev/bellows/internal/explain"
	"bellows.dev/bellows/internal/plainjson"
	"bellows.dev/bellows/internal/timeline"
)

// Paths of the console. APIPath is the root of its HTTP API, which openapi.yaml describes.
const (
	Path       = "/console/"
	APIPath    = "/console/api/"
	AssetsPath = "/console/assets/"
	InvokePath = APIPath + "invoke"
)

// apiError is a refusal of the console's API.
type apiError struct {
	status  int
	code    string
	message string
}

// Error implements error.
func (e *apiError) Error() string { return e.message }

func invalid(message string) error {
	return &apiError{http.StatusBadRequest, "InvalidRequest", message}
}

// API answers requests below APIPath.
func (c *Console) API(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if err := c.route(w, r); err != nil {
		c.fail(w, r, err)
	}
}

// route dispatches a request by its path and method.
func (c *Console) route(w http.ResponseWriter, r *http.Request) error {
	path := strings.TrimPrefix(r.URL.Path, APIPath)
	methods := map[string]func(http.ResponseWriter, *http.Request) error{}
	get := func(h func(http.ResponseWriter, *http.Request, Identity) error) {
		methods[http.MethodGet] = c.signedIn(h)
	}
	switch path {
	case "session":
		methods[http.MethodGet], methods[http.MethodPost], methods[http.MethodDelete] = c.getSession, c.signIn, c.signOut
	case "openapi.yaml":
		methods[http.MethodGet] = c.openAPI
	case "variants":
		get(c.listVariants)
	case "endpoint":
		get(c.getEndpoint)
	case "timeline":
		get(c.getTimeline)
	case "explain":
		get(c.getExplanation)
	case "audit":
		get(c.getAudit)
	case "events":
		get(c.getEvents)
	case "stream":
		get(c.getStream)
	case "alarms":
		get(c.listAlarms)
	case "rule":
		get(c.getRule)
	case "tryout":
		methods[http.MethodPost] = c.signedIn(c.tryAlarm)
	case "schedule":
		get(c.getSchedule)
	case "promql":
		get(c.askPromQL)
	case "aws":
		methods[http.MethodPost] = c.signedIn(c.callAWS)
	default:
		return &apiError{http.StatusNotFound, "NotFound", "There is no " + APIPath + path + "; " + APIPath + "openapi.yaml describes what there is."}
	}
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	h := methods[method]
	if h == nil {
		return &apiError{http.StatusMethodNotAllowed, "MethodNotAllowed", r.Method + " is not a method of " + r.URL.Path + "."}
	}
	return h(w, r)
}

// signedIn calls a handler with the sender of the request, or refuses it.
func (c *Console) signedIn(h func(http.ResponseWriter, *http.Request, Identity) error) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		id, _, err := c.identify(r)
		if err != nil {
			return err
		}
		return h(w, r, id)
	}
}

// fail renders an error.
func (c *Console) fail(w http.ResponseWriter, r *http.Request, err error) {
	e := c.refusal(r, err)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(e.status)
	text, _ := json.Marshal(map[string]any{"error": map[string]string{"code": e.code, "message": e.message}}) // strings do not fail
	_, _ = w.Write(append(text, '\n'))                                                                        // the client may be gone
}

// refusal returns an error as it is answered, and logs it where it is none of the client's.
func (c *Console) refusal(r *http.Request, err error) *apiError {
	var e *apiError
	var unknown *explain.UnknownError
	var several *explain.AmbiguousError
	var forgotten *control.ForgottenError
	var future *explain.FutureError
	var missing *timeline.UnknownError
	var bounds *timeline.RangeError
	switch {
	case errors.As(err, &e):
		return e
	case errors.As(err, &unknown), errors.As(err, &forgotten), errors.As(err, &missing):
		return &apiError{http.StatusNotFound, "NotFound", err.Error()}
	case errors.As(err, &several), errors.As(err, &future), errors.As(err, &bounds):
		return &apiError{http.StatusBadRequest, "InvalidRequest", err.Error()}
	case errors.Is(err, context.Canceled):
		return &apiError{http.StatusServiceUnavailable, "Stopping", "The server is stopping."}
	default:
		c.o.Log.Error("a request of the console failed", "path", r.URL.Path, "error", err)
		return &apiError{http.StatusInternalServerError, "InternalFailure", "The request failed; the server's log says why."}
	}
}

// write answers with JSON.
func (c *Console) write(w http.ResponseWriter, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(text, '\n')) // the client may be gone
	return nil
}

// parameters reads the parameters of a request's query; it refuses unknown ones.
type parameters struct {
	values url.Values
	err    error
}

func parametersOf(r *http.Request, names ...string) *parameters {
	p := &parameters{values: r.URL.Query()}
	for name := range p.values {
		if !slices.Contains(names, name) {
			p.fail("there is no parameter " + strconv.Quote(name) + ": known are " + strings.Join(names, ", "))
		}
	}
	return p
}

func (p *parameters) fail(message string) {
	if p.err == nil {
		p.err = invalid(message)
	}
}

// text returns a parameter that may be missing.
func (p *parameters) text(name string) string { return p.values.Get(name) }

// required returns a parameter that must be given.
func (p *parameters) required(name string) string {
	v := p.values.Get(name)
	if v == "" {
		p.fail("the parameter " + name + " is missing")
	}
	return v
}

// time returns a time in RFC 3339; the default where it is missing.
func (p *parameters) time(name string, otherwise time.Time) time.Time {
	v := p.values.Get(name)
	if v == "" {
		return otherwise
	}
	t, err := explain.ParseMoment(v)
	if err != nil {
		p.fail(name + ": " + err.Error())
	}
	return t
}

// number returns a whole number from least to most; the default where it is missing.
func (p *parameters) number(name string, otherwise, least, most int) int {
	v := p.values.Get(name)
	if v == "" {
		return otherwise
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < least || n > most {
		p.fail(name + " is " + strconv.Quote(v) + ": want a whole number from " + strconv.Itoa(least) + " to " + strconv.Itoa(most))
	}
	return n
}

// regionName matches names of regions, as signatures may have them: others must not get into ARNs and keys.
var regionName = regexp.MustCompile(`^[a-z0-9-]{1,32}$`)

// scope returns the scope of a request: the sender's account, and the region that it names.
func (c *Console) scope(p *parameters, id Identity) engine.Scope {
	s := engine.Scope{Account: id.Account, Region: c.o.Scope.Region}
	if region := p.text("region"); region != "" {
		s.Region = region
		if !regionName.MatchString(region) {
			p.fail("region is " + strconv.Quote(region) + ": want a name such as us-east-1")
		}
	}
	return s
}

// readsMax is how many timelines and explanations are made at a time: each may hold rows, datapoints or a restored engine.
const readsMax = 4

// read calls f when few enough others are read; it refuses where that takes longer than readPatience. What was not committed and is taken back is
// read again.
func (c *Console) read(ctx context.Context, f func() error) error {
	patience := time.NewTimer(readPatience)
	defer patience.Stop()
	select {
	case c.reads <- struct{}{}:
		defer func() { <-c.reads }()
	case <-ctx.Done():
		return ctx.Err()
	case <-patience.C:
		return &apiError{http.StatusServiceUnavailable, "Busy", "Too many timelines and explanations are being read; try again."}
	}
	err := f()
	if again := (*control.UncommittedError)(nil); errors.As(err, &again) {
		err = f()
	}
	return err
}

// readPatience is how long a request waits for others.
const readPatience = 10 * time.Second

// getTimeline answers GET timeline: the last hour where no range is given.
func (c *Console) getTimeline(w http.ResponseWriter, r *http.Request, id Identity) error {
	p := parametersOf(r, "region", "endpoint", "variant", "from", "to", "points")
	now := c.o.Control.Now()
	q := timeline.Query{
		Scope: c.scope(p, id), Endpoint: p.required("endpoint"), Variant: p.required("variant"), To: p.time("to", now), Points: p.number("points", 1500, 1, 50_000),
	}
	if q.From = p.time("from", q.To.Add(-time.Hour)); p.err != nil {
		return p.err
	}
	var t *timeline.Timeline
	if err := c.read(r.Context(), func() (err error) {
		t, err = timeline.Build(r.Context(), c.o.Timeline, q)
		return err
	}); err != nil {
		return err
	}
	return c.write(w, t)
}

// explanation is an explanation as the console shows it: the same data as GET /explain, and its text.
type explanation struct {
	explain.Explanation
	Text string `json:"text"`
}

// getExplanation answers GET explain: the present where no moment is given.
func (c *Console) getExplanation(w http.ResponseWriter, r *http.Request, id Identity) error {
	p := parametersOf(r, "region", "endpoint", "variant", "at")
	q := explain.Query{Scope: c.scope(p, id), Endpoint: p.required("endpoint"), Variant: p.text("variant"), At: p.time("at", time.Time{})}
	if p.err != nil {
		return p.err
	}
	var x explain.Explanation
	if err := c.read(r.Context(), func() (err error) {
		x, err = explain.Explain(r.Context(), c.o.Past, q)
		return err
	}); err != nil {
		return err
	}
	var text strings.Builder
	if err := x.Render(&text); err != nil {
		return err
	}
	body, err := plainjson.Marshal(explanation{x, text.String()})
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(body, '\n')) // the client may be gone
	return nil
}

// callAWS answers POST aws: a call of an AWS API, in the JSON protocol, by the session's account in the region that the parameter names. What
// AWS refuses is refused in the same words.
func (c *Console) callAWS(w http.ResponseWriter, r *http.Request, id Identity) error {
	p := parametersOf(r, "region")
	scope := c.scope(p, id)
	if p.err != nil {
		return p.err
	}
	if strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-") {
		return invalid("a signed call goes to the server's root, as AWS's clients send it: here the signature would not cover the body")
	}
	if r.Header.Get("X-Amz-Target") == "" {
		return invalid("the header X-Amz-Target is missing: it names the operation, such as SageMaker.ListEndpoints")
	}
	c.o.Call(w, r, scope, id)
	return nil
}
