package invoke

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/valyala/fasthttp"

	"bellows.dev/bellows/engine"
)

// originalMax is how many bytes of a model's error are passed on.
const originalMax = 4 << 10

const timeoutText = "Your invocation timed out while waiting for a response from container primary. Review the latency metrics for each " +
	"container in Amazon CloudWatch, resolve the issue, and try again."

// failure is an error response: an HTTP status, the error's code, and its members in JSON.
type failure struct {
	Status     int    `json:"-"`
	Code       string `json:"-"`
	RetryAfter int    `json:"-"` // seconds; 0: the answer has no Retry-After

	ErrorCode          string  `json:",omitempty"`
	LogStreamArn       string  `json:",omitempty"`
	Message            string  // for the caller
	OriginalMessage    *string `json:",omitempty"`
	OriginalStatusCode *int    `json:",omitempty"`
}

func invalid(format string, args ...any) *failure {
	return &failure{Status: fasthttp.StatusBadRequest, Code: "ValidationError", Message: fmt.Sprintf(format, args...)}
}

func unavailable(format string, args ...any) *failure {
	return &failure{Status: fasthttp.StatusServiceUnavailable, Code: "ServiceUnavailable", Message: fmt.Sprintf(format, args...)}
}

func (q *request) notFound() *failure {
	f := invalid("Endpoint %s of account %s not found.", q.endpoint, q.scope.Account)
	f.ErrorCode = "NO_SUCH_ENDPOINT"
	return f
}

// logOf returns where the log of the copy that a request went to is, "" where that is not known.
func (g *Gateway) logOf(q *request) string {
	if g.options.LogFile == nil || q.copy == nil {
		return ""
	}
	return g.options.LogFile(q.copy.id)
}

// modelError is a container's answer other than 2XX; status is 0 where there was none. log is where the copy's log is; it takes the place of
// the link to the log in AWS's console.
func (q *request) modelError(status int, body []byte, log string) *failure {
	kind := "server"
	f := &failure{Status: fasthttp.StatusFailedDependency, Code: "ModelError", OriginalStatusCode: &status}
	if status >= 400 && status < 500 {
		kind = "client"
		f.ErrorCode = "CLIENT_ERROR_FROM_MODEL"
	}
	original := string(firstOf(body))
	f.OriginalMessage = &original
	group := "/aws/sagemaker/Endpoints/" + string(q.endpoint)
	f.LogStreamArn = logGroup(q.scope, group)
	f.Message = fmt.Sprintf("Received %s error (%d) from primary with message %s.", kind, status, `"`+original+`"`)
	if log != "" {
		f.Message += " See " + log + " for more information."
	}
	return f
}

func logGroup(s engine.Scope, group string) string {
	return fmt.Sprintf("arn:aws:logs:%s:%s:log-group:%s", s.Region, s.Account, group)
}

// firstOf cuts a model's error to what is passed on, between two characters.
func firstOf(body []byte) []byte {
	if len(body) <= originalMax {
		return body
	}
	end := originalMax
	for end > originalMax-utf8.UTFMax && !utf8.RuneStart(body[end]) {
		end--
	}
	return body[:end]
}

// write renders the failure as AWS's REST-JSON error.
func (f *failure) write(r *fasthttp.Response) {
	r.ResetBody()
	r.SetStatusCode(f.Status)
	r.Header.SetContentType("application/json")
	r.Header.Set("X-Amzn-ErrorType", f.Code)
	if f.RetryAfter > 0 {
		r.Header.Set("Retry-After", strconv.Itoa(f.RetryAfter))
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(f); err != nil {
		panic("invoke: an error of strings and numbers cannot be encoded: " + err.Error())
	}
	r.SetBody(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
}
