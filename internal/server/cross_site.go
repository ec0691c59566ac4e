package server

import (
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/valyala/fasthttp"

	"bellows.dev/bellows/internal/console"
	"bellows.dev/bellows/internal/port"
)

// crossSite refuses requests that a browser sends on behalf of another site. They matter where a request from the browser is trusted as such:
// without authentication, since the browser runs on this machine, and with Basic, since it remembers the password. Signed requests are not
// checked: no other site can sign.
//
// Without authentication the Host must be a name of this machine, too: a name of an attacker's may resolve to this machine (DNS rebinding), and
// then the attacker's page has the same origin.
func (s *Server) crossSite(ctx *fasthttp.RequestCtx, path string) *port.Refusal {
	h := &ctx.Request.Header
	if s.o.NoAuth {
		if host := text(h.Host()); host != "" && !thisMachine(host) {
			return forbidden("Without authentication this server answers only to the names of this machine, such as 127.0.0.1 and localhost; the Host is " + shown(host) + ".")
		}
	} else if strings.HasPrefix(string(h.Peek("Authorization")), "AWS4-") {
		return nil
	}
	if origin := string(h.Peek("Origin")); origin != "" {
		if _, host, _ := strings.Cut(origin, "://"); !strings.EqualFold(host, string(h.Host())) {
			return forbidden("This server takes no requests from pages of another origin, " + shown(origin) + ".")
		}
	}
	switch site := string(h.Peek("Sec-Fetch-Site")); site {
	case "", "same-origin", "none":
		return nil
	default:
		if ctx.IsGet() && string(h.Peek("Sec-Fetch-Mode")) == "navigate" && showsOnly(path) && len(ctx.QueryArgs().Peek("Action")) == 0 {
			return nil // a link to a page that only shows
		}
		return forbidden("This server takes no requests from pages of another site (Sec-Fetch-Site is " + shown(site) + ").")
	}
}

// showsOnly reports whether a path is a page that changes nothing.
func showsOnly(path string) bool {
	return path == "/" || path == console.HealthPath || strings.HasPrefix(path, console.Path) && !strings.HasPrefix(path, console.APIPath) || strings.HasPrefix(path, console.ExplainPath)
}

// thisMachine reports whether a Host is a name that always refers to this machine.
func thisMachine(host string) bool {
	if a, err := netip.ParseAddrPort(host); err == nil {
		return a.Addr().IsLoopback() // the common case, without an allocation
	}
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.TrimSuffix(strings.ToLower(strings.Trim(name, "[]")), ".")
	if ip := net.ParseIP(name); ip != nil {
		return ip.IsLoopback()
	}
	return name == "localhost" || strings.HasSuffix(name, ".localhost")
}

func forbidden(message string) *port.Refusal {
	return &port.Refusal{Status: http.StatusForbidden, Code: "AccessDeniedException", Message: message}
}

// shown quotes a client's text for a message, and shortens it.
func shown(s string) string {
	const most = 100
	if len(s) > most {
		s = s[:most] + "…"
	}
	return "'" + s + "'"
}
