package wire

import (
	"bytes"
	"net/url"
	"strings"
)

// Limits of what one request may hold, whatever its protocol. The largest that AWS takes is a PutMetricData of 1,000 datums with 30
// dimensions and twice 150 values each. A value takes some tens of bytes in memory, a structure some hundred: on the wire two bytes are
// enough for one, and a thousandth of that where the body is compressed.
const (
	valuesMax     = 400_000 // numbers, texts, lists and structures
	structuresMax = 60_000  // structures, maps and nulls
	formMax       = 100_000 // parameters of a Query request
	nodesMax      = 500_000 // parts of the names of its parameters
	violationsMax = 10      // violations that are listed
)

func errMany() *Error { return &Error{Msg: "The request holds too many values"} }

// few refuses JSON that holds more values than a request may have, before any of them is decoded. Of malformed JSON it says nothing.
func few(body []byte) error {
	values, structures := 1, 0
	for i := 0; i < len(body); i++ {
		switch body[i] {
		case '"':
			i = textEnd(body, i+1)
		case '{':
			structures++
			values++
		case '[', ',':
			values++
		case 'n': // null
			structures++
		}
	}
	if values > valuesMax || structures > structuresMax {
		return errMany()
	}
	return nil
}

// textEnd returns where the text ends that begins at i: its quotation mark.
func textEnd(body []byte, i int) int {
	for i < len(body) {
		n := bytes.IndexByte(body[i:], '"')
		if n < 0 {
			return len(body)
		}
		escapes := 0
		for at := i + n - 1; at >= i && body[at] == '\\'; at-- {
			escapes++
		}
		if i += n; escapes%2 == 0 {
			return i
		}
		i++
	}
	return i
}

// ParseForm reads a Query request's parameters; what is not encoded well is left out. ok is false where there are too many. The standard
// library's parser takes ten thousand, of which a PutMetricData has more.
func ParseForm(form string) (values url.Values, ok bool) {
	if strings.Count(form, "&") >= formMax {
		return nil, false
	}
	values = url.Values{}
	for pair := range strings.SplitSeq(form, "&") {
		name, value, _ := strings.Cut(pair, "=")
		key, err := url.QueryUnescape(name)
		if err != nil || key == "" {
			continue
		}
		if value, err = url.QueryUnescape(value); err == nil {
			values[key] = append(values[key], value)
		}
	}
	return values, true
}
