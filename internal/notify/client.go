package notify

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"
)

// errForbidden refuses an address that webhooks may not call.
var errForbidden = errors.New("the address is link-local or of a cloud's metadata service: webhook_allow: in bellows.yaml allows it")

// metadata are addresses of clouds' metadata services that are not link-local: AWS's over IPv6, Alibaba's, Oracle's.
var metadata = []netip.Addr{netip.MustParseAddr("fd00:ec2::254"), netip.MustParseAddr("100.100.100.200"), netip.MustParseAddr("192.0.0.192")}

// embedding are prefixes of IPv6 whose last four bytes are an address of IPv4: NAT64 (RFC 6052) and IPv4-compatible ones.
var embedding = []netip.Prefix{netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("::/96")}

// forbidden reports whether an address must not be called.
func forbidden(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	for _, p := range embedding {
		if b := a.As16(); a.Is6() && p.Contains(a) && !a.IsLoopback() {
			return forbidden(netip.AddrFrom4([4]byte(b[12:])))
		}
	}
	for _, m := range metadata {
		if a == m {
			return true
		}
	}
	return a.IsLinkLocalUnicast() || a.IsLinkLocalMulticast() || a.IsUnspecified()
}

// NewClient returns a client for webhooks. It follows no redirects, uses no proxy, and refuses to call link-local addresses and metadata services,
// whatever name resolves to them, except those for which allow returns true. allow may be nil.
func NewClient(allow func(netip.Addr) bool) *http.Client {
	check := func(_, address string, _ syscall.RawConn) error {
		at, err := netip.ParseAddrPort(address)
		if err != nil {
			return fmt.Errorf("reading the address %s: %w", address, err)
		}
		if a := at.Addr(); forbidden(a) && (allow == nil || !allow(a.Unmap().WithZone(""))) {
			return fmt.Errorf("%s: %w", a, errForbidden)
		}
		return nil
	}
	dialer := &net.Dialer{Timeout: timeout, Control: check} // for each address that the name resolves to
	return &http.Client{
		Timeout:       timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext: dialer.DialContext, MaxIdleConnsPerHost: 4, IdleConnTimeout: time.Minute, TLSHandshakeTimeout: timeout,
			MaxResponseHeaderBytes: 64 << 10, ForceAttemptHTTP2: true,
		},
	}
}
