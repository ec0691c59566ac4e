package prometheus

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// fieldsMax bounds the messages, texts and lists in one message, at any depth: on the wire each takes two bytes at least, and in memory
// some hundred. A full batch of OpenTelemetry's collector, 8,192 datapoints with ten attributes, has 350,000.
const fieldsMax = 600_000

var errMany = fmt.Errorf("the request has more than %d messages, texts and lists in it", fieldsMax)

// tooMany reports whether a message has more fields than are taken, without unpacking any. What could be a message is taken for one.
func tooMany(message []byte) bool {
	left := fieldsMax
	return !spend(message, &left, depthMax)
}

// spend takes a message's fields from what is left, and nothing where the bytes are no message: then they are a text. It reports whether
// they fit: false where there are too many, or messages in messages too deep.
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
