//go:build !unix

package socket

import "net"

// Peek cannot examine a connection on this system.
func Peek(net.Conn) Found { return Nothing }
