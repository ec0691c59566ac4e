package port

import "net"

// NetConn returns the underlying connection, for checking whether its client is still connected.
func (c *conn) NetConn() net.Conn { return c.Conn }

// NetConn returns the underlying connection.
func (p *prefixed) NetConn() net.Conn { return p.Conn }
