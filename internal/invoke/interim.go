package invoke

import (
	"bytes"
	"errors"
	"strings"
)

// interimMax is how many interim answers a copy may send before its answer.
const interimMax = 16

// interim reads what a copy sends before its answer: 100 Continue, 103 Early Hints and others below 200 but 101, which are for the
// connection and not for the client. end is exchangeStatus where a status, also that of the answer, is not one of HTTP's: fasthttp takes 000 for 200.
func (c *conn) interim() (end exchangeEnd, err error) {
	const line = "HTTP/1.1 "
	for range interimMax {
		b, err := c.reader.Peek(len(line) + len("100 "))
		if err != nil {
			return 0, nil //nolint:nilerr // who reads the answer finds out what is wrong with it
		}
		switch status := b[len(line):]; {
		case status[0] == '0':
			return exchangeStatus, nil
		case status[0] != '1' || status[3] != ' ' || string(status[:3]) == "101":
			return 0, c.framed()
		}
		if err := c.answer.Header.Read(c.reader); err != nil {
			return 0, err
		}
	}
	return exchangeBroken, nil
}

// errFraming is the error of an answer whose length is ambiguous. RFC 9112, section 6.3: such a message may be an attempt to smuggle one.
var errFraming = errors.New("the answer has both Content-Length and Transfer-Encoding")

// framed checks that an answer does not have both Content-Length and Transfer-Encoding, of which fasthttp ignores the former.
func (c *conn) framed() error {
	var length, encoding bool
	for at := 0; ; {
		b, _ := c.reader.Peek(c.reader.Buffered())
		for {
			n := bytes.IndexByte(b[at:], '\n')
			if n < 0 {
				break
			}
			line := b[at : at+n]
			if at += n + 1; len(line) <= 1 { // the end of the head
				return nil
			}
			length = length || named(line, "content-length")
			encoding = encoding || named(line, "transfer-encoding")
			if length && encoding {
				return errFraming
			}
		}
		if _, err := c.reader.Peek(len(b) + 1); err != nil {
			return nil //nolint:nilerr // fasthttp, which reads it, describes what is wrong
		}
	}
}

// named reports whether a line is the field of a name in lower case. fasthttp accepts blanks before the colon.
func named(line []byte, name string) bool {
	if len(line) <= len(name) || line[0]|0x20 != name[0] {
		return false
	}
	key, _, found := bytes.Cut(line, []byte{':'})
	return found && strings.EqualFold(string(bytes.TrimRight(key, " \t")), name)
}
