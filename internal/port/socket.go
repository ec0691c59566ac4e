package port

import "net"

// NetConn returns the connection below, for those who look whether its client is still there.
func (c *conn) NetConn() net.Conn { return c.Conn }

// NetConn returns the connection below.
func (p *prefixed) NetConn() net.Conn { return p.Conn }
