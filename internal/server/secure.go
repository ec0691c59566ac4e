package server

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"bellows.dev/bellows/internal/addrfile"
	"bellows.dev/bellows/internal/certs"
)

// insecure is what is answered to a key that comes in plain HTTP from another machine.
const insecure = "Keys are not taken over plain HTTP from another machine. Start the server with --tls internal, files or auto and use https://, use an SSH tunnel " +
	"(ssh -L 4580:127.0.0.1:4580 HOST), or list the proxy that ends TLS under trusted_proxies in bellows.yaml."

// openCerts opens the source of certificates that is configured, if any.
func (s *Server) openCerts() (err error) {
	c := s.o.Config.TLS
	switch c.Mode {
	case certs.Internal:
		s.certs, err = certs.OpenInternal(s.o.Dir, c.Names, time.Now)
	case certs.Files:
		s.certs, err = certs.OpenFiles(c.Certificate, c.Key, s.o.Log, time.Now)
	case certs.Auto:
		_, text, _ := net.SplitHostPort(s.Address())
		listening, _ := strconv.Atoi(text) // the listener's own
		s.certs, err = certs.OpenAuto(certs.AutoOptions{
			Domains: c.Domains, Email: c.Email, CA: c.CA, CARoot: c.CARoot, Dir: s.o.Dir, Port: listening, Log: s.o.Log,
		})
	}
	if err != nil {
		return fmt.Errorf("opening the TLS certificate: %w", err)
	}
	return nil
}

// URL returns the URL of the server for clients on this machine, without a slash at its end.
func (s *Server) URL() string {
	e := addrfile.Endpoint{TLS: s.certs != nil}
	var err error
	if e.Address, err = addrfile.Reachable(s.Address()); err != nil {
		e.Address = s.Address()
	}
	if e.TLS {
		e.Name = s.certs.Name()
	}
	return e.URL()
}

// proxied reports whether a connection comes from a proxy whose headers count.
func (s *Server) proxied(r *http.Request) bool {
	proxies := s.conf().Proxies()
	if len(proxies) == 0 {
		return false
	}
	a, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && slices.ContainsFunc(proxies, func(p netip.Prefix) bool { return p.Contains(a.Addr().Unmap()) })
}

// last returns the last element of a header that proxies append to; only that one is the trusted proxy's own.
func last(values []string) string {
	all := strings.Join(values, ",")
	return strings.TrimSpace(all[strings.LastIndexByte(all, ',')+1:])
}

// encrypted reports whether a client's own connection is TLS: to this server, or to a trusted proxy.
func (s *Server) encrypted(r *http.Request) bool {
	return r.TLS != nil || s.proxied(r) && last(r.Header.Values("X-Forwarded-Proto")) == "https"
}

// safe reports whether keys may cross a client's connection: it is encrypted, or does not leave this machine.
func (s *Server) safe(r *http.Request) bool {
	if s.encrypted(r) {
		return true
	}
	if s.proxied(r) && last(r.Header.Values("X-Forwarded-Proto")) != "" {
		return false // the proxy says that its client is not
	}
	a, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && a.Addr().Unmap().IsLoopback()
}

// client returns the address that a request was sent from, without the port: as a trusted proxy says.
func (s *Server) client(r *http.Request) string {
	if s.proxied(r) {
		if from := last(r.Header.Values("X-Forwarded-For")); from != "" {
			return shorten(from, nameMax)
		}
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// hsts makes browsers use TLS for this name from now on. It is left out with our own authority, whose names, such as localhost, other servers share.
// RFC 6797.
func (s *Server) hsts(ctx *fasthttp.RequestCtx) {
	if s.certs != nil && s.o.Config.TLS.Mode != certs.Internal {
		ctx.Response.Header.Set("Strict-Transport-Security", "max-age=31536000")
	}
}
