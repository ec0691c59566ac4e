package invoke

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
			return 0, nil
		}
		if err := c.answer.Header.Read(c.reader); err != nil {
			return 0, err
		}
	}
	return exchangeBroken, nil
}
