package main

import (
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/valyala/fasthttp"

	"bellows.dev/bellows/internal/port"
)

// crossSite refuses a request that a browser sends on behalf of another site. It matters where the browser itself is the proof of who sends:
// without authentication, since it is on this machine, and with Basic, since it remembers the password. A signed request proves itself.
//
// Without authentication the Host must be this machine's, too: a name that an attacker owns may be made to lead here (DNS rebinding), and
// then its page is of the same origin.
func (s *server) crossSite(ctx *fasthttp.RequestCtx, path string) *port.Refusal {
	h := &ctx.Request.Header
	if s.o.noAuth {
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

// showsOnly reports whether a path is a page for people that changes nothing.
func showsOnly(path string) bool {
	return path == "/" || path == "/health" || strings.HasPrefix(path, explainPath)
}

// thisMachine reports whether a Host names this machine by a name that nobody else can own.
func thisMachine(host string) bool {
	if a, err := netip.ParseAddrPort(host); err == nil {
		return a.Addr().IsLoopback() // the usual case, which allocates nothing
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

// shown is a text of a client's as messages have it.
func shown(s string) string {
	const most = 100
	if len(s) > most {
		s = s[:most] + "…"
	}
	return "'" + s + "'"
}
