package wire

import (
	"bytes"
	"net/url"
	"strings"
)

// Limits of one request, in any protocol. The largest request that AWS accepts is a PutMetricData of 1,000 datums with 30 dimensions, 150
// values and 150 counts each. In memory a value takes tens of bytes and a structure hundreds; on the wire two bytes are enough for either,
// and a thousandth of that in a compressed body.
const (
	valuesMax     = 400_000 // numbers, texts, lists and structures
	structuresMax = 60_000  // structures, maps and nulls
	formMax       = 100_000 // parameters of a Query request
	nodesMax      = 500_000 // parts of the names of its parameters
	violationsMax = 10      // violations that an error lists
)

func errTooMany() *Error { return &Error{Msg: "The request holds too many values"} }

// checkCounts refuses JSON that holds more values than a request may have, before any of them is decoded. It accepts malformed JSON.
func checkCounts(body []byte) error {
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
		return errTooMany()
	}
	return nil
}

// textEnd returns the index of the quotation mark that ends the string that begins at i.
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

// ParseForm reads a Query request's parameters and skips those that are not well encoded. ok is false for too many parameters. The standard
// library's parser accepts ten thousand; a PutMetricData can have more.
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
