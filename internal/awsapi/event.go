package awsapi

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"bellows.dev/bellows/internal/awsapi/sigv4"
	"bellows.dev/bellows/internal/awsapi/wire"
)

// Event is a request that changed something, or that was refused because of who sent it.
type Event struct {
	Call
	Service  string // that the request is signed for; "" where it is unknown
	Console  bool   // it came from the console
	Error    *Error // nil where it succeeded
	Refusal  bool   // the error is about who sent the request
	Resource string // the ARN of what the request is about; "" where it names none
	HTTP     *http.Request

	in, out any
}

// dataOperations put data instead of configuration. They are frequent, and no events, as in CloudTrail unless data events are asked for.
var dataOperations = []string{"PutMetricData"}

// refusals are the codes of errors that are about who sent a request.
var refusals = []string{
	"AccessDeniedException", "UnrecognizedClientException", "InvalidSignatureException", "ExpiredTokenException", "MissingAuthenticationTokenException",
	"IncompleteSignatureException",
}

// Refusal reports whether an error's code, in JSON, says that the sender may not do what was asked.
func Refusal(code string) bool { return slices.Contains(refusals, code) }

// report passes a request to OnEvent if it is an event.
func (s *Server) report(q *request, err error) {
	if s.OnEvent == nil {
		return
	}
	var e *Error
	if err != nil {
		var known bool
		if e, known = asError(err); !known {
			e = internal(q.RequestID)
		}
	}
	refused := e != nil && Refusal(e.Code)
	changes := false
	if q.service != nil {
		_, served := q.service.operations[q.Operation]
		changes = served && !Reads(q.Operation) && !slices.Contains(dataOperations, q.Operation)
	}
	if !refused && !changes {
		return
	}
	x := Event{Call: q.Call, Console: q.known, Error: e, Refusal: refused, HTTP: q.http, in: q.in, out: q.out}
	if q.service != nil {
		x.Service = q.service.Signing
		x.Resource = resourceOf(q.Scope, x.Service, q.in)
	}
	if refused && x.AccessKeyID == "" {
		id, _ := sigv4.Claims(Facts(q.http))
		x.AccessKeyID, x.Region = printable(id.AccessKeyID), id.Region
	}
	s.OnEvent(x)
}

// Request returns the request's parameters as JSON without secrets; nil where it was not decoded. AWS: CloudTrail record contents,
// requestParameters.
func (e *Event) Request() json.RawMessage { return parameters(e.in) }

// Response returns the response as JSON without secrets; nil where it is empty. AWS: CloudTrail record contents, responseElements.
func (e *Event) Response() json.RawMessage {
	if e.Error != nil {
		return nil
	}
	return parameters(e.out)
}

// Hidden stands for a secret. AWS: CloudTrail's text.
const Hidden = "HIDDEN_DUE_TO_SECURITY_REASONS"

// parametersMax is the most bytes of parameters. AWS: CloudTrail omits larger ones, too.
const parametersMax = 8 << 10

func parameters(v any) json.RawMessage {
	if v == nil {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(wire.EncodeJSON(v)))
	d.UseNumber()
	var all map[string]any
	if d.Decode(&all) != nil || len(all) == 0 {
		return nil
	}
	text, err := json.Marshal(withoutSecrets(all))
	if err != nil {
		return nil
	}
	if len(text) > parametersMax {
		text, _ = json.Marshal(map[string]any{"omitted": true, "originalSize": len(text), "reason": "the parameters are too large"}) // it does not fail
	}
	return text
}

// withoutSecrets hides the values of secrets and of environment variables, which may be secrets, and spells the names of members as CloudTrail does.
func withoutSecrets(v any) any {
	switch x := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(x))
		for name, value := range x {
			switch {
			case strings.Contains(name, "Secret"), strings.Contains(name, "Password"):
				value = Hidden
			case name == "Environment":
				value = hideValues(value)
			case name == "Settings", name == "Tags": // the names are the client's own
			default:
				value = withoutSecrets(value)
			}
			out[lowerFirst(name)] = value
		}
		return out
	case []any:
		for i := range x {
			x[i] = withoutSecrets(x[i])
		}
	}
	return v
}

func hideValues(v any) any {
	if m, ok := v.(map[string]any); ok {
		for name := range m {
			m[name] = Hidden
		}
	}
	return v
}

func lowerFirst(s string) string {
	first, size := utf8.DecodeRuneInString(s)
	return string(unicode.ToLower(first)) + s[size:]
}
