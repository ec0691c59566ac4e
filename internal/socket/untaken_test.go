//go:build linux

package socket

import (
	"errors"
	"io"
	"net"
	"syscall"
	"testing"
)

// What a peer had not received when it closed the connection is distinguished from what it may have read.
func TestUntaken(t *testing.T) {
	hello, request := []byte("hello"), []byte("request")
	for _, c := range []struct {
		name string
		do   func(c *Conn, peer net.Conn) error // after hello was exchanged
		end  error                              // of reading then
		want bool
	}{
		{"closed before", func(c *Conn, peer net.Conn) error {
			err := peer.Close()
			_, write := c.Write(request)
			return errors.Join(err, write)
		}, io.EOF, true},
		{"closed after it was read", func(c *Conn, peer net.Conn) error {
			_, err := c.Write(request)
			_, read := io.ReadFull(peer, make([]byte, len(request)))
			return errors.Join(err, read, peer.Close())
		}, io.EOF, false},
		{"closed after a part was read", func(c *Conn, peer net.Conn) error {
			_, err := c.Write(request)
			_, read := io.ReadFull(peer, make([]byte, 1))
			return errors.Join(err, read, peer.Close())
		}, syscall.ECONNRESET, false},
		{"half closed before", func(c *Conn, peer net.Conn) error {
			err := peer.(*net.TCPConn).CloseWrite()
			_, write := c.Write(request)
			return errors.Join(err, write)
		}, io.EOF, false},
		{"nothing written", func(_ *Conn, peer net.Conn) error { return peer.Close() }, io.EOF, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			own, peer := pair(t)
			if _, err := own.Write(hello); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(peer, make([]byte, len(hello))); err != nil {
				t.Fatal(err)
			}
			if _, err := peer.Write(hello); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(own, make([]byte, len(hello))); err != nil {
				t.Fatal(err)
			}
			if err := c.do(own, peer); err != nil {
				t.Fatal(err)
			}
			_, err := own.Read(make([]byte, 1))
			if !errors.Is(err, c.end) {
				t.Errorf("reading: %v, want %v", err, c.end)
			}
			if got := own.Untaken(uint64(len(hello)), err); got != c.want {
				t.Errorf("untaken: %t", got)
			}
		})
	}
}
