package prometheus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/util/annotations"
)

// failure is an error of Prometheus' API.
type failure struct {
	kind kind
	err  error
}

// kind is Prometheus' errorType.
type kind string

// Kinds. Prometheus: HTTP API, format overview.
const (
	kindTimeout  kind = "timeout"
	kindCanceled kind = "canceled"
	kindExec     kind = "execution"
	kindBad      kind = "bad_data"
	kindInternal kind = "internal"
	kindNotFound kind = "not_found"

	kindUnavailable kind = "unavailable"
)

func (k kind) status() int {
	switch k {
	case kindBad:
		return http.StatusBadRequest
	case kindExec:
		return http.StatusUnprocessableEntity
	case kindCanceled:
		return 499 // as in nginx: the client closed the request
	case kindTimeout, kindUnavailable:
		return http.StatusServiceUnavailable
	case kindNotFound:
		return http.StatusNotFound
	default:
		return http.StatusInternalServerError
	}
}

func bad(format string, args ...any) *failure { return &failure{kindBad, fmt.Errorf(format, args...)} }

func invalid(parameter string, err error) *failure {
	return bad("invalid parameter %q: %w", parameter, err)
}

// failed converts an error of an evaluation or of the storage to a failure.
func failed(err error) *failure {
	var (
		canceled promql.ErrQueryCanceled
		late     promql.ErrQueryTimeout
		storage  promql.ErrStorage
	)
	switch {
	case errors.As(err, &canceled), errors.Is(err, context.Canceled):
		return &failure{kindCanceled, err}
	case errors.As(err, &late):
		return &failure{kindTimeout, err}
	case errors.As(err, &storage):
		return &failure{kindInternal, err}
	default:
		return &failure{kindExec, err}
	}
}

// answer is the body of every response.
type answer struct {
	Status    string   `json:"status"`
	Data      any      `json:"data,omitempty"`
	ErrorType kind     `json:"errorType,omitempty"`
	Error     string   `json:"error,omitempty"`
	Warnings  []string `json:"warnings,omitempty"`
	Infos     []string `json:"infos,omitempty"`
}

// warned is data with warnings.
type warned struct {
	data     any
	warnings annotations.Annotations
	query    string
}

func succeed(w http.ResponseWriter, data any) {
	a := answer{Status: "success", Data: data}
	if x, ok := data.(warned); ok {
		a.Data = x.data
		a.Warnings, a.Infos = x.warnings.AsStrings(x.query, 10, 10)
	}
	send(w, http.StatusOK, a)
}

func fail(w http.ResponseWriter, f *failure) {
	send(w, f.kind.status(), answer{Status: "error", ErrorType: f.kind, Error: f.err.Error()})
}

func send(w http.ResponseWriter, status int, a answer) {
	text, err := json.Marshal(a)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(text) // the client may have disconnected
}

// The default time range of Prometheus.
var (
	timeMin = time.Unix(math.MinInt64/1000+62135596801, 0).UTC()
	timeMax = time.Unix(math.MaxInt64/1000-62135596801, 999999999).UTC()
)

// parseTime parses seconds since 1970, or RFC 3339.
func parseTime(s string) (time.Time, error) {
	if t, err := strconv.ParseFloat(s, 64); err == nil {
		if !(t >= float64(timeMin.Unix()) && t <= float64(timeMax.Unix())) { // not a number, too
			return time.Time{}, fmt.Errorf("%q is not a time that can be represented", s)
		}
		sec, frac := math.Modf(t)
		return time.Unix(int64(sec), int64(math.Round(frac*1000)/1000*float64(time.Second))).UTC(), nil
	}
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return t, nil
	}
	switch s {
	case timeMin.Format(time.RFC3339Nano):
		return timeMin, nil
	case timeMax.Format(time.RFC3339Nano):
		return timeMax, nil
	default:
		return time.Time{}, fmt.Errorf("cannot parse %q to a valid timestamp", s)
	}
}

// timeOf reads a time parameter with a default.
func (c *call) timeOf(name string, absent time.Time) (time.Time, *failure) {
	s := c.FormValue(name)
	if s == "" {
		return absent, nil
	}
	t, err := parseTime(s)
	if err != nil {
		return t, invalid(name, fmt.Errorf("invalid time value for '%s': %w", name, err))
	}
	return t, nil
}

// parseDuration parses seconds, or a duration such as 5m.
func parseDuration(s string) (time.Duration, error) {
	if sec, err := strconv.ParseFloat(s, 64); err == nil {
		ns := sec * float64(time.Second)
		if !(math.Abs(ns) < math.MaxInt64) {
			return 0, fmt.Errorf("cannot parse %q to a valid duration. It overflows int64", s)
		}
		return time.Duration(ns), nil
	}
	d, err := model.ParseDuration(s)
	if err != nil {
		return 0, fmt.Errorf("cannot parse %q to a valid duration", s)
	}
	return time.Duration(d), nil
}

// limit reads the maximum number of results; 0 means all.
func (c *call) limit() (int, *failure) {
	s := c.FormValue("limit")
	if s == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(s)
	if err == nil && n < 0 {
		err = errors.New("limit must be non-negative")
	}
	if err != nil {
		return 0, invalid("limit", err)
	}
	return n, nil
}

var errTruncated = errors.New("results truncated due to limit")

// get reports whether a method is GET or HEAD.
func get(method string) bool { return method == http.MethodGet || method == http.MethodHead }

// labelPath returns the name in label/NAME/values.
func labelPath(path string) (string, bool) {
	rest, ok := strings.CutPrefix(path, "label/")
	if !ok {
		return "", false
	}
	return strings.CutSuffix(rest, "/values")
}
