package client

import (
	"bufio"
	"cmp"
	"io"
	"strings"
)

// eventMax is the most bytes that a line of the live stream may have.
const eventMax = 1 << 20

// readEvents calls each with the data of each server-sent event, until the stream ends.
func readEvents(from io.Reader, each func(data []byte)) error {
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, eventMax)
	for lines.Scan() {
		if data, found := strings.CutPrefix(lines.Text(), "data:"); found {
			each([]byte(strings.TrimSpace(data)))
		}
	}
	return cmp.Or(lines.Err(), io.EOF)
}
