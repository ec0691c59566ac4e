// Package conntrack replaces github.com/mwitkow/go-conntrack, which traces the connections of Prometheus' HTTP clients on a debug page. Nothing
// here uses those clients, but through that page the linker must keep every exported method of every type in the program: see
// docs/decisions/0035-modules-and-binary.md. This package dials without tracing.
package conntrack

import (
	"context"
	"net"
)

// DialContext opens a connection, like (*net.Dialer).DialContext.
type DialContext = func(ctx context.Context, network, address string) (net.Conn, error)

// Option configures NewDialContextFunc.
type Option func(dial *DialContext)

// DialWithDialContextFunc dials with another function than that of a zero net.Dialer.
func DialWithDialContextFunc(f DialContext) Option { return func(dial *DialContext) { *dial = f } }

// DialWithTracing does nothing.
func DialWithTracing() Option { return func(*DialContext) {} }

// DialWithName does nothing.
func DialWithName(string) Option { return func(*DialContext) {} }

// NewDialContextFunc returns a function that dials as the options say.
func NewDialContextFunc(options ...Option) DialContext {
	dial := (&net.Dialer{}).DialContext
	for _, o := range options {
		o(&dial)
	}
	return dial
}
