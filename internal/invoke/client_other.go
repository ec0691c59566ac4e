//go:build !unix

package invoke

import "github.com/valyala/fasthttp"

// client cannot examine a connection on this system.
type client struct{}

func newClient(*fasthttp.RequestCtx) client { return client{} }

func (client) gone() bool { return false }
