package socket

import (
	"errors"
	"io"

	"golang.org/x/sys/unix"
)

// tcpClose is TCP_CLOSE of Linux' states of a connection.
const tcpClose = 7

// Untaken reports whether it is proven that the peer received nothing after the first n bytes that were written. end is the error of the read
// that found the connection closed. The proof: the peer's FIN arrived (end is io.EOF), it acknowledges the first n bytes and no more, and the
// peer's system answered the rest with a reset, since the program had closed the connection. A reset without a FIN proves nothing: the
// program may have read a part. n must be above 0.
func (c *Conn) Untaken(n uint64, end error) bool {
	if c.raw == nil || n == 0 || !errors.Is(end, io.EOF) {
		return false
	}
	untaken := false
	err := c.raw.Control(func(fd uintptr) {
		info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
		untaken = err == nil && info.State == tcpClose && info.Bytes_acked == n+1 // the SYN counts as one byte
	})
	return err == nil && untaken
}
