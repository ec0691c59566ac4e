package prometheus

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// fieldsMax limits the messages, texts and lists in one message at any depth: each takes at least two bytes on the wire and about a hundred in
// memory. A full batch of OpenTelemetry's collector, 8,192 datapoints with ten attributes, has 350,000.
const fieldsMax = 600_000

var errMany = fmt.Errorf("the request contains more than %d messages, texts and lists", fieldsMax)

// tooMany reports whether a message has more fields than allowed, without decoding. Any bytes that could be a message are counted as one.
func tooMany(message []byte) bool {
	left := fieldsMax
	return !spend(message, &left, depthMax)
}

// spend subtracts a message's fields from the remaining budget, or nothing if the bytes are not a message but a text. It returns false
// if there are too many fields or messages are nested too deeply.
func spend(message []byte, left *int, levels int) (fit bool) {
	if levels < 0 {
		return false
	}
	before := *left
	for rest := message; len(rest) > 0; {
		_, kind, n := protowire.ConsumeTag(rest)
		if n < 0 {
			*left = before
			return true
		}
		rest = rest[n:]
		size := 0
		if kind == protowire.BytesType {
			var inner []byte
			if inner, size = protowire.ConsumeBytes(rest); size > 0 {
				if *left--; *left < 0 || len(inner) > 1 && !spend(inner, left, levels-1) {
					return false
				}
			}
		} else {
			size = protowire.ConsumeFieldValue(1, kind, rest)
		}
		if size < 0 {
			*left = before
			return true
		}
		rest = rest[size:]
	}
	return true
}
