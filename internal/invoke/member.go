package invoke

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/valyala/fasthttp"
)

// Members of InvokeEndpointInput that travel as headers, in the order in which AWS lists violations.
const (
	accept member = iota
	contentType
	customAttributes
	enableExplanations
	inferenceComponentName
	inferenceID
	sessionID
	targetContainerHostname
	targetModel
	targetVariant
	members
)

type member int

// rule is a member's constraint in the API model.
type rule struct {
	header  string
	member  string
	max     int // characters
	pattern string
	matches func([]byte) bool
}

// AWS: models/apis/runtime.sagemaker/2017-05-13, shapes of InvokeEndpointInput.
var rules = [members]rule{
	accept:                  {"Accept", "accept", 1024, `\p{ASCII}*`, ascii},
	contentType:             {"Content-Type", "contentType", 1024, `\p{ASCII}*`, ascii},
	customAttributes:        {"X-Amzn-SageMaker-Custom-Attributes", "customAttributes", 1024, `\p{ASCII}*`, ascii},
	enableExplanations:      {"X-Amzn-SageMaker-Enable-Explanations", "enableExplanations", 64, `.*`, ascii},
	inferenceComponentName:  {"X-Amzn-SageMaker-Inference-Component", "inferenceComponentName", 63, `^[a-zA-Z0-9]([\-a-zA-Z0-9]*[a-zA-Z0-9])?$`, isName},
	inferenceID:             {"X-Amzn-SageMaker-Inference-Id", "inferenceId", 64, `\A\S[\p{Print}]*\z`, printable},
	sessionID:               {"X-Amzn-SageMaker-Session-Id", "sessionId", 256, `^(NEW_SESSION)$|^[a-zA-Z0-9](-*[a-zA-Z0-9])*$`, isSession},
	targetContainerHostname: {"X-Amzn-SageMaker-Target-Container-Hostname", "targetContainerHostname", 63, namePattern, isName},
	targetModel:             {"X-Amzn-SageMaker-Target-Model", "targetModel", 1024, `\A\S[\p{Print}]*\z`, printable},
	targetVariant:           {"X-Amzn-SageMaker-Target-Variant", "targetVariant", 63, namePattern, isName},
}

// nameRule is the endpoint's name, which travels in the path.
var nameRule = rule{"", "endpointName", 63, namePattern, isName}

const namePattern = `^[a-zA-Z0-9](-*[a-zA-Z0-9])*`

// forwarded are the members that containers get to see.
var forwarded = [...]member{contentType, accept, customAttributes, inferenceID, sessionID}

const amznPrefix = "X-Amzn-SageMaker-"

// readHeaders finds the members among a request's headers. One that was sent in several fields is read as it is signed: joined by commas.
// AWS: IAM user guide, canonical headers.
func (q *request) readHeaders(h *fasthttp.RequestHeader) {
	q.header = [members][]byte{}
	for key, value := range h.All() {
		m, found := memberOf(key)
		switch {
		case !found:
		case q.header[m] == nil:
			q.header[m] = value
		default:
			q.header[m] = append(append(bytes.Clone(q.header[m]), ','), value...)
		}
	}
}

// memberOf returns the member of a header, in any case. Most headers are none, which their length or first letters show.
func memberOf(key []byte) (member, bool) {
	if len(key) < len("Accept") || (key[0]|0x20 != 'x' && key[0]|0x20 != 'a' && key[0]|0x20 != 'c') {
		return 0, false
	}
	if key[0]|0x20 == 'x' && (len(key) <= len(amznPrefix) || key[len("X-Amzn-")]|0x20 != 's') {
		return 0, false
	}
	for m := range members {
		if h := rules[m].header; len(h) == len(key) && strings.EqualFold(h, string(key)) {
			return m, true
		}
	}
	return 0, false
}

// check validates the request's members by the API model and returns AWS's error, nil where all are valid.
func (q *request) check() *failure {
	var found []string
	for m := range members {
		if m == inferenceComponentName {
			found = nameRule.check(found, q.endpoint) // its place in the alphabet
		}
		if value := q.header[m]; len(value) > 0 {
			found = rules[m].check(found, value)
		}
	}
	if len(found) == 0 {
		return nil
	}
	noun := "errors"
	if len(found) == 1 {
		noun = "error"
	}
	return invalid("%d validation %s detected: %s", len(found), noun, strings.Join(found, "; "))
}

func (r *rule) check(found []string, value []byte) []string {
	const text = "Value '%s' at '%s' failed to satisfy constraint: Member must "
	if len(value) > r.max && utf8.RuneCount(value) > r.max {
		found = append(found, fmt.Sprintf(text+"have length less than or equal to %d", shown(value), r.member, r.max))
	}
	if !r.matches(value) {
		found = append(found, fmt.Sprintf(text+"satisfy regular expression pattern: %s", shown(value), r.member, r.pattern))
	}
	return found
}

// shown is a value as error messages print it.
func shown(value []byte) string {
	const most = 200
	if len(value) > most {
		return string(value[:most]) + "..."
	}
	return string(value)
}

// ascii takes printable ASCII and tabs. AWS's pattern takes other control characters too, which no header can carry safely.
func ascii(s []byte) bool {
	for _, c := range s {
		if (c < ' ' && c != '\t') || c > '~' {
			return false
		}
	}
	return true
}

func printable(s []byte) bool {
	return ascii(s) && !bytes.HasPrefix(s, []byte(" ")) && bytes.IndexByte(s, '\t') < 0
}

// isName takes letters, digits and, not at the ends, hyphens.
func isName(s []byte) bool {
	if len(s) == 0 || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	for _, c := range s {
		if letter := c | 0x20; (letter < 'a' || letter > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

func isSession(s []byte) bool { return string(s) == newSession || isName(s) }
